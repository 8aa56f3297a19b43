"""The views of the Export page, one a file: what a person takes away, and what a person brings."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import streamlit as st

from explorer.report import Report

View = Callable[[Report], None]


def fitting(view: View) -> View:
    """The view, which needs a stack that fits together; of any other a sentence says why there is nothing to see."""

    @wraps(view)
    def guarded(report: Report) -> None:
        reason = obstacle(report)
        if reason:
            st.info(reason)
        else:
            view(report)

    return guarded


def obstacle(report: Report) -> str:
    """Why there is no module of this network, with the way out; empty where there is one."""
    if not report.cards:
        return "The stack is empty. Add a block on the Design page, and the network can be taken away here."
    if report.error is not None:
        at = "" if report.error.index is None else f" at block {report.error.index + 1}"
        return f"The stack does not fit together{at}. Mend it on the Design page, and it can be taken away here."
    return ""
