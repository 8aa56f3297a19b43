"""The Runs page: all runs in a table, one of them, or several over each other."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

from explorer.drawing.palette import following
from explorer.ui.library import comparing, detail, listing
from explorer.ui.library.view import FEWEST, ids

RUN, RUNS = "run", "runs"  # parameters of the address


@cache
def _style() -> str:
    css = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    charts = following('[data-testid="stPlotlyChart"]')
    return f"<style>{css}\n{charts}</style>"


def style() -> None:
    """The look of this page and of the families."""
    st.html(_style())


def show() -> None:
    """What the address asks for; without a parameter the table."""
    style()
    listing.tidy()
    several = ids(st.query_params.get(RUNS, ""))
    one = st.query_params.get(RUN, "")
    if len(several) >= FEWEST:
        comparing.show(several)
    elif one or several:
        detail.show(one or several[0])
    else:
        listing.show()
