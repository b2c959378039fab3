"""The paper's Table 3, and what is to be known of it."""

import streamlit as st

from app.components.small_table import small_table

ROWS = (
    (5, "1e-7", 141, 0.016, 0.681),
    (9, "1e-7", 173, 0.040, 0.760),
    (11, "1e-7", 166, 0.049, 0.800),
    (14, "1e-7", 178, 0.092, 0.816),
    (5, "1e-9", 170, 0.004, 0.748),
    (9, "1e-9", 183, 0.052, 0.809),
    (11, "1e-9", 206, 0.099, 0.831),
    (14, "1e-9", 270, 0.030, 0.860),
)
"""Layer of Llama 3.2-1B, alpha_e and alpha_c, MB after compression with the model, MSE, cosine."""
BEFORE_MB = 6713
D_MODEL, N_BITS = 2048, 8192
MODEL_MB = 2 * D_MODEL * N_BITS * 4 / 1e6
"""Of W_in and W_out in fp32."""


def note() -> str:
    """In two sentences, what its sizes are."""
    from bae.experiments.compression.results import PAPER_BYTES_A_NUMBER

    before, after, layer = PAPER_BYTES_A_NUMBER, ROWS[0][2], ROWS[0][0]
    return (
        f"The paper's Table 3 starts from {BEFORE_MB:,} MB, which is {before:.1f} bytes a number, where fp16 takes 2: it is no size of a "
        f"plain array. And of the {after} MB that are left at layer {layer}, about {MODEL_MB:,.0f} are the model in fp32, which is stored "
        "once and not for every set."
    )


def popover() -> None:
    """A button that opens the table."""
    with st.popover("The paper's Table 3", icon=":material/article:", type="tertiary"):
        st.caption(note(), width=520)
        heads = [
            ("Layer", ""),
            ("Alpha", "alpha_e and alpha_c"),
            ("MB before", ""),
            ("MB after, with the model", ""),
            ("MSE", ""),
            ("Cosine", ""),
        ]
        st.html(
            small_table(
                heads,
                [
                    [str(layer), alpha, f"{BEFORE_MB:,}", str(after), f"{mse:.3f}", f"{cosine:.3f}"]
                    for layer, alpha, after, mse, cosine in ROWS
                ],
            )
        )
        st.caption("Llama 3.2-1B, hidden states of 2,048 numbers, 8,192 bits, threshold log2 0.5.")
