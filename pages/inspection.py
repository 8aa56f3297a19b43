"""The network on screen from the inside: its shapes, costs and operations, as graph and as torchinfo's table."""

import streamlit as st

from explorer.ui import inspection, session

VIEWS = {
    "Shapes": inspection.shapes,
    "Costs": inspection.costs,
    "Operations": inspection.operations,
    "Graph": inspection.graph,
    "torchinfo": inspection.torchinfo,
}

report = session.desk().report()
inspection.heading(report)
if not report.cards:
    st.info("The stack is empty. Add a block on the Design page, and it can be looked into here.")
    st.stop()

for tab, view in zip(st.tabs(list(VIEWS), key="inspect-view", on_change="rerun"), VIEWS.values(), strict=True):
    if tab.open:  # the others wait until they are looked at
        with tab:
            view(report)
