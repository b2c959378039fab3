"""The paper's Table 3, and what is to be known of it."""

import streamlit as st

from app.components.small_table import small_table
from bae.reproduction.paper import printed
from bae.reproduction.printed_sizes import size_notes


def note() -> str:
    """In two sentences, what its sizes are."""
    return " ".join(size_notes())


def popover() -> None:
    """A button that opens the table."""
    with st.popover("The paper's Table 3", icon=":material/article:", type="tertiary"):
        st.caption(note(), width=520)
        heads = [
            ("Layer", ""),
            ("Alpha", "alpha_e and alpha_c"),
            ("MB before", "as the digits are most likely meant"),
            ("MB after, with the model", ""),
            ("MSE", ""),
            ("Cosine", ""),
        ]
        table = printed("table3")
        before = f"{table.told['megabytes_before']:,}"
        st.html(
            small_table(
                heads,
                [
                    [str(row["layer"]), f"{row['alpha']:.0e}", before, str(row["megabytes"]), f"{row['mse']:.3f}", f"{row['cosine']:.3f}"]
                    for row in table.rows
                ],
            )
        )
        st.caption("Llama 3.2-1B, hidden states of 2,048 numbers, 8,192 bits, threshold log2 0.5.")
