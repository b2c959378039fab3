"""Whether the codes of dictionaries can be asked, which a page says where they cannot: an index may be copied without them, or damaged."""

import streamlit as st

from app.components.url import code
from app.services import codes


def unusable(*names: str) -> bool:
    """Whether the index lacks the codes of any of these dictionaries; the page then says whose, and what to do."""
    try:
        for name in dict.fromkeys(names):
            codes.columns(name)
    except (OSError, ValueError) as error:
        st.error(f"Codes cannot be asked: {code(error)}")
        return True
    return False
