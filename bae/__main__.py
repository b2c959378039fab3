"""`python -m bae ...`: the same as the `bae` command."""

from bae.cli.main import app

app(prog_name="bae")
