"""What is told of a file of codes: its sizes, its errors, its header."""

import streamlit as st

from app.components import panels
from app.components.explain import MEANINGS, hover
from app.components.small_table import small_table
from app.compression.files import MOST_UPLOAD_MB, File

VECTORS_HELP = f"A matrix of floating point numbers, a hidden state of the dictionary's layer a row; at most {MOST_UPLOAD_MB} MB."
FEW = 1000
"""Below so many vectors the prior is much of a file."""


def sizes(file: File) -> None:
    """Its size beside the bound and other ways; only where its dictionary is here."""
    if file.sizes is None:
        return
    found = file.sizes
    rows = {
        "This file": found.file,
        "of it, header, prior and checksums": found.file - file.block_bytes,
        "Bound of its codes": found.bound,
        "The paper's positions": found.positions,
        "fp16": found.fp16,
        "fp32": found.fp32,
        "The dictionary, once": found.model,
        "This file, the dictionary counted": found.file + found.model,
    }
    heads = [
        ("", ""),
        ("Bytes", "Of the whole set."),
        (MEANINGS["compression_bytes"].label, hover("compression_bytes")),
        ("Of fp16", hover("compression_ratio")),
    ]
    lines = [[name, f"{size:,.0f}", f"{size / found.vectors:,.1f}", _percent(size / found.fp16)] for name, size in rows.items()]
    st.html(small_table(heads, lines))
    if found.vectors < FEW:
        st.caption(f"Of so few vectors ({found.vectors:,}) the header and the prior are much of the file; the more there are, the less.")


def errors(file: File) -> None:
    """How far restored vectors are off, as it was measured when the file was written."""
    after, before = file.figures.get("errors"), file.figures.get("errors_before_radial")
    kept = file.figures.get("stored_as_they_are", 0)
    if after is None:
        st.caption(f"{_vectors(kept)} stored unchanged: longer than the dictionary is made for.")
        return
    names = ("mse", "fvu", "cosine", "length")
    heads = [("", ""), *((MEANINGS[f"compression_{name}"].label, hover(f"compression_{name}")) for name in names)]
    lines = [["Restored, against the original", *(_figure(after[name]) for name in names)]]
    if file.header.radial != "none" and before:
        lines.append(["Without the lengths mended", *(_figure(before[name]) for name in names)])
    st.html(small_table(heads, lines))
    said = ["Measured when the file was written."]
    said.append(
        "Every bit of the codes comes back." if not file.lost else f"{100 * file.lost:.3g} % of the bits that leave their habit do not."
    )
    if kept:
        said.append(f"{_vectors(kept)} stored unchanged: longer than the dictionary is made for.")
    if file.header.left_out:
        said.append(f"{_vectors(file.header.left_out)} left out of the source: not finite.")
    st.caption(" ".join(said))


def _percent(share: float) -> str:
    return f"{100 * share:,.0f} %" if share >= 1 else f"{100 * share:.3g} %"


def _vectors(count: int) -> str:
    return "1 vector is" if count == 1 else f"{count:,} vectors are"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"


def header(file: File) -> None:
    """What a file says of itself."""
    head = file.header
    here = "not here" if file.fits is None else "here" if file.fits == head.dictionary else f"here, as {file.fits}"
    ratio = "" if file.sizes is None else f", {100 * file.sizes.ratio:.2f} % of fp16 and {file.sizes.over_bound:.3f} times the bound"
    panels.facts(
        [
            ("Dictionary", f"{head.dictionary}, {head.n_bits:,} bits; its weights are {here}"),
            ("Language model", f"{head.model}, layer {head.layer}"),
            ("Vectors", f"{head.vectors:,} of {head.d_model:,} numbers ({head.dtype}), from {head.source}"),
            ("Options", f"threshold {head.threshold:g}, coding {head.coding}, lengths {head.radial}, blocks of {head.block_vectors:,}"),
            ("Size", f"{len(file.data):,} bytes{ratio}"),
            ("Checksums", f"dictionary {head.dictionary_digest}; prior {head.prior_checksum}, right; blocks: {file.blocks:,}"),
            ("Written with", ", ".join(f"{name} {version}" for name, version in head.written_with.items())),
        ]
    )
