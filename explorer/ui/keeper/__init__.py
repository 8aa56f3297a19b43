"""Keeps the work of a person in the browser, on every page, and brings it back after a reload."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.ui import keeping
from explorer.ui.browser import browser
from explorer.ui.desk import Desk
from explorer.ui.session import LINK, drawn
from explorer.ui.session import desk as desk_of_session

KEY = "keeper"


@cache
def _component() -> Any:
    js = (Path(__file__).parent / "keeper.js").read_text(encoding="utf-8")
    return st.components.v2.component("explorer_keeper", js=f"/* the keeper */\n{js}", isolate_styles=False)


def receive(desk: Desk) -> None:
    """Takes what the browser kept, if it was sent to this session."""
    sent = st.session_state.get(KEY)
    value = sent.get("sent") if sent else None
    if isinstance(value, dict) and value.get("session") == desk.session["id"]:
        keeping.restore(desk, value.get("kept"))


@cache
def _reviver() -> Any:
    js = (Path(__file__).parent / "reviver.js").read_text(encoding="utf-8")
    return st.components.v2.component("explorer_reviver", js=f"/* the reviver */\n{js}", isolate_styles=False)


def reviver() -> None:
    """Lets the browser ask for a run of the whole page, outside every fragment, where the parts no longer answer."""
    _reviver()(key="reviver", on_run_change=lambda: None)


@st.fragment(key=KEY)
def show() -> None:
    """Hands the browser what it is to keep."""
    desk = desk_of_session()
    session = desk.session
    data = {
        "session": session["id"],
        "fresh": session["fresh"],
        "link": LINK in st.query_params,
        "browser": browser(),
        **keeping.told(desk),
    }
    _component()(key=KEY, data=data, on_sent_change=_handed_back)
    drawn(KEY)


def _handed_back() -> None:
    """Takes it and has the whole page run; as a trigger it is not sent again with every later message."""
    receive(desk_of_session())
    st.rerun()
