"""docs/example.ipynb: runs from top to bottom as a notebook does, makes every call of a study, and was committed without outputs."""

import ast
import json
import re
from pathlib import Path

import pytest
from indexed_study import Letters, make_indexed_study
from loopback_judge import Loopback

from bae.features import meaning
from bae.study import Study

NOTEBOOK = Path(__file__).parents[2] / "docs" / "example.ipynb"
MADE_BY_OPEN = {"open", "workspace", "recipe"}
"""What a notebook need not call: it has `bae.open`, and a study tells its folder and recipe itself."""


def cells(kind: str) -> list[str]:
    """The texts of the cells of a kind."""
    told = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in told["cells"] if cell["cell_type"] == kind]


def run(source: str, names: dict) -> object:
    """Run a cell; as in a notebook, what its last expression is worth is shown, as HTML where there is any."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)
    return value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)


def test_every_cell_runs_and_shows_something(tmp_path, tiny_llama, monkeypatch):
    study = make_indexed_study(tmp_path / "study", tiny_llama)
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    monkeypatch.setenv("BAE_JUDGE", "loopback")
    monkeypatch.setattr(meaning, "shared_embedder", Letters)
    names: dict = {}
    with Loopback() as server:
        (study.folder / "judges.toml").write_text(f'[judge.loopback]\nmodel = "loopback"\nbase_url = "{server.base_url}"\n')
        shown = [run(source, names) for source in cells("code")]
        assert server.received
    *before, last = shown
    assert last == "None", "the last cell closes the study"
    assert all(before), f"cell {before.index(None)} shows nothing"
    with pytest.raises(ValueError, match="closed"):  # negative control: a cell that cannot run is noticed
        run("study.features(bits)", names)


def test_every_call_is_made():
    public = {name for name in vars(Study) if not name.startswith("_")} - MADE_BY_OPEN
    called = set(re.findall(r"\bstudy\.(\w+)", "\n".join(cells("code"))))
    assert called == public


def test_every_cell_is_explained_and_nothing_is_left_of_a_run():
    told = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert told["nbformat"] == 4 and len({cell["id"] for cell in told["cells"]}) == len(told["cells"])
    code = [cell for cell in told["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert told["cells"][0]["cell_type"] == "markdown" and len(cells("markdown")) >= len(code) / 2
    assert NOTEBOOK.stat().st_size < 30_000
