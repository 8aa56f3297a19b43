"""Which browser a session is of, so that all its tabs and reloads are one user in the queue.

A name that the browser keeps in a cookie, and that anyone may change: it opens nothing and closes nothing.
"""

from __future__ import annotations

import re
import secrets

import streamlit as st

KEY = "explorer.browser"
COOKIE = "explorer_browser"
NAME = re.compile(r"[0-9a-f]{16}")


def browser() -> str:
    """The browser's name: what it sent, or a new one, which the keeper has it keep."""
    if KEY not in st.session_state:
        sent = str(st.context.cookies.get(COOKIE, ""))
        st.session_state[KEY] = sent if NAME.fullmatch(sent) else secrets.token_hex(8)
    name: str = st.session_state[KEY]
    return name
