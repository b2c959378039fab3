"""The usual value of a feature of an SAE: where strengths to clamp it at begin, on pages and on the command line. Loads no torch."""

import numpy as np

from bae.index.columns import Columns
from bae.index.query import Index
from bae.workspace import Workspace

LARGEST_SHARE = 0.999
"""Of a feature's values in the index, where its usual range ends."""


def usual_value(columns: Columns, feature: int) -> float | None:
    """The value that a feature exceeds on one in a thousand of the tokens that it fires on; None where it fires on none of the index.

    Raises IndexError for a feature that the dictionary lacks.
    """
    strengths = columns.strengths(feature)
    return float(np.quantile(strengths, LARGEST_SHARE)) if len(strengths) else None


def usual_in(workspace: Workspace, dictionary: str, feature: int) -> float | None:
    """The same in the newest index of a workspace; None also where there is no index, or it lacks the dictionary.

    Raises OSError or ValueError where the index cannot be read.
    """
    file = workspace.index_file()
    if file is None:
        return None
    index = Index(file)
    try:
        return usual_value(Columns(index, dictionary), feature) if dictionary in index.dictionaries() else None
    finally:
        index.close()
