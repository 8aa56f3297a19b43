"""What the queue promises: `python -m benchmarks.queue`.

50 runs of ten users who all come at once, each of at least two CPU seconds and each of them learning; how long an event
of the loop takes until a page can read it; how soon a run that is stopped is gone; what keeping a run's state costs.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import torch

from benchmarks import stamped
from benchmarks.clock import Line, milliseconds, table
from explorer import Network, presets
from explorer.runs import Manager, Run
from explorer.runs.local import LocalWorkers
from explorer.training import loop
from explorer.training.recipe import Recipe
from explorer.training.resume import Place, Progress

USERS, EACH, WORKERS = 10, 5, 2
CPU_SECONDS = 2.0
LEARNT = 0.5  # of the test images read correctly, where guessing reads a tenth
STOPS = 10
LONG = 3600.0  # seconds that nothing here takes


def network() -> Network:
    """Small enough that two CPU seconds teach it to read digits."""
    return Network.from_json(
        """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 8},
        {"kind": "basic", "channels": 8, "repeat": 2}, {"kind": "basic", "channels": 16, "stride": 2},
        {"kind": "classifier", "classes": 10}]}"""
    )


def recipe(manager: Manager, seed: int) -> Recipe:
    """As many steps as take two CPU seconds and half as much again, by a measured step."""
    short, longer = (manager.estimate(network(), Recipe(steps=steps), wait=LONG) for steps in (1, 1001))
    assert short is not None and longer is not None
    step = (longer.seconds - short.seconds) / 1000
    return Recipe(steps=math.ceil(1.5 * CPU_SECONDS / step), seed=seed)


def read(manager: Manager, run_id: str) -> Run:
    """The run."""
    run = manager.read(run_id)
    assert run is not None
    return run


def ready(manager: Manager) -> None:
    """Waits until all workers are warm."""
    assert isinstance(manager.workers, LocalWorkers)
    manager.warm()
    while manager.workers.idle < manager.workers.size:
        time.sleep(0.01)


def fair(manager: Manager) -> list[Line]:
    """50 runs of ten users, the first of whom asks for all of theirs before the next one comes."""
    recipes = [recipe(manager, seed) for seed in range(USERS * EACH)]
    began = time.perf_counter()
    ids = [
        manager.submit(network(), recipes[number], user=f"{number // EACH:x}", label=f"run {number % EACH}")
        for number in range(USERS * EACH)
    ]
    for run_id in ids:
        assert manager.wait(run_id, LONG)
    seconds = time.perf_counter() - began
    runs = [read(manager, run_id) for run_id in ids]
    early = too_early(runs)
    done = [run.finished for run in runs if run.finished is not None]
    assert len(done) == len(ids), [run.reason for run in runs if run.finished is None]
    least = min(each.cpu_seconds for each in done)
    worst = min(each.test_accuracy for each in done)
    firsts = [min(run.began or math.inf for run in runs if run.user == user) - runs[0].created for user in names(runs)]
    return [
        Line(
            f"{len(ids)} runs, {USERS} users, {WORKERS} workers",
            f"{seconds:.1f} s, {sum(each.cpu_seconds for each in done):.0f} s of CPU",
            f"the last user's first run began after {max(firsts):.1f} s",
            None,
            "no third before all firsts",
            not early,
        ),
        Line("CPU of the shortest run", f"{least:.2f} s", "", None, f"≥ {CPU_SECONDS:g} s", least >= CPU_SECONDS),
        Line(
            "test accuracy, the worst of 50 runs",
            f"{worst:.1%}",
            f"median {median(each.test_accuracy for each in done):.1%}, guessing 10 %",
            None,
            f"≥ {LEARNT:.0%}",
            worst >= LEARNT,
        ),
    ]


def names(runs: list[Run]) -> list[str]:
    """The users, in the order in which they came."""
    return list(dict.fromkeys(run.user for run in runs))


def too_early(runs: list[Run]) -> list[str]:
    """The users whose third run began before everyone's first."""
    begun: Counter[str] = Counter()
    found = []
    for run in sorted(runs, key=lambda run: run.began or math.inf):
        begun[run.user] += 1
        if begun[run.user] == 3 and len(begun) < len(names(runs)):
            found.append(run.user)
    return found


def events(folder: Path) -> Line:
    """Milliseconds from the moment the loop gives an event until the store has it to read."""
    os.environ[stamped.FILE] = str(folder / "stamps")
    manager = Manager(folder, 1, backend=LocalWorkers(1, folder, "benchmarks.stamped"))
    try:
        ready(manager)
        run_id = manager.submit(presets.load("digits_resnet20"), Recipe(steps=150))
        seen: list[float] = []
        while (run := read(manager, run_id)).active or len(run.events) > len(seen):
            seen += [time.monotonic()] * (len(run.events) - len(seen))
            time.sleep(0.002)
        given = [float(line) for line in (folder / "stamps").read_text().split()]
    finally:
        manager.close()
        del os.environ[stamped.FILE]
    assert len(given) == len(seen) > 150
    late = [read - gave for gave, read in zip(given, seen, strict=True)]
    middle, high = median(late), quantiles(late, n=100)[98]
    what = f"{len(late)} events, each read by polling every 2 ms"
    return Line(
        "an event, until it can be read", f"{milliseconds(middle)}, p99 {milliseconds(high)}", what, None,
        "median ≤ 50 ms", middle <= 0.05,
    )  # fmt: skip


def stops(manager: Manager) -> Line:
    """Seconds from the word until the process is gone and the run says so."""
    assert isinstance(manager.workers, LocalWorkers)
    taken = []
    for _ in range(STOPS):
        run_id = manager.submit(presets.load("digits_resnet56"), Recipe(steps=5000))
        while not read(manager, run_id).steps:
            time.sleep(0.01)
        task = manager._tasks[run_id]
        [pid] = [worker.pid for worker in manager.workers._workers if worker.task is task]
        began = time.perf_counter()
        manager.stop(run_id)
        assert read(manager, run_id).status == "stopped" and gone(pid)
        taken.append(time.perf_counter() - began)
    figure = f"{milliseconds(median(taken))}, longest {milliseconds(max(taken))}"
    return Line("a run in the middle, stopped", figure, f"{STOPS} runs", None, "≤ 1 s", max(taken) <= 1)


def gone(pid: int) -> bool:
    """Whether there is no such process any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def keeping(folder: Path) -> Line:
    """CPU seconds of one writing of a run's state, and the most that it is of a run's time."""
    net, usual = presets.load("digits_resnet56"), Recipe()
    model, optimizer = loop.build(net, usual, torch.device("cpu"))
    place = Place.of(folder / "state.pt", net, usual)
    taken = []
    for _ in range(10):
        began = time.process_time()
        place.save(model, optimizer, Progress(), [(1.0, 0.5)] * 150)
        taken.append(time.process_time() - began)
    share = median(taken) / loop.SAVE_SECONDS
    return Line(
        f"the state of a run, every {loop.SAVE_SECONDS:g} s", milliseconds(median(taken)),
        f"{(folder / 'state.pt').stat().st_size / 1e6:.1f} MB, {100 * share:.2g} % of the time", None, "≤ 2 %",
        share <= 0.02,
    )  # fmt: skip


def lines() -> list[Line]:
    """What was measured."""
    with TemporaryDirectory() as name:
        manager = Manager(Path(name), WORKERS)
        try:
            ready(manager)
            found = [*fair(manager), stops(manager)]
        finally:
            manager.close()
        apart = Path(name) / "apart"
        apart.mkdir()
        return [*found, events(apart), keeping(apart)]


def main() -> int:
    """Prints the table; 1 if a promise is broken."""
    rows = lines()
    print(f"torch {torch.__version__}, {WORKERS} workers of one thread\n")
    print(table(rows))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
