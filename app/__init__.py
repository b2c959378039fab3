"""The explorer's pages: what a browser shows of a workspace. Imports `bae`; `pages/` imports this."""
