"""TOML that people write: recipes, settings of experiments, judges; and what the workspace's own files hold when they are damaged."""

import json
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hostile
import pytest
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st

from bae.comsem import configuration
from bae.experiments.entropy.recipes import RECIPES, read_settings
from bae.experiments.entropy.synthetic_settings import Settings as SyntheticSettings
from bae.experiments.entropy.tokens import Settings as TokenSettings
from bae.measures import fit, reports
from bae.system.jobs import Jobs
from bae.training.curves import Curve
from bae.training.runs import add
from bae.workspace import DATA, Recipe, Workspace

PLACE: dict[str, Path] = {}
DEMO = (DATA / "demo" / "recipe.toml").read_text(encoding="utf-8")
OWN = [DEMO, *(file.read_text(encoding="utf-8") for file in sorted((DATA / "recipes").glob("*.toml")))]
SMALL = 'layers = [2]\n[[autoencoder]]\nname = "bae"\nkind = "binary"\nlayer = 2\n'


@pytest.fixture(scope="module", autouse=True)
def place():
    """A small study in memory, where that is possible."""
    memory = Path("/dev/shm")
    PLACE["folder"] = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    for name in ("autoencoders/bae", "evaluation", "jobs"):
        (PLACE["folder"] / name).mkdir(parents=True)
    (PLACE["folder"] / "recipe.toml").write_text(SMALL, encoding="utf-8")
    yield
    shutil.rmtree(PLACE["folder"])


def written(name: str, data: bytes | str) -> Path:
    file = PLACE["folder"] / name
    file.unlink(missing_ok=True)
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return file


# TOML

NESTED = st.sampled_from([20, 5_000]).flatmap(
    lambda depth: st.sampled_from(["a = " + "[" * depth, "a = " + "{b=" * depth, "[" + "a." * depth + "b]"])
)
VALUES = [
    '"middle"',
    "[2]",
    "[]",
    "-1",
    "0",
    "2",
    "1e999",
    "nan",
    "true",
    '""',
    '"../.."',
    '"bae"',
    '"x y"',
    "1979-05-27",
    "{ a = 1 }",
    "[[1], []]",
    "9" * 40,
]
KEYS = [
    "layers",
    "model",
    "sources",
    "train_tokens",
    "seed",
    "context_length",
    "name",
    "kind",
    "layer",
    "steps",
    "k",
    "then",
    "stranger",
    '"a b"',
    '""',
]


@st.composite
def toml(draw: Callable, whole: list[str], tables: tuple[str, ...]) -> str:
    """A file that is right, its lines replaced, left out or added to."""
    text = draw(hostile.among(whole))
    lines = text.splitlines()
    for _ in range(draw(st.integers(0, 3))):
        line = f"{draw(st.sampled_from(KEYS))} = {draw(st.one_of(st.sampled_from(VALUES), hostile.texts(12).map(json.dumps)))}"
        at = draw(st.integers(0, len(lines)))
        match draw(st.integers(0, 3)):
            case 0:
                lines[at : at + 1] = []
            case 1:
                lines[at:at] = [line]
            case 2:
                lines[at : at + 1] = [line]
            case 3:
                lines[at:at] = [draw(st.sampled_from(tables)), line]
    return "\n".join(lines)


def any_toml(whole: list[str], *tables: str) -> st.SearchStrategy[str]:
    return st.one_of(
        toml(whole, tables), toml(whole, tables), NESTED, hostile.texts(), st.integers(0, len(whole) - 1).flatmap(lambda n: cut(whole[n]))
    )


def cut(text: str) -> st.SearchStrategy[str]:
    return hostile.broken(text.encode()).map(lambda data: data.decode("utf-8", "replace"))


def recipe(text: str) -> Recipe:
    return Recipe.read(written("fuzzed.toml", text))


def spelled_alike(_text: str, found: Recipe) -> None:
    """What a recipe spells is read back as an equal one, and names no folder but below its own."""
    assert repr(Recipe.parse(found.toml())) == repr(found)
    folder = Workspace(PLACE["folder"], found)
    for table in found.autoencoders:
        assert folder.autoencoder_folder(table["name"]).parent == PLACE["folder"] / "autoencoders"


def added(text: str) -> tuple[str, str]:
    """The name of a table that was appended to the recipe, and the recipe then."""
    written("recipe.toml", SMALL)
    name = add(Workspace.open(PLACE["folder"]), text)
    return name, (PLACE["folder"] / "recipe.toml").read_text(encoding="utf-8")


def the_recipe_grew_by_it(_text: str, found: tuple[str, str]) -> None:
    name, grown = found
    assert grown.startswith(SMALL.rstrip()) and [table["name"] for table in Recipe.parse(grown).autoencoders] == ["bae", name]


def the_recipe_is_as_it_was(_text: str, _error: Exception) -> None:
    assert (PLACE["folder"] / "recipe.toml").read_text(encoding="utf-8") == SMALL


TABLES = [
    '[[autoencoder]]\nname = "bae-2"\nkind = "binary"\nlayer = 2\nsteps = 10\n',
    '[[autoencoder]]\nname = "topk"\nkind = "topk"\nlayer = 2\nk = 4\n',
]
EXPERIMENTS = [file.read_text(encoding="utf-8") for file in sorted(RECIPES.glob("*.toml"))]
SYNTHETIC = ["d_model = 8\nranks = [0, 2]\nsamples = 100\nbatch_size = 16\nsteps = 3\n"]


def settings(kind: type) -> Callable[[str], object]:
    return lambda text: read_settings(kind, str(written("settings.toml", text)), {})


def every_field_fits(_text: str, found: object) -> None:
    assert repr(type(found)(**vars(found))) == repr(found)


# judges

JUDGES = """
[judge.local]
model = "qwen"
base_url = "http://127.0.0.1:8000/v1"
prices = { input = 0.1, cached_input = 0.05, output = 0.4, currency = "USD" }
[judge."gpt-4.1-mini"]
concurrency = 2
"""
SECRET = "sk-fuzzed-0123456789"
JUDGE_LINES = [
    f'key_variable = "{SECRET}"',
    f'base_url = "http://u:{SECRET}@x/v1"',
    f'base_url = "http://x/v1?key={SECRET}"',
    f'key = "{SECRET}"',
]
JUDGE_LINES += [
    "base_url = 'file:///etc/passwd'",
    "base_url = 'ftp://x'",
    "base_url = 3",
    "concurrency = 0",
    "kind = 'shell'",
    "prices = { input = 'x' }",
    "[judge]",
    "x = 1",
]


@st.composite
def judges(draw: Callable) -> str:
    """judges.toml with lines of others in it."""
    lines = JUDGES.splitlines()
    for line in draw(st.lists(st.one_of(st.sampled_from(JUDGE_LINES), hostile.texts(20)), max_size=3)):
        lines.insert(draw(st.integers(0, len(lines))), line)
    return "\n".join(lines)


def read_judges(text: str) -> dict:
    written(configuration.FILE, text)
    return configuration.judges(PLACE["folder"])


def over_http_and_without_a_key(_text: str, found: dict) -> None:
    for judge in found.values():
        assert judge.kind != "openai" or judge.base_url.startswith(("http://", "https://"))
        assert SECRET not in repr(judge)


def says_no_key(text: str, error: Exception) -> None:
    """A key that was pasted into the wrong place is not repeated, unless it was made the name of something."""
    if f'"{SECRET}"' in text or f":{SECRET}@" in text or f"={SECRET}" in text:
        assert SECRET not in str(error)


# files of the workspace

CONFIG = {"kind": "binary", "n_features": 4, "provenance": {"layer": 2, "figures": {"fvu": 0.3, "bits": 12.0}}}
JOB = {
    **{"command": ["a"], "pid": 1, "process_started": 0.0, "watcher_pid": 1, "watcher_started": 0.0, "started_at": 0.0},
    **{"finished_at": 1.0, "return_code": 0},
}
FIT = {"bae": {"fvu": 0.3, "measured": 0.3, "tokens": 4, "checkpoint": "x"}}
POINT = {"name": "bae", "kind": "binary", "step": None, "bits": 3.0, "fvu": 0.3}
DIGITS = b'{"step": 1, "loss": 1' + b"0" * 400 + b"}\n"
LOG = DIGITS + b'{"step": 1e999, "loss": 1}\n{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n{"step": 3, "loss": NaN}\n'


def as_json(told: object) -> bytes:
    return json.dumps(told).encode()


def damaged(whole: dict) -> st.SearchStrategy[bytes]:
    return st.one_of(
        hostile.altered(whole).map(as_json), hostile.broken(as_json(whole)), hostile.values().map(as_json), st.just(b"[" * 9_000)
    )


def measured(data: bytes) -> tuple:
    written("autoencoders/bae/config.json", data)
    return reports.reports(Workspace.open(PLACE["folder"]))


def named_as_damaged_or_shown(_data: bytes, found: tuple[list, list[str]]) -> None:
    shown, wrong = found
    assert len(shown) + len(wrong) >= 1 and all(len(words.split()) > 3 for words in wrong)
    for report in shown:
        assert all(value is None or isinstance(value, int | float) for value in report.carried.values())


def rates(data: bytes) -> list:
    written("rates.json", data)
    return reports.rates(Workspace.open(PLACE["folder"]))


def job(data: bytes) -> object:
    written("jobs/label.json", data)
    return Jobs(PLACE["folder"] / "jobs").job("label")


def curve(data: bytes) -> Curve:
    found = Curve(written("curve.jsonl", data))
    return found.refresh() or found


def lines_are_figures_or_counted(data: bytes, found: Curve) -> None:
    whole = data[: data.rfind(b"\n") + 1].splitlines()
    assert 0 <= found.unreadable <= len(whole) and found.last_step() is not None
    for name in found.names():
        series = found.series(name)
        assert len(series.steps) == len(series.values) <= len(whole)


PARSERS = known(
    Parser("recipes", any_toml(OWN, "[[autoencoder]]", "[autoencoder]", "[other]"), recipe, holds=spelled_alike, share=2),
    Parser(
        "tables added to a recipe",
        any_toml(TABLES, "[[autoencoder]]", "[x]"),
        added,
        (ValueError,),
        the_recipe_grew_by_it,
        the_recipe_is_as_it_was,
        share=0.7,
    ),
    Parser(
        "recipes of experiments", any_toml(EXPERIMENTS, "[training]", "[[x]]"), settings(TokenSettings), holds=every_field_fits, share=1.5
    ),
    Parser("recipes of the benchmark", any_toml(SYNTHETIC, "[training]"), settings(SyntheticSettings), holds=every_field_fits, share=1.5),
    Parser(
        "judges", st.one_of(judges(), cut(JUDGES), NESTED), read_judges, (ValueError,), over_http_and_without_a_key, says_no_key, share=1.5
    ),
    Parser("records of checkpoints", damaged(CONFIG), measured, holds=named_as_damaged_or_shown, share=1),
    Parser("rate-distortion points", damaged(POINT).map(lambda data: b"[" + data + b"]"), rates, share=0.5),
    Parser("records of jobs", damaged(JOB), job, share=0.5),
    Parser("fits", damaged(FIT), lambda data: fit.kept(written("fits.json", data)), share=0.5),
    Parser(
        "training logs",
        st.one_of(hostile.broken(LOG), hostile.altered({"step": 1, "loss": 1.5}).map(lambda told: as_json(told) + b"\n")),
        curve,
        holds=lines_are_figures_or_counted,
        share=1,
    ),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_refused_in_a_sentence_or_read(parser):
    check(parser)


def test_a_reader_of_half_a_recipe_is_caught():
    """Negative controls: one that lets a library's error out; one that forgets a field; one that says a key."""
    recipes, _, _, _, read, *_ = PARSERS
    with pytest.raises(AssertionError, match="the error of a library"):
        fuzz(replace(recipes, read=lambda text: (tomllib.loads(text), recipe(text))[1]), 200)

    def forgetful(text: str) -> Recipe:
        found = replace(recipe(text), seed=7)
        object.__setattr__(found, "toml", lambda: Recipe.toml(found).replace("seed = 7", ""))
        return found

    with pytest.raises(AssertionError):
        fuzz(replace(recipes, read=forgetful), 50)

    def careless(text: str) -> dict:
        if SECRET in text:
            raise ValueError(f"this cannot be read: {text}")
        return {}

    with pytest.raises(AssertionError):
        fuzz(replace(read, read=careless), 200)
