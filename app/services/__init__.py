"""Everything that pages ask of `bae`, and the only caches.

What loads torch is imported when it is first asked for: pages that read only the index then show within a moment.
"""

from app.services.labels import (
    call_log,
    dry_run,
    judges,
    nearness,
    occurrence_counts,
    records,
    results,
    shown_labels,
    spent,
    subject,
)
from app.services.reading import Reading, language_model, lenses, read
from app.services.study import (
    all_runs,
    column,
    curves,
    index,
    index_status,
    measured,
    notebook,
    open_index,
    open_notebook,
    rates,
    replaced,
    workspace,
)
from app.services.turns import limits, model_turn, model_turns

__all__ = [
    "Reading",
    "all_runs",
    "call_log",
    "column",
    "curves",
    "dry_run",
    "index",
    "index_status",
    "judges",
    "language_model",
    "lenses",
    "limits",
    "measured",
    "model_turn",
    "model_turns",
    "nearness",
    "notebook",
    "occurrence_counts",
    "open_index",
    "open_notebook",
    "rates",
    "read",
    "records",
    "replaced",
    "results",
    "shown_labels",
    "spent",
    "subject",
    "workspace",
]
