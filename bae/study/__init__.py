"""A study as Python has it: what `bae.open(workspace)` returns, and what its calls return.

What has rows comes as a pandas DataFrame whose columns are told, with their units, where the call is; what is one thing comes as an
object with fields and tables. Shares lie in [0, 1] and are not per cent. Every table of features has their labels, None where there is
none, and their summaries: the few words that are most distinctive of the tokens on which they fire.

What needs torch is loaded when it is first asked for: whoever reads the index alone does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bae.study.feature import Feature
from bae.study.study import Study

if TYPE_CHECKING:
    from bae.study.compression import Compressed
    from bae.study.reading import Inspected
    from bae.study.sets import SetEntropy, States
    from bae.study.steering import Steered

__all__ = ["Compressed", "Feature", "Inspected", "SetEntropy", "States", "Steered", "Study"]
_ELSEWHERE = {"Compressed": "compression", "Inspected": "reading", "SetEntropy": "sets", "States": "sets", "Steered": "steering"}


def __getattr__(name: str) -> object:
    """Load what is exported where it is first asked for."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
