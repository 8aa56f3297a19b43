"""The stack editor: a component of Streamlit's second kind, written in TypeScript and served as one built bundle.

`source/` holds what is written, `dist/` what is served (`make bundle`); nobody who only runs the app needs Node. What
it is sent is made in `explorer/ui/view.py`, what it says is read in `explorer/ui/messages.py`.

Each part of the page that an edit changes is a fragment of its own: a message runs those parts alone, the stack first,
so that its numbers are there before the form is. (Streamlit calls no function for a state named "value".)
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache
from typing import Any, NoReturn

import streamlit as st

from explorer.ui import session
from explorer.ui.desk import Desk
from explorer.ui.dispatch import receive
from explorer.ui.view import view

KEY = "stack"
PARTS = (KEY, "keeper", "breath", "form", "dock")  # the fragments of the page, in the order in which they run
SELECTION = (KEY, "form")  # those that show what is selected
NETWORK = (*SELECTION, "keeper", "dock")  # and those that show the network
BREATH = 0.03  # seconds
BEYOND = ("view", "style")  # of the session: what changes which parts the page has
# Of the session: what the stack alone shows.
OWN = {"acknowledged", "asked", "download", "fit", "inside", "notice", "opened", "preview", "timeline", "timing"}


@cache
def _component() -> Any:
    return st.components.v2.component("explorer.stack", js="stack-*.js", css="stack-*.css", isolate_styles=False)


def receive_messages(desk: Desk) -> None:
    """Does what the browser has asked for since the last run."""
    sent = st.session_state.get(KEY)
    receive(desk, sent.get("sent") if sent else None)


@st.fragment(key=KEY)
def show() -> None:
    """Draws the desk."""
    desk = session.desk()
    _component()(key=KEY, data=view(desk), on_sent_change=_said)
    desk.session["download"] = None  # handed over
    session.drawn(KEY)


@st.fragment(key="breath")
def breath() -> None:
    """Lets the browser draw the stack before the form's many parts arrive: together they take it twice as long."""
    time.sleep(BREATH)


def _said() -> None:
    """Does what was asked, then runs the parts of the page that it changed, or all where it changed which there are."""
    desk = session.desk()
    before, network = _seen_elsewhere(desk), desk.now["network"]
    receive_messages(desk)
    after = _seen_elsewhere(desk)
    changed = {key for key in after if before[key] != after[key]}
    if changed.intersection(BEYOND) or _asks_again():
        st.rerun()
    chosen = changed == {"history"} and network == desk.now["network"]
    run(SELECTION if chosen else NETWORK if changed else (KEY,))


def run(parts: Iterable[str]) -> NoReturn:
    """Ends the run on hand, and has these parts of the page run and all that are still owed."""
    owed = session.owe(parts)
    st.rerun([part for part in PARTS if part in owed or (part == "breath" and "form" in owed)])


def _asks_again() -> bool:
    """Whether the editor had no answer: then the other parts may have missed that run as well."""
    sent = st.session_state[KEY].get("sent")
    return isinstance(sent, dict) and bool(sent.get("repeats"))


def _seen_elsewhere(desk: Desk) -> dict[str, Any]:
    """What other parts of the page show, as it is now."""
    own = {*OWN, "history", "notes", "unfolded"}
    kept: dict[str, Any] = {key: value for key, value in desk.session.items() if key not in own}
    return {**kept, "notes": dict(desk.session["notes"]), "history": (desk.now, len(desk.history["past"]))}
