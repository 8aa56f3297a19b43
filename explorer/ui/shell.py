"""What surrounds every page: the look, the header with its links, and the start of the process."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.ui.places import folder

HERE = Path(__file__).parent
BRAND = '<span class="xp-brand"><img src="app/static/brand.svg" alt="">Architecture Explorer</span>'
PAGES = (
    ("design", "Design", ""),
    ("inspection", "Inspect", "inspect"),
    ("compare", "Compare", "compare"),
    ("train", "Train", "train"),
    ("runs", "Runs", "runs"),
    ("family", "Family", "family"),
    ("export", "Export", "export"),
)


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Loads what torch loads late, once a process, and takes all of it out of the collector's sight.

    The collector's full pass over torch and plotly costs 150 ms with the interpreter held.
    """
    # plotly and pandas, which the first visit would otherwise wait for
    for page in ("inspection", "training", "library", "families"):
        import_module(f"explorer.ui.{page}")
    from explorer.ui.desk import Desk, new_session
    from explorer.ui.gallery import entries
    from explorer.ui.shelf import shelf
    from explorer.ui.view import view

    shelf()
    entries()
    view(Desk(new_session()))
    gc.collect()
    gc.freeze()


def pages() -> list[Any]:
    """The pages, Design first."""
    here = folder("pages")
    return [
        st.Page(here / f"{stem}.py", title=title, url_path=address or None, default=not address)
        for stem, title, address in PAGES
    ]


def page(address: str) -> Any:
    """The page at this address."""
    return next(page for page in pages() if page.url_path == address)


@cache
def _style() -> str:
    return f"<style>{(HERE / 'shell.css').read_text(encoding='utf-8')}</style>"


def frame(links: Sequence[Any], here: Any) -> None:
    """The style of the whole app, and the header with the link to the page that is `here` marked."""
    number = 2 + [link.url_path for link in links].index(here.url_path)
    mark = f".st-key-header > :nth-child({number}) a"
    marked = f"{mark} {{ background: var(--xp-accent-soft); }} {mark} p {{ color: var(--xp-accent) !important; }}"
    # windows and menus lie outside of what has the theme's scheme of colours, so they are told
    scheme = "dark" if st.context.theme.type == "dark" else "light"
    apart = f"[role=dialog], [data-testid=stPopoverBody] {{ color-scheme: {scheme}; }}"
    st.html(f"{_style()}<style>{marked} {apart}</style>")
    with st.container(key="header", horizontal=True, gap=None):
        st.html(BRAND)
        for link in links:
            st.page_link(link)
