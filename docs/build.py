"""Write the reference of the Python API, docs/api/*.md, from the docstrings: `make docs`. A test fails where they are stale.

Read off the sources, which are not run: signatures and the docstrings of fields stand as they were written, and come out the same on
every machine.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "api"
WIDTH = 100
"""Characters of a signature above which every parameter has a line of its own."""


def of(package: str, names: str) -> list[str]:
    """Modules of a package."""
    return [f"{package}.{name}" for name in names.split()]


PAGES = {
    "study": ("What `bae.open` returns", ["bae", *of("bae.study", "study feature reading sets steering compression")]),
    "workspace": ("A folder with a study", of("bae", "workspace pipeline names")),
    "text": ("Text and how it is cut", of("bae.text", "corpus contexts")),
    "model": ("The language model", of("bae.model", "language_model generation splicing")),
    "states": ("Hidden states on disk", of("bae.states", "harvest scaling")),
    "autoencoder": ("Autoencoders", of("bae.autoencoder", "protocol binary sparse checkpoint")),
    "training": ("Training", of("bae.training", "objective covariance descent from_recipe refit")),
    "measures": ("How good dictionaries are", of("bae.measures", "evaluation fit geometry probing reports")),
    "features": ("What is known of features", of("bae.features", "magnitude coactivation directions meaning")),
    "index": ("The index", of("bae.index", "query columns layout logic text_search profile directions")),
    "reading": ("Texts read through dictionaries", of("bae.reading", "inspection contrast description_length text_set")),
    "steering": ("Steering", of("bae.steering", "plan interventions hooks writing directions strength")),
    "entropy": ("Entropy of sets", of("bae.entropy", "marginal tree bootstrap counts peers")),
    "compression": ("Compression", of("bae.compression", "writing reading vectors measures")),
    "matching": ("Dictionary against dictionary", of("bae.matching", "relations partners stored")),
    "comsem": ("Labels (ComSem)", of("bae.comsem", "plan judge configuration score records own work")),
    "notebook": ("What people keep", of("bae.notebook", "database kept lists text_sets")),
    "formats": ("Other people's formats", of("bae.formats", "importing preflight saelens_export")),
}
"""File of docs/api -> what it is about, and its modules."""
HEAD = "<!-- Written by docs/build.py from the docstrings; change those, then run `make docs`. -->"
SHOWN_DUNDERS = {"__len__", "__iter__", "__add__", "__call__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Entry:
    """Something with a docstring."""

    title: str
    code: str
    doc: str
    signed: bool = True
    """Whether it is a function or a class; else a constant or a field."""
    parts: tuple["Entry", ...] = ()


def pages() -> dict[str, str]:
    """Every file of docs/api with its text."""
    found = {f"{name}.md": _page(title, modules) for name, (title, modules) in PAGES.items()}
    return {"README.md": _contents(), **found}


def _contents() -> str:
    lines = [
        HEAD,
        "# Python API",
        "",
        "Begin with [study](study.md): `bae.open(workspace)` gives what the pages show. [docs/example.ipynb](../example.ipynb) makes every "
        "call once. The other pages are the library below it.",
        "",
        "| page | about | modules |",
        "|---|---|---|",
    ]
    for name, (title, modules) in PAGES.items():
        lines.append(f"| [{name}]({name}.md) | {title} | {', '.join(f'`{module}`' for module in modules)} |")
    return "\n".join([*lines, ""])


def _page(title: str, modules: list[str]) -> str:
    lines = [HEAD, f"# {_text(title)}", ""]
    for module in modules:
        tree = ast.parse(source_file(module).read_text(encoding="utf-8"))
        lines += [f"## {module}", "", _text(ast.get_docstring(tree) or ""), ""]
        for entry in entries(tree):
            lines += list(_written(entry, 3))
    return "\n".join(lines).rstrip("\n") + "\n"


def source_file(module: str) -> Path:
    """Where a module lies."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def entries(tree: ast.AST) -> Iterator[Entry]:
    """What is public of a module or a class, in the order of the source: constants that are explained, fields, functions, classes."""
    body = tree.body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef) and _public(node.name):
            yield _class(node)
        elif isinstance(node, Function) and (_public(node.name) or node.name in SHOWN_DUNDERS):
            yield Entry(node.name, _signature(node), ast.get_docstring(node) or "")
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            name = _target(node)
            # of a class every field counts, of a module what is explained
            if name and _public(name) and (isinstance(tree, ast.ClassDef) or _doc_after(after)):
                yield Entry(name, ast.unparse(node), _doc_after(after), signed=False)


def _class(node: ast.ClassDef) -> Entry:
    bases = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
    decorators = [f"@{ast.unparse(one)}\n" for one in node.decorator_list]
    init = next((one for one in node.body if isinstance(one, Function) and one.name == "__init__"), None)
    made = f"\n\n{_signature(init)}" if init else ""
    doc = "\n\n".join(filter(None, [ast.get_docstring(node), init and ast.get_docstring(init)]))
    return Entry(node.name, f"{''.join(decorators)}class {node.name}{bases}{made}", doc, parts=tuple(entries(node)))


def _signature(node: Function) -> str:
    decorators = "".join(f"@{ast.unparse(one)}\n" for one in node.decorator_list)
    returns = f" -> {_annotation(node.returns)}" if node.returns else ""
    begin = f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}def {node.name}"
    parameters = list(_parameters(node.args))
    line = f"{begin}({', '.join(parameters)}){returns}"
    if len(line) > WIDTH:
        each = "".join(f"    {one},\n" for one in parameters)
        line = f"{begin}(\n{each}){returns}"
    return decorators + line


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    """Each parameter as it stands in a signature; none of ours is positional only."""
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    for one, default in zip(arguments.args, defaults, strict=True):
        yield _parameter(one, default)
    if arguments.vararg:
        yield f"*{_parameter(arguments.vararg, None)}"
    elif arguments.kwonlyargs:
        yield "*"
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(one, default)
    if arguments.kwarg:
        yield f"**{_parameter(arguments.kwarg, None)}"


def _parameter(one: ast.arg, default: ast.expr | None) -> str:
    named = one.arg if one.annotation is None else f"{one.arg}: {_annotation(one.annotation)}"
    if default is None:
        return named
    return f"{named}{' = ' if one.annotation else '='}{ast.unparse(default)}"


def _annotation(node: ast.expr) -> str:
    """A type, without the quotes that put off its import."""
    quoted = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if quoted else ast.unparse(node)


def _public(name: str) -> bool:
    return not name.startswith("_")


def _target(node: ast.AnnAssign | ast.Assign) -> str:
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _doc_after(node: ast.stmt | None) -> str:
    """The docstring that stands below a constant or a field."""
    told = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return cleandoc(node.value.value) if told else ""


def _written(entry: Entry, level: int) -> Iterator[str]:
    yield f"{'#' * level} {entry.title.replace('_', chr(92) + '_')}"
    yield ""
    if entry.signed:
        # it has no body, so no formatter takes it for Python
        yield f"```python\n{entry.code}\n```"
    else:
        yield f"`{_one_line(entry.code)}`"
    yield ""
    if entry.doc:
        yield _text(entry.doc)
        yield ""
    fields = [part for part in entry.parts if not part.signed]
    if fields:
        yield "\n".join(f"- `{_one_line(part.code)}`{': ' if part.doc else ''}{_text(part.doc.replace(chr(10), ' '))}" for part in fields)
        yield ""
    for part in entry.parts:
        if part.signed:
            yield from _written(Entry(f"{entry.title}.{part.title}", part.code, part.doc, part.signed, part.parts), level + 1)


def _one_line(code: str) -> str:
    return " ".join(code.split())


def _text(doc: str) -> str:
    """A docstring as Markdown: what is not in backticks, nor in an indented block, stays as it is read."""
    return "\n".join(line if line.startswith("    ") else _line(line) for line in doc.splitlines())


def _line(line: str) -> str:
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else re.sub(r"([*<]|__)", r"\\\1", part) for part in parts)


def main() -> None:
    """Write all files, and delete those that are none of them any more."""
    TARGET.mkdir(exist_ok=True)
    found = pages()
    for name, text in found.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    for file in TARGET.glob("*.md"):
        if file.name not in found:
            file.unlink()
    print(f"{len(found)} files, {sum(map(len, found.values())):,} characters in {TARGET}")


if __name__ == "__main__":
    main()
