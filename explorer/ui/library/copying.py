"""A button that copies the address of what is on screen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


@cache
def _copy() -> Any:
    js = (Path(__file__).parent / "copy.js").read_text(encoding="utf-8")
    return st.components.v2.component("explorer_copy_address", js=f"/* the address */\n{js}", isolate_styles=False)


def copy_link(query: str, key: str) -> None:
    """The button; `query` is what stands behind the question mark."""
    _copy()(key=key, data={"query": query}, width="content")
