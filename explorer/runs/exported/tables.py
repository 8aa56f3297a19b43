"""Runs as CSV, a line a run or a line a step, and as JSON with everything that they told."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from explorer.runs.courses import costs, spent
from explorer.runs.store import Run

FORMULA = re.compile(r"[=+\-@\t\r]")
FORMAT = "architecture-explorer-runs-1"


def name_of(run: Run) -> str:
    """The network's name, and which of a pair the run is."""
    try:
        name = run.network.name or "Untitled network"
    except ValueError:
        name = "A network of another version"
    return f"{name}, plain twin" if run.kind == "plain" and "plain" not in name else name


def runs_csv(runs: Sequence[Run]) -> str:
    """A line a run: what it was, what its recipe said, and what came of it."""
    fields = list(dict.fromkeys(field for run in runs for field in type(run.recipe).model_fields))
    heads = [
        "id", "name", "status", "created", "kind", "label", "parameters", "macs_per_image", "device",
        "steps_made", "seconds", "train_loss", "train_accuracy", "test_loss", "test_accuracy",
    ]  # fmt: skip
    return _csv([*heads, *(f"recipe.{field}" for field in fields)], (_line(run, fields) for run in runs))


def _line(run: Run, fields: Sequence[str]) -> list[Any]:
    macs, params = costs(run.network_json) or (None, None)
    done, last = run.finished, run.steps[-1] if run.steps else None
    made = (done.steps if done and done.steps else None) or (last.step if last else 0)
    return [
        run.id, name_of(run), run.status, _when(run.created), run.kind, run.label, params, macs,
        run.started.device if run.started else "", made,
        done.seconds if done else (last.elapsed if last else None),
        done.train_loss if done else (last.loss if last else None),
        done.train_accuracy if done else (last.accuracy if last else None),
        done.test_loss if done else None, done.test_accuracy if done else None,
        *(getattr(run.recipe, field) for field in fields),
    ]  # fmt: skip


def curves_csv(runs: Sequence[Run]) -> str:
    """A line a step: what its batch said before the update, and the test images where they were asked."""
    heads = [
        "run", "name", "seed", "step", "seconds", "macs_spent", "loss", "accuracy", "learning_rate",
        "images_per_second", "test_loss", "test_accuracy",
    ]  # fmt: skip
    return _csv(heads, (line for run in runs for line in _steps(run)))


def _steps(run: Run) -> Iterable[list[Any]]:
    each, name = spent(run), name_of(run)
    tests = {test.step: (test.loss, test.accuracy) for test in run.evaluated}
    if run.finished and run.steps:
        tests[run.finished.steps or run.steps[-1].step] = (run.finished.test_loss, run.finished.test_accuracy)
    for step in run.steps:
        yield [
            run.id, name, run.recipe.seed, step.step, step.elapsed, None if each is None else each * step.step,
            step.loss, step.accuracy, step.learning_rate, step.images_per_second,
            *tests.get(step.step, (None, None)),
        ]  # fmt: skip


def _csv(heads: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """A text that a spreadsheet would read as a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    for line in lines:
        writer.writerow(["" if value is None else _harmless(value) for value in line])
    return out.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def runs_json(runs: Sequence[Run]) -> str:
    """Everything that is kept of the runs, but the weights: network, recipe, versions, device and all that was told."""
    return json.dumps({"format": FORMAT, "runs": [_all_of(run) for run in runs]}, indent=1, ensure_ascii=False)


def _all_of(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": name_of(run),
        "status": run.status,
        "reason": run.reason,
        "created": _when(run.created),
        "ended": None if run.ended is None else _when(run.ended),
        "kind": run.kind,
        "pair": run.pair,
        "group": run.group,
        "label": run.label,
        "made_with": dict(run.made_with),
        "network": json.loads(run.network_json),
        "recipe": run.recipe.model_dump(mode="json"),
        "events": [event.model_dump(mode="json") for event in run.events],
    }


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
