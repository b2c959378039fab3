"""A file of codes that a person brings: what it says of itself, and its vectors."""

import streamlit as st

from app.components import panels, url
from app.compression import told
from app.compression.files import MOST_RESTORED_BYTES, MOST_UPLOAD_MB
from app.compression.waiting import bar
from app.services import compression

UPLOAD = "compression-file"


def show() -> None:
    """Draw it."""
    panels.require_lenses()
    words = f"A file that this page or `bae compress` made; at most {MOST_UPLOAD_MB} MB, and {MOST_RESTORED_BYTES / 1e6:,.0f} MB restored."
    brought = st.file_uploader("File of codes", [".baec"], key=UPLOAD, help=words, max_upload_size=MOST_UPLOAD_MB)
    if brought is None:
        st.info(f"Bring a .baec file. {words} It stays on this server only as long as it is shown.", icon=":material/upload_file:")
        return
    try:
        file = compression.opened(brought.name, brought.getvalue())
    except (ValueError, OSError) as error:
        st.error(f"The file cannot be used: {url.code(error)}", icon=":material/error:")
        return
    told.header(file)
    try:
        with bar("Restoring") as tell:
            vectors = compression.restored(brought.name, brought.getvalue(), tell)
    except (ValueError, OSError) as error:
        st.error(f"Nothing is restored: {url.code(error)}", icon=":material/error:")
        return
    st.success("Every block is as it was written, so every vector is as the dictionary restores it.", icon=":material/verified:")
    st.download_button(
        f"Download the vectors, {len(vectors):,} bytes",
        vectors,
        file_name="restored.safetensors",
        mime="application/octet-stream",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
        key="compression-restored",
        help=f"A .safetensors file with one matrix, `vectors`, {file.header.vectors:,} x {file.header.d_model:,}, {file.header.dtype}.",
    )
    told.sizes(file)
    told.errors(file)
