"""A judge behind OpenAI's chat completions: OpenAI itself, or one of the many servers that speak as it does.

Servers differ in what they take and tell; what one of them can do is found out by asking it a few things, once. Retries, pace and
budget are the caller's business (`bae.comsem.calls`). The key goes into a header, and nowhere else.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

from openai import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    DefaultAsyncHttpx2Client,
    Timeout,
)
from openai.types.chat import ChatCompletion

from bae.comsem.configuration import NO_KEY, OPENAI_URL, JudgeConfig, key_of, ready
from bae.comsem.judge import Answer, Busy, Fatal, Passing, Refused, Request, Slow
from bae.comsem.openai_replies import (
    LEFT_OUT,
    LENGTHS,
    LOGPROBS,
    Length,
    refused_parameter,
    retry_after,
    spelled,
    usage_of,
    well_formed,
    yes_of,
)
from bae.system.parsing import parsed_json

MOST_LOGPROBS, FEWER_LOGPROBS = 20, 5
"""Alternatives a token: the most that may be asked for, and what stricter servers allow."""
THINKING_TOKENS = 2048
"""Room for a model that thinks before it answers, and counts that as part of its answer."""

NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"}
TOO_MUCH = {429, 503, 529}
TRY_AGAIN = {408, 409, 425}
REASON_CHARACTERS = 300
PROBE_ATTEMPTS, PROBE_WAIT_S = 4, 0.5

YES_PROBE = Request("verdict", (("user", "Is water wet? Answer Yes or No."),), max_tokens=16, prompt_version="", yes_no=True)
SCHEMA = '{"type": "object", "properties": {"wet": {"type": "boolean"}}, "required": ["wet"], "additionalProperties": false}'
SCHEMA_PROBE = Request("verdicts", (("user", "Is water wet?"),), max_tokens=64, prompt_version="", schema=SCHEMA)


@dataclass(frozen=True)
class Capabilities:
    """What a server and its model can do."""

    length: Length = "max_tokens"
    """How it calls the longest answer."""
    logprobs: int = MOST_LOGPROBS
    """Alternatives a token whose log-probabilities it tells; 0 where it tells none."""
    json_schema: bool = True
    temperature: bool = True
    """Whether it can be asked for temperature 0."""
    seed: bool = True
    thinking_tokens: int = 0
    """Added to the longest answer of every request, because it thinks within it."""


class OpenAIJudge:
    """A model that is asked over HTTP, at temperature 0 and with a fixed seed. Lives within one event loop."""

    draft = False

    def __init__(
        self,
        name: str,
        model: str,
        key: str,
        base_url: str = OPENAI_URL,
        *,
        capabilities: Capabilities | None = None,
        seed: int = 0,
        timeout_s: float = 60.0,
        paid: bool = True,
    ):
        """`capabilities` are what an earlier `probe` found; `timeout_s` is the longest that an answer may take.

        Raises ValueError for a key that no header can carry.
        """
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError(f"the key of the judge {name} is empty, or holds a blank or a character that keys do not have; set it anew")
        self.name, self.model, self.base_url, self.seed, self.paid = name, model, base_url.rstrip("/"), seed, paid
        length = LENGTHS[0] if self.base_url == OPENAI_URL else LENGTHS[1]
        self.capabilities = capabilities or Capabilities(length)
        """What is used at the moment: a parameter that the server refuses is left out from then on."""
        self.identity = self._identity()
        self._rejected: set[str] = set()
        self._timeout_s = timeout_s
        self._key = key
        timeout = Timeout(timeout_s, connect=min(5.0, timeout_s))
        # redirects would carry prompts to an address that nobody configured
        transport = DefaultAsyncHttpx2Client(follow_redirects=False, timeout=timeout)
        self._client = AsyncOpenAI(api_key=key, base_url=self.base_url, timeout=timeout, max_retries=0, http_client=transport)

    @classmethod
    def of(cls, config: JudgeConfig, capabilities: Capabilities | None = None) -> "OpenAIJudge":
        """The judge that a configuration describes. Raises ValueError where something is missing, in a sentence."""
        if missing := ready(config):
            raise ValueError(missing)
        return cls(config.name, config.model, key_of(config), config.base_url, capabilities=capabilities, paid=config.paid)

    def __repr__(self) -> str:
        return f"OpenAIJudge({self.name!r}, model={self.model!r}, base_url={self.base_url!r})"

    def _identity(self) -> str:
        """What a server turns out to refuse later on does not enter: the same server refuses it every time."""
        told = {"model": self.model, "base_url": self.base_url, "temperature": 0, "seed": self.seed, **asdict(self.capabilities)}
        return json.dumps({"kind": "openai", **told}, sort_keys=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(self, request: Request) -> Answer:
        """Ask once; once more for every parameter that the server turns out not to know.

        Raises Fatal (key, credit, model, address), Busy, Passing, or Refused (this request alone; an answer that is empty or cut off,
        but a Yes or No, of which the beginning is enough).
        """
        while True:
            parameters = self._parameters(request)
            try:
                return self._answer(request, await self._completion(parameters))
            except APIStatusError as error:
                refused = refused_parameter(error, parameters)
                if refused is None:
                    # what servers say may hold the key, so that it is not carried along as the cause
                    raise self._said(error) from None
                self._do_without(refused, parameters)

    async def probe(self) -> Capabilities:
        """Find out what the server can do, with a handful of short calls, and use that from now on.

        Changes the identity: to be done before the first question. Raises Fatal where the judge cannot be used.
        """
        try:
            answer = await self._patiently(YES_PROBE)
        except Refused:
            answer = await self._with_room_to_think(YES_PROBE)
        if answer.usage.reasoning_tokens:
            self.capabilities = replace(self.capabilities, thinking_tokens=THINKING_TOKENS)
        if answer.yes is None:
            self.capabilities = replace(self.capabilities, logprobs=0)
        if not await self._follows_schema():
            self.capabilities = replace(self.capabilities, json_schema=False)
        self.identity = self._identity()
        return self.capabilities

    async def _with_room_to_think(self, request: Request) -> Answer:
        self.capabilities = replace(self.capabilities, thinking_tokens=THINKING_TOKENS)
        try:
            return await self._patiently(request)
        except Refused as refused:
            raise Fatal(f"the judge {self._place} gives no answers: {refused}; choose another judge") from None

    async def _follows_schema(self) -> bool:
        try:
            answer = parsed_json((await self._patiently(SCHEMA_PROBE)).text)
        except (Refused, ValueError):
            return False
        return isinstance(answer, dict) and isinstance(answer.get("wet"), bool)

    async def _patiently(self, request: Request) -> Answer:
        """Ask for the probe, which nobody drives."""
        for attempt in range(PROBE_ATTEMPTS):
            try:
                return await self.ask(request)
            except (Busy, Passing) as failure:
                last = failure
                await asyncio.sleep(PROBE_WAIT_S * 2**attempt)
        raise Fatal(f"the judge {self._place} does not answer: {last}; see whether it runs, and try again")

    @property
    def _place(self) -> str:
        return f"{self.name} at {urlsplit(self.base_url).netloc}"

    def _parameters(self, request: Request) -> dict:
        """What is sent. The fixed part of the messages comes first, so that servers find it in their caches: that is the prompt's work."""
        can = self.capabilities
        parameters = {
            "model": self.model,
            "messages": [{"role": role, "content": spelled(content)} for role, content in request.messages],
            can.length: request.max_tokens + can.thinking_tokens,
        }
        if can.temperature:
            parameters["temperature"] = 0
        if can.seed:
            parameters["seed"] = self.seed
        if request.yes_no and can.logprobs:
            parameters |= {"logprobs": True, "top_logprobs": can.logprobs}
        if request.schema and can.json_schema:
            schema = {"name": request.kind, "strict": True, "schema": json.loads(request.schema)}
            parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
        return parameters

    async def _completion(self, parameters: dict) -> ChatCompletion:
        """One call. Raises Passing where the wire fails, and what the server says as an APIStatusError."""
        try:
            # the transport's own timeout starts again with every byte
            async with asyncio.timeout(self._timeout_s):
                completion = await self._client.chat.completions.create(**parameters)
        except (TimeoutError, APITimeoutError):
            raise Slow(f"{self._place} did not answer within {self._timeout_s:g} s") from None
        except APIConnectionError:
            raise Passing(f"{self._place} cannot be reached, or closed the connection") from None
        except (APIResponseValidationError, ValueError, RecursionError):  # no JSON, no UTF-8, digits or brackets without end
            raise Passing(f"{self._place} sent something that is no answer") from None
        if not well_formed(completion):
            raise Passing(f"{self._place} sent something that is no answer")
        return completion

    def _answer(self, request: Request, completion: ChatCompletion) -> Answer:
        choice, usage = completion.choices[0], usage_of(completion.usage)
        text = spelled(choice.message.content or "")
        if choice.finish_reason == "content_filter" or choice.message.refusal:
            raise Refused(f"the model refused to answer: {self._clean(str(choice.message.refusal or 'content filter'))}", usage)
        if not text.strip():
            raise Refused(f"the answer was empty (finish reason: {choice.finish_reason})", usage)
        # of Yes and No the beginning is enough, and prose is told from them by whoever reads it
        if choice.finish_reason == "length" and not request.yes_no:
            raise Refused(f"the answer was cut off after {request.max_tokens} tokens", usage)
        return Answer(text, yes_of(choice.logprobs) if request.yes_no else None, usage)

    def _said(self, error: APIStatusError) -> Exception:
        """What a server's refusal means for the run."""
        status, codes, said = error.status_code, {str(error.code), str(error.type)}, self._clean(error.message)
        if codes & NO_CREDIT or status == 402:
            return Fatal(f"the judge {self._place} has no credit left; top it up, then resume the run")
        if status == 401 or "invalid_api_key" in codes:
            return Fatal(f"the judge {self._place} does not accept the key; set the right one, then resume the run")
        if status == 403:
            return Fatal(f"the judge {self._place} may not be used with this key; give it the right, or choose another judge ({said})")
        if status == 404 or "model_not_found" in codes:
            return Fatal(f"there is no model {self.model!r} at {self.base_url}; correct the model or the base URL in judges.toml ({said})")
        if status < 400:
            return Fatal(f"{self.base_url} sends callers elsewhere (HTTP {status}); write the address where it ends into judges.toml")
        if status in TOO_MUCH:
            return Busy(said, retry_after(error.response.headers))
        if status >= 500 or status in TRY_AGAIN:
            return Passing(said)
        return Refused(said)

    def _do_without(self, parameter: str, sent: Mapping[str, object]) -> None:
        """Leave out, or spell otherwise, what the server does not take. Calls that began together may all hear of it."""
        can = self.capabilities
        self._rejected.add(parameter)
        if parameter in LENGTHS:
            left = [length for length in LENGTHS if length not in self._rejected]
            if not left:
                raise Fatal(f"the judge {self._place} takes no limit on the length of an answer; choose another judge")
            self.capabilities = replace(can, length=left[0])
        elif parameter in LOGPROBS and sent["top_logprobs"] > FEWER_LOGPROBS:
            self.capabilities = replace(can, logprobs=min(can.logprobs, FEWER_LOGPROBS))
        else:
            field, without = LEFT_OUT[parameter]
            self.capabilities = replace(can, **{field: without})

    def _clean(self, text: str) -> str:
        """What a server said, in one line of bounded length, without the key."""
        hidden = text if self._key == NO_KEY else text.replace(self._key, "[key]")
        return " ".join(hidden.split())[:REASON_CHARACTERS]
