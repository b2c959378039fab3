"""What all commands share: options, how errors are told, and the one shape of every measurement."""

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option("--workspace", help="The folder of the study.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def plain_errors() -> Iterator[None]:
    """What is wrong with what a person gave is told in a sentence, not in a traceback."""
    try:
        yield
    except (ValueError, OSError) as error:
        typer.echo(f"bae: {error}", err=True)
        raise typer.Exit(1) from error


def report(name: str, rows: list[dict], as_json: bool) -> None:
    """The one shape of every measurement (DESIGN, section 6)."""
    if as_json:
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        typer.echo(json.dumps({"name": name, "machine": machine, "date": datetime.now(UTC).isoformat(timespec="seconds"), "rows": rows}))
        return
    for row in rows:
        limit = f"  (limit {row['limit']})" if row.get("limit") is not None else ""
        typer.echo(f"{row['metric']:40} {row['value']:>12.4g} {row.get('unit') or ''}{limit}")
