"""A training run in the terminal: the same workers and the same store as the app's, seen as progress bars."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from explorer.network import Network
from explorer.report import analyze
from explorer.runs import Manager, Run
from explorer.runs.store import default_directory
from explorer.summary import aligned, size
from explorer.training import data
from explorer.training import twin as twins
from explorer.training.loop import obstacle
from explorer.training.recipe import Recipe

PATIENCE = 120.0  # seconds that the first measured step may take, torch's start included
PAUSE = 0.15  # seconds between two looks at the runs
BAR = 24  # characters
SMOOTHED = 5  # the loss shown is the mean over so many steps


def train(network: Network, recipe: Recipe, twin: bool = False, save: Path | None = None) -> int:
    """Trains the network, or it and its plain twin at once; 0 where all runs finished. ValueError if it cannot be."""
    analyze(network)  # a stack that cannot be is refused before any worker starts
    if twin and (refused := twins.twin_refusal(network)):
        raise ValueError(refused)
    gap = twins.difference(network) if twin else None
    refusal = obstacle(network, len(data.load(recipe.data).classes))
    if refusal:
        raise ValueError(refusal)
    if save is not None and not (save.parent.is_dir() and os.access(save.parent, os.W_OK)):
        raise ValueError(f"{save} cannot be written: there is no folder {save.parent} that takes files")
    manager = Manager(default_directory(), workers=2 if twin else 1)
    try:
        manager.warm()
        estimate = manager.estimate(network, recipe, wait=PATIENCE)
        if estimate is not None and estimate.refusal:
            raise ValueError(estimate.refusal)
        if gap is not None:
            print(gap.sentence())
        print(recipe.words())
        if estimate is not None:
            print(f"foreseen: {estimate.seconds:,.0f} s and {size(estimate.bytes)}{' each' if twin else ''}")
        ids = manager.submit_twin(network, recipe) if twin else (manager.submit(network, recipe),)
        runs = watch(manager, ids, sys.stdout)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    finally:
        manager.close()
    print(f"\n{results(runs)}")
    done = [run.finished for run in runs if run.finished is not None]
    if gap is not None and len(done) == 2:
        print(f"\n{twins.verdict(done[0], done[1], recipe, gap)}")
    failed = [run for run in runs if run.finished is None]
    for run in failed:
        print(f"explorer: {label(run)}: {run.reason}", file=sys.stderr)
    if save is not None and runs[0].finished is not None:
        shutil.copyfile(runs[0].checkpoint, save)
        print(f"\nweights: {save}")
    return 1 if failed else 0


def watch(manager: Manager, ids: Sequence[str], out: TextIO) -> list[Run]:
    """Shows the runs until all have ended: bars that are drawn over, or lines where the output is no terminal."""
    live = out.isatty()
    shown = [0.0] * len(ids)
    drawn = False
    while True:
        runs = [run for run in map(manager.read, ids) if run is not None]
        if live:
            up = f"\x1b[{len(runs)}A" if drawn else ""
            out.write(up + "".join(f"\r\x1b[2K{bar(run)[: shutil.get_terminal_size().columns - 1]}\n" for run in runs))
            drawn = True
        else:
            for place, run in enumerate(runs):
                tenth = len(run.steps) * 10 // run.recipe.steps
                if tenth > shown[place]:
                    out.write(f"{bar(run)}\n")
                    shown[place] = tenth
        out.flush()
        if not any(run.active for run in runs):
            return runs
        time.sleep(PAUSE)


def style(loss: float) -> str:
    """How a loss is written: with fixed places, unless it has left every scale."""
    return "f" if loss < 1000 else "g"


def label(run: Run) -> str:
    """What the run is called beside its bar."""
    return "network" if run.kind == "single" else run.kind


def bar(run: Run) -> str:
    """One line: how far the run is, the loss there, how fast it goes and how long it will."""
    steps, total = run.steps, run.recipe.steps
    filled = BAR * len(steps) // total
    line = f"{label(run):<8} {'█' * filled}{'░' * (BAR - filled)} {len(steps):>{len(str(total))}}/{total}"
    if not steps:
        return f"{line}  {'starting' if run.active else run.status}"
    recent = steps[-SMOOTHED:]
    line += f"  loss {sum(step.loss for step in recent) / len(recent):.3f}  {steps[-1].images_per_second:,.0f} images/s"
    return f"{line}  {steps[-1].seconds_left:,.0f} s left" if run.active else f"{line}  {run.status}"


def results(runs: Sequence[Run]) -> str:
    """A table of what the finished runs came to."""
    rows: list[tuple[str, ...]] = [
        ("", "parameters", "training loss", "test loss", "test accuracy", "wrong", "seconds")
    ]
    for run in runs:
        done, started = run.finished, run.started
        if done is None or started is None:
            rows.append((label(run), run.status, "", "", "", "", ""))
            continue
        figures = (
            f"{done.train_loss:.3{style(done.train_loss)}}",
            f"{done.test_loss:.3{style(done.test_loss)}}",
            f"{done.test_accuracy:.1%}",
        )
        wrong = f"{done.wrong_count} of {started.test_images}"
        rows.append((label(run), f"{started.parameters:,}", *figures, wrong, f"{done.seconds:.1f}"))
    return "\n".join(aligned(rows, left=1))
