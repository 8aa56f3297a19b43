"""The component that draws the views of the Inspect page, in JavaScript as it stands in `source/`, and what it says.

The strip tells all views what is selected, inside the browser: a view's own data do not depend on it, so they are sent
once and not with every click.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.ui.desk import Desk

HERE = Path(__file__).parent / "source"
PARTS = ("base", "strip", "graph", "volumes", "bars", "treemap", "fields", "memory", "torchinfo", "webgl", "main")
VIEWS = ("strip", "graph", "volumes", "webgl", "bars", "treemap", "fields", "memory", "torchinfo")
STATE = "inspect"
PATH = re.compile(r"\d{1,4}(?:\.\*)?(?:\.\w{1,80}){0,14}", re.ASCII)  # a card, perhaps a copy or all, and a module
LONGEST = 400
MOST = 4096  # paths that may be open at once


@cache
def _component() -> Any:
    script = "\n".join((HERE / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)
    style = (HERE / "inspector.css").read_text(encoding="utf-8")
    return st.components.v2.component(
        "explorer_inspector", js=f"/* the inspector */\n{script}", css=f"/* its look */\n{style}", isolate_styles=False
    )


def state() -> dict[str, Any]:
    """What the page remembers of a session besides the desk, as JSON."""
    kept: dict[str, Any] = st.session_state.setdefault(STATE, {"path": "", "at": [0.5, 0.5], "heard": 0})
    return kept


def key(view: str) -> str:
    """Under which a view's component stands in the session."""
    return f"inspect-{view}-view"


def mount(view: str, data: Mapping[str, Any]) -> None:
    """Draws one view."""
    _component()(key=key(view), data={"view": view, **data}, on_sent_change=_heard)


def _heard() -> None:
    """The run that follows reads what was said."""


def receive(desk: Desk) -> None:
    """Does what the views have asked for since the last run."""
    kept = state()
    for view in VIEWS:
        sent = st.session_state.get(key(view))
        message = sent.get("sent") if sent else None
        if isinstance(message, dict):
            number = message.get("number")
            if type(number) is int and kept["heard"] < number < 2**53:
                kept["heard"] = number
                perform(desk, kept, message)


def perform(desk: Desk, kept: dict[str, Any], message: Mapping[str, Any]) -> None:
    """Does what one message says; what cannot be meant is left undone."""
    match message:
        case {"op": "select", "card": int(card), "path": str(path)} if -1 <= card < 10_000:
            choose(desk, kept, card, path)
        case {"op": "open", "opened": list(opened)} if len(opened) <= MOST:
            desk.open_in_graph(path for path in opened if isinstance(path, str) and len(path) <= LONGEST)
        case {"op": "unit", "at": [int() | float() as down, int() | float() as along]}:
            if 0 <= down <= 1 and 0 <= along <= 1:
                kept["at"] = [float(down), float(along)]


def choose(desk: Desk, kept: dict[str, Any], card: int, path: str = "") -> None:
    """Selects a card for all views, and what is meant inside it."""
    desk.select(card)
    fits = len(path) <= LONGEST and PATH.fullmatch(path) and path.partition(".")[0] == str(desk.selected)
    kept["path"] = path if fits else ""
