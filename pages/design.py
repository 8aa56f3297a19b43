"""The first screen: build a network, see what it costs, train it beside its twin."""

import streamlit as st

from explorer.ui import forms, graph, session, stack, training

with st.container(key="design", gap=None):
    stack.show()
    stack.breath()
    graph.pane(session.desk())
    forms.show()
    training.dock()
