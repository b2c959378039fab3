"""The index against brute force over dense codes of every context run alone."""

import math
import shutil
from collections import Counter

import duckdb
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bae.autoencoder import KINDS, Pair, checkpoint
from bae.index import build as building
from bae.index.build import IndexConfig, build_index, chosen_contexts
from bae.index.leaders import Leaders, Peaks, peaks
from bae.index.query import Index
from bae.index.spool import Spool, write_shard
from bae.index.tables import DictionaryTables, Places
from bae.index.words import WordCounts, Words, summary, words_of
from bae.measures.evaluation import evaluate
from bae.model.language_model import Place
from bae.reading.inspection import Lens
from bae.reading.lenses import load_lenses
from bae.states.scaling import Scaling
from bae.text.contexts import Context
from tests.conftest import prose, write_jsonl

HTML = "The <b onmouseover=alert(1)>film</b> & the 'plot' of ship. \x00 Done."


VARIANTS = {kind: (kind, {}) for kind in KINDS} | {"topk": ("topk", {"k": 4}), "two-bit": ("binary", {"bits_per_feature": 2})}


@pytest.fixture(scope="module")
def study(tiny_model, tmp_path_factory):
    """Four random dictionaries on layer 2 and an index of made-up sentences, in several shards; one bit is on nearly always."""
    folder = tmp_path_factory.mktemp("study")
    source = write_jsonl(folder / "text.jsonl", [*(prose(seed) for seed in range(80)), HTML])
    config = IndexConfig((str(source),), contexts=60, shortest=4, longest=24, keep_states=True)
    group = chosen_contexts(tiny_model, config)
    where = {"residual": 2, "mlp_input": Place(2, "mlp_input")}
    read = [tiny_model.hidden_states(torch.tensor([c.ids]), list(where.values())) for c in group]
    states_of = {site: torch.cat([found[place][0, 1:] for found in read]).half().float() for site, place in where.items()}
    for number, (name, (kind, options)) in enumerate(VARIANTS.items()):
        cls = KINDS[kind]
        states = states_of[cls.site]
        scaling = Scaling.measure(states.norm(dim=-1), [states])
        autoencoder = cls(tiny_model.d_model, 64, scaling, seed=number, **options)
        if name == "binary":
            autoencoder.start_at(0.15, scaling.apply(states))
            with torch.no_grad():
                autoencoder.b_in[7] = -(scaling.apply(states) @ autoencoder.W_in)[:, 7].kthvalue(len(states) // 10).values
        else:
            with torch.no_grad():
                autoencoder.b_in.fill_(-1.0)
        autoencoder.half().float()
        _, autoencoder.prior = evaluate(autoencoder, [Pair.same(states)])
        told = checkpoint.Provenance(name, 2, tiny_model.name, tiny_model.fingerprint, (str(source),), 32, number, 0)
        checkpoint.save(autoencoder, told, folder / "autoencoders" / name)
    lenses = load_lenses(folder / "autoencoders", tiny_model)
    patch = pytest.MonkeyPatch()
    patch.setattr("bae.index.build.SHARD_TOKENS", 150)
    patch.setattr("bae.index.spool.CHUNK_TOKENS", 64)
    patch.setattr("bae.index.build.shards.__defaults__", (150,))
    file = build_index(tiny_model, lenses.usable, lenses.provenance, config, folder / "index")
    patch.undo()
    # what the build itself read: a batch and a context run alone may round to neighbouring fp16 numbers
    shards = [load_file(shard) for shard in sorted((file.parent / "states").glob("*.safetensors"))]
    kept = {site: torch.cat([shard[f"layer.{place}"] for shard in shards]).float() for site, place in where.items()}
    assert all(torch.allclose(kept[site], states_of[site], atol=2e-2) for site in where)
    return {"file": file, "group": group, "states": kept, "lenses": lenses, "config": config, "folder": folder}


@pytest.fixture(scope="module")
def index(study):
    found = Index(study["file"])
    yield found
    found.close()


def dense(study, name):
    autoencoder = study["lenses"].usable[name].autoencoder
    margin = autoencoder.margin(study["states"][autoencoder.site])
    code = autoencoder.activation(margin)
    return code, (margin if autoencoder.binary else code), np.repeat(range(len(study["group"])), [len(c.ids) - 1 for c in study["group"]])


@pytest.mark.parametrize("name", VARIANTS)
class TestAgainstBruteForce:
    def test_rates_and_counts(self, study, index, name):
        code, _, _ = dense(study, name)
        for feature in range(64):
            row = index.feature(name, feature)
            fired = int((code[:, feature] != 0).sum())
            assert row.count == fired and row.rate == pytest.approx(fired / len(code), rel=1e-5)
            assert sum(row.histogram) == fired

    def test_top_10_of_every_token(self, study, index, name):
        code, _, _ = dense(study, name)
        autoencoder = study["lenses"].usable[name].autoencoder
        _, prior = evaluate(autoencoder, [Pair.same(study["states"][autoencoder.site])])
        magnitude = autoencoder.magnitude(prior)
        loud, activated = magnitude.of(code), magnitude.activated(code)
        expected = [sorted((f for f in range(64) if activated[t, f]), key=lambda f: (-loud[t, f].item(), f))[:10] for t in range(len(code))]
        files = sorted((study["file"].parent / "codes" / name).glob("[0-9]*.safetensors"))
        assert len(files) > 2, "several shards, or their seams go untested"
        shards = [load_file(file) for file in files]
        found = [[f for f in row if f >= 0] for shard in shards for row in shard["top_feature"].tolist()]
        assert found == expected
        packed = np.concatenate([np.unpackbits(shard["packed"].numpy(), axis=1)[:, :64] for shard in shards])
        assert np.array_equal(packed, (code != 0).numpy())
        counts = Counter(f for row in expected for f in row)
        assert [index.feature(name, f).top_count for f in range(64)] == [counts[f] for f in range(64)]

    def test_strongest_contexts(self, study, index, name):
        code, strength, context = dense(study, name)
        for feature in range(0, 64, 5):
            fired = [(t, context[t]) for t in range(len(code)) if code[t, feature] != 0]
            best = {}
            for t, c in fired:
                best[c] = max(best.get(c, -math.inf), strength[t, feature].item())
            expected = sorted(best.values(), reverse=True)[:16]
            found = index.examples(name, feature).get("strongest", [])
            assert [example.strength for example in found] == pytest.approx(expected, abs=1e-5)
            for example in found:
                of_context = np.flatnonzero(context == example.context_id)
                on = [int(t - of_context[0] + 1) for t in of_context if code[t, feature] != 0]
                assert example.positions == on and example.peak in on
                assert example.text == study["group"][example.context_id].text

    def test_contexts_are_unique_and_ranks_count_up(self, index, name):
        for feature in range(64):
            for examples in index.examples(name, feature).values():
                assert len({example.context_id for example in examples}) == len(examples)
                assert [example.rank for example in examples] == list(range(len(examples)))

    def test_threshold_group_is_weak_and_not_among_the_strongest(self, index, name):
        seen = 0
        for feature in range(64):
            groups = index.examples(name, feature)
            strong, weak = groups.get("strongest", []), groups.get("threshold", [])
            assert not {e.context_id for e in strong} & {e.context_id for e in weak}
            if weak and strong:
                seen += 1
                assert max(e.strength for e in weak) <= min(e.strength for e in strong) + 1e-6
        assert seen or name == "topk"


def test_off_bursts_are_shown_where_a_bit_is_usually_on(study, index):
    code, _, context = dense(study, "binary")
    assert index.feature("binary", 7).rate > 0.5
    off = index.examples("binary", 7)["off"]
    for example in off:
        first = np.flatnonzero(context == example.context_id)[0]
        assert code[first + example.peak - 1, 7] == 0
    others = [f for f in range(64) if index.feature("binary", f).rate <= 0.5]
    assert others and all("off" not in index.examples("binary", f) for f in others)


def test_a_wrong_top_k_is_caught_while_building(study):
    """Negative control of the build's own assertion."""
    from bae.index.tables import _check_top

    class Wrong:
        def __init__(self, right):
            self.right = right

        def __getattr__(self, name):
            return getattr(self.right, name)

        def top(self, code, k):
            found = self.right.top(code, k)
            return found._replace(feature=found.feature.roll(1, dims=1))

    code, _, _ = dense(study, "binary")
    magnitude = study["lenses"].usable["binary"].magnitude
    _check_top(code[:8], magnitude)
    with pytest.raises(AssertionError, match="wrong top"):
        _check_top(code[:8], Wrong(magnitude))


def test_contexts_are_sentences_of_the_index_split_and_no_two_alike(study):
    texts = [" ".join(context.text.lower().split()) for context in study["group"]]
    assert len(set(texts)) == len(texts) > 10
    assert all(4 <= len(context.ids) <= 24 for context in study["group"])


def test_hostile_text_is_kept_as_it_is(tiny_model, tmp_path):
    source = write_jsonl(tmp_path / "t.jsonl", [HTML + f" Number {n} of law." for n in range(40)])
    group = chosen_contexts(tiny_model, IndexConfig((str(source),), shortest=3, longest=200))
    assert any("<b onmouseover=alert(1)>film</b>" in context.text for context in group)


def test_the_same_index_is_not_built_twice_and_another_config_is(study, tiny_model, monkeypatch):
    lenses, folder = study["lenses"], study["folder"] / "index"
    monkeypatch.setattr(building, "_read_all", lambda *_: pytest.fail("built again"))
    assert build_index(tiny_model, lenses.usable, lenses.provenance, study["config"], folder) == study["file"]
    with pytest.raises(pytest.fail.Exception):
        build_index(tiny_model, lenses.usable, lenses.provenance, IndexConfig(study["config"].sources, contexts=9, shortest=4), folder)


def test_a_build_that_fails_leaves_no_index_and_the_next_goes_on(study, tiny_model, tmp_path, monkeypatch):
    def full_disk(*_args, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "_write", full_disk)
    with pytest.raises(OSError, match="No space"):
        build_index(tiny_model, study["lenses"].usable, study["lenses"].provenance, study["config"], tmp_path / "index")
    (reading,) = (tmp_path / "index").iterdir()
    assert reading.name.startswith("reading-")
    monkeypatch.undo()
    monkeypatch.setattr(building, "read", lambda *_: pytest.fail("a shard that was read is read again"))
    file = build_index(tiny_model, study["lenses"].usable, study["lenses"].provenance, study["config"], tmp_path / "index")
    assert file.exists() and not reading.exists()


def test_parts_read_by_several_make_the_index_of_one(study, tiny_model, tmp_path, monkeypatch):
    """Two ranks, one after the other: each reads its own shards, none twice, and the tables are those of the whole."""
    lenses, config, seen = study["lenses"], study["config"], []
    monkeypatch.setattr("bae.index.build.shards.__defaults__", (150,))
    monkeypatch.setattr(building, "write_shard", lambda *args: seen.append((building.world.rank(), args[-1].name)) or write_shard(*args))
    monkeypatch.setattr(building.world, "size", lambda: 2)
    monkeypatch.setattr(building.world, "wait", lambda: None)
    for rank in (1, 0):
        monkeypatch.setattr(building.world, "rank", lambda rank=rank: rank)
        file = build_index(tiny_model, lenses.usable, lenses.provenance, config, tmp_path / "index")
    assert len(seen) == len(set(name for _, name in seen)) > 2 and {rank for rank, _ in seen} == {0, 1}
    shutil.copy(study["file"], tmp_path / "whole.duckdb")
    whole, merged = (duckdb.connect(path, read_only=True) for path in (tmp_path / "whole.duckdb", file))
    for table in ("context", "feature", "example"):
        one, other = (connection.execute(f"select * from {table}").fetchall() for connection in (whole, merged))
        assert one == other and one


def test_a_token_that_was_left_out_is_no_silence(tmp_path):
    """A bit that is always on: the two tokens beyond the norm limit are neither its off-bursts nor in any top 10."""
    autoencoder = KINDS["binary"](8, 16, Scaling.raw(8))
    with torch.no_grad():
        autoencoder.b_in.copy_(torch.where(torch.arange(16) == 3, 100.0, -0.3))
    lens = Lens("bae", 1, autoencoder, None, 32)
    kept = torch.ones(20, dtype=torch.bool)
    kept[[4, 11]] = False
    write_shard(
        {"bae": lens}, {1: torch.randn(20, 8, generator=torch.Generator().manual_seed(0))}, {"bae": kept}, tmp_path / "00000.safetensors"
    )
    spool = Spool("bae", lens, tmp_path)
    group = [Context("d", n, tuple(range(11)), ((0, 0), *((i, i + 1) for i in range(10))), "abcdefghij") for n in range(2)]
    tables = DictionaryTables.make("bae", spool, Places.of(group), tmp_path / "codes", 0)
    feature = tables.features.to_pylist()[3]
    assert spool.tokens == 18 and feature["rate"] == 1.0 and feature["top_count"] == 0
    assert {row["band"] for row in tables.examples.to_pylist() if row["feature"] == 3} <= {"strongest", "threshold", "random"}
    top = load_file(tmp_path / "codes" / "00000.safetensors")["top_feature"]
    assert (top[[4, 11]] == -1).all() and (top[kept] >= 0).any()


def test_no_dictionary_is_said(tiny_model, tmp_path):
    with pytest.raises(ValueError, match="at least one dictionary"):
        build_index(tiny_model, {}, {}, IndexConfig(("addresses",)), tmp_path)


class TestQueries:
    def test_pages_partition_the_features(self, index):
        found = [
            f.feature
            for offset in (0, 25, 50)
            for f in index.features("relu", sort="feature", descending=False, offset=offset, limit=25).features
        ]
        assert found == list(range(64)) and index.features("relu").total == 64

    def test_filters_and_sorting(self, index):
        page = index.features("binary", max_density=0.2, sort="rate", descending=True, limit=100)
        rates = [feature.rate for feature in page.features]
        assert rates == sorted(rates, reverse=True) and all(feature.density <= 0.2 for feature in page.features)
        word = next(feature.words[0] for feature in index.features("binary", limit=100).features if feature.words)
        hits = index.features("binary", words=word.upper(), limit=100).features
        assert hits and all(word in " ".join(feature.words).lower() for feature in hits)

    def test_values_are_bound_not_pasted(self, index):
        assert index.features("binary", words="'; drop table feature; --").total == 0
        assert index.features("binary").total == 64
        with pytest.raises(ValueError, match="sorted by"):
            index.features("binary", sort="feature; drop table feature")

    def test_what_is_not_there_is_named(self, index):
        with pytest.raises(KeyError, match="0 to 63"):
            index.feature("binary", 64)
        with pytest.raises(KeyError, match="batchtopk, binary, gated, jumprelu, relu, topk, transcoder, two-bit, twopath"):
            index.feature("nobody", 0)

    def test_neighbours_go_round(self, index):
        active = [f.feature for f in index.features("binary", active_only=True, sort="feature", descending=False, limit=100).features]
        assert index.neighbour("binary", active[-1], 1) == active[0] and index.neighbour("binary", active[0], -1) == active[-1]
        assert index.neighbour("binary", active[0], 1) == active[1]
        assert index.random_feature("binary", 0.0) == active[0] and index.random_feature("binary", 0.999) == active[-1]

    def test_a_file_that_is_no_index_is_refused(self, tmp_path):
        (tmp_path / "x.duckdb").write_bytes(b"nothing of the kind" * 100)
        with pytest.raises(ValueError, match="cannot be read"):
            Index(tmp_path / "x.duckdb")

    def test_an_index_of_another_version_is_refused(self, tmp_path):
        connection = duckdb.connect(tmp_path / "x.duckdb")
        connection.execute("create table meta (key varchar, value varchar); insert into meta values ('version', '0')")
        connection.close()
        with pytest.raises(ValueError, match="version 0"):
            Index(tmp_path / "x.duckdb")

    def test_index_cannot_be_written_or_reach_files(self, index):
        with pytest.raises(duckdb.Error):
            index.rows("create table t (x integer)")
        with pytest.raises(duckdb.Error):
            index.rows("select * from read_csv('/etc/hostname')")


def test_leaders_over_shards_equal_one_sort():
    generator = np.random.default_rng(0)
    n = 3000
    feature, context = generator.integers(0, 20, n).astype(np.int32), generator.integers(0, 200, n)
    position, strength = generator.integers(1, 9, n).astype(np.int32), generator.integers(-25, 25, n).astype(np.float32)
    order = np.lexsort((position, context))  # entries come in corpus order
    feature, context, position, strength = feature[order], context[order], position[order], strength[order]
    shard = context // 20  # a context lies in one shard
    for sign in (1, -1):
        leaders = Leaders(5, sign)
        for s in range(10):
            rows = shard == s
            leaders.update(peaks(feature[rows], context[rows], position[rows], strength[rows]))
        for f in range(20):
            best: dict[int, float] = {}
            for c, v in zip(context[feature == f], strength[feature == f], strict=True):
                best[c] = max(best.get(c, -math.inf), v)
            expected = sorted(best.items(), key=lambda item: (-sign * item[1], item[0]))[:5]
            rows = leaders.best.feature == f
            assert list(zip(leaders.best.context[rows], leaders.best.strength[rows], strict=True)) == expected


def test_peaks_keep_the_earliest_of_equals():
    found = peaks(*(np.array(x) for x in ([1, 1, 1], [5, 5, 5], [2, 3, 4], [7.0, 7.0, 1.0])))
    assert [column.tolist() for column in found] == [[1], [5], [2], [7.0]] and isinstance(found, Peaks)


def test_words_of_tokens():
    context = Context("d", 0, (1, 2, 3, 4, 5), ((0, 0), (0, 3), (3, 6), (6, 10), (10, 11)), "Unsung sea.")
    assert words_of(context) == ["unsung", "unsung", "sea", "."]


def test_distinctive_words_find_the_planted_one():
    words = Words.of(["the"] * 900 + ["naval"] * 30 + ["of"] * 70)
    assert dict(zip(words.names, words.counts(), strict=True)) == {"the": 900, "naval": 30, "of": 70}
    counts = WordCounts(2, words)
    counts.count(np.zeros(40, int), np.r_[900:925, 0:15])
    counts.count(np.ones(40, int), np.arange(0, 1000, 25))
    found = counts.distinctive()
    assert found[0][0][0] == "naval" and found[0][0][1] > 3
    assert not found.get(1) or found[1][0][1] < 2, "a feature with the corpus' own words has nothing distinctive to say"
    assert summary([("sea", 5.0), ("harbor", 4.0), ("a", 0.1)]) == "sea · harbor"
