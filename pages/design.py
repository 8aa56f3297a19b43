"""The first screen: build a network and see what it costs."""

import streamlit as st

from explorer.ui import forms, session, stack

desk = session.desk()
stack.receive_messages(desk)

with st.container(key="design", gap=None):
    stack.show(desk)
    with st.container(key="form", gap=None):
        forms.form(desk)
