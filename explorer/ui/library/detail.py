"""One run: what it was, how it went, and what can be done with it."""

from __future__ import annotations

import html
import time
from typing import Any

import streamlit as st

from explorer.numbers import digits
from explorer.runs import Run, manager
from explorer.runs.courses import costs
from explorer.runs.exported.tables import name_of
from explorer.runs.queue import Refused
from explorer.runs.store import RUN_ID
from explorer.ui import live, results, session, shell, words
from explorer.ui.browser import browser
from explorer.ui.library import away, listing
from explorer.ui.library.comparing import back
from explorer.ui.library.copying import copy_link
from explorer.ui.library.lines import groups, lines
from explorer.ui.library.view import SEPARATOR
from explorer.ui.results import duration

LIVE = 0.5  # seconds between two looks while it trains


def show(run_id: str) -> None:
    """The page of a run; what is no id, or of no run, is said."""
    results.style()
    run = manager().read(run_id) if RUN_ID.fullmatch(run_id) else None
    if run is None:
        _missing(run_id)
        return
    st.fragment(_page, run_every=LIVE if run.active else None)(run_id, run.active)


def _missing(run_id: str) -> None:
    with st.container(key="library-head-run", horizontal=True):
        if st.button("← All runs", key="library-back"):
            back()
        if RUN_ID.fullmatch(run_id) and listing.catalogue().is_deleted(run_id):
            st.html("<p class='xl-words'>This run lies in the trash.</p>")
            if st.button("Bring it back", type="primary", key="library-restore-one"):
                listing.catalogue().restore([run_id])
                st.rerun()
        else:
            st.html("<p class='xl-words'>There is no such run here, or it was deleted for good.</p>")


def _page(run_id: str, active: bool) -> None:
    run, row = manager().read(run_id), listing.catalogue().row(run_id)
    if run is None or row is None:
        st.rerun()
    _head(run, row.star)
    said = listing.kept()["said"]
    if said:
        st.html(f"<p class='xl-words xl-error' role='alert'>{html.escape(said)}</p>")
    facts, curves = st.columns([3, 10], gap="medium")
    with facts:
        st.html(_facts(run, row.tags))
        if run.finished:
            st.page_link(shell.page("train"), label="Confusion matrix and mistakes", query_params={"run": run.id})
    with curves:
        if run.steps:
            live.whole((run,))
        else:
            st.html(f"<p class='xl-words'>{'No step was made yet.' if run.active else 'It made no step.'}</p>")
    for sentence, bad in results.outcome((run,)):
        results.say(sentence, bad)
    if run.active is not active:
        st.rerun()


def _head(run: Run, star: bool) -> None:
    with st.container(key="library-head-run", horizontal=True):
        if st.button("← All runs", key="library-back"):
            back()
        st.html(f"<div class='xl-title'><h1>{html.escape(name_of(run))}</h1></div>")
        st.space("stretch")
        if run.active:
            if st.button("Stop", type="primary", key="library-stop"):
                manager().stop(run.id)
                st.rerun()
        elif run.resumable and st.button("Go on", type="primary", key="library-resume", help="From its last state."):
            _try(lambda: manager().resume(run.id, user=browser()), run.id)
        if st.button("★" if star else "☆", key="library-star", help="Take the star away" if star else "Star"):
            listing.catalogue().star([run.id], not star)
            st.rerun()
        if st.button("Open in Design", key="library-open", help="In place of the network there; Undo brings it back."):
            _open(run)
        if st.button("Run again", key="library-again", help="The same network, recipe and seed once more."):
            _try(lambda: manager().again(run.id, user=browser()), "")
        twins = [other for other in manager().pair_of(run.id) if other != run.id]
        if twins and st.button("Beside its twin", key="library-twin"):
            st.query_params.pop("run", None)
            st.query_params["runs"] = SEPARATOR.join(manager().pair_of(run.id))
            st.rerun()
        with st.popover("Export"):
            away.weights(run)
            away.tables(lambda: [run], away.stem_of(run))
            drawn, _ = lines(groups([run], together=False), "steps")
            if drawn:
                away.picture(drawn, "steps", away.stem_of(run))
        copy_link(f"run={run.id}", "library-copy")
        if not run.active and st.button("Delete", key="library-delete-one"):
            listing.delete([run.id])
            back()


def _open(run: Run) -> None:
    """Its network on the Design page."""
    try:
        network = run.network
    except ValueError as error:
        listing.say(f"This network was written by another version and cannot be opened: {error}", bad=True)
        st.rerun()
    listing.say("")
    session.load(network, network.name or "The run's network")
    st.switch_page(shell.page(""))


def _try(deed: Any, run_id: str) -> None:
    """Does what the queue may refuse, and shows the run that came of it."""
    try:
        came = deed()
    except Refused as error:
        listing.say(str(error), bad=True)
        st.rerun()
    listing.say("")
    if came:
        st.query_params["run"] = run_id or came[0]
    st.rerun()


def _facts(run: Run, tags: tuple[str, ...]) -> str:
    """What the run was, in a list."""
    known = costs(run.network_json)
    done, last, started = run.finished, run.steps[-1] if run.steps else None, run.started
    facts: list[tuple[str, str]] = [("Status", run.status), ("Recipe", run.recipe.words()), ("Images", run.recipe.data)]
    if known:
        facts += [("Parameters", f"{known[1]:,}"), ("MACs an image", words.compact(known[0]))]
    if done:
        facts += [("Test accuracy", f"{done.test_accuracy:.1%}"), ("Test loss", f"{digits(done.test_loss)}"),
                  ("Training loss", f"{digits(done.train_loss)}"), ("Time", duration(done.seconds))]  # fmt: skip
    elif last:
        facts.append(("Reached", f"step {last.step:,}, loss {digits(last.loss)}"))
    if started:
        facts += [("Device", f"{started.device}, {started.precision}")]
    facts.append(("Began", time.strftime("%d %B %Y, %H:%M", time.localtime(run.created))))
    if run.label:
        facts.append(("In its group", run.label))
    if tags:
        facts.append(("Tags", ", ".join(tags)))
    made = dict(run.made_with)
    if made:
        facts.append(("Made with", ", ".join(f"{name} {version}" for name, version in sorted(made.items()))))
    facts.append(("Id", run.id))
    figures = {"Parameters", "MACs an image", "Test accuracy", "Test loss", "Training loss", "Time", "Id", "Reached"}
    lines_of = "".join(
        f"<dt>{title}</dt><dd{' class=num' if title in figures else ''}>{html.escape(value)}</dd>"
        for title, value in facts
    )
    return f"<dl class='xl-facts'>{lines_of}</dl>"
