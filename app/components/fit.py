"""The banner over a dictionary that does not fit the states it is shown on."""

import streamlit as st

from app.components.url import code
from app.services import fits


def banner(dictionary: str) -> None:
    """Say in red, with the numbers, that a dictionary is off; nothing where it fits or nobody has measured it."""
    try:
        found = fits.known(dictionary)
    except ValueError as error:
        st.warning(f"Whether {code(dictionary)} fits is not known: {code(error)}")
        return
    if found is None or not found.off:
        return
    beside = "the mean alone leaves 1" if found.measured is None else f"{found.measured:.3f} was measured when it was made"
    st.error(
        f"{code(dictionary)} does not fit these hidden states: FVU is **{found.fvu:.3f}** on {found.tokens:,} fresh ones; "
        f"{beside}. It may be of another layer, of another model, or made for states scaled otherwise. What it shows is not to be trusted.",
        icon=":material/report:",
    )


def measured(dictionary: str) -> None:
    """Measure a dictionary that nobody has measured, about a second, and say it where it is off. The language model must be loaded."""
    try:
        if fits.known(dictionary) is not None:
            return  # said above, where the dictionary is chosen
        fits.measure(dictionary)
    except (OSError, ValueError) as error:
        st.warning(f"Whether {code(dictionary)} fits could not be measured: {code(error)}")
        return
    banner(dictionary)
