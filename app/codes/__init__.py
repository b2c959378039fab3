"""The codes of an index as pages show them: how often, where and with what else features fire, and queries over them."""
