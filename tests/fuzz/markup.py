"""What is in a piece of Markdown or HTML, by readers that are not ours: markdown-it and Python's own."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

PLAIN = {"paragraph_open", "paragraph_close", "inline", "text", "code_inline", "softbreak"}
"""What prose with spans of code consists of."""
ELEMENTS = {
    "div",
    "span",
    "b",
    "i",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "ol",
    "ul",
    "li",
    "small",
    "p",
    "a",
    "sub",
    "sup",
    "style",
    "code",
}
"""Those that our pages are made of."""
ATTRIBUTES = {"style", "title", "dir", "class", "href", "colspan", "rowspan", "scope", "aria-label", "role", "lang", "tabindex", "target"}
OWN_PLACE = re.compile(r"[a-z]+(?:\?[\w%=&.+-]*)?")
"""Where a link may lead: a page of ours, everything in it percent-encoded."""


def _tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        yield token
        yield from token.children or ()


def only_code(text: str) -> bool:
    """Whether Markdown is a paragraph of prose and spans of code: no link, picture, heading, list, emphasis or HTML."""
    return all(token.type in PLAIN for token in _tokens(text))


def spans_of_code(text: str) -> list[str]:
    """What stands in them."""
    return [token.content for token in _tokens(text) if token.type == "code_inline"]


def prose_of(text: str) -> str:
    """What stands outside of spans of code, which Streamlit would look through for icons, colours and formulas."""
    return "\n".join(token.content for token in _tokens(text) if token.type in ("text", "html_inline", "html_block"))


def rendered(text: str) -> tuple[set[str], str]:
    """What kinds of things a piece of Markdown consists of, and all that is read of it, as it is read."""
    tokens = list(_tokens(text))
    return {token.type for token in tokens}, "".join(token.content for token in tokens if token.type in ("text", "code_inline"))


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.foreign: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.foreign.append(f"<{tag}>")
        for name, value in attributes:
            leads_away = {"href": not OWN_PLACE.fullmatch(value or ""), "target": value != "_self"}
            if name not in ATTRIBUTES or leads_away.get(name):
                self.foreign.append(f"{name}={value!r:.80}")
            if name == "style" and any(word in (value or "").lower() for word in ("url(", "expression", "@import", "javascript:")):
                self.foreign.append(f"style={value!r:.80}")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.foreign.append(f"</{tag}> that closes nothing")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.foreign.append(f"<!--{data:.80}")

    def handle_decl(self, decl: str) -> None:
        self.foreign.append(f"<!{decl:.80}")

    def unknown_decl(self, data: str) -> None:
        self.foreign.append(f"<![{data:.80}")

    def handle_pi(self, data: str) -> None:
        self.foreign.append(f"<?{data:.80}")


def read_html(html: str) -> tuple[list[str], str]:
    """What is none of ours in a piece of HTML (elements, attributes, what closes nothing or stays open), and its text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [*reader.foreign, *(f"<{tag}> stays open" for tag in reader.open)], "".join(reader.text)


def foreign_markup(html: str) -> list[str]:
    """What is none of ours in a piece of HTML."""
    return read_html(html)[0]
