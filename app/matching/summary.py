"""What a comparison of two dictionaries found as a whole: in sentences and in charts."""

from collections.abc import Mapping

import streamlit as st

from app import charts, navigation, services
from app.compare import figures as compare
from app.components import panels, url
from app.components.explain import MEANINGS, hover
from app.matching import charts as match_charts
from app.matching.charts import Point
from bae.index.query import Index
from bae.matching.relations import ABSORBED, MERGED, ONE_TO_ONE, RELATIONS, SPLIT, compared, found
from bae.matching.stored import Compared, Matches
from bae.numbers import percent
from bae.workspace import Workspace


def summary(matches: Matches) -> None:
    """How much of each the other has, in a sentence each, and what chance would give."""
    for one, other in ((matches.first, matches.second), (matches.second, matches.first)):
        st.markdown(_sentence(one, other))
    if matches.shift:
        chance = [found(one.by_chance) for one in _both(matches)]
        st.caption(
            f"By chance, that is with the text of one shifted by {matches.shift:,} tokens: {chance[0]:,} and {chance[1]:,} in any form. "
            f"Counted on the {matches.tokens:,} tokens of the index. Rare and silent features are left out.",
            help=hover("match_chance"),
        )
    else:
        st.caption("The index holds too few sentences for a control by chance.")
    with st.expander("What one to one, split, merged and absorbed mean", icon=":material/help:"):
        told = [MEANINGS[f"found_{relation.replace(' ', '_')}"] for relation in RELATIONS] + [MEANINGS["mostly"], MEANINGS["match_chance"]]
        panels.facts([(meaning.label, meaning.definition) for meaning in told])


def _sentence(one: Compared, other: Compared) -> str:
    tally = one.side.tally()
    n, same, any_form = compared(tally), tally[ONE_TO_ONE], found(tally)
    share = f" ({percent(any_form / n)})" if n else ""
    return (
        f"Of the **{n:,}** features of {url.code(one.name)} that fire often enough, {url.code(other.name)} has **{same:,}** one to one, "
        f"and **{any_form:,}**{share} in some form: {tally[SPLIT]:,} split, {tally[MERGED]:,} merged, "
        f"{tally[ABSORBED]:,} absorbed in wider ones."
    )


def _both(matches: Matches) -> tuple[Compared, Compared]:
    return matches.first, matches.second


def overview(matches: Matches, words: Mapping[str, Mapping[int, str]], chosen: int | None) -> None:
    """Relations both ways, and every feature with its best partner; a click on a point opens the pair."""
    names = [one.name for one in _both(matches)]
    left, right = st.columns(2)
    with left:
        st.markdown("**Relations, both ways**")
        figure = match_charts.relations(names, [one.side.tally() for one in _both(matches)], [one.by_chance for one in _both(matches)])
        st.plotly_chart(figure, config=charts.config(f"relations of {names[0]} and {names[1]}"), key="relations", alt="Relations both ways")
    with right:
        st.markdown(f"**Best partner of each feature of {url.code(names[0])}**", help=hover("best_jaccard"))
        if matches.no_cosine:
            st.info(f"There are no cosines: {url.code(matches.no_cosine)}", icon=":material/explore_off:")
            return
        figure = match_charts.jaccard_and_cosine(_points(matches, words), chosen)
        st.plotly_chart(
            figure,
            config=charts.config(f"partners of {names[0]} in {names[1]}"),
            key="pairs",
            on_select=_picked,
            selection_mode="points",
            alt="Jaccard index of the tokens against cosine of the directions, a point a feature",
        )
        st.caption("A point a feature. Right: it fires on the same tokens. Up: it writes the same direction. Click one to see the pair.")


def _points(matches: Matches, words: Mapping[str, Mapping[int, str]]) -> list[Point]:
    one, own, others = matches.first, words[matches.first.name], words[matches.second.name]
    return [
        Point(
            feature,
            int(partner),
            float(one.side.jaccard[feature]),
            float(one.cosine[feature]),
            one.side.relation[feature],
            f"{own.get(feature, '')} | {others.get(int(partner), '')}",
        )
        for feature, partner in enumerate(one.side.best)
        if partner >= 0
    ]


def _picked() -> None:
    points = st.session_state["pairs"]["selection"]["points"]
    # the figure is drawn anew with the pair marked, and then reports that nothing is selected
    if points and isinstance(points[-1].get("customdata"), list):
        url.put(feature=int(points[-1]["customdata"][0]), pair=None, page=None)


def rates(index: Index, study: Workspace, names: tuple[str, str]) -> None:
    """How often the features of both fire, and what their codes cost and leave unexplained."""
    st.subheader("How often their features fire", help=hover("rate"))
    figure = match_charts.rates(names, [services.column(str(index.file), name, "rate") for name in names])
    st.plotly_chart(figure, config=charts.config(f"rates of {names[0]} and {names[1]}"), key="both-rates", alt="Histograms of firing rates")
    st.subheader("Rate and distortion", help=hover("fvu"))
    try:
        lines = compare.coded([point for point in services.rates() if point.name in names])
    except ValueError as error:
        st.error(f"There is nothing to draw: {url.code(error)}", icon=":material/broken_image:")
        return
    if lines:
        st.plotly_chart(
            charts.rate_distortion(lines, log=False),
            config=charts.config(f"rate and distortion of {names[0]} and {names[1]}"),
            key="match-rates",
            alt="Bits a token against FVU",
        )
    else:
        st.caption(f"The rates of these two have not been measured in {url.code(study.folder.name)}.")
        navigation.link("compare", "Measure them on the Compare page")
