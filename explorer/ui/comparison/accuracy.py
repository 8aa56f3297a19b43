"""Accuracy over cost: the networks among the published ones, and on digits among the runs of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import streamlit as st

from explorer import landmarks
from explorer.drawing import comparison
from explorer.drawing.comparison import Mark
from explorer.landmarks import CIFAR10, IMAGENET, Landmark
from explorer.network import Network
from explorer.report import analyze
from explorer.runs import Run, manager
from explorer.runs.store import network_digest
from explorer.training import box
from explorer.ui.comparison.curves import chart, is_dark, say
from explorer.ui.comparison.members import Chosen, Shown
from explorer.ui.desk import Desk, report_of

Data = Literal["ImageNet-1K", "CIFAR-10", "Digits"]
DIGITS = "Digits"
RECENT = 60  # runs that are looked at
TITLES = {IMAGENET: "Top-1", CIFAR10: "Accuracy", DIGITS: "Test accuracy"}
SAID = {
    IMAGENET: "Single crop of the validation images, as torchvision documents it and as papers print it. Rings are of "
    "torchvision's newer, longer recipe. MACs and parameters are counted here, but for networks that cannot be "
    "stacked here, whose documented figures stand. Figures of ten crops, which are higher, are left out.",
    CIFAR10: "Test accuracy as He et al. print it, table 6, for shortcuts that pad with zeros.",
    DIGITS: "Test images of handwritten digits, from runs of this machine and from the weights that come with the app. "
    "Short runs of one seed: they show how fast a network learns, not where it would end.",
}


def show(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """One data set at a time, since accuracies of two are not on one scale."""
    choices = [IMAGENET, CIFAR10, DIGITS]
    data = st.segmented_control(
        "Data", choices, default=suited(networks), required=True, key="compare-data", label_visibility="collapsed"
    )
    data = data or IMAGENET
    marks = on_digits(networks) if data == DIGITS else published(networks, data)
    if data == DIGITS and not any(mark.accuracy is not None for mark in marks):
        say("No network was trained on digits here yet. Press Train on the Design page, and its run stands here.")
        return
    chart(comparison.accuracy(marks, TITLES[data], is_dark()), f"accuracy-{data}")
    unknown = [one.name for one in networks if not any(mark.number == one.number for mark in marks)]
    lines = [mark.name for mark in marks if mark.accuracy is None]
    said = SAID[data]
    if lines:
        said += f" Dotted lines are at the cost of {_listed(lines)}, of which no accuracy is known here."
    if unknown:
        said += f" {'No finished run' if data == DIGITS else 'Not for these images'}: {_listed(unknown)}."
    say(said)


def suited(networks: Sequence[Shown]) -> str:
    """The data set of the first network that has one: published for it, else by its input and classes."""
    for one in networks:
        found = landmarks.known(one.network)
        if found:
            return found[0].data
        for data in (IMAGENET, CIFAR10, DIGITS):
            if suits(one, data):
                return data
    return IMAGENET


def suits(one: Shown, data: str) -> bool:
    """Whether a network takes such images and tells their classes apart."""
    report = report_of(one.token, 1)
    if report.error is not None or len(report.output_shape) != 1:
        return False
    if data == IMAGENET:
        return report.output_shape == (1000,)
    return report.output_shape == (10,) and (data == DIGITS or report.input_shape == (3, 32, 32))


def published(networks: Sequence[Shown], data: str) -> list[Mark]:
    """The landmarks, with those networks of the set that are among them in their colour, and lines for the others."""
    own = [(one, [known for known in landmarks.known(one.network) if known.data == data]) for one in networks]
    marks = []
    for landmark in landmarks.landmarks(data):
        values = landmark.top1, landmark.macs, landmark.params, note(landmark)
        there = [
            (one, known[0] == landmark) for one, known in own if landmark in known
        ]  # of several the first is named
        marks += [Mark(one.name, *values, one.number, landmark.newer, labelled=first) for one, first in there]
        if not there:
            marks.append(Mark(landmark.name, *values, None, landmark.newer, labelled=not landmark.newer))
    for one in networks:
        if suits(one, data) and not landmarks.known(one.network):
            report = report_of(one.token, 1)
            marks.append(Mark(one.name, None, report.macs, report.params, "", one.number))
    return marks


def note(landmark: Landmark) -> str:
    """Where the figure stands, and whose the costs are."""
    return f"{landmark.source}{'; counted here' if landmark.counted else ''}"


def on_digits(networks: Sequence[Shown]) -> list[Mark]:
    """The last finished run of each network on this machine, and the weights in the box."""
    own: dict[str, list[Shown]] = {}
    for one in networks:
        own.setdefault(network_digest(one.network), []).append(one)
    marks: list[Mark] = []
    seen: set[str] = set()
    source = manager()
    for run_id in (
        *(run for one in networks for run in source.store.of_network(one.network)),
        *source.store.recent(RECENT),
    ):
        run = source.read(run_id)
        if run is None or run.finished is None or run.recipe.data != "digits" or run.network_digest in seen:
            continue
        costs = _costs(run.network_digest, run.network_json)
        if costs is None:
            continue
        seen.add(run.network_digest)
        values = 100 * run.finished.test_accuracy, *costs, f"last run: {run.recipe.words()}"
        there = own.get(run.network_digest, [])
        marks += [Mark(one.name, *values, one.number) for one in there] or [Mark(_name(run), *values)]
    for trained in box.records().values():
        digest = network_digest(trained.network)
        if digest not in seen:
            costs = _costs(digest, trained.network.to_json())
            assert costs is not None
            values = 100 * trained.test_accuracy, *costs, f"comes with the app: {trained.recipe.words()}"
            there = own.get(digest, [])
            marks += [Mark(one.name, *values, one.number) for one in there] or [Mark(trained.network.name, *values)]
    return marks


def _name(run: Run) -> str:
    return run.network.name or "Untitled network"


@lru_cache(maxsize=256)
def _costs(digest: str, text: str) -> tuple[int, int] | None:
    """MACs and parameters of a run's network; None where this version cannot read or stack it."""
    try:
        report = analyze(Network.from_json(text))
    except ValueError:
        return None
    return report.macs, report.params


def _listed(names: Sequence[str]) -> str:
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last
