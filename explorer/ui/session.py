"""The session and the link: the one place that knows where a person's network is kept.

Pages ask `network()`, and change it by `desk()`: `desk().apply(edit)`, `desk().load(network, label)`.
"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from explorer.network import Network
from explorer.ui.desk import Desk, new_session

KEY = "explorer"
LINK = "net"
OWED = "explorer.owed"  # the parts of the page that a message changed and that were not drawn since


def desk() -> Desk:
    """This session's desk; at the first call it opens on the link, if the address has one."""
    if KEY not in st.session_state:
        made = Desk(new_session())
        token = st.query_params.get(LINK)
        if token is not None:
            made.open_link(token)
        st.session_state[KEY] = made.session
    return Desk(st.session_state[KEY])


def owe(parts: Iterable[str]) -> set[str]:
    """Notes that these parts of the page are to be drawn anew, and gives all that are.

    A run that was asked for is given up when a message that comes before it asks for another.
    """
    owed: set[str] = {*st.session_state.get(OWED, ()), *parts}
    st.session_state[OWED] = sorted(owed)
    return owed


def drawn(part: str) -> None:
    """Notes that a part is drawn as things stand."""
    st.session_state[OWED] = [one for one in st.session_state.get(OWED, ()) if one != part]


def network() -> Network:
    """The network on screen."""
    return desk().network


def load(network: Network, label: str = "") -> None:
    """Opens a network in place of the one on screen, which undo brings back."""
    desk().load(network, label)
