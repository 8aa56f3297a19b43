"""The table of all runs, and what is done to those that are chosen."""

from __future__ import annotations

import html
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st

from explorer.numbers import many
from explorer.runs import Run, manager
from explorer.runs.catalogue import LONGEST_TAG, Catalogue
from explorer.ui.library import away
from explorer.ui.library.view import FEWEST, MOST, SEPARATOR, View, data, found, read

KEY = "explorer.library"
TABLE = "library-table"
LIVE = 1.5  # seconds between two looks while something trains
RUNS, TRASH = "Runs", "Trash"


class Kept(TypedDict):
    """What a session keeps of this page, as JSON."""

    view: dict[str, Any]
    undo: list[str]  # what was deleted last
    said: str
    bad: bool


def kept() -> Kept:
    """This session's state."""
    new = Kept(view=View().model_dump(), undo=[], said="", bad=False)
    state: Kept = st.session_state.setdefault(KEY, new)
    return state


def catalogue() -> Catalogue:
    """The runs of this machine as a person keeps them."""
    return Catalogue(manager().store)


@st.cache_resource(show_spinner=False)
def tidy() -> None:
    """Purges what has lain in the trash for a week, once a process."""
    catalogue().purge()


@cache
def _table() -> Any:
    js = (Path(__file__).parent / "list.js").read_text(encoding="utf-8")
    return st.components.v2.component("explorer_runs_list", js=f"/* the runs */\n{js}", isolate_styles=False)


def show() -> None:
    """The page; it looks again by itself while something trains."""
    active = any(row.active for row in catalogue().rows())
    st.fragment(_page, run_every=LIVE if active else None)(active)


def _page(active: bool) -> None:
    state, source = kept(), catalogue()
    view = View.model_validate(state["view"])
    sent = st.session_state.get(TABLE)
    if sent and sent.get("view"):
        view = read(sent["view"], view)
        state["view"] = view.model_dump()
    with st.container(key="library-head", horizontal=True):
        st.html("<div class='xl-title'><h1>Runs</h1></div>")
        shelf = st.segmented_control(
            "Shelf", [RUNS, TRASH], default=RUNS, required=True, key="library-shelf", label_visibility="collapsed",
            on_change=_moved,
        )  # fmt: skip
        trash = shelf == TRASH
        rows = source.deleted() if trash else source.rows()
        there = {row.id for row in rows}
        picked = [run_id for run_id in view.picked if run_id in there]
        st.space("stretch")
        if trash:
            _trash_deeds(picked)
        else:
            _deeds(picked, [row.id for row in found(rows, view)], source)
    if state["undo"] and not trash:
        with st.container(key="library-head-undo", horizontal=True):
            number = len(state["undo"])
            what = "A run was" if number == 1 else f"{number:,} runs were"
            st.html(f"<p class='xl-words'><b>{what} deleted.</b> The trash keeps a run for a week.</p>")
            st.button("Undo", key="library-undo", on_click=_undo)
    if state["said"]:
        bad = " xl-error" if state["bad"] else ""
        st.html(f"<p class='xl-words{bad}' role='alert'>{html.escape(state['said'])}</p>")
    result = _table()(
        key=TABLE, data=data(rows, view, trash),
        on_view_change=lambda: None, on_star_change=_star, on_open_change=lambda: None,
    )  # fmt: skip
    opened = result.get("open")
    if opened in there and not trash:
        st.query_params["run"] = opened
        st.rerun()
    if any(row.active for row in rows) is not active and not trash:
        st.rerun()


def _deeds(picked: list[str], all_found: list[str], source: Catalogue) -> None:
    few = not FEWEST <= len(picked) <= MOST
    if st.button(
        "Compare", type="primary", key="library-compare", disabled=few,
        help=f"Choose {FEWEST} to {MOST} runs, and their curves lie over each other.",
    ):  # fmt: skip
        st.query_params["runs"] = SEPARATOR.join(picked)
        st.rerun()
    with st.popover("Tag", disabled=not picked):
        _tagging(picked, source)
    what = picked or all_found
    with st.popover("Export", disabled=not what):
        number = many(len(what), "run")
        st.html(f"<p class='xl-words'>{number}, {'those chosen' if picked else 'all that are shown'}.</p>")
        away.tables(lambda: _runs(what), "runs")
    st.button(
        "Delete", key="library-delete", disabled=not picked, on_click=_delete, args=(picked,),
        help="Into the trash, from which they can be brought back for a week.",
    )  # fmt: skip


def _trash_deeds(picked: list[str]) -> None:
    st.button(
        "Bring back", type="primary", key="library-restore", disabled=not picked, on_click=_restore, args=(picked,)
    )
    with st.popover("Delete for good", disabled=not picked):
        number = "This run" if len(picked) == 1 else f"These {len(picked):,} runs"
        st.html(f"<p class='xl-words'>{number}, with curves and weights. This cannot be taken back.</p>")
        st.button("Delete for good", key="library-purge", type="primary", on_click=_purge, args=(picked,))


def _tagging(picked: list[str], source: Catalogue) -> None:
    st.text_input(
        "New tag", key="library-tag", max_chars=LONGEST_TAG, placeholder="talk", on_change=_tag, args=(picked,),
        help="Letters, digits and - _ . + /",
    )  # fmt: skip
    there = {tag for row in source.rows() if row.id in picked for tag in row.tags}
    others = [tag for tag in source.tags() if tag not in there][:20]
    if others:
        st.pills("Add", others, key="library-tags", on_change=_add_tag, args=(picked,))
    if there:
        st.pills("Take away", sorted(there), key="library-untags", on_change=_untag, args=(picked,))


def _runs(run_ids: list[str]) -> list[Run]:
    return [run for run in map(manager().read, run_ids) if run is not None]


# What is done; each runs before the page is drawn again.


def say(text: str, bad: bool = False) -> None:
    """A sentence above the table, until something else is done."""
    state = kept()
    state["said"], state["bad"] = text, bad


def pick(run_ids: list[str]) -> None:
    """Chooses these runs, whatever the browser thinks."""
    state = kept()
    view = View.model_validate(state["view"])
    state["view"] = view.model_copy(update={"picked": run_ids, "revision": view.revision + 1}).model_dump()


def _star() -> None:
    """Stars the run that the table says, or takes the star away; what is no run's id is passed over."""
    star = st.session_state[TABLE].get("star")
    if isinstance(star, dict) and isinstance(star.get("id"), str):
        with suppress(ValueError):
            catalogue().star([star["id"]], bool(star.get("on")))


def _moved() -> None:
    say("")
    pick([])


def _tag(picked: list[str]) -> None:
    text = st.session_state["library-tag"]
    if text.strip():
        _mark(picked, text)
        st.session_state["library-tag"] = ""


def _add_tag(picked: list[str]) -> None:
    tag = st.session_state["library-tags"]
    st.session_state["library-tags"] = None
    if tag:
        _mark(picked, tag)


def _mark(picked: list[str], tag: str) -> None:
    try:
        catalogue().tag(picked, tag)
    except ValueError as error:
        say(str(error), bad=True)
    else:
        say("")


def _untag(picked: list[str]) -> None:
    tag = st.session_state["library-untags"]
    st.session_state["library-untags"] = None
    if tag:
        catalogue().untag(picked, tag)


def _delete(picked: list[str]) -> None:
    delete(picked)


def delete(run_ids: list[str]) -> None:
    """Puts runs into the trash; those that train are left, and said."""
    went = catalogue().delete(run_ids)
    left = len(run_ids) - len(went)
    which = "One of them is" if left == 1 else f"{left} of them are"
    say(f"{which} still under way and stayed: stop it first." if left else "")
    kept()["undo"] = list(went)
    pick([run_id for run_id in run_ids if run_id not in went])


def _undo() -> None:
    state = kept()
    catalogue().restore(state["undo"])
    pick(list(state["undo"]))
    state["undo"] = []
    say("")


def _restore(picked: list[str]) -> None:
    number = len(catalogue().restore(picked))
    say(f"{number:,} run{' is' if number == 1 else 's are'} back.")
    kept()["undo"] = [run_id for run_id in kept()["undo"] if run_id not in picked]
    pick([])


def _purge(picked: list[str]) -> None:
    number = len(catalogue().purge(picked))
    say(f"{number:,} run{' was' if number == 1 else 's were'} deleted with all files.")
    kept()["undo"] = [run_id for run_id in kept()["undo"] if run_id not in picked]
    pick([])
