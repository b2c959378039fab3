"""What compression saves and costs: the chosen dictionary and threshold beside its peers, and all dictionaries beside each other."""

import streamlit as st

from app import charts
from app.components import panels, url
from app.components.explain import MEANINGS, hover
from app.compression import charts as figures
from app.compression import chosen, errors, paper, run, ways
from app.compression.charts import Size
from app.compression.chosen import Shown
from app.live import parts as live
from app.services import compression, workspace
from bae.reproduction.printed_sizes import bytes_a_number


def _say_changed(names: list[str]) -> None:
    """Which figures are not those of the checkpoints that are here now: of another one of this name, which misleads, or of none."""
    here = [name for name in names if workspace().autoencoder_folder(name).is_dir()]
    if here:
        told = ", ".join(map(url.code, here))
        st.warning(f"Replaced since this run: {told}. Its figures are those of the old checkpoints.", icon=":material/history:")
    if away := [url.code(name) for name in names if name not in here]:
        st.caption(f"Measured, and not in this workspace: {', '.join(away)}.")


def show() -> None:
    """Draw it, or what makes it."""
    try:
        found = compression.found()
        gone = compression.replaced(found.rows) if found else []
    except ValueError as error:
        st.error(url.code(error), icon=":material/broken_image:")
        return
    if not found or not found.rows:
        st.info("Nothing was measured in this workspace yet. Start it below, or type the command.", icon=":material/compress:")
        run.panel(workspace(), None)
        return
    _say_changed(gone)
    shown = chosen.choose(found.rows)
    _headline(shown)
    st.subheader("Size")
    _sizes(shown)
    st.subheader("Error")
    errors.draw(shown)
    ways.draw(shown)
    _provenance(found.provenance)
    run.panel(workspace(), found)


def _headline(shown: Shown) -> None:
    row = shown.row
    told = {
        "compression_bits": f"{row.bits:,.1f}",
        "compression_ratio": f"{100 * row.ratio:.2f} %",
        "compression_with_model": f"{100 * row.ratio_with_model:.1f} %",
        "compression_over_bound": f"{row.size / row.bound:.3f}" if row.bound > 0 else "–",
        "compression_lost": f"{100 * row.lost:.1f} %",
        "compression_mse": f"{row.mse:,.3g}",
        "compression_cosine": f"{row.cosine:.3f}",
        "compression_delta_ce": f"{row.delta_ce:.3f}",
    }
    with st.container(horizontal=True, gap="medium"):
        for name, value in told.items():
            st.metric(MEANINGS[name].label, value, help=hover(name), width="content")


def _sizes(shown: Shown) -> None:
    with_model = url.flag("model", True)
    url.bound(st.toggle, "With the model", "model", with_model, default=True, written=live.bit, help=hover("compression_model"))
    st.plotly_chart(
        figures.sizes(_all_sizes(shown), with_model),
        config=charts.config(f"compression sizes {shown.row.dictionary}"),
        key="compression-sizes",
        alt="Bytes a vector of every way to write hidden states, on a logarithmic axis",
    )
    st.caption(f"Sizes are of {shown.row.vectors:,} held-out vectors of {shown.width:,} numbers, whole files. {paper.note()}")
    paper.popover()


def _all_sizes(shown: Shown) -> list[Size]:
    row, plain = shown.row, 2 * shown.width
    model = (row.ratio_with_model - row.ratio) * plain
    return [
        Size("this file", row.bits / 8, row.bits / 8 + model, own=True),
        Size("the paper's positions", row.positions / row.vectors, row.positions / row.vectors + model, own=True),
        Size("bound of its codes", row.bound / row.vectors, own=True),
        Size("fp16", plain),
        Size("fp32", 2 * plain),
        Size("Table 3's “before”", bytes_a_number()[0] * shown.width),
        *(Size(peer.method, peer.bits / 8) for peer in shown.peers),
    ]


def _provenance(told: dict) -> None:
    """Command, machine and date of the run, and what it was made with."""
    settings = told.get("settings", {})
    facts = {
        "Command": told.get("command"),
        "Machine": told.get("machine"),
        "PyTorch": told.get("torch"),
        "Date": told.get("date"),
        "Language model": f"{told.get('model')}, fingerprint {told.get('model_fingerprint')}",
        "Text": f"{', '.join(told.get('sources', ()))}; windows of {told.get('context_length')} tokens, seed {told.get('seed')}",
        "Baselines fitted on": f"{settings.get('fitted', 0):,} hidden states of training text",
        "Delta-CE on": f"about {settings.get('spliced_tokens', 0):,} held-out tokens",
        "Kept in": "compression/results.parquet",
    }
    with st.popover("Where it comes from", icon=":material/history_edu:", type="tertiary"):
        panels.facts([(name, str(value or "not kept")) for name, value in facts.items()])
