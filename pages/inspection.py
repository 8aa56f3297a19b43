"""The network on screen from the inside: many views, and one selection that all of them show."""

import streamlit as st

from explorer.ui import inspection, on_picture, session

VIEWS = {
    "Graph": inspection.graph,
    "Volumes": inspection.volumes,
    "Costs": inspection.costs,
    "Receptive field": inspection.receptive_field,
    "On a picture": on_picture.show,
    "Memory": inspection.memory,
    "Table": inspection.table,
    "torchinfo": inspection.torchinfo,
}

report = session.desk().report()
inspection.heading(report)
if not report.cards:
    st.info("The stack is empty. Add a block on the Design page, and it can be looked into here.")
    st.stop()
inspection.show_views(VIEWS)
