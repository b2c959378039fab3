"""The map page: features and tokens as points, what can be picked, and what is said where nothing is drawn yet."""

import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from app.maps import charts as map_charts
from app.maps import features as maps
from app.maps import tokens as token_maps
from app.maps.charts import Colour, Hovers
from bae.autoencoder import checkpoint
from bae.cli import main as cli
from bae.comsem.records import Label, Records, Subject, checkpoint_of
from bae.index.columns import FILE as COLUMNS
from bae.index.columns import Columns
from bae.index.directions import Directions, directions_file, tokens_file
from bae.index.layout import Layout
from bae.index.query import Index
from bae.maps import atlas, projection
from bae.maps import states as state_maps
from bae.maps.states import Request
from bae.model.language_model import LanguageModel
from bae.notebook.database import Notebook
from bae.reading.lenses import load_lenses

HOSTILE = "<script>alert(1)</script> `x` $x$ :material/home: 🙂 \u202eright to left\n%{x} </b> &quot;"
FEATURES = 64


@pytest.fixture(autouse=True)
def no_umap(monkeypatch):
    """PCA stands in for it, as where it is not installed: numba would take half a minute."""
    monkeypatch.setattr(projection.importlib.util, "find_spec", lambda name: None if name == "umap" else object())


@pytest.fixture
def bare(study, tmp_path):
    """A study of its own with an index, of which nothing is drawn."""
    shutil.copytree(study.folder, tmp_path / "study")
    return type(study).open(tmp_path / "study")


@pytest.fixture
def drawn(bare):
    """The same with its atlas."""
    assert atlas.build_atlas(bare, bare.status_file("index")) == {}
    return bare


@pytest.fixture
def index(drawn):
    """Its index."""
    found = Index(drawn.index_file())
    yield found
    found.close()


def said(app) -> str:
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "html")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def figure(app) -> dict:
    (chart,) = app.get("plotly_chart")
    return json.loads(chart.proto.spec)


def loud(index: Index, ae: str = "topk") -> int:
    """A feature that fires."""
    return int(np.argmax(index.column(ae, "top_count")))


# the atlas


def test_the_atlas_is_drawn_once_and_goes_on_where_it_was_killed(bare, monkeypatch):
    folder = bare.index_file().parent
    monkeypatch.setattr(atlas, "project", lambda *told: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        atlas.build_atlas(bare)
    assert directions_file(folder, "bae").is_file() and not atlas.map_file(folder, "bae").is_file()
    written = directions_file(folder, "bae").stat().st_mtime_ns
    monkeypatch.undo()
    monkeypatch.setattr(projection.importlib.util, "find_spec", lambda name: None)
    assert atlas.build_atlas(bare, bare.status_file("index")) == {}
    assert directions_file(folder, "bae").stat().st_mtime_ns == written, "what was there is not made again"
    status = json.loads(bare.status_file("index").read_text())
    assert status["stage"] == atlas.MAPS_STAGE and status["done"] == status["total"] == 3 * FEATURES
    monkeypatch.setattr(LanguageModel, "load", lambda *told: 1 / 0)
    assert atlas.build_atlas(bare) == {}, "with all there, nothing is loaded"


def test_a_checkpoint_that_is_not_the_indexed_one_is_left_out_with_the_reason(bare):
    config = bare.autoencoder_folder("topk") / "config.json"
    told = json.loads(config.read_text())
    told["provenance"]["seed"] = 99
    config.write_text(json.dumps(told))
    shutil.rmtree(bare.autoencoder_folder("bae-deep"))
    refused = atlas.build_atlas(bare)
    assert set(refused) == {"topk", "bae-deep"} and "replaced" in refused["topk"] and "gone" in refused["bae-deep"]
    folder = bare.index_file().parent
    assert atlas.map_file(folder, "bae").is_file() and not atlas.map_file(folder, "topk").is_file()


def test_what_was_left_out_is_not_tried_again_until_its_checkpoint_changes(bare, monkeypatch):
    config, aside = bare.autoencoder_folder("topk") / "config.json", bare.folder / "aside"
    assert not cli._is_whole(bare) and len(atlas.missing(bare)) == 3
    told = config.read_text()
    config.write_text("not JSON")
    bare.autoencoder_folder("bae-deep").rename(aside)
    refused = atlas.build_atlas(bare)
    assert cli._is_whole(bare) and atlas.missing(bare) == []
    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "load", lambda *told: 1 / 0)
        assert atlas.build_atlas(bare) == refused and set(refused) == {"topk", "bae-deep"}, "it is said again, and nothing is loaded"
    aside.rename(bare.autoencoder_folder("bae-deep"))
    config.write_text(told)
    assert set(atlas.missing(bare)) == {"bae-deep", "topk"} and not cli._is_whole(bare)
    assert atlas.build_atlas(bare) == {} and atlas.missing(bare) == [] and cli._is_whole(bare)
    tokens_file(bare.index_file().parent).unlink()
    assert len(atlas.missing(bare)) == 3, "what is found of all counts for each"
    assert atlas.build_atlas(bare) == {} and tokens_file(bare.index_file().parent).is_file()


def test_a_map_has_a_place_for_every_feature(drawn, index):
    found = atlas.read_map(index, "bae")
    rows = atlas.dictionary_rows(drawn, "bae")
    autoencoder = load_lenses(drawn.folder / "autoencoders", LanguageModel.load(drawn.recipe.model, "cpu")).usable["bae"].autoencoder
    np.testing.assert_array_equal(rows, autoencoder.W_out.numpy())
    assert found.method == "pca" and found.points.shape == (FEATURES, 2)
    np.testing.assert_array_equal(found.points, projection.project(rows, "pca").points)
    atlas.map_file(index.file.parent, "bae").write_bytes(b"no map")
    with pytest.raises(ValueError, match="damaged"):
        atlas.read_map(index, "bae")


# features


def test_axes_of_a_replaced_checkpoint_are_not_drawn_under_the_labels_of_the_index(open_page, bare):
    before = figure(open_page(bare, "map", ae="topk", method="pca"))["data"][0]["x"]
    autoencoder, provenance = checkpoint.load(bare.autoencoder_folder("topk"))
    autoencoder.W_out.data = autoencoder.W_out.data.flip(0)
    checkpoint.save(autoencoder, provenance, bare.autoencoder_folder("topk"))
    after = figure(open_page(bare, "map", ae="topk", method="pca"))["data"][0]["x"]
    assert before != after, "weights of the same origin that were written anew are read anew"
    checkpoint.save(autoencoder, replace(provenance, seed=99), bare.autoencoder_folder("topk"))
    for method in ("pca", "umap"):
        app = open_page(bare, "map", ae="topk", method=method)
        assert not app.exception and "replaced since the index was built" in app.error[0].value and not app.get("plotly_chart")
    assert not open_page(bare, "map", ae="bae", method="pca").error


def test_without_maps_the_page_says_who_draws_them_and_shows_pca(open_page, bare):
    app = open_page(bare, "map", ae="bae")
    assert not app.exception and "`bae index --workspace study`" in said(app) and "PCA" in said(app)
    assert figure(app)["layout"]["xaxis"]["title"]["text"].startswith("PCA")
    status = {"stage": atlas.MAPS_STAGE, "unit": "features", "done": 3, "total": 9, "rate": 2.0, "seconds_left": 3, "updated": time.time()}
    bare.status_file("index").write_text(json.dumps(status))
    app = open_page(bare, "map", ae="bae")
    assert "3 of 9 features" in app.get("progress")[0].proto.text and not app.exception


def test_every_feature_is_a_point_that_carries_its_number(open_page, drawn):
    app = open_page(drawn, "map", ae="bae")
    assert not app.exception and not app.warning and not app.error
    assert f"{FEATURES:,} features" in said(app) and "drawn yet" not in said(app)
    (trace,) = figure(app)["data"]
    assert len(trace["text"]) == FEATURES and trace["customdata"]["dtype"] == "i4"


@pytest.mark.parametrize("colour", maps.FIGURES)
def test_points_are_coloured_by_every_figure(open_page, drawn, colour):
    app = open_page(drawn, "map", ae="topk", colour=colour, method="pca")
    assert not app.exception and not app.error and len(figure(app)["data"]) == 1


def test_one_picked_feature_has_a_card_and_several_a_table(open_page, drawn, index):
    feature = loud(index)
    app = open_page(drawn, "map", ae="topk", pick=str(feature))
    assert f"Feature {feature}" in said(app) and index.feature("topk", feature).summary.split(" ")[0] in said(app)
    assert len(figure(app)["data"]) == 2, "what the address names has a ring"
    assert not app.dataframe
    app = open_page(drawn, "map", ae="topk", pick="3,5,9")
    assert sorted(app.dataframe[0].value["feature"]) == [3, 5, 9] and "3 features picked" in said(app)
    app = app.button(key="clear-picked").click().run()
    assert "pick" not in app.query_params and not app.dataframe and len(figure(app)["data"]) == 1


@pytest.mark.parametrize(
    "params, allowed",
    [
        ({"pick": "3,64"}, "0 to 63"),
        ({"pick": "3,3"}, "different numbers"),
        ({"pick": "x"}, "0 to 63"),
        ({"pick": ",".join(map(str, range(FEATURES))) + ",1" * 200}, "up to 200"),
        ({"method": "tsne"}, "umap"),
        ({"colour": "rate; drop table feature"}, "entropy"),
        ({"show": "nothing"}, "tokens"),
        ({"show": "tokens", "of": "1,2,3,4,5,6,7"}, "1 to 6"),
        ({"show": "tokens", "of": "<b>"}, "0 to 63"),
        ({"show": "tokens", "seed": "-1"}, "0 to 9999"),
    ],
)
def test_a_wrong_address_is_named_with_what_is_allowed(open_page, drawn, params, allowed):
    app = open_page(drawn, "map", ae="bae", **params)
    assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value, said(app)


def test_what_the_mouse_picked_is_kept_in_the_address_where_it_has_room():
    def event(points: list) -> dict:
        return {"selection": {"points": points}}

    assert maps.picked_of(event([{"customdata": 9}, {"customdata": [4]}, {"customdata": 9.0}]), 64) == [4, 9]
    assert maps.picked_of(event([{"customdata": 64}, {"customdata": -1}, {"customdata": "4"}, {}, {"customdata": []}]), 64) == []


def test_more_than_the_address_holds_is_kept_for_the_session(open_page, study, monkeypatch):
    monkeypatch.setattr(maps, "MOST_IN_ADDRESS", 10)
    app = open_page(study, "map", ae="bae", method="pca")
    app.session_state[maps.MANY] = ("bae", list(range(20)))
    app.run()
    assert "20 features picked" in said(app) and "ends with the session" in said(app) and len(app.dataframe[0].value) == 20
    app.query_params["ae"] = "topk"
    assert "features picked" not in said(app.run()), "it is of another dictionary"


def test_words_are_highlighted_among_all(open_page, drawn, index):
    app = open_page(drawn, "map", ae="bae", q="harbor")
    wanted = [f for f in range(FEATURES) if "harbor" in " ".join(index.feature("bae", f).words)]
    assert 0 < len(wanted) < FEATURES and f"{len(wanted)} of them mention" in said(app)
    everyone, hits = figure(app)["data"]
    assert len(everyone["text"]) == FEATURES and len(hits["text"]) == len(wanted)
    assert "0 of them mention" in said(open_page(drawn, "map", ae="bae", q=HOSTILE))


def test_labels_and_words_cannot_reach_the_chart(open_page, drawn, index):
    subject = Subject("bae", checkpoint_of(index.dictionaries()["bae"].provenance))
    label = Label(0, subject, 5, HOSTILE, "person", "", False, "", None, time.time(), None, None)
    Records(Notebook(drawn.notebook_file)).keep_label(label)
    app = open_page(drawn, "map", ae="bae", pick="5")
    told = figure(app)["data"][0]["text"][5]
    assert not app.exception and "<script>" not in told and "&lt;script&gt;" in told and "\n" not in told and "\u202e" not in told
    assert "<script" not in "".join(element.value for element in app.html)


def test_a_figure_without_a_value_is_grey_and_said_so():
    points, told = np.zeros((4, 2), np.float32), Hovers(["a"] * 4, ["1 %"] * 4)
    found = map_charts.feature_map(points, told, Colour("rate", [0.5, 0.0, None, 0.005], log=True, share=True, none="never"), "umap")
    marker = found.data[0].marker
    assert marker.color[1] == marker.color[2] == marker.cmin < marker.color[3] < marker.color[0] <= marker.cmax
    assert marker.colorscale[0][1] == marker.colorscale[1][1] == map_charts.GREY and "never" in marker.colorbar.ticktext
    whole = map_charts.feature_map(points, told, Colour("entropy", [0.1, 0.2, 0.3, 0.4]), "umap").data[0].marker
    assert "none" not in whole.colorbar.ticktext and map_charts.GREY not in [tint for _, tint in whole.colorscale]
    nothing = map_charts.feature_map(points, told, Colour("score", [None] * 4), "umap").data[0].marker
    assert nothing.color == map_charts.GREY


def test_many_points_are_drawn_by_the_graphics_card():
    kinds = {}
    for count in (100, map_charts.WEBGL_ABOVE + 1):
        told = Hovers(["a"] * count, ["1 %"] * count)
        kinds[count] = map_charts.feature_map(np.zeros((count, 2), np.float32), told, Colour("rate", [0.1] * count), "umap").data[0].type
    assert list(kinds.values()) == ["scatter", "scattergl"]


# tokens around a feature


def test_a_map_of_tokens_is_asked_for_with_what_it_will_do(open_page, drawn, index, monkeypatch):
    started = []
    monkeypatch.setattr(state_maps, "start", lambda study, request: started.append(request))
    feature = loud(index)
    app = open_page(drawn, "map", ae="topk", show="tokens", of=f"{feature}, 3", seed="4")
    assert "not drawn yet" in said(app) and not app.exception and not app.get("plotly_chart")
    app.button(key="draw-map").click().run()
    assert started == [Request("topk", (feature, 3), 4)] and not app.exception


@torch.inference_mode()
def test_tokens_of_activating_sentences_are_points_and_flagged_where_they_activate(drawn, index):
    feature = loud(index)
    request = Request("topk", (feature, 3), 4)
    file = state_maps.draw_map(drawn, request, drawn.status_file(state_maps.JOB))
    found = state_maps.read_state_map(index, request)
    model = LanguageModel.load(drawn.recipe.model, "cpu")
    lens = load_lenses(drawn.folder / "autoencoders", model).usable["topk"]
    ids, _, _, _ = index.contexts()
    tokens, flags, vectors = [], [], []
    begin = 0
    for context in ids:
        states = model.hidden_states(torch.tensor([context]), [lens.place])[lens.place][0, 1:].half().float()
        fires = (lens.autoencoder.encode(states)[:, [feature, 3]] != 0) & lens.autoencoder.scaling.keeps(states)[:, None]
        if fires.any():
            keep = lens.autoencoder.scaling.keeps(states)
            tokens.append(begin + keep.nonzero().squeeze(-1).numpy())
            flags.append(fires[keep].numpy())
            vectors.append(lens.autoencoder.scaling.apply(states[keep]).numpy())
        begin += len(context) - 1
    np.testing.assert_array_equal(found.token, np.concatenate(tokens))
    assert (found.activated == np.concatenate(flags)).mean() > 0.999
    assert 0 < found.activated[:, 0].sum() < len(found.token)
    wanted = projection.project(np.concatenate(vectors), "pca").points
    np.testing.assert_allclose(found.projection.points, wanted, atol=2e-3)
    written = file.stat().st_mtime_ns
    assert state_maps.draw_map(drawn, request).stat().st_mtime_ns == written, "it is kept"


def test_a_bit_that_usually_fires_is_activated_where_it_is_silent(drawn, index):
    usually = next(feature for feature, rate in enumerate(index.column("bae", "rate")) if rate > 0.5)
    layout = Layout.of(index)
    fires, silent = Columns(index, "bae").tokens(usually), state_maps.activating_tokens(index, "bae", usually)
    assert not set(fires) & set(silent) and len(fires) + len(silent) + len(layout.unread) == layout.n_tokens


def test_at_most_so_many_sentences_of_each_feature(index, monkeypatch):
    layout, tokens = Layout.of(index), state_maps.activating_tokens(index, "topk", loud(index))
    contexts = set(layout.context(tokens).tolist())
    monkeypatch.setattr(state_maps, "SENTENCES", 5)
    first, again, other = (state_maps.chosen_contexts(layout, [tokens], seed) for seed in (0, 0, 1))
    assert len(contexts) > 5 and len(first) == 5 and set(first.tolist()) <= contexts
    assert first.tolist() == again.tolist() != other.tolist()


def test_what_cannot_be_drawn_is_told(drawn):
    for request, told in (
        (Request("nothing", (1,)), "no dictionary"),
        (Request("bae", (FEATURES,)), "features 0 to 63"),
    ):
        with pytest.raises(ValueError, match=told):
            state_maps.draw_map(drawn, request)
    with pytest.raises(ValueError, match="1 to 6"):
        Request("bae", ())
    assert Request("bae", (1,), 0).key != Request("bae", (1,), 1).key != Request("topk", (1,), 1).key
    assert state_maps.main(str(drawn.folder), "nothing", "1", "0") == 1


def test_a_drawn_map_of_tokens_is_shown_and_a_token_opens_its_sentence(open_page, drawn, index):
    feature = loud(index)
    request = Request("topk", (feature,))
    state_maps.draw_map(drawn, request)
    found = state_maps.read_state_map(index, request)
    app = open_page(drawn, "map", ae="topk", show="tokens", of=str(feature))
    assert not app.exception and f"{len(found.token):,} tokens" in said(app)
    silent, active = figure(app)["data"]
    assert len(silent["text"]) == (~found.activated).sum() and len(active["text"]) == found.activated.sum()
    assert not any("<script" in text or "<img" in text for text in silent["text"] + active["text"])
    token = int(found.token[0])
    assert token_maps.clicked({"selection": {"points": [{"customdata": token}]}}, found.token) == token
    assert token_maps.clicked({"selection": {"points": [{"customdata": -5}, {}]}}, found.token) is None
    app = open_page(drawn, "map", ae="topk", show="tokens", of=str(feature), token=str(token))
    assert "the token that was clicked" in said(app) and f"painted: feature {feature}" in said(app)
    assert "the token that was clicked" not in said(app.button(key="close-sentence").click().run())
    next(index.file.parent.glob(f"codes/topk/{COLUMNS}")).unlink()
    st.cache_resource.clear()
    app = open_page(drawn, "map", ae="topk", show="tokens", of=str(feature), token=str(token))
    assert not app.exception and "columns.safetensors is missing" in app.error[0].value


def test_the_first_token_of_all_opens_its_sentence(monkeypatch):
    put = []
    monkeypatch.setattr(token_maps.url, "put", lambda **values: put.append(values))
    token_maps.open_token({"selection": {"points": [{"customdata": 0}]}}, [0, 1])
    token_maps.open_token({"selection": {"points": [{"customdata": 2}]}}, [0, 1])
    assert put == [{"token": 0}]


def test_a_damaged_map_of_tokens_is_named(open_page, drawn, index):
    feature = loud(index)
    request = Request("topk", (feature,))
    file = state_maps.draw_map(drawn, request)
    with safe_open(file, framework="numpy") as arrays:
        metadata, kept = arrays.metadata(), {name: arrays.get_tensor(name) for name in ("x", "y", "activated")}
    save_file(kept, file, metadata)
    with pytest.raises(ValueError, match=r"damaged.*delete it"):
        state_maps.read_state_map(index, request)
    app = open_page(drawn, "map", ae="topk", show="tokens", of=str(feature))
    assert not app.exception and "damaged" in app.error[0].value


def test_a_token_in_its_sentence_is_text_and_nothing_else():
    at = HOSTILE.index("`x`")
    told = map_charts.sentence_hover(HOSTILE, at, at + 3)
    assert "<b>`x`</b>" in told and "&lt;script&gt;" in told and "<script" not in told and "\n" not in told and "\u202e" not in told
    room = map_charts.MOST_LETTERS // 2
    assert map_charts.sentence_hover("a" * 100 + "here" + "b" * 100, 100, 104) == f"…{'a' * room}<b>here</b>{'b' * room}…"


# what a feature points at


def section_of(study, monkeypatch, feature: int) -> AppTest:
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))

    def script(feature):
        from app.feature import directions as feature_directions

        feature_directions.section("bae", feature)

    return AppTest.from_function(script, kwargs={"feature": feature}, default_timeout=60).run()


def test_the_section_lists_tokens_and_neighbours(drawn, index, monkeypatch):
    app = section_of(drawn, monkeypatch, 9)
    found = Directions(index, "bae")
    html = [element.value for element in app.html]
    assert not app.exception and len(html) == 2
    assert f"token {found.promoted(9)[0].token}:" in html[0] and f"token {found.suppressed(9)[0].token}:" in html[1]
    near = app.dataframe[0].value
    assert list(near["feature"]) == [other.feature for other in found.near(9)[: len(near)]]


def test_the_section_says_what_to_do_where_nobody_has_looked(bare, monkeypatch):
    app = section_of(bare, monkeypatch, 9)
    assert not app.exception and "`bae index --workspace study`" in app.info[0].value


def test_token_texts_are_escaped():
    from app.feature.directions import bars_html, shown
    from bae.index.directions import Pull

    class Told:
        texts = [HOSTILE, " sea", "\n", ""]  # noqa: RUF012

    html = bars_html(Told, [Pull(0, 2.0, 3.0), Pull(1, -1.0, -2.0), Pull(2, 0.0, 0.0), Pull(3, 0.0, 0.0)], "0 150 175")
    assert "<script" not in html and "&lt;script&gt;" in html and "\u202e" not in html
    assert shown(" sea") == "␣sea" and shown("\n") == "↵" and shown("") == "∅" and "sea" in html
