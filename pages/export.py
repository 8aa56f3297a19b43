"""The network in the forms that people carry elsewhere, and the way back in."""

import streamlit as st

from explorer.ui import inspection, session
from explorer.ui.takeaway import code, figure, files, fitting, opening

VIEWS = {
    "Code": fitting(code.show),  # views that need a stack which fits together say so by `fitting`
    "Figure": figure.show,
    "Files": files.show,
    "Open": opening.show,
}

report = session.desk().report()
inspection.heading(report)
st.html(f"<style>{inspection.PAGE}</style>")  # the room above and below

for tab, view in zip(st.tabs(list(VIEWS), key="export-view", on_change="rerun"), VIEWS.values(), strict=True):
    if tab.open:  # the others wait until they are looked at
        with tab:
            view(report)
