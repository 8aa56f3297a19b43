"""Training on screen: curves, and what goes through the blocks, drawn in the browser from small messages.

The views are TypeScript in `explorer/ui/stack/source/live`. A fragment that looks again every half second sends them
what a screen can show and no more; switches between axes and quantities never come back to the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import streamlit as st

from explorer.runs import Run
from explorer.runs.store import network_digest
from explorer.ui import session
from explorer.ui.live import series

KEY = "live"


@cache
def component() -> Any:
    """What draws the charts, the heat and the field to draw on."""
    return st.components.v2.component("explorer.live", js="live-*.js", css="live-*.css", isolate_styles=False)


def whole(runs: Sequence[Run]) -> None:
    """All charts and the heat of these runs."""
    component()(key=KEY, data=series.whole(runs))


def brief(runs: Sequence[Run]) -> None:
    """Loss and accuracy, and the stripes on the cards of the stack."""
    desk = session.desk()
    stripe = series.stripe(runs, network_digest(desk.network), desk.now["cards"])
    component()(key="live-brief", data={**series.small(runs), "stripe": stripe})
