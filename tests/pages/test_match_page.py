"""The match page: what it asks for before two dictionaries are compared, what it shows afterwards, and the section on a feature's page."""

import json
import re
import shutil
import time

import numpy as np
import pytest
import streamlit as st
from small_study import N_FEATURES
from streamlit.testing.v1 import AppTest
from test_pages import said

from app.matching import pair as match_pair
from app.matching import table as match_table
from app.search.finding import holds
from bae.autoencoder import checkpoint
from bae.features.coactivation import coactivation
from bae.index.columns import FILE, Columns, ColumnsWriter
from bae.index.query import Index
from bae.matching import stored
from bae.matching.relations import RELATIONS, compared, found
from bae.notebook.database import Notebook
from bae.system.jobs import Jobs
from bae.workspace import Workspace


@pytest.fixture(scope="module")
def compared_study(study, tmp_path_factory):
    """A study like it, with two of its dictionaries compared."""
    folder = tmp_path_factory.mktemp("compared") / "study"
    shutil.copytree(study.folder, folder)
    stored.compare(Workspace.open(folder), "bae", "topk")
    return Workspace.open(folder)


def test_two_dictionaries_that_were_not_compared_are_offered_to_be(open_page, study, monkeypatch):
    started = []
    monkeypatch.setattr(stored, "start", lambda *asked: started.append(asked[1:]))
    app = open_page(study, "match", ae="bae", **{"with": "bae-deep"})
    assert not app.exception and "have not been compared yet" in said(app)
    app.button(key="start:match").click().run()
    assert started == [("bae", "bae-deep")]


def test_a_job_compares_and_is_not_asked_twice(compared_study):
    study = compared_study
    stored.start(study, "topk", "bae-deep")
    jobs = Jobs(study.folder / "jobs")
    name = stored.job_name("bae-deep", "topk")
    for _ in range(600):
        if (job := jobs.job(name)).state != "running":
            break
        time.sleep(0.1)
    assert job.state == "done", jobs.tail(name)
    file = stored.file_of(Index(study.index_file()), "bae-deep", "topk")
    before = file.stat().st_mtime_ns
    assert stored.compare(study, "bae-deep", "topk") == file and file.stat().st_mtime_ns == before


@pytest.mark.parametrize(("a", "b", "told"), [("bae", "nothing", "no dictionary nothing"), ("bae", "bae", "with itself")])
def test_what_cannot_be_compared_is_named(study, a, b, told):
    with pytest.raises(ValueError, match=told):
        stored.compare(study, a, b)


def test_cosines_are_those_of_the_checkpoints(compared_study):
    matches = stored.read(stored.file_of(Index(compared_study.index_file()), "bae", "topk"))
    a, b = (checkpoint.load(compared_study.autoencoder_folder(name))[0].W_out.numpy() for name in ("bae", "topk"))
    cosine = (a @ b.T) / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    one = matches.first
    assert not matches.no_cosine and np.allclose(one.nearest.cosine, cosine.max(1), atol=1e-5)
    has = one.side.best >= 0
    assert has.any() and np.allclose(one.cosine[has], cosine[np.flatnonzero(has), one.side.best[has]], atol=1e-5)


def test_another_checkpoint_than_the_indexed_one_gives_no_cosines(study, tmp_path, open_page):
    study = Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))
    folder = study.autoencoder_folder("bae-deep")
    config = json.loads((folder / "config.json").read_text())
    config["provenance"]["seed"] += 1
    (folder / "config.json").write_text(json.dumps(config))
    file = stored.compare(study, "bae", "bae-deep")
    matches = stored.read(file)
    assert "another than the one in the index" in matches.no_cosine and np.isnan(matches.first.cosine).all()
    app = open_page(study, "match", ae="bae", **{"with": "bae-deep"}, feature="3")
    assert not app.exception and "There are no cosines" in said(app)


def test_a_pair_without_codes_says_so_and_shows_the_rest(compared_study, tmp_path, open_page):
    study = Workspace.open(shutil.copytree(compared_study.folder, tmp_path / "study"))
    (study.index_file().parent / "codes" / "topk" / FILE).unlink()
    app = open_page(study, "match", ae="bae", **{"with": "topk"}, feature="3")
    assert not app.exception and ["topk/columns.safetensors is missing" in error.value for error in app.error] == [True]
    assert "".join(element.value for element in app.html).count("<li") >= 2, "the sentences of both are in the database"


def test_the_page_answers_how_many_features_the_other_has(open_page, compared_study):
    app = open_page(compared_study, "match", ae="bae", **{"with": "topk"})
    assert not app.exception and not app.error and not app.warning
    matches = stored.read(stored.file_of(Index(compared_study.index_file()), "bae", "topk"))
    for one in (matches.first, matches.second):
        tally = one.side.tally()
        assert sum(tally.values()) == N_FEATURES
        numbers = rf"\*\*{tally['one to one']}\*\* one to one, and \*\*{found(tally)}\*\*"
        assert re.search(rf"Of the \*\*{compared(tally)}\*\* features of ` {one.name} ` .* {numbers}", said(app)), said(app)
    assert "By chance" in said(app)
    turned = open_page(compared_study, "match", ae="topk", **{"with": "bae"})
    assert turned.dataframe[0].value.shape[0] == min(N_FEATURES, match_table.PAGE) and not turned.exception


def test_a_pair_is_opened_with_contexts_of_both(open_page, compared_study):
    matches = stored.read(stored.file_of(Index(compared_study.index_file()), "bae", "topk"))
    feature = int(matches.first.side.jaccard.argmax())
    partners = match_pair.partners_of(matches, feature)
    app = open_page(compared_study, "match", ae="bae", feature=str(feature), **{"with": "topk"})
    assert f"Feature {feature} and its partner" in said(app) and not app.exception and not app.warning
    html = "\n".join(element.value for element in app.html)
    assert html.count("<li") >= 2 and f"{matches.first.side.jaccard[feature]:.3f}" in html
    # the corpus holds a script in every document: it is shown and not run
    assert "<script" not in html and "<img" not in html
    other = open_page(compared_study, "match", ae="bae", feature=str(feature), pair=f"{feature}-{partners[-1]}", **{"with": "topk"})
    assert not other.exception and not other.warning
    left = open_page(compared_study, "match", ae="bae", feature=str(feature), pair=f"{feature + 1}-0", **{"with": "topk"})
    assert not left.warning
    wrong = open_page(compared_study, "match", ae="bae", feature=str(feature), pair=f"{feature}-x", **{"with": "topk"})
    assert len(wrong.warning) == 1 and not wrong.exception


@pytest.mark.parametrize(
    "params, allowed",
    [({"with": "nothing"}, "topk"), ({"relation": "twins"}, "one to one"), ({"sort": "x"}, "jaccard"), ({"page": "9"}, "1 to 5")],
)
def test_a_wrong_address_is_named(open_page, compared_study, params, allowed):
    app = open_page(compared_study, "match", ae="bae", **{"with": "topk", **params})
    assert not app.exception and any(allowed in warning.value for warning in app.warning)


def test_the_same_dictionary_twice_becomes_another(open_page, compared_study):
    app = open_page(compared_study, "match", ae="bae", **{"with": "bae"})
    assert not app.exception and not app.warning and app.selectbox(key="url:with").value == "topk"


def test_every_pair_that_can_be_opened_has_its_figures(compared_study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(compared_study.folder))
    found = stored.read(stored.file_of(Index(compared_study.index_file()), "bae", "topk"))
    columns = {name: Columns(Index(compared_study.index_file()), name) for name in ("bae", "topk")}
    for matches in (found, found.turned()):
        own, others = columns[matches.first.name], columns[matches.second.name]
        for feature in range(N_FEATURES):
            for partner in match_pair.partners_of(matches, feature):
                told = dict(match_pair.figures(matches, feature, partner))
                both = len(np.intersect1d(own.tokens(feature), others.tokens(partner)))
                assert told["together"] == f"{both:,}"
                assert told["jaccard"] == f"{both / max(len(np.union1d(own.tokens(feature), others.tokens(partner))), 1):.3f}"


@pytest.mark.parametrize(
    "name, partners, text",
    [
        ("one to one", [4], "one to one"),
        ("split", [4, 5], "split into 2"),
        ("merged", [7], "merged into 7"),
        ("absorbed", [7], "absorbed by 7"),
    ],
)
def test_a_relation_says_with_whom_it_is(name, partners, text):
    assert match_table.relation_text(name, partners) == text


def test_filters_keep_what_they_say(compared_study):
    matches = stored.read(stored.file_of(Index(compared_study.index_file()), "bae", "topk"))
    words = {"bae": {3: "sea · Harbor"}, "topk": {}}
    assert match_table.chosen_features(matches, words, "all", "HARBOR ", "feature") == [3]
    of_partner = {"bae": {}, "topk": {int(matches.first.side.best[5]): "sea"}}
    through_partner = match_table.chosen_features(matches, of_partner, "all", "sea", "feature")
    assert 5 in through_partner and len(through_partner) < N_FEATURES
    every = match_table.chosen_features(matches, {"bae": {}, "topk": {}}, "all", "", "jaccard")
    assert np.all(np.diff(matches.first.side.jaccard[every]) <= 0) and len(every) == N_FEATURES
    for relation in RELATIONS:
        kept = match_table.chosen_features(matches, {"bae": {}, "topk": {}}, relation, "", "count")
        assert [f for f, name in enumerate(matches.first.side.relation) if name == relation] == sorted(kept)
    assert match_table.chosen_features(matches, words, "all", "nowhere", "feature") == []
    assert holds(" SEA ", "river", "the sea") and holds("", "") and not holds("sea bed", "the sea", "bed")


def test_a_damaged_comparison_is_named(open_page, compared_study, tmp_path):
    file = stored.file_of(Index(compared_study.index_file()), "bae", "topk")
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:50])
        app = open_page(compared_study, "match", ae="bae", **{"with": "topk"})
        assert not app.exception and "damaged" in app.error[0].value
    finally:
        file.write_bytes(whole)


def section(ae: str, feature: int) -> AppTest:
    def script(ae, feature):
        from app.matching import partners as matching

        matching.partners(ae, feature)

    return AppTest.from_function(script, default_timeout=60, kwargs={"ae": ae, "feature": feature}).run()


def test_the_section_of_a_feature_names_its_best_partner_in_every_dictionary(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    index = Index(study.index_file())
    own = Columns(index, "bae")
    feature = int(own.counts.argmax())
    frame = section("bae", feature).dataframe[0].value
    assert sorted(name.rpartition(" · ")[2] for name in frame["dictionary"]) == ["bae-deep", "topk"]
    for _, row in frame.iterrows():
        other = Columns(index, row["dictionary"].rpartition(" · ")[2])
        jaccard = coactivation(own, feature, own.n_tokens, other).jaccard
        assert row["jaccard"] == pytest.approx(np.nanmax(jaccard)) and jaccard[row["feature"]] == pytest.approx(np.nanmax(jaccard))


def test_a_silent_feature_has_no_partner_and_the_section_says_so(study, tmp_path, monkeypatch):
    silent, other = 5, 6
    own = Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))
    monkeypatch.setenv("BAE_WORKSPACE", str(own.folder))
    assert section("bae", silent).dataframe, "negative control: before it is silenced it has one"
    columns = Columns(Index(own.index_file()), "bae")
    entries = [(token, feature) for feature, tokens in columns.entries() if feature != silent for token in tokens.tolist()]
    token, feature = np.array(sorted(entries)).T
    counts = np.bincount(feature, minlength=columns.n_features)
    writer = ColumnsWriter(own.index_file().parent / "codes" / "bae" / FILE, counts, columns.n_tokens)
    writer.add(token, feature, np.ones(len(token)))
    writer.close()
    st.cache_data.clear()
    st.cache_resource.clear()
    app = section("bae", silent)
    assert not app.dataframe and "No feature of another dictionary" in app.caption[0].value
    assert section("bae", other).dataframe, "negative control: the others have theirs"


def test_one_text_is_painted_under_both(compared_study, open_page):
    text = Notebook(compared_study.notebook_file).keep_text("the naval ship left the harbor")
    app = open_page(compared_study, "match", ae="bae", **{"with": "topk", "text": text})
    assert not app.exception and len(app.get("bidi_component")) >= 1
    closed = open_page(compared_study, "match", ae="bae", **{"with": "topk"})
    assert len(closed.get("bidi_component")) < len(app.get("bidi_component")), "negative control: without a text nothing is painted"
