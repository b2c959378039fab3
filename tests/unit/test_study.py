"""`bae.open`: its calls beside loops over the same study, what they refuse, and what they leave alone."""

import asyncio
import gc
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pytest
import torch
from indexed_study import Letters, make_indexed_study
from loopback_judge import Loopback

import bae
from bae.autoencoder import checkpoint
from bae.comsem.plan import Settings
from bae.comsem.work import asked, work
from bae.features import meaning
from bae.features.directions import final_gain, raw_rows, unembedding
from tests.pages.small_study import HOSTILE, LAYER, N_FEATURES

TEXT = f"The naval ship left the harbor. {HOSTILE} 🙂"
LINES = {"a": ["sea harbor", "ship sea", "naval ship", "harbor sea ship"], "b": ["vote senate", "bill law", "film actor", "law vote bill"]}

PAPER = Settings(negatives=0, control=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_llama):
    return make_indexed_study(tmp_path_factory.mktemp("api") / "study", tiny_llama).folder


@pytest.fixture(scope="module")
def study(folder):
    with bae.open(folder, device="cpu") as opened:
        yield opened


@pytest.fixture
def fresh(folder, tmp_path):
    """A copy that may be written to."""
    shutil.copytree(folder, tmp_path / "study", ignore=shutil.ignore_patterns("notebook.sqlite*"))
    with bae.open(tmp_path / "study", device="cpu") as opened:
        yield opened


# opening


def test_nothing_is_loaded_before_it_is_asked_for(folder):
    told = (
        "import sys, bae; assert not {'torch', 'pandas', 'duckdb', 'numpy'} & sys.modules.keys(); "
        f"study = bae.open({str(folder)!r}); study.dictionaries; study.feature('bae', 3).contexts; study.search(words='sea'); "
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules; "
        "study.hidden_states; study.close()"
    )
    subprocess.run([sys.executable, "-c", told], check=True)


def test_a_closed_study_says_so_and_lets_go_of_its_files(fresh):
    file = fresh.workspace.index_file()
    with fresh as study:
        assert len(study.features("bae")) == N_FEATURES
    for call in (lambda: fresh.features("bae"), lambda: fresh.inspect("sea"), lambda: fresh.sentences("sea")):
        with pytest.raises(ValueError, match="this study is closed"):
            call()
    duckdb.connect(file).close()  # for writing, which one open reader would forbid


def test_reading_writes_nothing(fresh):
    fresh.features("bae"), fresh.labels("bae"), fresh.search(words="sea"), fresh.feature("bae", 1).labels, fresh.inspect("sea", "bae")
    fresh.steer("the sea", "bae:3:add:0.5", max_tokens=2)
    assert not fresh.workspace.notebook_file.exists()
    fresh.label("bae", 1, "mine")
    assert fresh.workspace.notebook_file.exists(), "negative control"


# features


def test_dictionaries_with_what_they_are(study):
    known = study.dictionaries
    assert set(known.index) == {"bae", "bae-deep", "topk", "stranger"}
    assert known["indexed"].to_dict() == {"bae": True, "bae-deep": True, "topk": True, "stranger": False}
    assert known.loc["bae", ["kind", "layer", "n_features", "magnitude", "unit"]].tolist() == ["binary", LAYER, 64, "burstiness", "bits"]
    assert known.loc["bae", "fvu"] == pytest.approx(0.31)


def test_the_table_of_features_beside_their_tokens(study):
    table, columns = study.features("bae"), study._sources.columns("bae")
    counts = [len(columns.tokens(feature)) for feature in range(N_FEATURES)]
    assert table.index.tolist() == list(range(N_FEATURES)) and table["count"].tolist() == counts
    rates = np.array(counts) / study._sources.entry("bae").tokens
    assert np.allclose(table["rate"], rates) and np.allclose(table["density"], np.minimum(rates, 1 - rates))
    assert np.allclose(table["on_magnitude"], np.log2(1 - table["rate"])) and study.features("topk")["on_magnitude"].isna().all()


def test_one_feature_with_its_contexts(study):
    feature = study.feature("bae", 7)
    table = study.features("bae")
    assert feature.frequency == table.loc[7, "rate"] and feature.figures["count"] == table.loc[7, "count"]
    contexts, fires = feature.contexts, study._sources.columns("bae").tokens(7)
    layout = study._sources.layout
    for row in contexts.itertuples():
        here = fires[(fires >= layout.begins[row.context]) & (fires < layout.begins[row.context + 1])]
        assert len(row.fires_on) == len(here) and (pd.isna(row.token) or row.token in row.text)
    assert {"strongest", "random"} <= set(contexts["group"]) and contexts.query("group == 'random'")["token"].isna().all()
    tokens = feature.tokens(3)
    assert (tokens["share"] == tokens["fired"] / tokens["there"]).all() and tokens["fired"].is_monotonic_decreasing
    assert feature.positions["fired"].sum() == len(fires) == feature.documents["fired"].sum()
    assert set(feature.documents["document"]) <= set(study._sources.index.documents())


def test_the_logit_lens_and_the_nearest_rows_beside_products(study, tiny_model):
    rows = raw_rows(study._sources.lens("bae").autoencoder)
    logits = (rows[5] * final_gain(tiny_model).detach()) @ unembedding(tiny_model).detach().float().T
    feature = study.feature("bae", 5)
    assert feature.promoted["token"][0] == tiny_model.token_text(int(logits.argmax()))
    assert feature.promoted["logit"][0] == pytest.approx(logits.max().item(), rel=1e-3)
    assert feature.suppressed["logit"][0] == pytest.approx(logits.min().item(), rel=1e-3)
    cosine = torch.cosine_similarity(rows[5][None], rows)
    cosine[5] = -2
    found = study.neighbours("bae", 5)
    assert found["feature"][0] == int(cosine.argmax()) and found["cosine"][0] == pytest.approx(cosine.max().item(), abs=1e-3)
    by_token = study.search(token=feature.promoted["token"][0], dictionaries="bae")
    assert by_token["z"].is_monotonic_decreasing and (by_token["z"] > 0).all()


@pytest.mark.parametrize("other", [None, "topk"])
def test_coactivation_beside_sets(study, other):
    found = study.coactivation("bae", 3, other).set_index("feature")
    sets = {name: [set(study._sources.columns(name).tokens(f).tolist()) for f in range(N_FEATURES)] for name in ("bae", "topk")}
    own = sets["bae"][3]
    for number, tokens in enumerate(sets[other or "bae"]):
        if other is None and number == 3:
            assert number not in found.index
            continue
        row = found.loc[number]
        assert row["together"] == len(own & tokens)
        assert row["jaccard"] == pytest.approx(len(own & tokens) / len(own | tokens)) and row["implies"] == len(own & tokens) / len(own)
    partner = study.partners("bae", 3).set_index("dictionary").loc["topk"]
    assert partner["jaccard"] == max(len(own & tokens) / len(own | tokens) for tokens in sets["topk"])


def test_maps_and_matches(study, fresh):
    where = study.map("bae")
    assert where["feature"].tolist() == list(range(N_FEATURES)) and np.isfinite(where[["x", "y"]]).all(axis=None)
    there, back = fresh.match("bae", "topk"), fresh.match("topk", "bae")
    assert len(there) == len(back) == N_FEATURES and there["count"].tolist() == fresh.features("bae")["count"].tolist()
    assert set(there.attrs) == {"by_chance", "tokens"}


# search


def test_search_by_words_and_labels(fresh):
    word = fresh.feature("topk", 2).words["word"][0]
    found = fresh.search(words=word.upper())
    assert ((found["dictionary"] == "topk") & (found["feature"] == 2)).any()
    assert all(word.lower() in row.why.lower() for row in found.itertuples())
    fresh.label("bae", 9, "Zyzzyva <b>`x`</b>")
    labelled = fresh.search(words="zyzzyva")
    assert labelled[["dictionary", "feature", "label", "why"]].values.tolist() == [["bae", 9, "Zyzzyva <b>`x`</b>", "label"]]
    assert fresh.search(words="no such word").empty


def test_search_by_meaning(fresh, monkeypatch):
    monkeypatch.setattr(meaning, "shared_embedder", Letters)
    fresh.label("bae", 9, "Zyzzyva")
    found = fresh.search(meaning="zyzzyva", most=5)
    assert (found["dictionary"][0], found["feature"][0]) == ("bae", 9) and found["cosine"][0] == pytest.approx(1) and len(found) == 5


def test_search_in_sentences_beside_a_loop(study):
    _, _, _, texts = study._sources.index.contexts()
    held = [text for text in texts if "harbor" in text.lower()]
    found = study.sentences("harbor", most=1000)
    assert found["text"].tolist() == held and found.attrs["matches"] == sum(text.lower().count("harbor") for text in held)
    assert study.sentences("HARBOR", case=True).empty and not study.sentences(r"harb[aeiou]r", expression=True).empty
    features = study.search(sentences="harbor", dictionaries="topk")
    assert (features["at_least"] > 0).all() and features["at_least"].is_monotonic_decreasing
    assert len(study.search(expression="harb[o]r", dictionaries="topk")) == len(features)


def test_queries_beside_sets(study):
    columns = study._sources.columns("bae")
    both = set(columns.tokens(0).tolist()) - set(columns.tokens(2).tolist())
    found = study.query("f0 & !f2", "bae")
    assert found.attrs["holds"] == len(both) and found.attrs["sentences"] == len({int(study._sources.layout.context(t)) for t in both})
    with pytest.raises(ValueError, match="feature is expected"):
        study.query("f0 &", "bae")


# texts


def test_bursts_beside_a_loop_over_the_definition(study, tiny_model):
    seen = study.inspect(TEXT, ["bae", "topk"])
    ids = tiny_model.tokenize(TEXT).ids
    states = tiny_model.hidden_states(torch.tensor([ids]), [LAYER])[LAYER][0].half().float()
    code = study._sources.lens("bae").autoencoder.encode(states)[1:].numpy()
    rate, tokens = study.features("bae")["rate"].to_numpy(np.float32), study._sources.entry("bae").tokens
    with np.errstate(divide="ignore"):
        burstiness = np.log2(np.abs(code - rate))
    own = seen.tokens[seen.tokens["dictionary"] == "bae"].reset_index()
    assert len(own) == len(code) and own["read"].any()
    q = (rate.astype(float) * tokens + 0.5) / (tokens + 1)
    for row in own[own["read"]].itertuples():
        at = burstiness[row.position - 1]
        loudest = at.max() if (at > -1).any() else np.nan
        assert row.magnitude == pytest.approx(loudest, abs=1e-5, nan_ok=True) and row.token == TEXT[row.start : row.end]
        assert row.bits == pytest.approx(-np.log2(1 - np.abs(code[row.position - 1] - q)).sum(), rel=1e-5)
        listed = seen.bursts.query("dictionary == 'bae' and position == @row.position")
        expected = np.sort(at[at > -1])[::-1][:10]
        assert np.allclose(listed["magnitude"], expected, atol=1e-5) and listed["rank"].tolist() == list(range(1, len(expected) + 1))
    assert seen.tokens.query("dictionary == 'topk'")["bits"].isna().all()
    feature = int(seen.bursts["feature"][0])
    trace = seen.trace("bae", feature)
    assert np.array_equal(trace["code"], code[:, feature]) and np.allclose(trace["magnitude"], burstiness[:, feature], atol=1e-5)
    count = seen.features.query("dictionary == 'bae' and feature == @feature")["count"].item()
    assert count == (seen.bursts.query("dictionary == 'bae'")["feature"] == feature).sum()


def test_without_an_index_features_are_judged_by_the_checkpoint(study, fresh):
    """Negative control of the habits: they matter."""
    (fresh.workspace.folder / "index" / "current").unlink()
    alone = fresh.inspect("The naval ship left the harbor.", "bae")
    judged = study.inspect("The naval ship left the harbor.", "bae")
    assert not np.allclose(alone.tokens["magnitude"], judged.tokens["magnitude"]) and alone.bursts["label"].isna().all()
    with pytest.raises(FileNotFoundError, match="bae index --workspace"):
        fresh.features("bae")
    assert not fresh.dictionaries["indexed"].any()


def test_a_checkpoint_that_was_replaced_is_said(fresh):
    place = fresh.workspace.autoencoder_folder("bae")
    autoencoder, provenance = checkpoint.load(place)
    checkpoint.save(autoencoder, replace(provenance, seed=5), place)
    with pytest.warns(UserWarning, match="trained anew"):
        fresh.inspect("sea", "bae")


def test_what_is_shown_as_html_is_text(study, fresh):
    fresh.label("bae", 3, HOSTILE)
    feature = fresh.feature("bae", 3)
    steered = fresh.steer(HOSTILE, "bae:3:add:0.5", max_tokens=2)
    for html in (study.inspect(TEXT, ["bae", "topk"])._repr_html_(), feature._repr_html_(), steered._repr_html_()):
        assert "<script" not in html and "<img" not in html
    assert "&lt;script&gt;" in feature._repr_html_() and HOSTILE[:60] in repr(feature), "negative control: there was something to escape"


def test_contrasts_beside_a_loop(study):
    found = study.contrast(LINES["a"], "\n".join(LINES["b"]), ["bae", "topk"])
    seen = [study.inspect(line, "bae") for line in LINES["a"]]
    own = found.query("dictionary == 'bae'")
    for row in own.head(20).itertuples():
        traces = [one.trace("bae", row.feature)["code"][one.tokens["read"]] for one in seen]
        assert row.share_a == pytest.approx(np.mean([trace.any() for trace in traces]))
        assert row.tokens_a == pytest.approx(np.mean([trace.mean() if len(trace) else 0 for trace in traces]))
    assert found["effect"].is_monotonic_decreasing and (found["effect"] != 0).all() and (found["p"] >= found.attrs["smallest_p"]).all()
    assert found.attrs["lines"] == (4, 4) and found.attrs["exact"]
    with pytest.raises(ValueError, match="at least 3"):
        study.contrast("one", "two", "bae")


def test_hidden_states_and_their_entropy_beside_a_loop(study, tiny_model):
    texts = ["The ship left the harbor.", "A bill before the senate."]
    found = study.hidden_states(texts, "bae")
    expected = [tiny_model.hidden_states(torch.tensor([tiny_model.tokenize(one).ids]), [LAYER])[LAYER][0, 1:] for one in texts]
    assert np.allclose(found.states, torch.cat(expected).numpy(), atol=1e-2) and found.states.dtype == np.float16
    assert found.tokens.groupby("text")["token"].sum().tolist() == texts
    assert np.array_equal(study.hidden_states(texts, LAYER).states, found.states)
    autoencoder = study._sources.lens("bae").autoencoder
    states = torch.tensor(found.states).float()
    code = autoencoder.encode(states[autoencoder.scaling.keeps(states)]).numpy()
    rates = [p for p in code.mean(0).astype(float) if 0 < p < 1]
    bits = sum(-p * np.log2(p) - (1 - p) * np.log2(1 - p) for p in rates)
    of_texts, of_states = study.entropy("bae", texts), study.entropy("bae", found.states, tree=True)
    assert of_texts.marginal == pytest.approx(bits) == of_states.marginal and of_texts.moving == len(rates)
    assert of_texts.low <= bits <= of_texts.high and of_texts.tree is None and 0 <= of_states.tree <= bits
    assert of_states.vectors + of_states.left_out == len(found.states)


def test_compression_there_and_back(study, tmp_path):
    states = study.hidden_states(TEXT, "bae").states
    made = study.compress("bae", states, tmp_path / "x.baec")
    autoencoder = study._sources.lens("bae").autoencoder
    expected = autoencoder.decode(autoencoder.encode(torch.tensor(states).float())).numpy()
    keeps = autoencoder.scaling.keeps(torch.tensor(states).float()).numpy()
    restored = study.decompress(made.file)
    assert np.allclose(restored[keeps], expected[keeps], atol=1e-4) and made.sizes.vectors == len(states)
    assert np.array_equal(study.decompress(made.file, begin=1, end=3), restored[1:3])
    np.save(tmp_path / "x.npy", states)
    assert study.compress("bae", tmp_path / "x.npy", tmp_path / "y.baec").sizes.bound == made.sizes.bound
    with pytest.raises(ValueError, match="another name"):
        study.compress("bae", str(tmp_path / "x.npy"), tmp_path / "x.npy")


# steering


def test_steering_changes_what_it_should_and_nothing_else(study, tiny_model):
    idle = study.steer("the sea", "bae:3:add:0", max_tokens=6)
    pushed = study.steer("the sea", ["bae:3:add:40", "topk:2:ablate:1"], max_tokens=6)
    assert idle.plain == idle.steered == pushed.plain and pushed.push == "bae:3:add:40,topk:2:ablate:1"
    rows = study.next_tokens("the sea", "bae:3:add:40", count=5)
    ids = torch.tensor([tiny_model.tokenize("the sea").ids])
    plain = tiny_model.model(ids).logits[0, -1].float().log_softmax(-1).detach()
    assert np.allclose(rows["plain"], plain[rows["id"].tolist()], atol=1e-4) and not np.allclose(rows["plain"], rows["steered"], atol=1e-2)
    assert rows["token"].tolist() == [tiny_model.token_text(token) for token in rows["id"]]
    assert np.allclose(study.next_tokens("the sea", "bae:3:add:0")["steered"], study.next_tokens("the sea", "bae:3:add:0")["plain"])


def test_a_direction_from_examples(fresh):
    step = fresh.direction("bae", LINES["a"], LINES["b"], amount=30.0, positions="all")
    pushed = fresh.next_tokens("the sea", step)
    assert not np.allclose(pushed["plain"], pushed["steered"], atol=1e-2)
    assert fresh.steer("the sea", str(step), max_tokens=2).push == str(step), "as a line it can be kept"


# labels


def test_an_own_label_stands_for_its_feature(fresh):
    assert fresh.labels("bae").empty and fresh.feature("bae", 4).label is None
    fresh.label("bae", 4, "  first\nline ")
    kept = fresh.label("bae", 4, "second")
    assert fresh.feature("bae", 4).label == kept.text == "second" == fresh.features("bae").loc[4, "label"]
    assert fresh.feature("bae", 4).labels["label"].tolist() == ["second", "first line"]
    assert fresh.labels("bae")[["feature", "source"]].values.tolist() == [[4, "person"]] and fresh.labels("topk").empty


def allow(study, server):
    """Let a study use the loopback judge."""
    (study.workspace.folder / "judges.toml").write_text(f'[judge.loopback]\nmodel = "loopback"\nbase_url = "{server.base_url}"\n')


def test_a_judge_is_asked_and_its_labels_are_kept(fresh):
    with Loopback() as server:
        allow(fresh, server)
        estimate = fresh.estimate("topk", [1, 2], "loopback", PAPER)
        found = fresh.ask("topk", "1-2", "loopback", PAPER)
        # what is asked twice is sent once; two more find out what the server can do
        assert 0 < len(server.received) <= estimate.calls + 2
    assert found["feature"].tolist() == [1, 2] and set(found["label"].dropna()) == {"words of the sea"}
    assert found["score"].dropna().tolist() == [1.0] * estimate.features and (found["failure"] != "").sum() == estimate.too_rare
    assert fresh.labels("topk")["source"].tolist() == ["judge"] * estimate.features


def test_asking_inside_a_running_event_loop(fresh):
    """As a notebook does, whose cells run inside one."""

    async def cell():
        return fresh.ask("topk", [1], "loopback", PAPER)

    async def without_a_thread():
        work(fresh.workspace)

    with Loopback() as server:
        allow(fresh, server)
        assert len(asyncio.run(cell())) == 1
        asked(fresh.workspace, "topk", "2", "loopback", PAPER).queue(fresh._sources.records)
        with warnings.catch_warnings(action="ignore"):  # of what is never awaited
            with pytest.raises(RuntimeError, match="event loop"):  # negative control
                asyncio.run(without_a_thread())
            gc.collect()


def test_a_run_that_stops_says_why(fresh):
    with Loopback(credit=5) as server:
        allow(fresh, server)
        with pytest.raises(RuntimeError, match=r"stopped.*credit"):
            fresh.ask("topk", "1-4", "loopback", PAPER)


# errors


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda study: study.features("relu"), "index has bae, topk, bae-deep"),
        (lambda study: study.features("stranger"), "not in the index yet; run `bae index`"),
        (lambda study: study.feature("bae", 64), "features 0 to 63; got 64"),
        (lambda study: study.neighbours("bae", -1), "features 0 to 63; got -1"),
        (lambda study: study.inspect("sea", "relu"), "there are bae"),
        (lambda study: study.inspect("sea", "stranger"), "whose weights differ"),
        (lambda study: study.inspect("  ", "bae"), "no text"),
        (lambda study: study.inspect("sea", "bae").trace("topk", 1), "through bae"),
        (lambda study: study.search(), "one way: words, meaning"),
        (lambda study: study.search(words="a", token="b"), "got words, token"),
        (lambda study: study.search(words=" "), "words is empty"),
        (lambda study: study.search(token="sea harbor ship"), "no token"),
        (lambda study: study.search(expression="("), "no regular expression"),
        (lambda study: study.query("f99", "bae"), "features 0 to 63"),
        (lambda study: study.query("f9", "bae", unit="word"), "'word'"),
        (lambda study: study.entropy("topk", "the sea"), "Choose a BAE"),
        (lambda study: study.entropy("bae", np.zeros((1, 32))), "two vectors"),
        (lambda study: study.entropy("bae", np.full((4, 32), np.nan)), "NaN"),
        (lambda study: study.entropy("bae", np.zeros((4, 5))), "vectors of 32 numbers"),
        (lambda study: study.entropy("bae", np.zeros(4)), r"\[token d_model\]"),
        (lambda study: study.hidden_states("sea", 99), "layers 0 to 4"),
        (lambda study: study.hidden_states([], 1), "no text"),
        (lambda study: study.compress("topk", np.zeros((4, 32)), "x.baec"), "only the bits of a BAE"),
        (lambda study: study.steer("sea", "bae:1"), "DICTIONARY:FEATURE:HOW:AMOUNT"),
        (lambda study: study.steer("sea", []), "at least one step"),
        (lambda study: study.steer(" ", "bae:1:add:1"), "no prompt"),
        (lambda study: study.steer("sea", "bae:64:add:1"), "features 0 to 63"),
        (lambda study: study.label("bae", 1, " "), "at least one character"),
        (lambda study: study.ask("bae", [1], "oracle"), "no judge 'oracle'"),
        (lambda study: study.ask("bae", "all"), "allowed are numbers"),
    ],
)
def test_what_cannot_be_is_told_with_what_can(study, call, said):
    with pytest.raises(ValueError, match=said):
        call(study)


def test_what_the_index_lacks_is_told_with_what_makes_it(fresh):
    shutil.rmtree(fresh.workspace.index_file().parent / "directions")
    shutil.rmtree(fresh.workspace.index_file().parent / "maps")
    shutil.rmtree(fresh.workspace.index_file().parent / "codes")
    calls = (fresh.feature("bae", 1).tokens, lambda: fresh.neighbours("bae", 1), lambda: fresh.map("bae"), lambda: fresh.query("f1", "bae"))
    for call in calls:
        with pytest.raises(FileNotFoundError, match="bae index"):
            call()
    with pytest.raises(FileNotFoundError, match="holds no study"):
        bae.open(fresh.workspace.folder / "autoencoders")


def test_no_call_warns(study):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study.inspect("sea", "bae"), study.entropy("bae", "the naval sea"), study.dictionaries, study.feature("bae", 2).contexts
