"""The labels of one feature: who said what, how well it fits, every test word for word, and a person's own."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from app import navigation, services
from app.components import labels, panels, url
from app.components.explain import MEANINGS, hover
from app.components.small_table import hovering, small_table
from bae.comsem import prompts
from bae.comsem.call_log import Call
from bae.comsem.own import keep_own
from bae.comsem.records import Label, Records, Subject, VerdictRecord
from bae.comsem.samples import Sample
from bae.comsem.telling import figures

ROLES = {
    "test": "role_test",
    "same token": "role_same_token",
    "near": "role_near",
    "other feature": "role_other_feature",
    "random": "role_random",
}
SAID = "own-label-said"
LABEL_CALL = "label"
PROBABILITY = "Probability of Yes against No, where the judge tells one."


def title(label: Label | None, words: str) -> None:
    """What stands below the number of a feature: its label where it has one, and its distinctive words."""
    if label is None:
        panels.words(words, "1.35rem")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        labels.text(label, "1.35rem")
        labels.badges(label, label.score, shown=False)
    st.caption("Where the label comes from, and how well it fits, is said below, under Labels. The feature's distinctive words:")
    panels.words(words, "1rem")


def section(ae: str, feature: int) -> None:
    """All labels of a feature, the one that is shown first, and a box for one's own."""
    records, subject = services.records(), services.subject(ae)
    found = records.labels(subject, feature)
    shown = services.shown_labels(ae).get(feature)
    st.subheader("Labels", help=hover("label"))
    opened = _opened(found)
    for label in sorted(found, key=lambda label: shown is None or label.id != shown.id):
        with st.container(border=True):
            _label(records, label, shown is not None and label.id == shown.id)
            if label.id == opened:
                _tests(records, label)
    if not found:
        st.caption("Nobody has labelled this feature yet. Read its contexts and write what they share, or ask a judge.")
    _own(records, subject, feature)


def _opened(found: Sequence[Label]) -> int | None:
    """The label whose tests are open, by the address."""
    asked = [str(label.id) for label in found if label.source == "judge"]
    if "label" not in st.query_params:
        return None
    chosen = st.query_params["label"]
    if chosen in asked:
        return int(chosen)
    url.wrong("label", chosen, ", ".join(map(url.code, asked)) or "nothing: no judge has labelled this feature", None)
    return None


def _label(records: Records, label: Label, shown: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        labels.text(label, "1.1rem")
        labels.badges(label, label.score, shown)
    st.caption(labels.origin(label))
    if label.score is not None:
        st.html(labels.figures_html(figures(label, label.score)))
    for judge, score in records.rescores(label.id).items():
        st.caption(f"Scored by {url.code(judge)} too:")
        st.html(labels.figures_html(figures(label, score)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if not shown:
            st.button("Show this one", key=f"show:{label.id}", on_click=records.show, args=(label.id,), help=hover("shown_label"))
        if label.source == "person":
            st.button("Delete", key=f"delete:{label.id}", icon=":material/delete:", on_click=records.delete_own, args=(label.id,))
        if label.source == "judge":
            _toggle(label)


def _toggle(label: Label) -> None:
    """Opens the tests of a label, and closes those of others."""
    key, opened = f"tests:{label.id}", st.query_params.get("label") == str(label.id)
    st.session_state[key] = opened
    st.toggle("Every test, word for word", key=key, on_change=url.put, kwargs={"label": None if opened else label.id, "call": None})


# tests


def _tests(records: Records, label: Label) -> None:
    verdicts = records.verdicts(label.id)
    st.caption(
        "The label is held against further tokens on which the feature fires, and against tokens on which it is silent. "
        "A good label gets Yes on the former and No on the latter. Hover a kind for what it is."
    )
    st.html(verdict_table(verdicts))
    _word_for_word(records, label, verdicts)
    if label.draft:
        st.caption("The small model was not asked in these very words: it takes the samples from them, and puts those in short forms.")


def verdict_table(verdicts: Sequence[VerdictRecord]) -> str:
    """The tests of a label as an HTML table: everything in it that is foreign is escaped."""
    heads = [("Test", ""), ("Kind", ""), ("Token in its sentence", ""), ("Answer", ""), ("P(Yes)", PROBABILITY), ("", "")]
    return small_table(heads, [_row(number, verdict) for number, verdict in enumerate(verdicts, start=1)])


def _row(number: int, verdict: VerdictRecord) -> list[str]:
    meaning = MEANINGS[ROLES[verdict.role]]
    probability = "" if verdict.probability is None else f"{verdict.probability:.2f}"
    kind = hovering(meaning.label, meaning.hover)
    return [str(number), kind, marked(Sample(**verdict.sample)), _answer(verdict), probability, _mark(verdict)]


def _answer(verdict: VerdictRecord) -> str:
    return "unclear" if verdict.yes is None else "Yes" if verdict.yes else "No"


def _mark(verdict: VerdictRecord) -> str:
    if verdict.yes is None:
        return hovering("–", "Neither Yes nor No: it is counted nowhere.")
    return hovering("✓", "as it should be") if verdict.yes is verdict.truth else hovering("✗", "not as it should be")


def marked(sample: Sample) -> str:
    """A sentence as HTML with its token in bold."""
    start, end = sample.span()
    before, token, after = (escape(part) for part in (sample.sentence[:start], sample.sentence[start:end], sample.sentence[end:]))
    return f'<span dir="auto" style="overflow-wrap:anywhere;unicode-bidi:plaintext">{before}<b>{token}</b>{after}</span>'


def _word_for_word(records: Records, label: Label, verdicts: Sequence[VerdictRecord]) -> None:
    options = [LABEL_CALL, *(str(number) for number in range(1, len(verdicts) + 1))]
    chosen = url.choice("call", options, LABEL_CALL)
    url.bound(
        st.selectbox,
        "Prompt and answer of",
        "call",
        chosen,
        options,
        default=LABEL_CALL,
        format_func=lambda option: "the label" if option == LABEL_CALL else f"test {option}",
        width=200,
    )
    if chosen == LABEL_CALL:
        _label_call(records, label)
        return
    verdict = verdicts[int(chosen) - 1]
    _call(services.call_log().call(verdict.call), verdict.answer)


def _label_call(records: Records, label: Label) -> None:
    # a judge that was asked the same in an earlier run is not asked again, so the call may be that run's
    judge = records.run(label.run).judge
    runs = [run.id for run in records.runs() if run.subject == label.subject and run.judge == judge]
    calls = [call for call in services.call_log().label_calls(runs, label.feature) if prompts.read_label(call.answer) == label.text]
    _call(calls[0] if calls else None, label.text)


def _call(call: Call | None, answer: str) -> None:
    """A call as it was sent and answered."""
    if call is None:
        st.caption("The prompt is not in this workspace's notebook; the answer is.")
    else:
        *before, (_, question) = call.messages
        st.caption(f"Asked of {url.code(call.judge)} · {call.seconds:.1f} s · {_tokens(call)}")
        st.code(question, language=None, wrap_lines=True)
        with st.expander("The instructions before it, the same in every call of this kind", icon=":material/description:"):
            for _, content in before:
                st.code(content, language=None, wrap_lines=True)
    st.caption("Answer")
    st.code(answer if call is None else call.answer, language=None, wrap_lines=True)


def _tokens(call: Call) -> str:
    return f"{call.usage.prompt_tokens:,} tokens asked, {call.usage.completion_tokens:,} answered"


# a person's own


def _own(records: Records, subject: Subject, feature: int) -> None:
    # a box for each feature: what was begun for one is no label of the next
    key = f"own-label:{subject.dictionary}:{feature}"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Your own label",
            key=key,
            max_chars=prompts.LABEL_CHARACTERS,
            placeholder="What do the tokens share? One phrase.",
            help=hover("own_label"),
            width=420,
        )
        st.button("Save", icon=":material/save:", key="save-label", on_click=_save, args=(records, subject, feature, key))
        navigation.link("labels", "Ask a judge about it", ae=subject.dictionary, new=1, pick="list", list=feature)
    if said := st.session_state.pop(SAID, None):
        st.warning(said, icon=":material/edit:")


def _save(records: Records, subject: Subject, feature: int, key: str) -> None:
    try:
        keep_own(records, subject, feature, st.session_state[key])
    except ValueError as error:
        st.session_state[SAID] = str(error)
        return
    st.session_state[key] = ""
