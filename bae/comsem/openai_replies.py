"""What comes back from servers that speak as OpenAI does, read without trust in its form. Knows no judge and makes no call."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Literal

from openai import APIStatusError
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice, ChoiceLogprobs

from bae.comsem.judge import Usage, probability_of_yes

Length = Literal["max_completion_tokens", "max_tokens"]
LENGTHS: tuple[Length, ...] = ("max_completion_tokens", "max_tokens")
"""OpenAI's reasoning models refuse the second, and older local servers overlook the first and then never stop."""
LOGPROBS = ("top_logprobs", "logprobs")
LEFT_OUT = {
    **dict.fromkeys(LOGPROBS, ("logprobs", 0)),
    "temperature": ("temperature", False),
    "seed": ("seed", False),
    "response_format": ("json_schema", False),
}
"""Parameters that can be done without: the capability that is missing then, and its value."""
UNKNOWN_PARAMETER = re.compile(
    r"unsupported|not supported|does not support|not (?:permitted|allowed|available|enabled)|unrecogni[sz]ed|unknown|unexpected|extra", re.I
)


def refused_parameter(error: APIStatusError, parameters: Mapping[str, object]) -> str | None:
    """Which of the parameters sent, that can be done without, a server says it does not take; None where it says something else."""
    if error.status_code not in (400, 403, 422):
        return None
    said = f"{error.message} {error.code} {error.body}"
    sent = [name for name in (*LENGTHS, *LEFT_OUT) if name in parameters]
    accused = str(error.param).split(".")[0]
    named = accused if accused in sent else next((name for name in sent if re.search(rf"\b{name}\b", said)), None)
    # of log-probabilities it may only be the number that is too much
    return named if named in LOGPROBS or UNKNOWN_PARAMETER.search(said) else None


def well_formed(completion: object) -> bool:
    """Whether an answer has what makes it one: the SDK builds its types from whatever comes, and checks nothing."""
    if not isinstance(completion, ChatCompletion) or not isinstance(completion.choices, list) or not completion.choices:
        return False
    choice = completion.choices[0]
    return (
        isinstance(choice, Choice) and isinstance(choice.message, ChatCompletionMessage) and isinstance(choice.message.content, str | None)
    )


def usage_of(told: object) -> Usage:
    """Tokens as the server counts them; 0 for what it does not tell."""

    def count(part: object, name: str) -> int:
        value = getattr(part, name, None)
        return value if isinstance(value, int) and value > 0 else 0

    return Usage(
        prompt_tokens=count(told, "prompt_tokens"),
        completion_tokens=count(told, "completion_tokens"),
        cached_tokens=count(getattr(told, "prompt_tokens_details", None), "cached_tokens"),
        reasoning_tokens=count(getattr(told, "completion_tokens_details", None), "reasoning_tokens"),
    )


def yes_of(logprobs: ChoiceLogprobs | None) -> float | None:
    """Probability of Yes against No where the first word of an answer begins, quotes and asterisks before it passed over."""
    tokens = logprobs.content if isinstance(logprobs, ChoiceLogprobs) and isinstance(logprobs.content, list) else []
    for token in tokens:
        alternatives = _alternatives(token)
        if any(letter.isalnum() for spelled in list(alternatives)[:1] for letter in spelled):
            return probability_of_yes(alternatives.items())
    return None


def _alternatives(token: object) -> dict[str, float]:
    """Tokens that may stand in one place, the one that was chosen first, and their log-probabilities."""
    others = getattr(token, "top_logprobs", None)
    told = [token, *(others if isinstance(others, list) else [])]
    pairs = [(getattr(each, "token", None), getattr(each, "logprob", None)) for each in told]
    return {spelled: float(logprob) for spelled, logprob in pairs if isinstance(spelled, str) and isinstance(logprob, int | float)}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, from its own clock where it names a time; None where it says nothing that can be read."""
    milliseconds = _number(headers.get("retry-after-ms"))
    seconds = _number(headers.get("retry-after")) if milliseconds is None else milliseconds / 1000
    if seconds is None and headers.get("retry-after") and headers.get("date"):
        try:
            seconds = (parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])).total_seconds()
        except (ValueError, TypeError):
            return None
    return None if seconds is None else max(seconds, 0.0)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def spelled(text: str) -> str:
    """The text with halves of surrogate pairs replaced: JSON can carry them, UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
