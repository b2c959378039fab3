"""What a judge is asked and what it answers: the words that prompts, judges and the driver of calls have in common.

Asks nobody itself, and knows neither what is asked nor over which wire.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

Kind = Literal["label", "verdict", "verdicts", "intruder"]


@dataclass(frozen=True)
class Request:
    """One question to a judge."""

    kind: Kind
    messages: tuple[tuple[str, str], ...]
    """Role (system, user, assistant) and content of each."""
    max_tokens: int
    """Longest answer that is wanted."""
    prompt_version: str
    yes_no: bool = False
    """The answer wanted is Yes or No, with the probability of it where the judge can tell."""
    schema: str | None = None
    """A JSON schema, as JSON text, that the answer is to follow; a judge that knows no schemas answers in free text."""

    def key(self, identity: str) -> str:
        """What tells this question to this judge from all others: 64 hexadecimal digits."""
        told = json.dumps([identity, asdict(self)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode("ascii")).hexdigest()


@dataclass(frozen=True)
class Usage:
    """Tokens of one call, as the judge counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt's, those that the judge had in its cache."""
    reasoning_tokens: int = 0
    """Of the completion's, those that it thought before it answered."""


@dataclass(frozen=True)
class Answer:
    """What a judge said."""

    text: str
    """As it came."""
    yes: float | None
    """Probability of Yes against No, in [0, 1]; None where the judge told no probabilities."""
    usage: Usage


class Judge(Protocol):
    """A language model that is asked, or what stands in for one."""

    name: str
    """As it is shown."""
    identity: str
    """Everything that decides its answers: model, address, parameters, capabilities. Stays the same while a run goes on."""
    draft: bool
    """Whether all that it says must be shown as "draft quality"."""
    paid: bool
    """Whether a call costs money."""

    async def ask(self, request: Request) -> Answer:
        """Ask once. Raises Fatal, Busy, Passing or Refused."""

    async def close(self) -> None:
        """Give back what it holds; it is not asked again."""


class Fatal(Exception):
    """The run has to stop. The message is a sentence that says what to do; it never holds a key."""


class Busy(Exception):
    """The judge wants fewer calls; the same one may be made again, `retry_after` seconds from now where it says so."""

    def __init__(self, reason: str, retry_after: float | None = None):
        super().__init__(reason)
        self.retry_after = retry_after


class Passing(Exception):
    """Something on the way went wrong; the same call may be made again at once."""


class Slow(Passing):
    """No answer came in time: fewer calls at once may help."""


class Refused(Exception):
    """This request gets no answer, for the reason given; others may. Asking again would give the same."""

    def __init__(self, reason: str, usage: Usage | None = None):
        super().__init__(reason)
        self.usage = usage or Usage()
        """What the refusal cost."""


_LEADING = re.compile(r"[\W_]*(yes|no)(?![^\W_])(.*)", re.IGNORECASE | re.DOTALL)
# what may follow a verdict: an end, a line break, a mark; or a word that begins a reason. "No idea" and "Yes/No" are no verdicts
_GOES_ON = re.compile(
    r"""[*_"'’”`)\]]* (?: \s*$ | \s*\n | [.,;:!?–—…<] | \s+[(–—-] | \s+(?:because|since|as|i|it|this|that|the|there)\b )""",
    re.IGNORECASE | re.VERBOSE,
)
# "Yes and no", "No. Yes, ...", "No. 5"
_TAKEN_BACK = re.compile(r"[\W_]*(?:(?:and|or|but)[\W_]+)*(?:(yes|no)(?![^\W_])|\d)", re.IGNORECASE)


def read_yes_no(text: str) -> bool | None:
    """The verdict that an answer begins with, whatever stands round it: `Yes.`, `yes, because ...`, `**No**`, `"No"`.

    None for everything else: prose, `Yes and no`, `No idea`, an answer that is empty or was cut off while the judge still thought.
    """
    said = _LEADING.match(text.rpartition("</think>")[2])
    if said is None or not _GOES_ON.match(said[2]):
        return None
    taken_back = _TAKEN_BACK.match(said[2])
    if taken_back and (taken_back[1] or "").lower() != said[1].lower():
        return None
    return said[1].lower() == "yes"


def probability_of_yes(alternatives: Iterable[tuple[str, float]]) -> float | None:
    """Probability of Yes against No, in [0, 1], from tokens that may stand in one place and their natural log-probabilities.

    Sums over all tokens that spell yes or no, whatever their case and the blanks round them; None where none does.
    """
    share = {"yes": 0.0, "no": 0.0}
    for token, logprob in alternatives:
        spelled = token.strip().lower()
        if spelled in share:
            share[spelled] += math.exp(min(logprob, 0.0))
    total = sum(share.values())
    return share["yes"] / total if total > 0 else None
