"""Measures what the app promises of training: `python -m benchmarks.training`.

"Train twin" on the depth-56 digits network over three seeds, from click to end with warm workers; how soon a run stops;
how soon a killed worker is reported.
"""

import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from explorer import presets
from explorer.runs import Manager, Run
from explorer.training.recipe import Recipe

SEEDS = (0, 1, 2)


def twins(manager: Manager, seed: int) -> tuple[float, list[Run]]:
    """Seconds from the click to the end of both, and the two runs."""
    began = time.perf_counter()
    ids = manager.submit_twin(presets.load("digits_resnet56"), Recipe(seed=seed))
    for run_id in ids:
        manager.wait(run_id, 600)
    seconds = time.perf_counter() - began
    return seconds, [run for run in map(manager.read, ids) if run is not None]


def stopped(manager: Manager) -> float:
    """Seconds from the click on stop until the run is known to have ended."""
    run_id = begun(manager)
    began = time.perf_counter()
    manager.stop(run_id)
    seconds = time.perf_counter() - began
    run = manager.read(run_id)
    assert run is not None and run.status == "stopped"
    return seconds


def killed(manager: Manager) -> float:
    """Seconds from the death of a worker until its run says so."""
    run_id = begun(manager)
    task = manager._tasks[run_id]
    process = next(worker._process for worker in manager.workers._workers if worker.task is task)
    began = time.perf_counter()
    os.killpg(process.pid, signal.SIGKILL)
    manager.wait(run_id, 60)
    seconds = time.perf_counter() - began
    run = manager.read(run_id)
    assert run is not None and run.status == "failed"
    return seconds


def begun(manager: Manager) -> str:
    """A run in the middle of its steps."""
    run_id = manager.submit(presets.load("digits_resnet56"), Recipe(steps=2000))
    while not ((run := manager.read(run_id)) and run.steps):
        time.sleep(0.05)
    return run_id


def warm(manager: Manager) -> float:
    """Starts the workers; seconds until both are warm."""
    began = time.perf_counter()
    manager.warm()
    while manager.workers.idle < manager.workers.size:
        time.sleep(0.05)
    return time.perf_counter() - began


def main() -> None:
    """Prints the table."""
    with TemporaryDirectory() as folder:
        manager = Manager(Path(folder), workers=2)
        print(
            f"two workers warm after {warm(manager):.1f} s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
        )
        print("seed  network   train loss  train acc.  test acc.  CPU s  click to end of both")
        good = True
        for seed in SEEDS:
            seconds, runs = twins(manager, seed)
            for run in runs:
                done = run.finished
                assert done is not None, run.reason
                print(
                    f"{seed:>4}  {run.kind:<9} {done.train_loss:>10.3f}  {done.train_accuracy:>10.3f} "
                    f"{done.test_accuracy:>10.3f} {done.cpu_seconds:>6.1f}  {seconds:>6.1f} s"
                )
                good &= done.test_accuracy >= 0.90 if run.kind == "residual" else done.test_accuracy <= 0.40
            good &= seconds <= 30
        print(f"\nresidual ≥ .900, plain ≤ .400, click to end ≤ 30 s on every seed: {'ok' if good else 'miss'}")
        print(f"a run stops after {stopped(manager):.3f} s (≤ 1 s)")
        print(f"a killed worker is reported after {killed(manager):.3f} s")
        manager.close()


if __name__ == "__main__":
    main()
