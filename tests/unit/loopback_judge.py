"""A server that speaks as OpenAI does, on this machine alone, and goes wrong as often as it is told to: for tests and benchmarks.

    with Loopback(reply=lambda messages: "Yes", faults=Faults(busy=0.1)) as server: ...  server.base_url ... server.received
    python tests/unit/loopback_judge.py --port 8765 --latency 0.05

What goes wrong with a request is drawn from the seed, the request and how often it came before: the order in which requests come
changes nothing. It is no language model: it answers what `reply` says.
"""

import argparse
import json
import random
import re
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, get_args

Fault = Literal[
    "busy", "busy_until", "unavailable", "error", "closed", "hang", "malformed", "no_answer", "empty", "cut", "too_long", "no_credit"
]
MODEL = "loopback"
LIKELY, UNLIKELY = -0.105, -2.303
"""Natural logarithms of 0.9 and 0.1: how sure it is of a Yes or a No."""
CACHED_FROM = 1024
"""Tokens of a first message from which on it is found in the cache, when it came before."""


@dataclass(frozen=True)
class Faults:
    """Share of the requests, in [0, 1], with which this goes wrong."""

    busy: float = 0.0
    """429."""
    busy_until: float = 0.0
    """429 that says when to come back."""
    unavailable: float = 0.0
    """503."""
    error: float = 0.0
    """500."""
    closed: float = 0.0
    """The connection is closed without a word."""
    hang: float = 0.0
    """No answer for `hang_s` seconds, and then a closed connection."""
    malformed: float = 0.0
    """Half of an answer, as JSON."""
    no_answer: float = 0.0
    """JSON that is something else."""
    empty: float = 0.0
    cut: float = 0.0
    """Cut off by the limit of its length."""
    too_long: float = 0.0
    """400: the request does not fit into the context."""
    no_credit: float = 0.0
    retry_after_s: float = 0.02
    hang_s: float = 5.0
    seed: int = 0

    def drawn(self, body: str, time_seen: int) -> Fault | None:
        """What goes wrong with a request that comes for the so-and-so-many-th time."""
        at = random.Random(f"{self.seed} {time_seen} {body}").random()
        for fault in get_args(Fault):
            at -= getattr(self, fault)
            if at < 0:
                return fault
        return None


class Loopback:
    """The server, as a context manager. Everything that it was sent is kept."""

    def __init__(
        self,
        reply: Callable[[list[dict]], str] | None = None,
        faults: Faults | None = None,
        plan: Sequence[Fault | None] = (),
        latency_s: float = 0.0,
        capacity: int | None = None,
        key: str | None = None,
        wordings: Sequence[str] = ("{}",),
        unsupported: Sequence[str] = (),
        most_logprobs: int = 20,
        tells_logprobs: bool = True,
        tells_usage: bool = True,
        follows_schema: bool = True,
        thinking_tokens: int = 0,
        credit: int | None = None,
        port: int = 0,
    ):
        """`plan` says what goes wrong with the first requests, `faults` with the others.

        More than `capacity` requests at once are turned away; another key than `key` is refused, in a message that repeats it; every answer
        is put into one of `wordings`; `unsupported` parameters are refused; after `credit` answers there is no credit left.
        """
        self.reply, self.faults, self.plan = reply or answer_something, faults or Faults(), list(plan)
        self.latency_s, self.capacity, self.key, self.wordings = latency_s, capacity, key, wordings
        self.unsupported, self.most_logprobs, self.tells_logprobs, self.tells_usage = (
            unsupported,
            most_logprobs,
            tells_logprobs,
            tells_usage,
        )
        self.follows_schema, self.thinking_tokens, self.credit = follows_schema, thinking_tokens, credit
        self.received: list[dict] = []
        """Bodies, in the order in which they came."""
        self.keys: set[str] = set()
        self.faulted: Counter[str] = Counter()
        """How often what went wrong."""
        self.most_at_once = 0
        self._seen: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._first_messages: set[str] = set()
        self._at_once = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.loopback = self

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def answered(self) -> int:
        """Requests that were answered well."""
        return sum(self._answered.values())

    @property
    def repeated(self) -> int:
        """Requests that came although one with the same body had been answered well."""
        return sum(count - 1 for count in self._answered.values())

    def times_answered(self, body: dict) -> int:
        """How often a request with this body was answered well."""
        return self._answered[_canonical(body)]

    def __enter__(self) -> "Loopback":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        """Answer until the process ends."""
        self._server.serve_forever()

    # what the handler needs --------------------------------------------------------------------------------------------

    def begin(self, body: dict, key: str) -> Fault | None:
        """A request has come; says what goes wrong with it."""
        told = _canonical(body)
        with self._lock:
            self.received.append(body)
            self.keys.add(key)
            self._seen[told] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            fault = self.plan.pop(0) if self.plan else self.faults.drawn(told, self._seen[told])
            if self.capacity is not None and self._at_once > self.capacity:
                fault = "busy"
            if self.credit is not None and self.answered >= self.credit:
                fault = "no_credit"
            self.faulted.update([fault] if fault else [])
            return fault

    def end(self, body: dict, well: bool) -> None:
        """A request has been dealt with."""
        with self._lock:
            self._at_once -= 1
            self._answered.update([_canonical(body)] if well else [])

    def wait(self, seconds: float) -> None:
        """Take one's time, unless the server is being closed."""
        self._stopping.wait(seconds)

    def refused_parameter(self, body: dict) -> str | None:
        """A parameter of the request that is not supported."""
        return next((name for name in self.unsupported if name in body), None)

    def completion(self, body: dict, fault: Fault | None) -> dict:
        """The answer to a request."""
        text, reason = ("", "stop") if fault == "empty" else (self._worded(body), "length" if fault == "cut" else "stop")
        most = body.get("max_completion_tokens", body.get("max_tokens"))
        if self.thinking_tokens and most is not None and most < self.thinking_tokens:
            text, reason = "", "length"
        choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text}, "logprobs": None}
        if body.get("logprobs") and self.tells_logprobs:
            choice["logprobs"] = {"content": _logprobs(text), "refusal": None}
        usage = {"usage": self._usage(body, text)} if self.tells_usage else {}
        return {"id": "chatcmpl-loopback", "object": "chat.completion", "created": 0, "model": body["model"], "choices": [choice]} | usage

    def _worded(self, body: dict) -> str:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        if self.follows_schema and schema and self.reply is answer_something:
            return json.dumps(_instance(schema))
        draw = random.Random(f"{self.faults.seed} {_canonical(body)}")
        return draw.choice(self.wordings).format(self.reply(body["messages"]))

    def _usage(self, body: dict, text: str) -> dict:
        sizes = [_tokens(message["content"]) for message in body["messages"]]
        with self._lock:
            first = body["messages"][0]["content"]
            cached = sizes[0] if first in self._first_messages and sizes[0] >= CACHED_FROM else 0
            self._first_messages.add(first)
        completion = _tokens(text) + self.thinking_tokens
        return {
            "prompt_tokens": sum(sizes),
            "completion_tokens": completion,
            "total_tokens": sum(sizes) + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": self.thinking_tokens},
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    loopback: Loopback

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what many tests are about."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    """Headers and body leave together."""
    server: _Server

    def log_message(self, *told: object) -> None:
        """Nothing is printed."""

    @property
    def key(self) -> str:
        """What the caller calls itself by. Errors repeat it, as those of careless servers do."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "loopback"}]})
        else:
            self._refuse(404, "no such page", "not_found")

    def do_POST(self) -> None:
        loopback = self.server.loopback
        sent = self.rfile.read(int(self.headers["content-length"]))
        if len(sent) < int(self.headers["content-length"]):
            raise ConnectionResetError("the client was killed while it was asking")
        body = json.loads(sent)
        fault, well = loopback.begin(body, self.key), False
        try:
            loopback.wait(loopback.latency_s)
            if self.path.startswith("/moved/"):
                self._send_bytes(307, b"", {"location": loopback.base_url + "/chat/completions"})
            elif self.path != "/v1/chat/completions":
                self._refuse(404, "no such page", "not_found")
            elif loopback.key is not None and self.key != loopback.key:
                self._refuse(401, f"Incorrect API key provided: {self.key}", "invalid_api_key")
            elif (name := loopback.refused_parameter(body)) is not None:
                self._refuse(400, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter", name)
            elif body.get("top_logprobs", 0) > loopback.most_logprobs:
                self._refuse(400, f"Requested sample logprobs is greater than max allowed: {loopback.most_logprobs}", None)
            elif fault in (None, "empty", "cut"):
                self._send(200, loopback.completion(body, fault))
                well = fault is None
            else:
                self._go_wrong(fault, body)
        finally:
            loopback.end(body, well)

    def _go_wrong(self, fault: Fault, body: dict) -> None:
        faults = self.server.loopback.faults
        match fault:
            case "busy":
                self._refuse(429, "Rate limit reached", "rate_limit_exceeded")
            case "busy_until":
                self._refuse(429, "Rate limit reached", "rate_limit_exceeded", headers={"retry-after": str(faults.retry_after_s)})
            case "unavailable":
                self._refuse(503, "The engine is overloaded", None)
            case "error":
                self._refuse(500, f"The server had an error with {self.key}", None)
            case "too_long":
                self._refuse(
                    400, "max_tokens is too large: the maximum context length is 4096 tokens", "context_length_exceeded", "messages"
                )
            case "no_credit":
                self._refuse(429, "You exceeded your current quota", "insufficient_quota")
            case "malformed":
                self._send_bytes(200, json.dumps(self.server.loopback.completion(body, None)).encode()[:-40])
            case "no_answer":
                self._send(200, {"error": "no model is loaded"})
            case "hang" | "closed":
                self.server.loopback.wait(faults.hang_s if fault == "hang" else 0.0)
                self.close_connection = True
                with suppress(OSError):  # the client may have gone first
                    self.connection.shutdown(socket.SHUT_RDWR)

    def _refuse(self, status: int, message: str, code: str | None, param: str | None = None, headers: dict[str, str] | None = None) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
        self._send_bytes(status, json.dumps({"error": error}).encode(), headers)

    def _send(self, status: int, told: dict) -> None:
        self._send_bytes(status, json.dumps(told).encode())

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def answer_something(messages: list[dict]) -> str:
    """What a judge might say that looks at nothing: Yes, a number, or a phrase, by how the question ends."""
    question = messages[-1]["content"].rstrip()
    if re.search(r"\byes or no\b|answer:$", question, re.I):
        return "Yes"
    return "1" if question.endswith("does not belong:") else "words of the sea"


def _canonical(body: dict) -> str:
    return json.dumps(body, sort_keys=True)


def _tokens(text: str) -> int:
    return -(-len(text) // 4)


def _logprobs(text: str) -> list[dict]:
    """Words and what is between them as tokens; where one is a Yes or a No, the other is the less likely alternative."""
    return [_token(token) for token in re.findall(r"\w+|\W+", text)]


def _token(token: str) -> dict:
    other = {"yes": "No", "no": "Yes"}.get(token.lower())
    alternatives = [(token, LIKELY), (f" {other.lower()}", UNLIKELY)] if other else [(token, LIKELY)]
    told = [{"token": spelled, "logprob": logprob, "bytes": list(spelled.encode())} for spelled, logprob in alternatives]
    return {**told[0], "top_logprobs": told}


def _instance(schema: dict) -> object:
    """Something that follows a schema."""
    match schema.get("type"):
        case "object":
            return {name: _instance(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [_instance(schema["items"])] * schema.get("minItems", 1)
        case "boolean":
            return True
        case "integer" | "number":
            return 1
    return "Yes"


def main() -> None:
    """Serve until interrupted; the address is printed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--capacity", type=int, help="requests at once; more are turned away")
    parser.add_argument("--credit", type=int, help="answers before there is no credit left")
    parser.add_argument("--answer", help="what every question is answered, instead of something that fits")
    for field in fields(Faults):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, default=field.default, help="see Faults")
    told = vars(parser.parse_args())
    faults = Faults(**{field.name: told[field.name] for field in fields(Faults)})
    reply = None if told["answer"] is None else lambda messages: told["answer"]
    server = Loopback(reply, faults, latency_s=told["latency"], capacity=told["capacity"], credit=told["credit"], port=told["port"])
    print(server.base_url, flush=True)
    server.serve()


if __name__ == "__main__":
    main()
