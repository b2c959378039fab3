"""The `bae` command, a module a group of commands."""
