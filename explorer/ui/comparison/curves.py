"""The networks' curves, one over the other: how they grow along their depth, and what their runs learned."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from explorer.compare import profile
from explorer.drawing import comparison
from explorer.drawing.comparison import Grown
from explorer.drawing.overlay import Axis, Overlaid, Point, overlay, pattern_css
from explorer.runs import Run, manager
from explorer.runs.courses import course, thinned
from explorer.training import box
from explorer.ui.comparison.members import Chosen, Shown
from explorer.ui.desk import Desk, report_of

CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
LAYERS, SHARE = "Layers", "Share of depth"
OVER_HELP = "MACs spent count three times the forward pass of every image: a step's backward pass makes two products \
for each of its own."
UNLIKE = 4  # times as deep, from where layers would squeeze one network into a corner
ACROSS: dict[Axis, str] = {"steps": "Steps", "seconds": "Seconds", "macs": "MACs spent"}


def is_dark() -> bool:
    """Whether the page is shown in the dark theme."""
    return bool(st.context.theme.type == "dark")


def chart(figure: go.Figure, name: str) -> None:
    """A chart in a frame of its own, which a narrow screen scrolls instead of squeezing."""
    with st.container(key=f"compare-chart-{name}"):
        st.plotly_chart(figure, theme=None, key=f"compare-{name}", config=CHART)


def depth(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """How each network grows along its depth."""
    grown = [Grown(one.number, one.name, profile(report_of(one.token, desk.session["batch"]))) for one in networks]
    deepest = [max(1, one.profile.layers[-1]) for one in grown]
    at_first = SHARE if max(deepest) > UNLIKE * min(deepest) else LAYERS
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        share = st.segmented_control(
            "Across", [LAYERS, SHARE], default=at_first, required=True, key="compare-across",
            label_visibility="collapsed", help="Share of depth lays the ends of all networks upon each other.",
        )  # fmt: skip
        st.html(legend(networks))
    chart(comparison.along_depth(grown, share == SHARE, is_dark()), "depth")
    st.caption(
        "Layers are convolutions and linear layers on the longest way through each block. Resolution and receptive "
        f"field are on logarithmic axes; what is saved for backward is of a batch of {desk.session['batch']:,}."
    )


def legend(networks: Sequence[Shown], notes: Sequence[str] = ()) -> str:
    """The networks' names beside their lines."""
    parts = []
    for at, one in enumerate(networks):
        note = f"<span class='num'>{html.escape(notes[at])}</span>" if notes else ""
        parts.append(f"<span><i style='{pattern_css(one.number)}'></i>{html.escape(one.name)}{note}</span>")
    return f"<div class='xc-legend'>{''.join(parts)}</div>"


def runs(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """The last run of each network, or how there would be one."""
    found = [(one, latest(one)) for one in networks]
    there = [(one, run) for one, run in found if run is not None and run.steps]
    if there:
        across = st.segmented_control(
            "Over", list(ACROSS), default="steps", required=True, key="compare-over", label_visibility="collapsed",
            format_func=lambda name: ACROSS[name], help=OVER_HELP,
        )  # fmt: skip
        lines = {one.key: single(run, one.number, one.name, across) for one, run in there}
        drawn = [(one, run) for one, run in there if lines[one.key] is not None]
        st.html(legend([one for one, _ in drawn], [_told(run) for _, run in drawn]))
        chart(overlay([line for line in lines.values() if line is not None], across, is_dark()), "runs")
        recipes = {run.recipe.words() for _, run in drawn}
        if len(recipes) > 1:
            say("These runs had different recipes, so their curves compare the recipes too: " + "; ".join(
                f"{one.name}, {run.recipe.words()}" for one, run in drawn) + ".")  # fmt: skip
        elif len(drawn) > 1:
            say(f"The same recipe for all: {drawn[0][1].recipe.words()}. One run each, so small gaps may be chance.")
        for one, _ in there:
            if lines[one.key] is None:
                say(f"{one.name}: its run is of a version that did not write {ACROSS[across].lower()} down.")
    for one, run in found:
        if run is None or not run.steps:
            say(_without(one))


def single(run: Run, number: int, name: str, across: Axis) -> Overlaid | None:
    """One run as a line of the chart; None where it did not tell what the axis needs."""
    found = course(run, across)
    if found is None:
        return None
    kept = thinned(len(found.at))
    tests = [Point(test.at, test.accuracy) for test in found.tests]
    at, loss, accuracy, rate = (each[kept].tolist() for each in (found.at, found.loss, found.accuracy, found.rate))
    return Overlaid(number, name, at, loss, accuracy, rate, tests)


def latest(one: Shown) -> Run | None:
    """The last run of exactly this network that has a curve, or its last."""
    source = manager()
    last: Run | None = None
    for run_id in source.store.of_network(one.network):
        run = source.read(run_id)
        if run is not None and run.steps:
            return run
        last = last or run
    return last


def _told(run: Run) -> str:
    """When it began, and how it stands."""
    began = time.strftime("%d %b %H:%M", time.localtime(run.created))
    stands = f"test {run.finished.test_accuracy:.1%}" if run.finished else run.status
    return f"{stands} · {run.recipe.length()} · {began}"


def _without(one: Shown) -> str:
    """That there is no curve, what is known nevertheless, and how to get one."""
    name = box.find(one.network)
    there = (
        "Train it on the Design or Train page" if one.source == "screen" else "Open it on the Design page and train it"
    )
    if name is not None:
        reached = box.records()[name]
        return (
            f"{one.name} has no run here. Trained weights come with the app and read {reached.test_accuracy:.1%} of "
            f"{reached.test_images:,} test images of digits; {_small(there)} to see a curve."
        )
    return f"{one.name} has no run here. {there}, and its curve stands here."


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def say(text: str) -> None:
    """A sentence."""
    st.html(f"<p class='xc-words'>{html.escape(text)}</p>")
