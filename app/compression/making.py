"""A file of codes that a person makes: of held-out vectors, of a text, or of vectors that they bring."""

from typing import TYPE_CHECKING

import streamlit as st

from app.components import chooser, panels, url
from app.components.explain import hover
from app.compression import told
from app.compression.chosen import LENGTHS
from app.compression.files import MOST_UPLOAD_MB, File
from app.compression.waiting import bar
from app.live import box as live_box
from app.services import compression, workspace
from bae.names import TITLES

if TYPE_CHECKING:
    from bae.compression import Options

SOURCES = {"held-out": "Held-out vectors", "text": "A text", "upload": "A file of vectors"}
CODINGS = {"entropy": "Entropy-coded", "positions": "The paper's positions"}
THRESHOLDS = ("-1", "-0.5", "-0.3", "-0.2", "-0.15", "-0.1", "-0.05", "-0.02", "0")
VECTORS = 4096


def show() -> None:
    """Draw it, or say what it needs."""
    panels.require_lenses()
    usable = compression.usable()
    if not usable:
        st.info("No dictionary here has bits. Train a BAE on the page Training.", icon=":material/layers_clear:")
        return
    source = url.switch("Of what", "source", SOURCES, "held-out")
    ae = chooser.dictionary({name: chooser.Offered(TITLES[lens.autoencoder.kind], lens.layer) for name, lens in usable.items()}, ())
    try:
        options = _options()
        file = {"held-out": _held_out, "text": _text, "upload": _upload}[source](ae, options)
    except (ValueError, OSError) as error:
        st.error(f"No file was made: {url.code(error)}", icon=":material/error:")
        return
    if file is not None:
        _draw(file, source)


def _options() -> "Options":
    from bae.compression import Options

    threshold, coding = url.choice("threshold", THRESHOLDS, "-1"), url.choice("coding", CODINGS, "entropy")
    radial = url.choice("radial", LENGTHS, "none")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        at = {"default": "-1", "help": hover("compression_threshold"), "width": 280}
        url.bound(st.select_slider, "Threshold (bits)", "threshold", threshold, THRESHOLDS, **at)
        _chooser("Coding", "coding", coding, CODINGS)
        _chooser("Lengths", "radial", radial, LENGTHS)
    return Options(float(threshold), coding, radial)


def _chooser(label: str, name: str, value: str, options: dict[str, str]) -> None:
    shown = {"format_func": options.get, "required": True, "help": hover(f"compression_{name}")}
    url.bound(st.segmented_control, label, name, value, list(options), default=next(iter(options)), **shown)


def _held_out(ae: str, options: "Options") -> File | None:
    states = compression.held_out(ae)
    if states is None:
        st.info(
            f"This workspace holds no held-out hidden states of that layer. `bae harvest --workspace {workspace().folder.name}` "
            "makes them; so does a run of the experiment.",
            icon=":material/dataset:",
        )
        return None
    most = compression.most_vectors(states)
    if most < len(states):
        st.caption(
            f"This page takes the first {most:,} of {len(states):,} vectors, as many as it can restore. `bae compress harvest:held-out` "
            "compresses all of them."
        )
    vectors = url.whole("vectors", 1, most, min(VECTORS, most))
    url.bound(
        st.number_input, "Vectors", "vectors", vectors, 1, most, default=min(VECTORS, most), help=hover("compression_vectors"), width=160
    )
    with bar("Compressing", passes=2) as tell:
        return compression.of_held_out(ae, vectors, options, tell)


def _text(ae: str, options: "Options") -> File:
    text = live_box.text_box()
    with st.spinner("Compressing."):
        return compression.of_text(ae, text, options, lambda more, total: None)


def _upload(ae: str, options: "Options") -> File | None:
    size = {"max_upload_size": MOST_UPLOAD_MB}
    file = st.file_uploader("Vectors", [".npy", ".safetensors"], key="compression-vectors", help=told.VECTORS_HELP, **size)
    if file is None:
        st.caption(f"{told.VECTORS_HELP} What is brought is no part of the address.")
        return None
    tensor = ""
    if file.name.lower().endswith(".safetensors"):
        tensor = st.text_input("Tensor", key="compression-tensor", help=hover("compression_tensor"), placeholder="where there are several")
    with bar("Compressing", passes=2) as tell:
        return compression.of_upload(ae, file.name, file.getvalue(), tensor.strip(), options, tell)


def _draw(file: File, source: str) -> None:
    st.download_button(
        f"Download, {len(file.data):,} bytes",
        file.data,
        file_name=f"{file.header.dictionary if file.fits is None else file.fits}-{source}.baec",
        mime="application/octet-stream",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
        key="compression-download",
        help="The other view restores it, here or in another workspace that has this dictionary; so does `bae decompress`.",
    )
    told.sizes(file)
    told.errors(file)
