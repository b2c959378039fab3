"""What a quantity is, as a person reads it."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """A quantity as a person reads it."""

    label: str
    unit: str
    definition: str
    span: str = ""
    """The values that it can take."""
    better: str = ""
    """`lower`, `higher` or `near 1`; empty where neither is better by itself."""
    source: str = ""
    """Whose measure it is."""

    @property
    def hover(self) -> str:
        """The text of the hover."""
        told = (("Unit", self.unit), ("Range", self.span), ("Better", self.better), ("Source", self.source))
        return " ".join([self.definition, *(f"{name}: {value}." for name, value in told if value)])

    @property
    def header(self) -> str:
        """The label with its unit, for a table."""
        return f"{self.label} ({self.unit})" if self.unit in ("bits", "tokens") else self.label
