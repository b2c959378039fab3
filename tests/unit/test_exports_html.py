"""Features as one HTML file: it asks for nothing, holds what the study says, and foreign text stays text."""

import re
import tracemalloc
from html.parser import HTMLParser

import pytest
from small_workspace import HOSTILE, N_FEATURES, make_workspace
from typer.testing import CliRunner

from bae.cli.main import app
from bae.comsem.telling import DRAFT
from bae.exports import html
from bae.exports.material import Material
from bae.exports.svg import bars
from bae.notebook.database import Notebook
from bae.notebook.lists import FeatureLists
from bae.reading.painting import visible

REQUESTS = {"src", "srcset", "poster", "data", "background", "action", "formaction", "ping", "manifest", "xlink:href"}
LOADING = {"script", "link", "iframe", "object", "embed", "img", "base", "form", "use", "image"}
ALLOWED_TAGS = (
    {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "span", "section", "footer", "nav", "ol", "li", "a", "b"}
    | {"dl", "div", "dt", "dd", "figure", "figcaption", "svg", "rect", "line", "text", "details", "summary", "small"}
    | {"table", "tr", "th", "td"}
)


class Reader(HTMLParser):
    """What a browser makes of a page: tags, attributes, text, styles."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.styles, self.text, self._in_style = [], [], [], "", False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.styles += [value for name, value in attrs if name == "style"]
        self._in_style = tag == "style"

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        if self._in_style:
            self.styles.append(data)
        else:
            self.text += data


def requests_of(page: str) -> list[str]:
    """Everything in a page for which a browser would ask somebody."""
    read = Reader(page)
    found = [f"<{tag} {name}={value}>" for tag, name, value in read.attributes if name in REQUESTS]
    found += [f"<{tag} href={value}>" for tag, name, value in read.attributes if name == "href" and not value.startswith("#")]
    found += [f"<{tag}>" for tag in read.tags if tag in LOADING]
    found += [style for style in read.styles if re.search(r"url\(|@import|image-set|src\s*:", style)]
    found += [f"{name}={value}" for _, name, value in read.attributes if name.startswith("on")]
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("html") / "a <study>")


@pytest.fixture
def material(study):
    with Material.of(study) as found:
        yield found


def page_of(material, features, dictionary="bae", title="Some features") -> str:
    return "".join(html.parts(material, material.keys(dictionary, features), title, "bae export html"))


def test_it_asks_for_nothing_and_forbids_to(material):
    page = page_of(material, range(N_FEATURES))
    assert requests_of(page) == []
    assert HOSTILE.split("\n")[0][:30] in Reader(page).text, "the hostile text is there, as text"
    policy = next(value for tag, name, value in Reader(page).attributes if tag == "meta" and name == "content" and "default-src" in value)
    assert "default-src 'none'" in policy and "script" not in policy and "http" not in policy and "*" not in policy
    # the policy comes before anything that it is to hold for
    assert page.index("Content-Security-Policy") < page.index("<style>")


@pytest.mark.parametrize(
    "broken",
    [
        '<script src="https://evil.example/x.js"></script>',
        "<script>1</script>",
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        '<img src="x">',
        '<a href="https://evil.example">x</a>',
        "<style>@import 'x.css';</style>",
        '<p style="background:url(x)">x</p>',
        '<p onclick="x">x</p>',
    ],
)
def test_the_check_sees_what_would_ask(material, broken):
    """Negative control."""
    page = page_of(material, [1])
    assert requests_of(page.replace("</footer>", f"{broken}</footer>"))


def test_foreign_text_adds_no_tag(material):
    """With hostile labels, titles, sentences and study names, the page has no tag that ours have not."""
    read = Reader(page_of(material, range(N_FEATURES), title=HOSTILE))
    assert set(read.tags) <= ALLOWED_TAGS
    assert visible(HOSTILE).replace("\n", "") in read.text.replace("\n", "")
    assert "a <study>" in read.text
    # a mutation that forgets to escape is seen
    assert not set(Reader(page_of(material, [1]).replace("&lt;script", "<script")).tags) <= ALLOWED_TAGS


def test_it_says_what_the_study_says(material):
    told = material.told(material.keys("bae", [1])[0])
    read = Reader(page_of(material, [1]))
    assert "Feature 1 of bae" in read.text and f"{told.feature.count:,}" in read.text
    for example in told.groups["strongest"]:
        assert visible(example.document) in read.text
    assert "words of the sea" in read.text and "gpt-4.1-mini" in read.text and "0.75" in read.text, "label, judge and score"
    provenance = "hidden_states[2] (Hugging Face) = blocks.1.hook_resid_post (TransformerLens) = layers.1 (module path)"
    for fact in (provenance, "made up", "bae export html", "bae train --workspace"):
        assert fact in read.text, fact


def test_a_draft_says_so_and_a_feature_without_labels_too(material):
    assert DRAFT in Reader(page_of(material, [2])).text
    bare = Reader(page_of(material, [4])).text
    assert DRAFT not in bare and "Nobody has labelled this feature." in bare


def test_the_shown_label_stands_first(material):
    """A person's own stands before a judge's."""
    said = material.said("bae", 1)
    assert [one.shown for one in said] == [True, False] and said[0].label.source == "person"


def test_a_feature_that_never_fires(material):
    read = Reader(page_of(material, [0]))
    assert "It never fires" in read.text and "svg" not in read.tags
    assert "svg" in Reader(page_of(material, [1])).tags


def test_bars_are_as_high_as_what_they_tell_of():
    drawn = bars([1, 4, 2], ["a", "<b>", "c"], what="w", x="x", y="y", ticks=[(0, "0")], line=(8.0, "the line"))
    heights = [float(found) for found in re.findall(r'<rect[^>]* height="([\d.]+)"', drawn)]
    assert heights[1] == pytest.approx(4 * heights[0], abs=0.02) and heights[2] == pytest.approx(2 * heights[0], abs=0.02)
    assert heights[1] == pytest.approx(106 / 2, abs=0.01), "the line is twice as high as the highest bar, and within the picture"
    assert "&lt;b&gt;" in drawn and "<b>" not in drawn


def test_positions_are_those_of_a_count_by_hand(material):
    key = material.keys("bae", [3])[0]
    told = material.told(key)
    by_hand = [0] * len(told.positions.fired)
    for example in told.groups["strongest"]:
        for position in example.positions:
            by_hand[position - 1] += 1
    assert len(told.groups["strongest"]) < 16, "all its contexts are there"
    assert told.positions.fired.tolist() == by_hand


def test_wrong_choices_are_named(material, study):
    with pytest.raises(ValueError, match="features 0 to 11; got 12"):
        material.keys("bae", [12])
    with pytest.raises(ValueError, match="no dictionary 'x'; it has bae, topk"):
        material.keys("x", [1])
    with pytest.raises(ValueError, match="no feature is chosen"):
        page_of(material, [])
    stranger = [material.keys("bae", [1])[0]._replace(checkpoint="another")]
    with pytest.raises(ValueError, match="1 of 1 features belong to dictionaries"):
        list(html.parts(material, stranger, "t", "c"))


def test_memory_holds_a_feature_at_a_time(material):
    """A list ten times as long takes hardly more: negative control, the page as one text does."""

    def peak(times: int, whole: bool) -> int:
        wanted = material.keys("bae", list(range(1, N_FEATURES)) * times)
        tracemalloc.start()
        kept = []
        for part in html.parts(material, wanted, "t", "c"):
            if whole:
                kept.append(part)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1, whole=False)  # what is loaded once
    short, long, kept = peak(1, whole=False), peak(10, whole=False), peak(10, whole=True)
    assert long < 1.5 * short + 200_000
    assert kept > 2 * long


def test_command(study, tmp_path):
    run = CliRunner()
    out = tmp_path / "out.html"
    done = run.invoke(app, ["export", "html", "--workspace", str(study.folder), "bae", "1", "2-3", "--output", str(out)])
    assert done.exit_code == 0, done.output
    page = out.read_text(encoding="utf-8")
    assert requests_of(page) == [] and page.count("<section") == 3 and page.endswith("</html>\n")
    with Material.of(study) as material:
        wanted = [*material.keys("topk", [5]), *material.keys("bae", [1])]
    stranger = wanted[0]._replace(checkpoint="another")
    FeatureLists(Notebook(study.notebook_file)).make("my list", [*wanted, stranger])
    done = run.invoke(app, ["export", "html", "--workspace", str(study.folder), "--list", "My List", "--output", str(out)])
    assert done.exit_code == 0 and "left out: 1 of 3" in done.output
    text = Reader(out.read_text(encoding="utf-8")).text
    assert text.index("Feature 5 of topk") < text.index("Feature 1 of bae"), "in the order of the list"
    for words, reason in ((["bae", "12"], "lies outside"), ([], "name a dictionary"), (["--list", "x"], "it keeps 'my list'")):
        done = run.invoke(app, ["export", "html", "--workspace", str(study.folder), *words])
        assert done.exit_code == 1 and reason in done.output
