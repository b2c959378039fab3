"""The form that asks a judge: which features, which judge, how; what it would come to; and the button that starts it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import streamlit as st

from app import services
from app.components import url
from app.components.explain import MEANINGS
from app.labels import cost as label_cost
from app.labels import runs as labelling
from app.labels import selection as label_selection
from app.live import parts as live
from bae.comsem import configuration
from bae.comsem.configuration import JudgeConfig
from bae.comsem.estimate import Estimate
from bae.comsem.plan import Settings
from bae.index.query import Index
from bae.workspace import Workspace

NUMBERS = {
    "n_interpret": (1, 20),
    "n_test": (1, 100),
    "negatives": (0, 100),
    "control": (0, 1000),
    "intruders": (0, 20),
    "seed": (0, 999_999),
}
CHOICES = {
    "order": {"corpus": "as they come", "strongest": "strongest first", "quantile": "spread over strengths"},
    "denominator": {"asked": "by the tests asked", "all": "by all that remain"},
}
SWITCHES = ("batched", "distinct", "paper_topk")
DEFAULTS = Settings()
KINDS = {
    "openai": "A language model behind an OpenAI-compatible address.",
    "embedded": "The small model that comes with the explorer, on this machine. It needs nothing and costs nothing, takes its time, and "
    "its labels are **draft quality**.",
    "embedding": "Writes no labels: holds the labels that features have against their tests, by closeness in meaning. It needs nothing "
    "and costs nothing.",
}
EXAMPLE = """[judge.local]
model = "qwen2.5-7b-instruct"              # as its server calls it
base_url = "http://127.0.0.1:8000/v1"      # llama.cpp, vLLM, Ollama, LM Studio ...
# key_variable = "LOCAL_KEY"               # the environment variable that holds a key, where one is needed
# prices = { input = 0.4, cached_input = 0.1, output = 1.6, currency = "USD" }   # per million tokens"""


@dataclass(frozen=True)
class Order:
    """What a person asks for."""

    ae: str
    features: list[int]
    judge: JudgeConfig
    settings: Settings
    budget: dict[str, float]


def draw(study: Workspace, index: Index, ae: str) -> None:
    """The form, from choosing features to the button."""
    try:
        offered = services.judges()
        settings = read_settings()
    except ValueError as error:
        st.error(f"No judge can be asked before this is put right: {url.code(error)}")
        return
    name = url.choice("judge", list(offered), first_ready(offered))
    judge = offered[name]
    with st.container(border=True):
        st.markdown("**1. Which features?**")
        features = label_selection.features(index, ae, judge, settings)
    with st.container(border=True):
        st.markdown("**2. Which judge?**")
        _judge(study, offered, judge)
        _settings(settings)
    with st.container(border=True):
        st.markdown("**3. What would it come to?**", help="Nothing is asked before you press the button.")
        _size(study, Order(ae, features, judge, settings, label_cost.read_budget(judge)))


# the judge


def first_ready(offered: Mapping[str, JudgeConfig]) -> str:
    """The judge that is proposed: the first that can be asked and writes labels, not the small one where there is another."""
    ready = [name for name, config in offered.items() if not configuration.ready(config) and config.kind != "embedding"]
    return next((name for name in ready if offered[name].kind == "openai"), (ready or list(offered))[0])


def _judge(study: Workspace, offered: Mapping[str, JudgeConfig], judge: JudgeConfig) -> None:
    missing = configuration.ready(judge)
    url.bound(
        st.selectbox,
        "Judge",
        "judge",
        judge.name,
        list(offered),
        default=first_ready(offered),
        width=300,
        help="The language model that is shown tokens on which a feature fires, says what they share, and is then tested.",
    )
    st.caption(f"{KINDS[judge.kind]} {_where(judge)}")
    if missing:
        st.warning(f"It cannot be asked yet: {url.code(missing)}", icon=":material/key_off:")
    with st.expander("How to add a judge", icon=":material/add:", expanded=bool(missing)):
        st.markdown(
            f"OpenAI's models need a key: set the environment variable `{configuration.OPENAI_KEY}` and start the explorer again. Any "
            "other server that speaks as OpenAI does, on this machine or elsewhere, gets a table in "
            f"{url.code(study.folder / configuration.FILE)}, which is read anew whenever this page is:"
        )
        st.code(EXAMPLE, language="toml")
        st.caption("Keys are never written into that file, nor typed into a page. The judges “embedded” and “embedding” need nothing.")


def _where(judge: JudgeConfig) -> str:
    """Model, address and prices of a judge."""
    if judge.kind != "openai":
        return f"Model {url.code(judge.model)}."
    told = f"Model {url.code(judge.model)} at {url.code(judge.base_url)}."
    if judge.prices is None:
        return told + (" Its prices are not known: add them to judges.toml to see what a run costs." if judge.paid else "")
    prices = judge.prices
    return (
        f"{told} A million tokens cost {prices.input:g} {url.code(prices.currency)} asked ({prices.cached_input:g} repeated) and "
        f"{prices.output:g} answered, as judges.toml tells."
    )


# how


def read_settings() -> Settings:
    """The settings that the address asks for."""
    told: dict[str, object] = {name: url.whole(name, low, high, getattr(DEFAULTS, name)) for name, (low, high) in NUMBERS.items()}
    told |= {name: url.choice(name, list(options), getattr(DEFAULTS, name)) for name, options in CHOICES.items()}
    told |= {name: url.flag(name, getattr(DEFAULTS, name)) for name in SWITCHES}
    return Settings(**told)


def _settings(settings: Settings) -> None:
    changed = [field.name for field in fields(Settings) if getattr(settings, field.name) != getattr(DEFAULTS, field.name)]
    told = ", ".join(MEANINGS[f"set_{name}"].label.lower() for name in changed)
    with st.expander(f"How it is asked{f' (changed: {told})' if changed else ''}", icon=":material/tune:"):
        st.caption("The defaults are the paper's, with negatives and a control beside its tests. Hover a name for what it does.")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            for name, (low, high) in NUMBERS.items():
                _setting(st.number_input, name, settings, min_value=low, max_value=high, step=1, width=170)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            for name, options in CHOICES.items():
                _setting(st.selectbox, name, settings, options=list(options), format_func=options.get, width=220)
            for name in SWITCHES:
                _setting(st.toggle, name, settings, written=live.bit)


def _setting(widget, name: str, settings: Settings, **more) -> None:
    meaning = MEANINGS[f"set_{name}"]
    url.bound(widget, meaning.label, name, getattr(settings, name), default=getattr(DEFAULTS, name), help=meaning.hover, **more)


# what it comes to


def _size(study: Workspace, order: Order) -> None:
    if not order.features:
        st.caption("Choose features above, and the number of calls, tokens, cost and time are shown here before anything is asked.")
        return
    try:
        estimate = services.dry_run(order.ae, order.features, order.settings)
    except (OSError, ValueError) as error:
        st.error(f"It cannot be told what would be asked: {url.code(error)}")
        return
    if order.judge.kind == "embedding":
        st.caption(f"{estimate.features:,} features would be tested. No judge is called, so there is nothing to count or to pay.")
    else:
        label_cost.figures(order.judge, estimate)
        label_cost.limits(order.judge, order.budget)
    if estimate.too_rare:
        st.caption(
            f"{estimate.too_rare:,} of those chosen are left out: they are activated on too few tokens, or in too few different sentences."
        )
    _button(study, order, estimate)


def _button(study: Workspace, order: Order, estimate: Estimate) -> None:
    missing = configuration.ready(order.judge)
    verb = "Score them" if order.judge.kind == "embedding" else "Ask the judge"
    st.button(
        verb,
        type="primary",
        icon=":material/play_arrow:",
        key="ask",
        on_click=labelling.ask,
        args=(study, lambda: _add(order)),
        disabled=bool(missing) or not estimate.features,
        help="Puts the run into the queue. It is worked off by a process of its own, which goes on when this page is closed.",
    )
    if not estimate.features:
        st.caption("None of the chosen features is activated often enough to be labelled.")


def _add(order: Order) -> str:
    return services.records().add_run(services.subject(order.ae), order.judge.name, order.settings, order.features, order.budget)
