"""What pages talk to: submit, stop, read, and the estimate before a run."""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Lock

from explorer.network import Network
from explorer.runs.local import Executor, LocalWorkers, Task
from explorer.runs.messages import Answer, Measure, Train
from explorer.runs.store import Run, Store, default_directory, network_digest
from explorer.runs.timings import Timings
from explorer.training.estimate import Measured
from explorer.training.events import Evaluated, Failed, Finished, Notice, Paused, Started, Step, Telemetry
from explorer.training.recipe import Recipe

REMEMBERED_ESTIMATES = 256
STOP_SECONDS = 1.0


@dataclass(frozen=True)
class Estimate:
    """What a run would take; `refusal` is a sentence where it cannot be made."""

    seconds: float
    bytes: int
    refusal: str = ""


class Manager:
    """The runs of this machine's user. One a process, shared by all sessions; everything in it is behind locks."""

    def __init__(self, directory: Path, workers: int) -> None:
        self.store = Store(directory)
        self.workers: Executor = LocalWorkers(workers, directory)
        self.timings = Timings(self.workers)
        self._changed = Condition(Lock())
        self._tasks: dict[str, Task] = {}  # runs under way, by id
        self._estimates: OrderedDict[tuple[str, ...], Measured | Failed] = OrderedDict()
        self._measuring: dict[tuple[str, ...], Task] = {}

    def warm(self) -> None:
        """Starts the workers before the first run wants them."""
        self.workers.warm()

    def submit(self, network: Network, recipe: Recipe | None = None, kind: str = "single") -> str:
        """Starts a run, or queues it where all workers are busy; its id."""
        return self._submit([(network, kind)], recipe or Recipe.default_for(network), "")[0]

    def submit_twin(self, network: Network, recipe: Recipe | None = None) -> tuple[str, str]:
        """Starts the network and its plain twin at once, with one recipe; their ids in this order."""
        recipe = recipe or Recipe.default_for(network)
        both = [(network, "residual"), (network.plain(), "plain")]
        first, second = self._submit(both, recipe, secrets.token_hex(8))
        return first, second

    def stop(self, *run_ids: str) -> None:
        """Ends runs of this process within a second; their curves stay."""
        with self._changed:
            tasks = [self._tasks[run_id] for run_id in run_ids if run_id in self._tasks]
        for task in tasks:
            self.workers.stop(task)
        with self._changed:
            self._changed.wait_for(lambda: self._tasks.keys().isdisjoint(run_ids), STOP_SECONDS)

    def wait(self, run_id: str, seconds: float) -> bool:
        """Waits until a run of this process has ended; False where the time ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: run_id not in self._tasks, seconds)

    def read(self, run_id: str) -> Run | None:
        """The run as it stands; None where there is none. ValueError for what is no run's id."""
        return self.store.read(run_id)

    def pair_of(self, run_id: str) -> tuple[str, ...]:
        """The ids of a run and its twin, the residual one first; of the run alone where it has none."""
        run = self.read(run_id)
        return (self.store.pair(run.pair) or (run_id,)) if run else ()

    def latest(self, network: Network) -> tuple[str, ...]:
        """The ids of this network's latest run, with its twin where it had one; empty where it was never trained."""
        found = self.store.of_network(network, limit=1)
        return self.pair_of(found[0]) if found else ()

    def estimate(self, network: Network, recipe: Recipe, wait: float = 0.0) -> Estimate | None:
        """What a run would take, from steps made in a worker; None while that is not known yet.

        The first call has it measured and the answer is remembered. At most `wait` seconds go by here. Only the
        newest waiting question is kept, since nobody reads the answer to an older one.
        """
        key = _key(network, recipe)
        with self._changed:
            answer = self._estimates.get(key)
            old = [] if answer or key in self._measuring else list(self._measuring.values())
        if answer is None:
            for task in old:
                self.workers.withdraw(task)
            self._measure(key, network, recipe)
            with self._changed:
                self._changed.wait_for(lambda: key in self._estimates or key not in self._measuring, wait)
                answer = self._estimates.get(key)
        return _as_estimate(answer, recipe)

    def known_estimate(self, network: Network, recipe: Recipe) -> Estimate | None:
        """What is remembered of `estimate`; never has anything measured."""
        with self._changed:
            answer = self._estimates.get(_key(network, recipe))
        return _as_estimate(answer, recipe)

    def close(self) -> None:
        """Ends all workers; what they were doing ends as stopped."""
        with self._changed:
            tasks = list(self._tasks.values())
        for task in tasks:
            task.stopped = True
        self.workers.close()

    def _submit(self, networks: list[tuple[Network, str]], recipe: Recipe, pair: str) -> list[str]:
        ids = [self.store.create(network, recipe, kind, pair) for network, kind in networks]
        tasks = [
            self._task(run_id, Train(network=network, recipe=recipe, checkpoint=str(self.store.checkpoint(run_id))))
            for run_id, (network, _) in zip(ids, networks, strict=True)
        ]
        with self._changed:
            self._tasks.update(zip(ids, tasks, strict=True))
        self.workers.submit(*tasks)
        return ids

    def _task(self, run_id: str, job: Train) -> Task:
        def heard(answer: Answer) -> None:
            if isinstance(answer, Started | Step | Telemetry | Evaluated | Finished | Paused | Notice | Failed):
                self.store.append(run_id, answer)
            if isinstance(answer, Finished):
                self.store.end(run_id, "finished", finished=answer)
            elif isinstance(answer, Failed):
                self.store.end(run_id, "failed", answer.reason)

        def ended(why: str) -> None:
            self.store.end(run_id, "stopped" if task.stopped else "failed", why)
            with self._changed:
                del self._tasks[run_id]
                self._changed.notify_all()

        task = Task(job, on_begin=lambda: self.store.begin(run_id), on_answer=heard, on_end=ended)
        return task

    def _measure(self, key: tuple[str, ...], network: Network, recipe: Recipe) -> None:
        """Has the estimate measured, unless that is under way."""

        def heard(answer: Answer) -> None:
            if isinstance(answer, Measured | Failed):
                with self._changed:
                    self._estimates[key] = answer
                    if len(self._estimates) > REMEMBERED_ESTIMATES:
                        self._estimates.popitem(last=False)

        def ended(why: str) -> None:
            with self._changed:
                if why and not task.stopped:
                    self._estimates[key] = Failed(reason=why)
                del self._measuring[key]
                self._changed.notify_all()

        task = Task(Measure(network=network, recipe=recipe), on_begin=lambda: None, on_answer=heard, on_end=ended)
        with self._changed:
            if key in self._measuring or key in self._estimates:
                return
            self._measuring[key] = task
        self.workers.submit(task)


def _as_estimate(answer: Measured | Failed | None, recipe: Recipe) -> Estimate | None:
    if answer is None:
        return None
    if isinstance(answer, Failed):
        return Estimate(0.0, 0, answer.reason)
    return Estimate(answer.seconds(recipe), answer.bytes)


def _key(network: Network, recipe: Recipe) -> tuple[str, ...]:
    """What an estimate depends on; the number of steps only multiplies it."""
    same = recipe.model_copy(update={"steps": 1, "seed": 0, "evaluations": 1, "warmup": 0, "learning_rate": 0.1})
    return network_digest(network), same.model_dump_json()


_manager: list[Manager] = []
_manager_lock = Lock()


def manager() -> Manager:
    """This process's manager, with a worker a core and at least the two that twins need."""
    with _manager_lock:
        if not _manager:
            _manager.append(Manager(default_directory(), max(2, os.cpu_count() or 2)))
        return _manager[0]
