"""The `bae` command with shards of a few hundred tokens, so that a small corpus makes several."""

from bae import harvest
from bae.cli import app

if __name__ == "__main__":
    harvest.SHARD_TOKENS = 800
    app(prog_name="bae")
