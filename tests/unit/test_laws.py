"""The laws of the house (DESIGN.md, section 2), read off the source. Every rule is shown a source that breaks it."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("bae", "app", "pages") for path in sorted((ROOT / folder).rglob("*.py"))]
EVERYTHING = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
TOP_LEVEL = {"app", "bae", "data", "docs", "pages", "tests"} | {
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "pyproject.toml",
    "requirements.txt",
}
GATE = ROOT / "bae" / "formats" / "safe_files.py"
"""The one module that may name `pickle`: it refuses everything but plain values."""
SERVICES = ROOT / "app" / "services"
CACHES = {"cache_data", "cache_resource"}
UNLOADABLE = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}

Rule = Callable[[str, ast.AST], Iterator[str]]


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a source imports, wherever in it, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module)
        elif isinstance(node, ast.Call) and called(node).endswith("import_module") and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def called(node: ast.Call) -> str:
    """The dotted name of what is called; empty where it is no name."""
    return ast.unparse(node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else ""


def roots(tree: ast.AST) -> set[str]:
    return {name.split(".")[0] for name in imported(tree)}


def imports_go_down(layer: str, tree: ast.AST) -> Iterator[str]:
    """pages -> app -> bae, never back."""
    above = {"bae": {"app", "pages"}, "app": {"pages"}}.get(layer, set())
    yield from (f"imports {name}" for name in roots(tree) & above)


def no_streamlit_in_bae(layer: str, tree: ast.AST) -> Iterator[str]:
    if layer == "bae":
        yield from (f"imports {name}" for name in roots(tree) & {"streamlit"})


def no_torch_in_pages(layer: str, tree: ast.AST) -> Iterator[str]:
    if layer == "pages":
        yield from (f"imports {name}" for name in roots(tree) & {"torch", "transformers", "safetensors"})


def caches_in_services(_layer: str, tree: ast.AST) -> Iterator[str]:
    """`st.cache_*` is used in app/services only, whose sources are not shown to this rule."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in CACHES:
            yield f"line {node.lineno} uses {ast.unparse(node)}"
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "streamlit":
            yield from (f"line {node.lineno} imports {alias.name}" for alias in node.names if alias.name in CACHES)


def no_umap_in_the_server(layer: str, tree: ast.AST) -> Iterator[str]:
    """numba's threads can abort the web process: maps are drawn by jobs, in `bae.maps.projection`, which imports it where it is used."""
    if layer in ("app", "pages"):
        yield from (f"imports {name}" for name in roots(tree) & {"umap", "numba", "pynndescent"})


def no_pickle(_layer: str, tree: ast.AST) -> Iterator[str]:
    yield from (f"imports {name}" for name in roots(tree) & UNLOADABLE)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in {"torch.save", "pd.read_pickle", "pandas.read_pickle"}:
            yield f"line {node.lineno} calls {called(node)}"
        if isinstance(node, ast.Call) and called(node) == "torch.load" and not only_weights(node):
            yield f"line {node.lineno} calls torch.load without weights_only=True"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", True):
            yield f"line {node.value.lineno} allows pickle"


def only_weights(node: ast.Call) -> bool:
    """Whether a call of torch.load says `weights_only=True`, in these words."""
    return any(keyword.arg == "weights_only" and getattr(keyword.value, "value", None) is True for keyword in node.keywords)


def no_broad_except(_layer: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            names = {ast.unparse(part) for part in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]) if part}
            if not names or names & {"Exception", "BaseException"}:
                yield f"line {node.lineno} catches everything"
        if isinstance(node, ast.Call) and called(node).endswith("suppress") and "Exception" in {ast.unparse(part) for part in node.args}:
            yield f"line {node.lineno} suppresses everything"


BROKEN = [
    (imports_go_down, "bae", "from app.services import model"),
    (imports_go_down, "bae", "def f():\n    import pages.text"),
    (imports_go_down, "app", "from pages import text"),
    (no_streamlit_in_bae, "bae", "import streamlit as st"),
    (no_streamlit_in_bae, "bae", "import importlib\nimportlib.import_module('streamlit')"),
    (no_torch_in_pages, "pages", "from torch import Tensor"),
    (caches_in_services, "app", "@st.cache_resource(max_entries=2)\ndef f():\n    pass"),
    (caches_in_services, "app", "@st.cache_data\ndef f():\n    pass"),
    (caches_in_services, "pages", "from streamlit import cache_data as kept"),
    (caches_in_services, "pages", "import streamlit\nkeep = streamlit.cache_data"),
    (no_umap_in_the_server, "app", "from umap import UMAP"),
    (no_umap_in_the_server, "pages", "def f():\n    import umap.plot"),
    (no_umap_in_the_server, "app", "import importlib\nimportlib.import_module('numba')"),
    (no_pickle, "bae", "import pickle"),
    (no_pickle, "app", "weights = torch.load('x.pt')"),
    (no_pickle, "bae", "weights = torch.load('x.pt', weights_only=False)"),
    (no_pickle, "bae", "weights = torch.load('x.pt', weights_only=careful)"),
    (no_pickle, "bae", "np.load(path, allow_pickle=True)"),
    (no_broad_except, "bae", "try:\n    f()\nexcept Exception:\n    pass"),
    (no_broad_except, "bae", "try:\n    f()\nexcept:\n    pass"),
    (no_broad_except, "tests", "try:\n    f()\nexcept (ValueError, BaseException) as error:\n    pass"),
    (no_broad_except, "app", "with contextlib.suppress(Exception):\n    f()"),
]
LAWFUL = [
    (imports_go_down, "pages", "from app import services\nfrom bae.features.magnitude import Prior"),
    (no_streamlit_in_bae, "app", "import streamlit as st"),
    (no_torch_in_pages, "app", "import torch"),
    (caches_in_services, "app", "from functools import cached_property\nfrom streamlit import session_state"),
    (no_umap_in_the_server, "bae", "from umap import UMAP"),
    (no_umap_in_the_server, "app", "from bae.maps.projection import Method"),
    (no_pickle, "bae", "from safetensors.torch import load_file\nload_file('x')\nnp.load(p, allow_pickle=False)"),
    (no_pickle, "bae", "weights = torch.load('x.pt', weights_only=True)"),
    (no_broad_except, "bae", "try:\n    f()\nexcept (ValueError, OSError) as error:\n    raise"),
]
RULES = tuple(dict.fromkeys(rule for rule, _, _ in BROKEN))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_laws(rule):
    paths = EVERYTHING if rule is no_broad_except else SOURCES
    if rule is no_pickle:
        paths = [path for path in paths if path != GATE]
    if rule is caches_in_services:
        paths = [path for path in paths if SERVICES not in path.parents]
        assert list(rule("app", ast.parse((SERVICES / "codes.py").read_text(encoding="utf-8")))), "negative control: it has some"
    assert len(paths) > 10, "nothing was read"
    broken = [
        f"{path.relative_to(ROOT)}: {fault}"
        for path in paths
        for fault in rule(path.relative_to(ROOT).parts[0], ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(("rule", "layer", "source"), BROKEN)
def test_each_rule_sees_what_breaks_it(rule, layer, source):
    assert list(rule(layer, ast.parse(source)))


@pytest.mark.parametrize(("rule", "layer", "source"), LAWFUL)
def test_no_rule_sees_what_is_lawful(rule, layer, source):
    assert not list(rule(layer, ast.parse(source)))


def test_the_gate_loads_no_pickle_but_through_the_class_that_refuses():
    """It breaks the rule by the import alone, and `pickle` is nowhere called but to say that something is refused."""
    tree = ast.parse(GATE.read_text(encoding="utf-8"))
    assert list(no_pickle("bae", tree)) == ["imports pickle"]
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("pickle.")}
    assert named == {"pickle.Unpickler", "pickle.UnpicklingError"}
    heirs = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and "pickle.Unpickler" in map(ast.unparse, node.bases)]
    assert [heir.name for heir in heirs] == ["_PlainUnpickler"]
    assert [part.name for part in heirs[0].body if isinstance(part, ast.FunctionDef)] == ["find_class"]


def strangers(names: set[str]) -> set[str]:
    """What lies at the top level that the design does not put there; hidden, derived and ignored things left out."""
    shown = {name for name in names if not name.startswith((".", "workspace")) and not name.endswith(".egg-info")}
    return shown - TOP_LEVEL - {"__pycache__", "build"}


def test_the_top_level_is_as_designed():
    names = {path.name for path in ROOT.iterdir()}
    assert not strangers(names)
    assert {"app", "bae", "data", "pages", "tests", "requirements.txt", "pyproject.toml", "Makefile", "LICENSE", ".ci"} <= names
    assert strangers(names | {"utils.py"}) == {"utils.py"}


def test_no_pages_folder_beside_the_entry():
    """It would switch Streamlit's legacy mode on, which runs a deep-linked page without its frame (ecosystem.md, 1.2)."""
    assert not (ROOT / "app" / "pages").exists()
    assert (ROOT / "pages").is_dir()


def test_the_safe_configuration_lies_beside_the_entry():
    config = (ROOT / "app" / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert 'address = "127.0.0.1"' in config
    assert not (ROOT / ".streamlit").exists(), "a config at the root would hold only when started from there"
