"""The first screen: build a network, see what it costs, train it beside its twin."""

from importlib.util import find_spec

import streamlit as st

from explorer.ui import forms, session, stack

desk = session.desk()

with st.container(key="design", gap=None):
    stack.show(desk)
    if desk.session["view"] == "graph" and find_spec("explorer.drawing.graph"):
        from explorer.ui import graph

        graph.pane(desk)
    with st.container(key="form", gap=None):
        forms.form(desk)
    if find_spec("explorer.ui.training"):
        from explorer.ui.training import training_dock

        with st.container(key="dock", gap=None):
            training_dock(desk.network)
