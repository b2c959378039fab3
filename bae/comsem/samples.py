"""A token in its sentence, and how it is shown to judges: quoted, on one line, cut where it is long.

What is shown comes from strangers' texts: nothing in it can end its quotes, start a line, or hide from the reader.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass

CONTEXT_CHARACTERS = 600
"""Of a longer sentence only so much is shown, around the token."""
TOKEN_CHARACTERS = 80
_PIECE = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Sample:
    """A token in its sentence."""

    token: str
    """As it stands in the sentence, outer white space trimmed; empty where it is nothing else."""
    word: str
    """The word that the token is a piece of; the token itself where it is whole."""
    position: int
    """Which token of the sentence it is for the language model that was read, from 1; other tokenizers count otherwise (Fig. 22)."""
    sentence: str

    def span(self) -> tuple[int, int]:
        """Characters of the word in the sentence. Of several occurrences the nearest to `position`, counted in words and signs."""
        starts = [match.start() for match in _PIECE.finditer(self.sentence)] or [0]
        found = self._occurrences(self.word or self.token)
        if not found:
            start = starts[min(max(self.position, 1), len(starts)) - 1]
            return start, start
        return min(found, key=lambda span: abs(bisect_left(starts, span[0]) + 1 - self.position))

    def _occurrences(self, word: str) -> list[tuple[int, int]]:
        """As a word of its own; within others where it never is one."""
        if not word:
            return []
        whole = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", self.sentence)]
        return whole or [match.span() for match in re.finditer(re.escape(word), self.sentence)]


# what opens a control token of some chat template (<|im_end|>, </s>, <start_of_turn>, [INST]); a space behind the bracket disarms it
_MARKER = re.compile(r"<(?=[|｜/\w])|\[(?=/?[A-Z_]{3,}\])")
_JOINERS = "\u200c\u200d"


def flat(text: str) -> str:
    """The text on one line: control characters and line breaks become spaces; invisible characters that hide or turn text go."""
    shown = []
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Zl", "Zp"):
            shown.append(" ")
        elif category != "Cf" or character in _JOINERS:
            shown.append(character)
    return " ".join("".join(shown).split())


def quoted(text: str) -> str:
    """The text as a JSON string that neither ends before its last quote nor holds a control token of a chat template."""
    return json.dumps(_MARKER.sub(r"\g<0> ", flat(text)), ensure_ascii=False)


def excerpt(sample: Sample) -> tuple[str, int, int]:
    """The sentence and the characters of the word in it; of a long sentence what stands around the word, with … for the rest."""
    text, (first, last) = sample.sentence, sample.span()
    if len(text) <= CONTEXT_CHARACTERS:
        return text, first, last
    room = CONTEXT_CHARACTERS - 2  # for the two …
    begin = min(max((first + last - room) // 2, 0), len(text) - room)
    end = begin + room
    # cut at spaces, where there are any
    if begin > 0 and (cut := re.match(r"\S{0,20}\s", text[begin:end])):
        begin += cut.end()
    if end < len(text) and (cut := re.search(r"\s\S{0,20}$", text[begin:end])):
        end = begin + cut.start()
    opening, closing = "…" * (begin > 0), "…" * (end < len(text))
    shift = len(opening) - begin
    return opening + text[begin:end] + closing, max(first + shift, 0), min(last, end) + shift


def shown(sample: Sample) -> str:
    """One line: the token, with its word where it is a piece of one, its position and its sentence (the form of Fig. 22 and 23)."""
    token = quoted(sample.token[:TOKEN_CHARACTERS]) if sample.token.strip() else "(white space)"
    piece = "" if sample.word in ("", sample.token) else f" (in {quoted(sample.word[:TOKEN_CHARACTERS])})"
    return f"Token: {token}{piece} at position {sample.position} in sentence: {quoted(excerpt(sample)[0])}"


_STRING = r'"(?:[^"\\]|\\.)*"'
_SHOWN = re.compile(
    rf"^(?:\d+\. )?Token: (?:({_STRING})|\(white space\))(?: \(in ({_STRING})\))? at position (-?\d+) in sentence: ({_STRING})$",
    re.MULTILINE,
)


def read_shown(text: str) -> list[Sample]:
    """The samples that a question shows, as far as it shows them."""
    found = []
    for token, word, position, sentence in _SHOWN.findall(text):
        token = json.loads(token or '""')
        found.append(Sample(token, json.loads(word) if word else token, int(position), json.loads(sentence)))
    return found
