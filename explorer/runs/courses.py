"""How runs went, made comparable: over steps, seconds or MACs spent, and as mean and deviation over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explorer.network import Network
from explorer.report import analyze
from explorer.runs.store import Run
from explorer.shape import ShapeError

Across = Literal["steps", "seconds", "macs"]
Measure = Literal["loss", "accuracy", "rate"]
Floats = NDArray[np.float64]

BACKWARD = (
    3  # MACs of a training step over those of its forward pass: the backward pass makes two products for each one
)
SMOOTHED = 5  # steps whose mean a point of a curve is; single batches of 64 jump
POINTS = 400  # of the common axis of several runs


@dataclass(frozen=True)
class Test:
    """What the test images said at one place of the axis."""

    at: float
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Course:
    """One run over one axis. Loss and accuracy are means over the last few steps; a rate that was not told is nan."""

    at: Floats
    loss: Floats
    accuracy: Floats
    rate: Floats
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Spread:
    """Several runs over one axis: mean and deviation over them, as far as all of them go."""

    at: Floats
    mean: dict[Measure, Floats]
    deviation: dict[Measure, Floats]
    count: int


@lru_cache(maxsize=512)
def costs(network_json: str) -> tuple[int, int] | None:
    """MACs an image and parameters; None where this version cannot read the network or stack it."""
    try:
        report = analyze(Network.from_json(network_json))
    except (ValueError, ShapeError):
        return None
    return report.macs, report.params


def spent(run: Run) -> int | None:
    """MACs of one training step: three times those of the forward pass of its batch."""
    known = costs(run.network_json)
    if known is None:
        return None
    batch = min(run.recipe.batch, run.started.train_images) if run.started else run.recipe.batch
    return BACKWARD * known[0] * batch


def course(run: Run, across: Across = "steps") -> Course | None:
    """The run over that axis; None where it told of no step, or not what this axis needs."""
    steps = run.steps
    if not steps:
        return None
    numbers = np.array([step.step for step in steps], dtype=np.float64)
    if across == "steps":
        at = numbers
    elif across == "seconds":
        if any(step.elapsed is None for step in steps):
            return None  # of a version that did not write the time down
        at = np.array([step.elapsed for step in steps], dtype=np.float64)
    else:
        each = spent(run)
        if each is None:
            return None
        at = numbers * each
    made = {test.step: Test(_at(test.step, numbers, at), test.loss, test.accuracy) for test in run.evaluated}
    if run.finished:
        last = run.finished.steps or int(numbers[-1])
        made[last] = Test(_at(last, numbers, at), run.finished.test_loss, run.finished.test_accuracy)
    return Course(
        at,
        smooth([step.loss for step in steps]),
        smooth([step.accuracy for step in steps]),
        np.array([np.nan if step.learning_rate is None else step.learning_rate for step in steps], dtype=np.float64),
        tuple(made[step] for step in sorted(made)),
    )


def _at(step: int, numbers: Floats, at: Floats) -> float:
    return float(np.interp(step, numbers, at))


def smooth(values: Sequence[float]) -> Floats:
    """The mean of each value and the few before it, each mean from its own values."""
    array = np.asarray(values, dtype=np.float64)
    sums = np.zeros_like(array)
    counts = np.zeros_like(array)
    for back in range(min(SMOOTHED, len(array))):
        sums[back:] += array[: len(array) - back]
        counts[back:] += 1
    return sums / counts


def spread(courses: Sequence[Course]) -> Spread:
    """Mean and deviation (n − 1) of several courses where all of them are known, each read between its own steps."""
    first = max(float(one.at[0]) for one in courses)
    last = max(first, min(float(one.at[-1]) for one in courses))
    same = all(len(one.at) == len(courses[0].at) and np.array_equal(one.at, courses[0].at) for one in courses)
    at = courses[0].at if same else np.linspace(first, last, POINTS)
    mean: dict[Measure, Floats] = {}
    deviation: dict[Measure, Floats] = {}
    named: tuple[tuple[Measure, list[Floats]], ...] = (
        ("loss", [one.loss for one in courses]),
        ("accuracy", [one.accuracy for one in courses]),
        ("rate", [one.rate for one in courses]),
    )
    for measure, values in named:
        table = np.stack([np.interp(at, one.at, each) for one, each in zip(courses, values, strict=True)])
        mean[measure] = table.mean(0)
        deviation[measure] = table.std(0, ddof=1) if len(courses) > 1 else np.zeros_like(at)
    return Spread(at, mean, deviation, len(courses))


def thinned(length: int, most: int = 500) -> list[int]:
    """Which of so many points are drawn: every so many, and always the last."""
    stride = max(1, length // most)
    return list(range(length - 1, -1, -stride))[::-1]


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample deviation (n − 1); 0 of a single value."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else 0.0


def same_but_seed(run: Run) -> tuple[str, str]:
    """What two runs have in common that differ in nothing but their seed."""
    return run.network_digest, run.recipe.model_copy(update={"seed": 0}).model_dump_json()
