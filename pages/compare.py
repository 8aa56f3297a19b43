"""Networks side by side: their blocks, numbers, curves, pictures, runs, and where they stand among published ones."""

import streamlit as st

from explorer.ui import comparison, session

networks = comparison.top()
if not networks:
    st.stop()

views = comparison.VIEWS
for tab, view in zip(st.tabs(list(views), key="compare-view", on_change="rerun"), views.values(), strict=True):
    if tab.open:  # the others wait until they are looked at
        with tab:
            view(comparison.chosen(), session.desk(), networks)
