"""The graph of the network in place of the stack: ×N folded until it is asked for."""

from __future__ import annotations

import streamlit as st

from explorer.drawing.captions import card_name
from explorer.drawing.graph import TooLargeToDraw, dot
from explorer.ui.desk import Desk


def pane(desk: Desk) -> None:
    """The graph by Graphviz, where that is asked for, and which cards it writes out operation by operation."""
    if (desk.session["view"], desk.session["style"]) != ("graph", "graphviz"):
        return
    report, selected = desk.report(), desk.selected
    names = {card.index: card_name(card) for card in report.cards}
    with st.container(key="graph", gap="small"):
        opened = st.pills(
            "Write out",
            [card.index for card in report.cards if card.status == "ok"],
            selection_mode="multi",
            format_func=lambda at: names.get(at, ""),
            key="graph-opened",
        )
        dark = st.context.theme.type == "dark"
        try:
            drawing = dot(report, frozenset(opened), dark, selected if selected >= 0 else None)
        except TooLargeToDraw as error:
            st.caption(str(error))
            return
        st.graphviz_chart(drawing, width="content")
