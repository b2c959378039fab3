"""The `bae` command with shards of a few hundred tokens, so that a small corpus makes several."""

from bae.cli.main import app
from bae.states import harvest

if __name__ == "__main__":
    harvest.SHARD_TOKENS = 800
    app(prog_name="bae")
