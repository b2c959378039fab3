"""What one labelling run came to: its figures with their control, and its scores as a chart."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app import charts, services
from app.components import labels, url
from app.components.explain import MEANINGS, hover
from app.components.small_table import hovering, small_table
from app.labels import charts as label_charts
from app.labels import figures as label_figures
from app.labels import table as label_table
from app.labels.figures import Result, Side
from bae.comsem.records import OPEN, RunRecord
from bae.comsem.score import table

OWN_LABEL = ("Its own label", "All tests of the run, each under the label that the judge gave the feature.")
CONTROL = ("Control: another feature's label", hover("control"))


def looked_at(runs: Sequence[RunRecord], ae: str) -> RunRecord | None:
    """The run of a dictionary that the address names, else its newest; None where it has none."""
    own = _of(runs, ae)
    return own[url.choice("run", list(own), next(iter(own)))] if own else None


def choose(runs: Sequence[RunRecord], run: RunRecord) -> None:
    """Choose another run of the same dictionary."""
    own = _of(runs, run.subject.dictionary)
    newest = next(iter(own))
    url.bound(st.selectbox, "Run", "run", run.id, list(own), default=newest, format_func=lambda name: _named(own[name]), width=460)


def _of(runs: Sequence[RunRecord], ae: str) -> dict[str, RunRecord]:
    """The runs of a dictionary by their id, the newest first."""
    return {run.id: run for run in reversed(runs) if run.subject.dictionary == ae}


def _named(run: RunRecord) -> str:
    # nothing that changes and nothing that two runs share: a browser sends a choice back by its name
    return f"{labels.date(run.created)} · {run.judge} · {len(run.features):,} features · {run.id[:4]}"


def draw(run: RunRecord) -> None:
    """All of it, as far as it is there."""
    run = services.records().run(run.id)
    found = services.results(run)
    _warnings(run, found)
    if not found:
        waits = "No feature is done yet. Labels appear here one by one."
        st.info(waits if run.state in OPEN else "This run ended before its first label.", icon=":material/hourglass_empty:")
        return
    if label_figures.is_rescoring(run, found):
        _closeness(run, found)
    else:
        counts = counts_of(run)
        _figures(run, found, counts)
        _control(run, found)
        _chart(run, found, counts)
    label_table.draw(run, found)
    label_table.failures(found)


def _warnings(run: RunRecord, results: Sequence[Result]) -> None:
    if run.subject != services.subject(run.subject.dictionary):
        st.warning(
            "This dictionary was trained anew since. Labels and scores are those of the checkpoint before, and are shown nowhere else.",
            icon=":material/history:",
        )
    if label_figures.is_draft(results):
        st.warning(f"**{labels.DRAFT.capitalize()}.** {hover('draft')}", icon=":material/warning:")


# figures


def counts_of(run: RunRecord) -> list[int] | None:
    """On how many tokens each feature is activated; None, and the page says why, where the index does not know that."""
    if run.subject != services.subject(run.subject.dictionary):
        return None
    try:
        return services.occurrence_counts(run.subject.dictionary, run.settings)
    except (OSError, ValueError) as error:
        st.error(f"How many features are activated is not known: {url.code(error)}")
        return None


def _figures(run: RunRecord, results: Sequence[Result], counts: Sequence[int] | None) -> None:
    found, own = table(counts or (), label_figures.scores(results), run.settings), label_figures.own(results)
    told = {
        "fa": counts and f"{found.activated:,}",
        "scored": f"{found.scored:,}",
        "fi": f"{found.interpretable:,}",
        "mean_score": found.mean is not None and f"{found.mean:.3f}",
        "balanced_accuracy": own.balanced and f"{own.balanced.value:.3f}",
        "vacuous_count": own.negatives and f"{label_figures.vacuous(results):,}",
    }
    _metrics(told)
    if found.scored < found.activated:
        st.caption(f"Of {found.activated:,} activated features {found.scored:,} are scored, so interpretable and mean score are of a part.")


def _metrics(told: Mapping[str, object]) -> None:
    """Figures by their names among the meanings; those that are not there are left out."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in told.items():
            if value:
                st.metric(MEANINGS[name].label, value, help=hover(name), width=140)


def _closeness(run: RunRecord, results: Sequence[Result]) -> None:
    """The figures of a run that scored labels by closeness in meaning."""
    mean, control = label_figures.mean_auroc(results), label_figures.control_auroc(services.records().control(run.id))
    scored = sum(result.counts for result in results)
    told = {"scored": f"{scored:,}", "mean_auroc": mean and f"{mean:.3f}", "control_auroc": control and f"{control:.3f}"}
    _metrics(told)
    st.caption(
        "This run wrote no labels. It measured how close in meaning each label is to tokens where its feature fires, against tokens where "
        "it is silent. Labels that people and maintainers wrote are listed, and enter no figure."
    )


def _control(run: RunRecord, results: Sequence[Result]) -> None:
    """The tests under the features' own labels, and under labels of others, side by side."""
    if not run.settings.control:
        st.caption("This run has no control: whether its judge reads the labels is not known.")
        return
    verdicts = services.records().control(run.id)
    if not verdicts:
        waits = "The control is asked when all features are done."
        st.caption(waits if run.state in OPEN else "There is no control: the run ended before it, or all its labels read alike.")
        return
    own, control = label_figures.own(results), label_figures.side(verdicts)
    st.html(sides_html({OWN_LABEL: own, CONTROL: control}))
    answers = f"{control.tests + control.negatives:,} answers"
    st.caption(f"The control repeats the tests of some features under another feature's label ({answers}). {reading(own, control)}")


def reading(own: Side, control: Side) -> str:
    """What the control says of the scores, in words."""
    if own.balanced is None or control.balanced is None:
        return "Without negatives it shows how often the judge says Yes to a label that is wrong."
    if control.balanced.low > 0.5:
        return "It lies above chance (0.5): part of what the judge says does not come from the labels."
    if own.balanced.low <= control.balanced.high:
        return "The labels do hardly better than the control: these scores say little about what the features mean."
    return "The labels do better than the control, which lies at chance (0.5) or below, as it should."


def sides_html(sides: Mapping[tuple[str, str], Side]) -> str:
    """Shares of Yes and balanced accuracy, a row a kind of label."""
    heads = [("", ""), *((MEANINGS[name].label, hover(name)) for name in ("tests_yes", "negatives_yes", "balanced_accuracy"))]
    rows = [
        [hovering(name, told), _share(side.yes, side.tests), _share(side.false_yes, side.negatives), _balanced(side)]
        for (name, told), side in sides.items()
    ]
    return small_table(heads, rows)


def _share(share: float | None, of: int) -> str:
    return "–" if share is None else f"{share:.1%} of {of:,}"


def _balanced(side: Side) -> str:
    found = side.balanced
    return "–" if found is None else f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _chart(run: RunRecord, results: Sequence[Result], counts: Sequence[int] | None) -> None:
    pairs = label_figures.scored_features(results)
    if not pairs:
        return
    whole = counts is not None and len(pairs) >= table(counts, (), run.settings).activated
    st.plotly_chart(
        label_charts.distribution(pairs, len(counts) if whole else len(pairs)),
        config=charts.config(f"scores of {run.subject.dictionary}"),
        key=f"distribution:{run.id}",
        alt="Scores of the features, sorted, and their running mean",
    )
