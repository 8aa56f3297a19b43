"""The entry script: page settings, the frame, and the page that was asked for."""

import sys

import streamlit as st

from explorer.ui.places import folder

st.set_page_config(page_title="Architecture Explorer", page_icon=str(folder("assets") / "icon.svg"), layout="wide")
if "torch" not in sys.modules:  # the first visit of all, which waits for it
    st.toast("Starting. PyTorch is being loaded, which takes some seconds the first time.", icon=":material/bolt:")

from explorer.ui import keeper, session, shell, stack  # noqa: E402  what loads it

shell.warm_up()
links = shell.pages()
page = st.navigation(links, position="hidden")
shell.frame(links, page)
desk = session.desk()
session.owe(stack.NETWORK)  # until each is drawn: this run too may be given up for another
keeper.receive(desk)  # what the browser has said is done before anything is drawn
stack.receive_messages(desk)
keeper.show()
keeper.reviver()
page.run()
