"""Choosing what is steered: features found by a word, by meaning, by number or by a link; a kept list; a direction from examples."""

import re
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from app import navigation, services
from app.components import labels, url
from app.components.explain import hover
from app.keeping.as_list import counted
from app.playground import address as playground
from app.playground import steps as playground_steps
from app.playground.texts import keep_text
from app.playground.ways import ATS, OF_METHODS
from app.search import ways as search_ways
from app.search.ways import Result
from app.services import keeping
from app.services.playground import Known
from bae.index.query import Index
from bae.notebook.lists import FeatureList
from bae.numbers import percent
from bae.steering.plan import MOST, ExampleStep, FeatureStep

BY = {"words": "By words", "meaning": "By meaning"}
ALL = "all"
SHOWN = 6
TYPED = "find:typed"
SIDES = {"good": "Towards", "bad": "Away from"}
FIELDS = {"method": "Direction", "at": "Read at"}


def show(index: Index | None, known: Mapping[str, Known], room: int) -> None:
    """Draw the box that searches and what it found, and the other ways. `room` is how many more may be steered."""
    wanted = st.query_params.get("find", "")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        names, by = _box(index, known, wanted)
        _from_list(index, known, room)
        _from_examples(known)
        playground_steps.explained()
    if refused := st.session_state.pop(playground.REFUSED, None):
        st.error(f"Not taken: {url.code(refused)}")
    if wanted.strip():
        _results(index, known, names, by, wanted)


# by search


def _box(index: Index | None, known: Mapping[str, Known], wanted: str) -> tuple[list[str], str]:
    """The box with its two choices; returns the dictionaries that are searched, and how."""
    st.session_state[TYPED] = wanted
    st.text_input(
        "Steer a feature",
        key=TYPED,
        on_change=_typed,
        placeholder="A word, a number, or a link",
        help=hover("steer_find"),
        width=230,
    )
    chosen = url.choice("ae", (ALL, *known), ALL)
    told = {ALL: "All dictionaries"} | {name: f"{entry.title} · {name}, layer {entry.layer}" for name, entry in known.items()}
    options = {"label_visibility": "collapsed", "format_func": told.get, "width": 165}
    url.bound(st.selectbox, "In", "ae", chosen, (ALL, *known), default=ALL, **options)
    by = url.switch("How to search", "by", BY, "words") if index is not None else "words"
    return (list(known) if chosen == ALL else [chosen]), by


def _typed() -> None:
    """Take what a link names; search for anything else."""
    value = st.session_state[TYPED]
    try:
        found = playground.of_link(value)
    except ValueError as error:
        st.session_state[playground.REFUSED] = str(error)
        return
    if found:
        playground.add(found)
    else:
        url.put(find=value.strip() or None)


def _results(index: Index | None, known: Mapping[str, Known], names: Sequence[str], by: str, wanted: str) -> None:
    try:
        found = _found(index, known, names, by, wanted)
    except (OSError, ValueError) as error:
        st.error(f"This cannot be searched: {url.code(error)}")
        return
    with st.container(border=True, gap="xxsmall", key="found"):
        if not found:
            st.caption("Nothing was found. Try another word, or search by meaning.")
        for result in found[:SHOWN]:
            _result(index, result)
        with st.container(horizontal=True, vertical_alignment="center"):
            more = f"The best {SHOWN} of {len(found):,}. " if len(found) > SHOWN else ""
            st.caption(f"{more}Click + to steer a feature.", width="stretch")
            if index is not None and found and not wanted.strip().isdigit():
                navigation.link("search", "All of them", how=by, q=wanted, ae=names[0] if len(names) == 1 else None)
            st.button("Close", key="find:close", type="tertiary", icon=":material/close:", on_click=url.put, kwargs={"find": None})


def _found(index: Index | None, known: Mapping[str, Known], names: Sequence[str], by: str, wanted: str) -> list[Result]:
    if re.fullmatch(r"[0-9]{1,9}", wanted.strip()):
        number = int(wanted)
        return [Result(name, number) for name in names if number < known[name].n_features]
    if index is None:
        raise ValueError("without an index features have no words; type a number, or a link such as bae:12")
    searched = [name for name in names if name in index.dictionaries() and not services.replaced(name)]
    if by == "meaning":
        return search_ways.by_meaning(searched, wanted, lambda done: None)
    return search_ways.by_words(index, searched, wanted)


def _result(index: Index | None, result: Result) -> None:
    name, feature = result.dictionary, result.feature
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        step = FeatureStep(name, feature, amount=playground.START)
        key = f"add:{name}:{feature}"
        told = f"Steer feature {feature} of {name}"
        st.button("", key=key, icon=":material/add:", type="tertiary", help=told, on_click=playground.add, args=([step],))
        said, density = "", ""
        if index is not None and name in index.dictionaries() and not services.replaced(name):
            row = index.feature(name, feature)
            said, density = labels.in_a_line(services.shown_labels(name).get(feature), row.summary), percent(row.density)
        line = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
        st.html(
            '<div style="display:flex;gap:.8rem;font-size:.9rem;align-items:baseline">'
            f'<span style="opacity:.7;white-space:nowrap;min-width:7.5rem">{escape(name)} {feature}</span>'
            f'<span dir="auto" title="{escape(said)}" style="{line};flex:1">{escape(said)}</span>'
            f'<span title="{escape(hover("density"))}" style="opacity:.7;white-space:nowrap">{density}</span></div>',
            width="stretch",
        )


# a kept list


def _from_list(index: Index | None, known: Mapping[str, Known], room: int) -> None:
    with st.popover("From a list", icon=":material/playlist_play:"):
        lists = {one.id: one for one in keeping.lists().all()} if index is not None else {}
        if not lists:
            st.caption("There is no kept list yet. “List” beside a feature's title begins one.")
            return
        shown = {"format_func": lambda name: f"{lists[name].name} ({lists[name].size:,})", "width": 300}
        chosen = st.selectbox("List", list(lists), key="list:chosen", **shown)
        steps = _members(lists[chosen], known)
        told = f"At most {MOST} things are steered at once; there is room for {room}."
        label = f"Steer with {counted(min(len(steps), room))}"
        st.button(label, key="list:add", icon=":material/add:", disabled=not steps or not room, on_click=playground.add, args=(steps,))
        if len(steps) > room:
            st.caption(told)
        if absent := lists[chosen].size - len(steps):
            st.caption(f"{absent:,} of the list belong to a dictionary that is not here, or was trained anew since.")


def _members(kept: FeatureList, known: Mapping[str, Known]) -> list[FeatureStep]:
    """The features of a list whose checkpoint is the one that is here."""
    members = keeping.lists().members(kept.id)
    here = {name: services.subject(name) for name in {key.dictionary for key in members} & known.keys() & _indexed()}
    return [FeatureStep(key.dictionary, key.feature, amount=playground.START) for key in members if here.get(key.dictionary) == key.subject]


def _indexed() -> set[str]:
    found = services.index()
    return set() if found is None else {name for name in found.dictionaries() if not services.replaced(name)}


# a direction from examples


def _from_examples(known: Mapping[str, Known]) -> None:
    if not known:
        with st.popover("From examples", icon=":material/compare_arrows:"):
            st.caption("There is no dictionary to read examples with. Train one on the Training page.")
        return
    with st.popover("From examples", icon=":material/compare_arrows:"), st.form("examples", border=False):
        st.caption(hover("steer_examples"))
        left, right = st.columns(2)
        for column, label in ((left, "good"), (right, "bad")):
            column.text_area(SIDES[label], key=f"examples:{label}", height=130, placeholder="One example a line, at least two")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            shown = {"format_func": lambda name: f"{name}, layer {known[name].layer}", "width": 170}
            st.selectbox("Dictionary", list(known), key="examples:dictionary", **shown)
            for field, options in (("method", OF_METHODS), ("at", ATS)):
                shown = {"format_func": options.get, "help": hover(f"steer_{field}"), "width": 175}
                st.selectbox(FIELDS[field], list(options), key=f"examples:{field}", **shown)
        st.form_submit_button("Steer this way", icon=":material/add:", on_click=_take_examples)


def _take_examples() -> None:
    """Keep the two texts in the notebook and steer along the direction between them."""
    from bae.steering.directions import check_sides

    given = {name: st.session_state[f"examples:{name}"] for name in ("good", "bad", "dictionary", "method", "at")}
    good, bad = ([line.strip() for line in given[side].splitlines() if line.strip()] for side in SIDES)
    try:
        check_sides(good, bad)
        for side in (good, bad):
            services.limits().check("\n".join(side), 1)
        ids = [keep_text("\n".join(side)) for side in (good, bad)]
        step = ExampleStep(given["dictionary"], *ids, method=given["method"], at=given["at"])
    except ValueError as error:
        st.session_state[playground.REFUSED] = str(error)
        return
    playground.add([step])
