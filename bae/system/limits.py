"""What an administrator allows those who have the language model write, set in the environment of the server.

| variable | default | allowed | what it limits |
|---|---|---|---|
| `BAE_MAX_NEW_TOKENS` | 256 | 1 to 100,000 | tokens that the model writes at one request |
| `BAE_MAX_PROMPT_CHARACTERS` | 20,000 | 1 to 10,000,000 | characters that it is given to write on from |
| `BAE_MAX_WAITING` | 50 | 0 to 10,000 | requests that wait for the model; whoever comes then is told that the queue is full |

Reading a text for its features writes nothing, and has a limit of its own.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "BAE_"
MOST = {"max_new_tokens": 100_000, "max_prompt_characters": 10_000_000, "max_waiting": 10_000}


@dataclass(frozen=True)
class WritingLimits:
    """How much may be asked of the language model. Raises ValueError that names the variable and what it may hold."""

    max_new_tokens: int = 256
    max_prompt_characters: int = 20_000
    max_waiting: int = 50

    def __post_init__(self):
        for name, most in MOST.items():
            least, value = int(name != "max_waiting"), getattr(self, name)
            if not least <= value <= most:
                raise ValueError(_wrong(name, value))

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "WritingLimits":
        """Those that the environment sets; a variable that is empty or missing leaves the default."""
        given = {name: environment.get(PREFIX + name.upper(), "").strip() for name in MOST}
        for name, value in given.items():
            if value and not re.fullmatch(r"[0-9]{1,9}", value):
                raise ValueError(_wrong(name, value))
        return cls(**{name: int(value) for name, value in given.items() if value})

    def check(self, prompt: str, new_tokens: int) -> None:
        """Raise ValueError where more is asked than is allowed."""
        if len(prompt) > self.max_prompt_characters:
            raise ValueError(
                f"the text has {len(prompt):,} characters; this server lets the model write on from at most {self.max_prompt_characters:,}"
            )
        if new_tokens > self.max_new_tokens:
            raise ValueError(
                f"{new_tokens:,} tokens are asked for; this server lets the model write at most {self.max_new_tokens:,} at once"
            )


def _wrong(name: str, value: object) -> str:
    least = int(name != "max_waiting")
    shown = str(value)[:40]
    return (
        f"the environment variable {PREFIX}{name.upper()} is a whole number from {least} to {MOST[name]:,}, without commas; got {shown!r}"
    )
