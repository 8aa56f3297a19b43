"""The graph of the network in place of the stack: ×N folded until it is asked for."""

from __future__ import annotations

import streamlit as st

from explorer.drawing.graph import dot
from explorer.ui.desk import Desk


def pane(desk: Desk) -> None:
    """The graph, and which repeated cards it writes out."""
    report = desk.report()
    repeated = {card.index: f"{card.index + 1} {card.title} ×{card.repeat}" for card in report.cards if card.repeat > 1}
    with st.container(key="graph", gap="small"):
        unfolded: list[int] = []
        if repeated:
            unfolded = st.pills(
                "Write out",
                list(repeated),
                selection_mode="multi",
                format_func=lambda at: repeated.get(at, ""),
                key="graph-unfolded",
            )
        st.graphviz_chart(dot(report, expanded=frozenset(unfolded)), width="content")
