"""Keeping features through the pages: on a feature's page, on the page of what is kept, from any list, and embedded elsewhere."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_study import HOSTILE, N_FEATURES
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from test_pages import said

from app import charts, services
from app.components import keys as shortcut_keys
from app.components import plot_format
from app.keeping import as_list as keeping
from app.keeping import embed as keeping_embed
from app.keeping import lists as keeping_lists
from app.keeping import tables as keeping_tables
from bae.comsem.records import Label, Records, Subject
from bae.notebook.database import Notebook
from bae.notebook.kept import Bookmarks, FeatureKey, Notes, keys
from bae.notebook.lists import FeatureLists
from bae.workspace import Workspace

FEATURE = 5
NAME = HOSTILE[:80].strip()


@pytest.fixture
def mine(study, tmp_path, monkeypatch):
    """A copy of the study to write to; the services look at it too."""
    folder = tmp_path / "study"
    shutil.copytree(study.folder, folder)
    monkeypatch.setenv("BAE_WORKSPACE", str(folder))
    return Workspace.open(folder)


def kept(study: Workspace) -> tuple[Bookmarks, Notes, FeatureLists]:
    notebook = Notebook(study.notebook_file)
    return Bookmarks(notebook), Notes(notebook), FeatureLists(notebook)


def key(feature: int = FEATURE, ae: str = "topk") -> FeatureKey:
    return keys(services.subject(ae), [feature])[0]


def feature_page(open_page, study: Workspace) -> AppTest:
    return open_page(study, "feature", ae="topk", feature=str(FEATURE))


def button(app: AppTest, label: str):
    return next(one for one in app.button if one.label == label)


def markup(app: AppTest) -> str:
    """What of a page is read as HTML or as Markdown."""
    return "\n".join(str(one.value) for kind in (app.html, app.markdown, app.caption, app.success, app.error) for one in kind)


def typed(app: AppTest, box: str, name: str) -> None:
    """Type what is no option yet, which a browser sends and AppTest does not."""
    app.selectbox(key=box).options.append(name)
    app.selectbox(key=box).set_value(name)


# on the page of a feature


def test_a_feature_is_bookmarked_tagged_and_let_go(open_page, mine):
    bookmarks = kept(mine)[0]
    app = button(feature_page(open_page, mine), "Bookmark").click().run()
    assert not app.exception and bookmarks.has(key())
    box = f"tags:topk:{FEATURE}"
    app.multiselect(key=box).set_value(["sea", HOSTILE[:40]]).run()
    assert set(bookmarks.tags_of(key())) == {"sea", HOSTILE[:40].strip()} and not app.exception
    assert "<img" not in markup(app) and "sea" in markup(app)
    # a tag of another tab, of which this page does not know, outlives a change here
    bookmarks.add(key(), ["theirs"])
    app.multiselect(key=box).set_value([]).run()
    assert bookmarks.tags_of(key()) == ("theirs",)
    button(app, "Remove the bookmark").click().run()
    assert not bookmarks.has(key())


def test_a_tag_that_cannot_be_one_is_named(open_page, mine):
    kept(mine)[0].add(key())
    app = feature_page(open_page, mine).multiselect(key=f"tags:topk:{FEATURE}").set_value(["x" * 41]).run()
    assert len(app.error) == 1 and "at most 40 characters" in app.error[0].value and not kept(mine)[0].tags_of(key())


def write_note(app, text: str) -> None:
    app.text_area(key=f"note:topk:{FEATURE}").set_value(text)
    button(app, "Save").click().run()


def test_a_note_is_shown_where_it_belongs_and_escaped(open_page, mine):
    app = feature_page(open_page, mine)
    write_note(app, f"{HOSTILE}\nsecond line")
    assert kept(mine)[1].of(key()).body == f"{HOSTILE}\nsecond line"
    assert "second line" in markup(app) and "<img" not in markup(app) and "<script" not in markup(app)
    assert "second line" not in markup(open_page(mine, "feature", ae="topk", feature="6"))
    write_note(app, "")
    assert kept(mine)[1].of(key()) is None


def test_a_note_of_another_tab_is_not_lost(open_page, mine):
    notes = kept(mine)[1]
    app = feature_page(open_page, mine)
    notes.write(key(), "theirs")
    write_note(app, "ours")
    assert notes.of(key()).body == "theirs" and "changed elsewhere" in app.error[0].value and "theirs" in markup(app)
    assert app.text_area(key=f"note:topk:{FEATURE}").value == "ours"
    write_note(app, "ours and theirs")
    assert notes.of(key()).body == "ours and theirs" and not app.error


def test_a_note_that_was_changed_elsewhere_is_taken_over_by_an_untouched_box(open_page, mine):
    app = feature_page(open_page, mine)
    kept(mine)[1].write(key(), "theirs")
    assert app.run().text_area(key=f"note:topk:{FEATURE}").value == "theirs"


def test_a_feature_is_put_on_a_new_list_and_on_one_that_is_there(open_page, mine):
    lists = kept(mine)[2]
    app = feature_page(open_page, mine)
    typed(app, "list:name", NAME)
    button(app, "Keep").click().run()
    (one,) = lists.all()
    assert one.name == NAME and lists.members(one.id) == [key()] and str(FEATURE) in one.source
    assert "Made the list" in app.success[0].value and "<img" not in "".join(element.value for element in app.html)
    other = open_page(mine, "feature", ae="topk", feature="6")
    other.selectbox(key="list:name").set_value(NAME)
    button(other, "Keep").click().run()
    assert lists.members(one.id) == [key(), key(6)] and "Put 1 feature on" in other.success[0].value
    button(other, "Keep").click().run()
    assert "at least one character" in other.error[0].value


def test_the_markdown_holds_what_the_page_shows(open_page, mine):
    kept(mine)[1].write(key(), "a `note`")
    text = feature_page(open_page, mine).code[0].value
    feature = services.index().feature("topk", FEATURE)
    assert text.startswith(f"## Feature {FEATURE} of topk") and f"{feature.count:,}" in text and "a \\`note\\`" in text
    assert f"Permalink: `feature?ae=topk&feature={FEATURE}`" in text and "<img" not in text.replace("\\<img", "")


# keys


def test_keys_are_mounted_where_they_do_something(open_page, mine):
    for page, box in (("feature", "Previous"), ("features", "Find features")):
        app = open_page(mine, page)
        assert len(app.get("bidi_component")) == 1 and (box in {one.label for one in [*app.button, *app.text_input]})
    assert not open_page(mine, "kept").get("bidi_component")


def test_the_script_of_the_keys_sets_text_only_and_spares_those_who_type():
    script = (shortcut_keys._HERE / "keys.js").read_text(encoding="utf-8")
    for door in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser", "setHTML"):
        assert door not in script
    for spared in ("ctrlKey", "altKey", "metaKey", "isContentEditable", "textarea", "isComposing", "abort()"):
        assert spared in script


@pytest.mark.parametrize("wrong", ["?", "jj", ""])
def test_keys_are_single_signs(wrong):
    with pytest.raises(AssertionError, match="single signs"):
        shortcut_keys.shortcuts({wrong: shortcut_keys.Shortcut("something")})


# the page of what is kept


@pytest.mark.parametrize("show, how", [("bookmarks", "“Bookmark”"), ("notes", "“Note”"), ("labels", "under Labels"), ("lists", "“List”")])
def test_where_nothing_is_kept_the_page_says_how_it_comes(open_page, mine, show, how):
    app = open_page(mine, "kept", show=show)
    assert not app.exception and len(app.info) == 1 and how in app.info[0].value


def test_everything_that_is_kept_is_there(open_page, mine):
    bookmarks, notes, lists = kept(mine)
    bookmarks.add(key(), ["sea", "$x$"])
    bookmarks.add(key(7, "bae"))
    notes.write(key(), HOSTILE)
    Records(Notebook(mine.notebook_file)).keep_label(
        Label(0, services.subject("topk"), 9, HOSTILE, "person", "", False, "", None, 1e9, None, None)
    )
    table = open_page(mine, "kept").dataframe[0].value
    assert table["feature"].tolist() == [7, FEATURE] and table["kept_dictionary"].tolist() == ["bae", "topk"]
    assert list(table["tags"].iloc[1]) == ["$x$", "sea"]
    tagged = open_page(mine, "kept", tag="$x$")
    assert tagged.dataframe[0].value["feature"].tolist() == [FEATURE] and tagged.selectbox(key="url:tag").value == "$x$"
    note = open_page(mine, "kept", show="notes", q="ONERROR").dataframe[0].value
    assert note["note"].tolist() == [HOSTILE] and "No note contains" in said(open_page(mine, "kept", show="notes", q="absent"))
    label = open_page(mine, "kept", show="labels").dataframe[0].value
    assert label["feature"].tolist() == [9] and label["label"].tolist() == [HOSTILE]
    one = lists.make(NAME, [key(), key(7, "bae")], HOSTILE, "features?ae=topk&q=sea")
    assert open_page(mine, "kept", show="lists").dataframe[0].value["name"].tolist() == [NAME]
    opened = open_page(mine, "kept", show="lists", list=one)
    assert opened.dataframe[0].value["note"].dropna().tolist() == [HOSTILE] and not opened.exception
    assert (
        "<img" not in "".join(element.value for element in opened.html)
        and "](javascript" not in "".join(c.value for c in opened.caption).split("`")[0]
    )


def test_the_sections_and_lists_are_permalinks_and_wrong_ones_are_named(open_page, mine):
    kept(mine)[0].add(key(), ["sea"])
    for params, allowed in (
        ({"show": "all"}, "lists"),
        ({"tag": "<b>x</b>"}, "sea"),
        ({"show": "lists", "list": "gone"}, "no list"),
        ({"page": "9"}, "1 to 1"),
    ):
        app = open_page(mine, "kept", **params)
        assert not app.exception and len(app.warning) == 1 and allowed in app.warning[0].value, said(app)


def test_bookmarks_are_removed_by_their_boxes(open_page, mine):
    bookmarks = kept(mine)[0]
    for feature in (1, 2, 3):
        bookmarks.add(key(feature))
    app = open_page(mine, "kept")
    wanted = int(app.dataframe[0].value["feature"].iloc[1])
    app.session_state["bookmarks-table"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    app.run()
    button(app, "Remove 1 feature").click().run()
    assert not app.exception and {one.key.feature for one in bookmarks.all()} == {1, 2, 3} - {wanted}
    assert button(app, "Remove the chosen").disabled


def test_a_list_is_renamed_emptied_and_deleted(open_page, mine):
    lists = kept(mine)[2]
    one, _ = lists.make("ships", [key(1), key(2)]), lists.make("taken")
    app = open_page(mine, "kept", show="lists", list=one)
    app.text_input(key=f"list-name:{one}").set_value("taken").run()
    button(app, "Rename it").click().run()
    assert "already" in app.error[0].value and lists.get(one).name == "ships"
    app.text_input(key=f"list-name:{one}").set_value("boats").run()
    button(app, "Rename it").click().run()
    assert lists.get(one).name == "boats" and not app.error
    app.session_state["members-table"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    button(app, "Take 1 feature off the list").click().run()
    assert lists.members(one) == [key(2)]
    button(app, "Delete it").click().run()
    assert [kept_list.name for kept_list in lists.all()] == ["taken"] and not app.exception and not app.warning


def test_what_belongs_to_another_checkpoint_is_said_to(open_page, mine):
    old = keys(Subject("topk", "trained before"), [FEATURE])
    one = kept(mine)[2].make("old", [*old, key(6)])
    app = open_page(mine, "kept", show="lists", list=one)
    table = app.dataframe[0].value
    assert not app.exception and "1 of these belong to a dictionary" in said(app)
    assert table["feature"].tolist() == [FEATURE, 6] and table["rate"].isna().tolist() == [True, False]
    app.session_state["members-table"] = {"selection": {"rows": [], "columns": [], "cells": [[0, "feature"]]}}
    assert app.run().title[0].value == "Kept"
    app.session_state["members-table"] = {"selection": {"rows": [], "columns": [], "cells": [[1, "feature"]]}}
    assert app.run().title[0].value == "Feature 6"


def test_long_lists_are_paged(open_page, mine, monkeypatch):
    one = kept(mine)[2].make("all", keys(services.subject("topk"), range(N_FEATURES)))
    monkeypatch.setattr("app.keeping.tables.PAGE", 50)
    made, row = [], keeping_tables._row
    monkeypatch.setattr(keeping_tables, "_row", lambda key, *told: made.append(key.feature) or row(key, *told))
    second = open_page(mine, "kept", show="lists", list=one, page="2").dataframe[0].value
    assert second["feature"].tolist() == list(range(50, N_FEATURES))
    assert set(made) == set(range(50, N_FEATURES)), "nothing is looked up of what another page shows"


def test_a_file_of_a_list_holds_all_of_it_and_is_made_when_it_is_asked_for(open_page, mine, monkeypatch):
    one = kept(mine)[2].make("all", keys(services.subject("topk"), range(N_FEATURES)))
    monkeypatch.setattr("app.keeping.tables.PAGE", 5)
    files = {}
    monkeypatch.setattr(keeping_lists.st, "download_button", lambda label, made, *_, **__: files.update({label: made}))
    assert not open_page(mine, "kept", show="lists", list=one).exception
    # Streamlit makes such a file outside of any page's run
    with ThreadPoolExecutor(1) as pool:
        csv, told = pool.submit(files["CSV"]).result(), json.loads(pool.submit(files["JSON"]).result())
    assert len(csv.splitlines()) == N_FEATURES + 1 and [row["feature"] for row in told["features"]] == list(range(N_FEATURES))


def test_links_of_a_list_lead_to_each_dictionary(monkeypatch):
    drawn = []
    monkeypatch.setattr(keeping_lists.navigation, "link", lambda page, label, **params: drawn.append((page, params)))
    keeping_lists._onward([FeatureKey("bae", "c", 3), FeatureKey("topk", "c", 9), FeatureKey("bae", "c", 4)])
    labels = [params for page, params in drawn if page == "labels"]
    assert [(params["ae"], params["pick"]) for page, params in drawn if page == "map"] == [("bae", "3,4"), ("topk", "9")]
    assert labels == [
        {"ae": "bae", "new": 1, "pick": "list", "list": "3-4"},
        {"ae": "topk", "new": 1, "pick": "list", "list": "9"},
    ]


# from other pages


def offered() -> None:
    """A page that offers its features as a list."""
    from app.keeping import as_list as keeping

    keeping.offer_list("topk", [], "nothing", key="none")
    keeping.offer_list("topk", [3, 1, 3], "A search for `sea`", key="found")


def test_any_page_can_offer_its_features_as_a_list(mine):
    app = AppTest.from_function(offered, default_timeout=60).run()
    assert not app.exception and [one.key for one in app.selectbox] == ["found:name"]
    typed(app, "found:name", "x" * 81)
    button(app, "Keep").click().run()
    assert "at most 80" in app.error[0].value and not kept(mine)[2].all()


def test_the_way_back_leads_to_pages_of_ours_only(monkeypatch):
    drawn = []
    monkeypatch.setattr(keeping.navigation, "link", lambda page, label, **params: drawn.append((page, params)))
    keeping.back("feature?ae=b%26c&feature=3&label=7&q=a+b", "back")
    for foreign in ("https://a.b/x", "javascript:alert(1)", "", "//feature?ae=x", "nowhere?ae=x"):
        keeping.back(foreign, "back")
    assert drawn == [("feature", {"ae": "b&c", "feature": "3", "q": "a b"})]


# elsewhere


def test_the_embedded_view_shows_the_feature_and_nothing_to_type(open_page, mine, monkeypatch):
    whole = feature_page(open_page, mine)
    monkeypatch.setattr(ContextProxy, "is_embedded", property(lambda _: True))
    app = feature_page(open_page, mine)
    assert not app.exception and app.subheader[0].value == f"Feature {FEATURE}" and not app.title
    boxes = lambda page: [*page.selectbox, *page.text_input, *page.text_area, *page.toggle, *page.button, *page.code]  # noqa: E731
    assert not boxes(app) and not app.get("bidi_component") and len(app.metric) == len(whole.metric)
    # negative control: the whole page has all of these
    assert len(boxes(whole)) > 5 and whole.get("bidi_component") and whole.title
    assert keeping_embed.BARE in [one.value for one in app.html] and keeping_embed.BARE not in [one.value for one in whole.html]
    assert app.get("link_button")[0].proto.url == f"feature?ae=topk&feature={FEATURE}"
    assert len(app.get("plotly_chart")) == 1 and "<script" not in markup(app)


# plots


def test_a_plot_is_saved_under_its_name_in_the_chosen_format(open_page, mine):
    told = charts.config("rates of <b>../../x</b>")["toImageButtonOptions"]
    assert (
        told == {"format": "png", "filename": "rates-of-b-..-..-x-b", "scale": 2}
        and charts.config("///")["toImageButtonOptions"]["filename"] == "plot"
    )
    assert charts.config("x")["modeBarButtons"] == [["toImage"]] and not charts.config("x")["displaylogo"]
    app = feature_page(open_page, mine)
    assert '"format": "png"' in app.get("plotly_chart")[0].proto.config
    app.get("button_group")
    app.session_state[plot_format.KEY] = "svg"
    assert '"format": "svg"' in app.run().get("plotly_chart")[0].proto.config
