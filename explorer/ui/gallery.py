"""The gallery: each published network with its picture, what it reached and where that stands, and what it costs."""

from __future__ import annotations

from functools import lru_cache
from typing import TypedDict

from explorer import presets
from explorer.depth import depth
from explorer.drawing import picture
from explorer.report import analyze
from explorer.shape import show
from explorer.ui import words

WIDTH, HEIGHT = 230, 72  # of a picture, in pixels


class Entry(TypedDict):
    """One network, as plain data."""

    name: str
    title: str
    group: str
    summary: str
    source: str
    params: str
    macs: str
    depth: int  # layers with weights
    input: str
    accuracies: list[dict[str, str]]  # top1, data, source; empty where none is published for this very form
    picture: str


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """All presets, family by family."""
    return tuple(_entry(presets.about(name)) for name in presets.names())


def _entry(preset: presets.Preset) -> Entry:
    report = analyze(preset.network)
    return Entry(
        name=preset.name,
        title=preset.title,
        group=preset.group,
        summary=preset.summary,
        source=preset.source,
        params=f"{words.compact(report.params)} parameters",
        macs=words.compact(report.macs),
        depth=depth(preset.network),
        input=show(preset.network.input),
        accuracies=[_accuracy(accuracy) for accuracy in preset.accuracies],
        picture=picture.folded(report, WIDTH, HEIGHT),
    )


def _accuracy(accuracy: presets.Accuracy) -> dict[str, str]:
    """In percent with as many digits as were published, at most two after the point."""
    return {"top1": f"{round(accuracy.top1, 2):g} %", "data": accuracy.data, "source": accuracy.source}
