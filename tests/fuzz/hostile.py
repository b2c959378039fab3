"""Inputs that others may send: texts that mean something in Markdown, HTML, SQL, paths or numbers; broken copies of what is right."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

CANARY = "canary_7f3a"
"""Stands in what is bound as a value, and so in no statement of SQL."""
FRAGMENTS = (
    *("<script>window.hacked=1</script>", "<img src=x onerror=alert(1)>", '"><svg/onload=alert(1)>', "</style>", "&lt;", "<!--", "]]>"),
    *(
        "`",
        "```",
        "$x$",
        "$$",
        "[a](javascript:alert(1))",
        "![](http://elsewhere.test/x)",
        ":material/home:",
        ":red[x]",
        "www.x.test",
        "\\",
    ),
    *(
        f"'; drop table canary; -- {CANARY}",
        f"' or 1=1 -- {CANARY}",
        f'" union select 1 from {CANARY}',
        "%",
        "_",
        "?",
        "$1",
        ";",
        "--",
        "/*",
    ),
    *("..", "../", "../../../etc/passwd", "/etc/passwd", "..%2f", "%00", "\x00", "~", "C:\\", "file:///etc/passwd", ".hidden", "a/b"),
    *("🙂", "👩‍👩‍👧‍👦", "שלום", "\u202e", "\u200b", "\ufeff", "\u2028", "\u0301", "İ", "ß", "ﬀ", "٣", "³", "½", "\x7f", "\x1b[31m"),
    *("0", "-0", "-1", "1", "00012", "9" * 20, "9" * 5_000, "1e309", "-1e-400", "nan", "inf", "-inf", "1_000", "0x10", "true", "None"),
    *("\n", "\r\n", "\t", " ", ",", ":", "-", "=", "{", "}", "[", "]", "(", ")", '"', "'", "{0}", "%s", "${x}", "{{7*7}}", "\udcff"),
)
SHOWABLE = tuple(fragment for fragment in FRAGMENTS if "\udcff" not in fragment)
"""Those without half a character: what comes over a WebSocket or out of a file is UTF-8."""


def among(options: Sequence) -> SearchStrategy:
    """One of these; Hypothesis writes those of `sampled_from` out in full, however long they are."""
    return st.integers(0, len(options) - 1).map(lambda place: options[place])


def texts(most: int = 40, halves: bool = False) -> SearchStrategy[str]:
    """Any text; `halves` of surrogate pairs are in it where a reader takes escapes, as JSON's does."""
    plain = st.text(max_size=most) if not halves else st.text(st.characters(), max_size=most)
    pieces = st.one_of(among(FRAGMENTS if halves else SHOWABLE), st.text(max_size=6))
    return st.one_of(plain, st.lists(pieces, max_size=6).map("".join))


def spelled(words: Sequence[str], most: int = 16, between: str = "") -> SearchStrategy[str]:
    """Words of a language in any order, sometimes with what is none of its words."""
    return st.lists(st.one_of(among(list(words)), among(SHOWABLE)), max_size=most).map(between.join)


def values(leaves: SearchStrategy | None = None) -> SearchStrategy:
    """What JSON can say, and what numbers can be that it should not."""
    numbers = st.one_of(st.integers(-3, 40), st.sampled_from([2**31, 2**53, 2**64, -(2**63), 10**30]), st.floats())
    leaves = leaves if leaves is not None else st.one_of(st.none(), st.booleans(), numbers, texts(12))
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(8), inner, max_size=3), max_leaves=6)


@st.composite
def altered(draw: Callable, told: dict, others: Sequence[str] = (), instead: SearchStrategy | None = None) -> dict:
    """A mapping that is right, with up to three of its values replaced, keys taken out or put in; those of inner mappings too."""
    told = {key: dict(value) if isinstance(value, dict) else value for key, value in told.items()}
    for _ in range(draw(st.integers(0, 3))):
        inner = [value for value in told.values() if isinstance(value, dict)]
        within = draw(st.sampled_from([told, *inner]))
        name = draw(st.sampled_from([*within, *others, "stranger"]))
        if draw(st.integers(0, 3)) == 0:
            within.pop(name, None)
        else:
            within[name] = draw(values() if instead is None else instead)
    return told


@st.composite
def broken(draw: Callable, whole: bytes) -> bytes:
    """Bytes that are right, or cut, changed, doubled, or with others put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.integers(0, 5)):
            case 0:
                del data[at:]
            case 1:
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 2:
                data[at:at] = draw(st.binary(max_size=8))
            case 3:
                del data[at : at + draw(st.integers(1, 16))]
            case 4:
                data[at : at + 8] = draw(st.sampled_from([b"\xff" * 8, b"\0" * 8, (2**40).to_bytes(8, "little"), b"\x7f" + b"\xff" * 7]))
            case 5:
                data += data[at : at + 64]
    return bytes(data)
