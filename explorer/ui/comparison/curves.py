"""The networks' curves, one over the other: how they grow along their depth, and what their runs learned."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from explorer.compare import profile
from explorer.drawing import comparison
from explorer.drawing.comparison import Grown, Trained
from explorer.runs import Run, manager
from explorer.training import box
from explorer.ui.comparison.members import Chosen, Shown
from explorer.ui.desk import Desk, report_of

CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
LAYERS, SHARE = "Layers", "Share of depth"
UNLIKE = 4  # times as deep, from where layers would squeeze one network into a corner
# Stretches and gaps of plotly's dashes, in pixels.
PATTERNS = ((28, 0), (7, 3), (2, 3), (7, 3, 2, 3), (11, 4), (11, 4, 2, 4))


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
        parts.append(f"<span><i style='{_line(one.number)}'></i>{html.escape(one.name)}{note}</span>")
    return f"<div class='xc-legend'>{''.join(parts)}</div>"


def _line(number: int) -> str:
    """A network's line as CSS: stretches of its colour, with gaps between them."""
    colour, stops, at = f"var(--xp-{comparison.colour_name(number)})", [], 0
    for place, length in enumerate(PATTERNS[number % len(PATTERNS)]):
        stops.append(f"{'transparent' if place % 2 else colour} {at}px {at + length}px")
        at += length
    return f"height:{3 if number == 0 else 2}px;background:repeating-linear-gradient(90deg,{','.join(stops)})"


def runs(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """The last run of each network, or how there would be one."""
    found = [(one, latest(one)) for one in networks]
    drawn = [(one, run) for one, run in found if run is not None and run.steps]
    if drawn:
        st.html(legend([one for one, _ in drawn], [_told(run) for _, run in drawn]))
        trained = [
            Trained(
                one.number,
                one.name,
                [step.step for step in run.steps],
                [step.loss for step in run.steps],
                [step.accuracy for step in run.steps],
                [(test.step, test.accuracy) for test in run.evaluated]
                + ([(run.recipe.steps, run.finished.test_accuracy)] if run.finished else []),
            )
            for one, run in drawn
        ]
        chart(comparison.runs(trained, is_dark()), "runs")
        recipes = {run.recipe.words() for _, run in drawn}
        if len(recipes) > 1:
            say("These runs had different recipes, so their curves compare the recipes too: " + "; ".join(
                f"{one.name}, {run.recipe.words()}" for one, run in drawn) + ".")  # fmt: skip
        elif len(drawn) > 1:
            say(f"The same recipe for all: {drawn[0][1].recipe.words()}. One run each, so small gaps may be chance.")
    for one, run in found:
        if run is None or not run.steps:
            say(_without(one))


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
    return f"{stands} · {run.recipe.steps:,} steps · {began}"


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
