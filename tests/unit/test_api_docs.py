"""docs/api: what is committed is what the docstrings say now."""

import ast
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from bae.study import Feature, Study

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def build():
    """docs/build.py, which is no module of a package."""
    spec = spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(build) -> dict[str, str]:
    """As they would be written now."""
    return build.pages()


def stale(pages: dict[str, str], folder: Path) -> list[str]:
    """Files that are not as they would be written now, and those that nothing writes any more."""
    there = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*")}
    return sorted(name for name in pages.keys() | there.keys() if pages.get(name) != there.get(name))


def test_the_reference_is_not_stale(build, pages):
    assert not stale(pages, build.TARGET), "run `make docs`"


def test_a_changed_docstring_would_be_noticed(build, monkeypatch, tmp_path):
    """Negative control."""
    changed = tmp_path / "plan.py"
    source = build.source_file("bae.steering.plan").read_text(encoding="utf-8")
    changed.write_text(source.replace('"""The steps that a line spells.', '"""The steps of a line.'), encoding="utf-8")
    where = build.source_file
    monkeypatch.setattr(build, "source_file", lambda module: changed if module == "bae.steering.plan" else where(module))
    assert stale(build.pages(), build.TARGET) == ["steering.md"]


def test_every_call_of_a_study_is_in_the_reference_with_a_docstring(pages):
    page = pages["study.md"]
    for owner in (Study, Feature):
        for name, member in vars(owner).items():
            if not name.startswith("_"):
                assert f"#### {owner.__name__}.{name}".replace("_", r"\_") in page
                assert (member.fget if isinstance(member, property) else member).__doc__, f"{owner.__name__}.{name} has no docstring"


def test_what_is_public_is_told_and_what_is_private_is_not(build):
    source = '''
LIMIT = 3
"""Of what."""
UNEXPLAINED = 4
def one(a: int, *, b: "str" = "x", **more: object) -> "list[int]":
    """A `code <b>` and a <script> and 2 * 3."""
def _hidden():
    """Not told."""
@dataclass
class Two(Base):
    """Class."""
    field: int = 1
    """Field."""
    _own: int = 2
    def __init__(self, a):
        """Made."""
    @property
    def three(self) -> int:
        """Three."""
'''
    limit, one, two = build.entries(ast.parse(source))
    assert (limit.title, limit.doc, limit.signed) == ("LIMIT", "Of what.", False)
    assert one.code == "def one(a: int, *, b: str = 'x', **more: object) -> list[int]"
    assert two.code == "@dataclass\nclass Two(Base)\n\ndef __init__(self, a)" and two.doc == "Class.\n\nMade."
    assert [part.title for part in two.parts] == ["field", "three"]
    assert build._text(one.doc) == r"A `code <b>` and a \<script> and 2 \* 3.", "prose stays prose, code stays code"


def test_modules_of_the_reference_exist_and_links_lead_somewhere(build, pages):
    assert all(build.source_file(module).is_file() for _, modules in build.PAGES.values() for module in modules)
    assert all(f"]({name}.md)" in pages["README.md"] for name in build.PAGES)
    assert (build.TARGET / "../example.ipynb").is_file()
