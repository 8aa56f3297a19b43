"""The Compare page: which networks, and the views of them side by side."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

from explorer.drawing.palette import following
from explorer.ui import session
from explorer.ui.comparison import accuracy, blocks, choosing, curves, numbers, pictures
from explorer.ui.comparison.members import LINK, Chosen, Shown, nothing, open_link, shown

KEY = "explorer.compare"
VIEWS = {
    "Blocks": blocks.show,
    "Numbers": numbers.show,
    "Along the depth": curves.depth,
    "Pictures": pictures.show,
    "Runs": curves.runs,
    "Accuracy": accuracy.show,
}


def chosen() -> Chosen:
    """What this session compares; at the first call the set of the link, if the address has one."""
    if KEY not in st.session_state:
        made = nothing()
        text = st.query_params.get(LINK)
        if text is not None:
            open_link(made, text)
        st.session_state[KEY] = made
    kept: Chosen = st.session_state[KEY]
    return kept


@cache
def _style() -> str:
    css = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    charts = following('[data-testid="stPlotlyChart"]')
    return f"<style>{css}\n{charts}</style>"


def top() -> tuple[Shown, ...]:
    """The set, and what is done to it; gives the networks."""
    now, desk = chosen(), session.desk()
    st.html(_style())
    networks = shown(now, desk)
    choosing.heading(now, desk, networks)
    choosing.strip(now, desk, networks)
    return networks
