"""The Family page: a network varied over a grid, priced, trained as one group, and seen as one plot."""

from __future__ import annotations

import streamlit as st

from explorer.ui import library
from explorer.ui.families import planning, seeing

FAMILY = "family"  # parameter of the address


def show() -> None:
    """The family that the address names, else a plan for the network on screen."""
    library.style()
    group = st.query_params.get(FAMILY, "")
    if group:
        seeing.show(group)
    else:
        planning.show()
