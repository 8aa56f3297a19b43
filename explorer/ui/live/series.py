"""What a run has said so far as the plain numbers that its charts draw; never more than a screen can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from statistics import fmean
from typing import Any

import numpy as np

from explorer.drawing.curves import smooth, thinned, width
from explorer.network import Network
from explorer.runs import Run
from explorer.training.events import Evaluated, Finished, Started, Step, Telemetry
from explorer.ui.live import heat, naming

TESTS = 100
EARLIEST = 0.2  # of a run, before which its loss says nothing: residual networks start higher


def name(run: Run) -> str:
    """What a run is called in legends."""
    return {"residual": "residual", "plain": "plain twin"}.get(run.kind, "network")


class Said:
    """The records of a run by kind, sorted out once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.started: Started | None = None
        self.finished: Finished | None = None
        self.steps: list[Step] = []
        self.tests: list[Evaluated] = []
        self.readings: list[Telemetry] = []
        for event in run.events:
            if isinstance(event, Step):
                self.steps.append(event)
            elif isinstance(event, Telemetry):
                self.readings.append(event)
            elif isinstance(event, Evaluated):
                self.tests.append(event)
            elif isinstance(event, Started):
                self.started = event
            elif isinstance(event, Finished):
                self.finished = event

    @property
    def seconds(self) -> float:
        """How long the whole run takes, as far as it is known; 0 where its steps do not say when they were."""
        last = self.steps[-1] if self.steps else None
        if last is None or last.elapsed is None:
            return 0.0
        return last.elapsed + (last.seconds_left if self.run.active else 0.0)


def recent(run: Run, count: int) -> list[Step]:
    """The last steps of a run, found from the end, since a run may have many thousands."""
    steps = (event for event in reversed(run.events) if isinstance(event, Step))
    return list(islice(steps, count))[::-1]


def reached(run: Run) -> int:
    """The last step that was made."""
    return next((step.step for step in recent(run, 1)), 0)


def total_steps(run: Run) -> int:
    """The steps of the whole run; where the clock ends it, what it comes to at the pace so far."""
    if run.recipe.seconds is None:
        return run.recipe.steps
    last = next(iter(recent(run, 1)), None)
    if last is None or not last.elapsed:
        return 1
    left = last.seconds_left if run.active else 0.0
    return max(1, round(last.step * (last.elapsed + left) / last.elapsed))


def curves(said: Said) -> dict[str, Any]:
    """The curves of one run, each point with its step and its second, and the tests: step, loss, accuracy."""
    steps, run = said.steps, said.run
    kept = thinned(len(steps))
    shown = [steps[at] for at in kept]
    tests = said.tests[-TESTS:]
    marks = [[test.step, _brief(test.loss), _brief(test.accuracy)] for test in tests]
    if said.finished and steps:
        marks.append([steps[-1].step, _brief(said.finished.test_loss), _brief(said.finished.test_accuracy)])
    memory = [(reading.step, held) for reading in said.readings if (held := reading.bytes) is not None]
    return {
        "name": name(run),
        "colour": "inception" if run.kind == "plain" else "residual",
        "at": [step.step for step in shown],
        "seconds": _seconds(shown),
        "loss": _means([step.loss for step in steps]),
        "accuracy": _means([step.accuracy for step in steps]),
        "rate": _maybe(step.learning_rate for step in shown),
        "speed": [_brief(step.images_per_second) for step in shown],
        "milliseconds": _maybe(step.milliseconds for step in shown),
        "tests": marks,
        "memory": [memory[at] for at in thinned(len(memory))],
    }


def whole(runs: Sequence[Run]) -> dict[str, Any]:
    """Everything that the charts of these runs show."""
    said = [Said(run) for run in runs]
    forms = [heat.rows(run.network_json) for run in runs]
    seen = [(form, one.readings) for form, one in zip(forms, said, strict=True) if form and one.readings]
    heats, scales = heat.heats(seen) if seen else ([], {})
    waiting = iter(heats)
    made = []
    for form, one in zip(forms, said, strict=True):
        data = curves(one)
        data["heat"] = next(waiting) | {"sentence": sentence(one, form)} if form and one.readings else None
        made.append(data)
    timed = [one.seconds for one in said]
    return {
        "view": "runs",
        "runs": made,
        "steps": max(map(total_steps, runs), default=1),
        "seconds": max(timed) if all(timed) else 0,
        "scales": scales,
    }


def small(runs: Sequence[Run]) -> dict[str, Any]:
    """Loss and accuracy alone, as there is room below the stack."""
    said = [Said(run) for run in runs]
    return {
        "view": "brief",
        "runs": [
            {key: value for key, value in curves(one).items() if key not in ("rate", "speed", "milliseconds", "memory")}
            for one in said
        ],
        "steps": max(map(total_steps, runs), default=1),
        "seconds": 0,
    }


def stripe(runs: Sequence[Run], digest: str, cards: Sequence[str]) -> dict[str, Any] | None:
    """The gradients of the last step that was read, a number a copy of each card, for the cards of the stack.

    Of the run whose network has this digest, in the colours of the heat of all runs; None where there is none.
    `cards` are the names that the stack has for its cards.
    """
    run = next((run for run in runs if run.network_digest == digest), None)
    form = heat.rows(run.network_json) if run else None
    if run is None or form is None or len(cards) != len(form.names):
        return None
    seen = []
    for one in runs:
        other = heat.rows(one.network_json)
        readings = [event for event in one.events if isinstance(event, Telemetry)]
        if other and readings:
            count = sum(other.copies)
            seen.append(heat.values(heat.columns(readings, count), "copy_gradients", count))
    last = next((event for event in reversed(run.events) if isinstance(event, Telemetry)), None)
    if last is None or len(last.copy_gradients) != sum(form.copies):
        return None
    shown = heat.levels(np.array(last.copy_gradients), *heat.scale(seen)).tolist()
    ends = accumulate(form.copies)
    return {
        "step": last.step,
        "over": not run.active,
        "cards": {
            card: {"levels": shown[end - count : end], "norm": norm if weighted else None}
            for card, count, end, norm, weighted in zip(
                cards, form.copies, ends, last.gradients, form.weighted, strict=True
            )
        },
    }


def sentence(said: Said, form: heat.Rows) -> str:
    """What the gradients do, in words."""
    try:
        without = naming.normless(Network.from_json(said.run.network_json))
    except ValueError:
        return ""
    fit = [one for one in said.readings if len(one.copy_gradients) == sum(form.copies)]
    steps = said.steps
    counts = bool(steps) and steps[-1].step >= EARLIEST * total_steps(said.run)
    loss = fmean(step.loss for step in steps[-width(len(steps)) :]) if counts else None
    return naming.sentence(fit, form.of_copies(form.weighted), without, said.run.status == "failed", loss, form.classes)


def _means(values: Sequence[float]) -> list[float]:
    return [_brief(mean) for mean in smooth(range(len(values)), values)[1]]


def _brief(number: float) -> float:
    """Four digits, which is more than any chart shows."""
    return float(f"{number:.4g}")


def _seconds(steps: Sequence[Step]) -> list[float]:
    """When each step was; nothing where a run of an older version does not say."""
    return [round(step.elapsed or 0.0, 2) for step in steps] if all(step.elapsed is not None for step in steps) else []


def _maybe(numbers: Iterable[float | None]) -> list[float]:
    """Numbers that all are there, or nothing."""
    kept = list(numbers)
    return [_brief(number) for number in kept if number is not None] if None not in kept else []
