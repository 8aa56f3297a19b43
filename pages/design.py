"""The first screen: build a network, see what it costs, train it beside its twin."""

import streamlit as st

from explorer.ui import forms, graph, session, stack
from explorer.ui.training import training_dock

desk = session.desk()

with st.container(key="design", gap=None):
    stack.show(desk)
    if desk.session["view"] == "graph":
        graph.pane(desk)
    with st.container(key="form", gap=None):
        forms.form(desk)
    with st.container(key="dock", gap=None):
        training_dock(desk.network)
