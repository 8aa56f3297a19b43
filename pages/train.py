"""Training on a page of its own: recipe, curves, and what the test images say at the end."""

import streamlit as st

from explorer.ui import recipe_form, results, session, training

network = session.network()
results.style(page=True)
earlier = training.choose_run(network)

form, main = st.columns([1, 4], gap="large")
with form:
    recipe_form.show(network)
with main:
    if earlier:
        training.earlier(earlier)
        runs = earlier
    else:
        runs = training.panel(network)
    if runs:
        results.finished(runs)
    else:
        results.boxed(network)
