"""One strength of a sweep: its figures beside the plain ones, the texts of every prompt, and the features that the push switches."""

from collections.abc import Mapping
from html import escape

import pandas as pd
import streamlit as st

from app import navigation
from app.components import tables, url
from app.components.explain import MEANINGS, hover
from app.components.small_table import hovering, small_table
from app.dose import shown as dose_view
from app.dose.sweep import View, point_title
from app.live import parts as live
from app.playground.texts import keep_text
from bae.index.query import Index
from bae.steering.dose_results import Figure, Point, SideEffects

FIGURES = ("kl", "fires", "strength", "written_fires", "written_strength", "others", "later", "repeated", "distinct", "perplexity", "score")
OF_TARGET = ("fires", "strength", "written_fires", "written_strength", "score")


def section(view: View, name: str, index: Index | None) -> None:
    """Draw the point of that name."""
    st.subheader("At one strength")
    _choose(view, name)
    point = view.point(name)
    _figures(view, point)
    if (score := view.scores.get(name)) and score.lacks:
        st.caption(f"It is no sweet spot: {score.lacks}.", help=hover("dose_best"))
    st.markdown("**Texts**, plain and steered")
    for number in range(len(point.rows)):
        _texts(view, point, number)
    st.markdown("**Other features that the push switches most**", help=hover("dose_switched"))
    shown = [effects for effects in (point.own, point.later) if effects]
    for column, effects in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
        with column:
            _switched(effects, index, f"{view.run.settings.id}:{name}")


def _choose(view: View, name: str) -> None:
    step = view.run.settings.target
    best = {way.best.name for way in view.ways if way.best}
    titles = {point.name: point_title(point, step) for way in view.ways for point in way.points}
    marked = {one: f"{title} · sweet spot" if one in best else title for one, title in titles.items()}
    options = {"default": view.first, "format_func": marked.get, "width": 320}
    url.bound(st.selectbox, "Strength", "point", name, list(marked), **options)


def _figures(view: View, point: Point) -> None:
    plain, absent = view.run.plain, {"later"} if point.later is None else set()
    absent |= set(OF_TARGET) if view.run.settings.target is None else set()
    rows = []
    for name in FIGURES:
        if name not in absent:
            meaning = MEANINGS[f"dose_{name}"]
            label = f"{meaning.label}, {meaning.unit}" if meaning.unit else meaning.label
            before = "" if name == "score" else _cell(dose_view.value_of(view, plain, name))
            rows.append((hovering(label, meaning.hover), before, _cell(dose_view.value_of(view, point, name))))
    st.html(small_table([("", ""), ("plain", ""), ("steered", hover("dose_interval"))], rows))


def _cell(value: Figure | None) -> str:
    if value is None:
        return "–"
    span = "" if value.low is None else f' <span style="opacity:.6">({value.low:.3g} to {value.high:.3g})</span>'
    return f"{value.value:.3g}{span}"


# texts


def _texts(view: View, point: Point, number: int) -> None:
    settings = view.run.settings
    prompt = settings.prompts[number]
    left, right = st.columns(2, gap="medium")
    left.html(_text(prompt, view.run.plain.rows[number].text))
    right.html(_text(prompt, point.rows[number].text))
    if "steer" in navigation.PAGES:
        with right:
            how = {"tokens": settings.max_tokens, "temperature": f"{settings.temperature:g}", "seed": settings.seed}
            push = settings.line_at(point.how, point.amount)
            navigation.link("steer", "In the playground", push=push, text=keep_text(prompt), **how)


def _text(prompt: str, written: str) -> str:
    said = escape(written) if written.strip() else '<span style="opacity:.6">nothing was written</span>'
    return (
        '<div dir="auto" style="font-size:.9rem;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;border-top:1px solid '
        f'rgba(128,128,128,.22);padding-top:.35rem"><span style="opacity:.6">{escape(prompt)}</span>{said}</div>'
    )


# side effects


def _switched(effects: SideEffects, index: Index | None, key: str) -> None:
    names: Mapping[int, str] = live.called(effects.dictionary, live.own_summaries(index, effects.dictionary)) if index else {}
    st.markdown(
        f"{url.code(effects.dictionary)}: {effects.often:,} features are switched on 5 % of the tokens or more, {effects.ever:,} on any."
    )
    if not effects.most:
        return
    frame = pd.DataFrame(
        {
            "feature": [one.feature for one in effects.most],
            "label": [names.get(one.feature) for one in effects.most],
            "changed": [100 * one.changed for one in effects.most],
            "plain": [100 * one.plain for one in effects.most],
            "steered": [100 * one.steered for one in effects.most],
        }
    )
    event = st.dataframe(
        frame.dropna(axis="columns", how="all"),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=tables.ROW_PX * (len(frame) + 1) + 3,
        key=f"switched:{effects.dictionary}:{key}",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "feature": tables.number("feature", width=70),
            "label": tables.words("summary", "medium"),
            "changed": _share("dose_switched"),
            "plain": _share("dose_plain_rate"),
            "steered": _share("dose_steered_rate"),
        },
    )
    if cells := event.selection.cells:
        navigation.go("feature", ae=effects.dictionary, feature=effects.most[cells[0][0]].feature)


def _share(name: str):
    return st.column_config.NumberColumn(MEANINGS[name].label, help=MEANINGS[name].hover, format="%.3g %%", width=80)
