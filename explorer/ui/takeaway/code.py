"""The network as one file of Python, with the proof that it computes the same."""

from __future__ import annotations

import streamlit as st

from explorer.report import Report


def show(report: Report) -> None:
    """The file that `explorer.export.python_source` writes."""
    assert report.network is not None
    st.code(report.network.to_json(), language="json", height=460)
