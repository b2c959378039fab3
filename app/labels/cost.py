"""What a run would come to, and the most that it may: calls, tokens, money and time, before anything is asked."""

import functools
import re
from collections.abc import Mapping

import streamlit as st

from app import services
from app.components import url
from app.components.explain import MEANINGS, hover
from bae.comsem.configuration import JudgeConfig
from bae.comsem.estimate import Estimate
from bae.comsem.judge import Usage
from bae.numbers import duration

MOST_LIMIT = 999_999_999
ASSUMED_S = 1.0
"""Seconds that a call is taken to last, before a judge has answered any."""


def figures(judge: JudgeConfig, estimate: Estimate) -> None:
    """Calls, tokens, cost and time of a run that has not been asked for yet."""
    told = [
        ("run_features", f"{estimate.features:,}"),
        ("calls", f"{estimate.calls:,}"),
        ("prompt_tokens", f"{estimate.prompt_tokens:,}"),
        ("completion_tokens", f"{estimate.completion_tokens:,}"),
        ("run_cost", cost(judge, estimate)),
        ("time", _time(judge, estimate)),
    ]
    with st.container(horizontal=True, gap="medium"):
        for name, value in told:
            st.metric(MEANINGS[name].label, value, help=hover(name), width="content")


def cost(judge: JudgeConfig, estimate: Estimate) -> str:
    """What a run costs, from the cheapest case to the dearest."""
    if not judge.paid:
        return "nothing"
    if judge.prices is None:
        return "not known"
    low, high = (
        judge.prices.cost(Usage(estimate.prompt_tokens, estimate.completion_tokens, cached)) for cached in (estimate.shared_tokens, 0)
    )
    amount = f"{high:,.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:,.2f} to {high:,.2f}"
    return f"{amount} {judge.prices.currency}"


def _time(judge: JudgeConfig, estimate: Estimate) -> str:
    pace = _pace(judge)
    if pace is not None:
        return f"about {duration(estimate.calls / pace)}"
    return f"about {duration(estimate.calls * ASSUMED_S / judge.concurrency)}, if a call takes {ASSUMED_S:.0f} s"


def _pace(judge: JudgeConfig) -> float | None:
    """Calls a second of this judge's last run that has made some."""
    log = services.call_log()
    paces = (log.calls_a_second(run.id) for run in reversed(services.records().runs()) if run.judge == judge.name)
    return next((pace for pace in paces if pace is not None), None)


def limits(judge: JudgeConfig, budget: Mapping[str, float]) -> None:
    """Fields for the most that a run may spend, empty at first."""
    prices = judge.prices
    parts = {"calls": ("calls", 1), "tokens": ("tokens", 1)} | ({"money": (url.code(prices.currency), 0.5)} if prices else {})
    told = ", ".join(f"{budget[part]:,} {unit}" for part, (unit, _) in parts.items() if part in budget)
    with st.expander(f"Stops at {told}" if told else "Set a limit", icon=":material/savings:"):
        st.caption("The run stops before the call that would go beyond a limit, and can be resumed. Empty is no limit.")
        with st.container(horizontal=True, gap="medium"):
            for part, (unit, step) in parts.items():
                # without a value of its own it would begin at the least
                field = functools.partial(st.number_input, value=None)
                label, least = f"At most ({unit})", 0.01 if part == "money" else 1
                url.bound(field, label, f"most_{part}", budget.get(part), min_value=least, step=step, width=190)
    if judge.paid and not budget:
        st.caption(":material/payments: This judge costs money, and no limit is set.")


def read_budget(judge: JudgeConfig) -> dict[str, float]:
    """The limits that the address sets, of those that this judge can keep."""
    told = {part: url.whole(f"most_{part}", 1, MOST_LIMIT, None) for part in ("calls", "tokens")}
    if judge.prices is not None:
        told["money"] = _money()
    return {part: limit for part, limit in told.items() if limit is not None}


def _money() -> float | None:
    """The limit in money that the address sets."""
    value = st.query_params.get("most_money")
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,6}([.][0-9]{1,2})?", value) and float(value) > 0:
        return float(value)
    url.wrong("most_money", value, "an amount above 0, as in 2.50", None)
    return None
