"""The style of the choice of images and of its windows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st


@cache
def _text() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def show() -> None:
    """Once a page or window."""
    st.html(f"<style>{_text()}</style>")
