"""What pages talk to: submit, stop, read, and the estimate before a run."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Lock

from explorer.network import Network
from explorer.runs.limits import Limits, number_of, usual
from explorer.runs.local import CLOSED, Executor, LocalWorkers, Task
from explorer.runs.messages import Answer, Measure, Pause, Train
from explorer.runs.queue import Caps, JobQueue, Refused, Standing
from explorer.runs.store import Run, Status, Store, default_directory, network_digest
from explorer.runs.timings import Timings
from explorer.training.estimate import Measured
from explorer.training.events import Evaluated, Failed, Finished, Notice, Paused, Started, Step, Telemetry
from explorer.training.loop import SAVE_SECONDS
from explorer.training.recipe import Recipe

REMEMBERED_ESTIMATES = 256
STOP_SECONDS = 1.0
MOST_WORKERS = 256


@dataclass(frozen=True)
class Estimate:
    """What a run would take; `refusal` is a sentence where it cannot be made."""

    seconds: float
    bytes: int
    refusal: str = ""


@dataclass(frozen=True)
class Member:
    """One run of a group."""

    network: Network
    recipe: Recipe
    kind: str = "single"
    label: str = ""


class Manager:
    """The runs of this machine. One a process, shared by all sessions; everything in it is behind locks.

    A `user` is whatever a browser says it is, for taking turns: it opens nothing and closes nothing.
    """

    def __init__(
        self,
        directory: Path,
        workers: int,
        limits: Limits | None = None,
        caps: Caps | None = None,
        save_seconds: float = SAVE_SECONDS,
        backend: Executor | None = None,
    ) -> None:
        self.store = Store(directory)
        self.workers = backend or LocalWorkers(workers, directory)
        self.queue = JobQueue(self.workers, workers, caps)
        self.timings = Timings(self.queue)
        self.limits = limits or usual()
        self.save_seconds = save_seconds  # between two writings of a run's state
        self._changed = Condition(Lock())
        self._tasks: dict[str, Task] = {}  # runs under way, by id
        self._pausing: set[str] = set()
        self._estimates: OrderedDict[tuple[str, ...], Measured | Failed] = OrderedDict()
        self._measuring: dict[tuple[str, ...], Task] = {}

    def warm(self) -> None:
        """Starts the workers before the first run wants them."""
        self.queue.warm()

    def submit(
        self, network: Network, recipe: Recipe | None = None, kind: str = "single", user: str = "", label: str = ""
    ) -> str:
        """Starts a run, or queues it where all workers are busy; its id. Refused where it is not taken in."""
        return self._submit([[Member(network, recipe or Recipe.default_for(network), kind, label)]], user)[0]

    def submit_twin(self, network: Network, recipe: Recipe | None = None, user: str = "") -> tuple[str, str]:
        """Starts the network and its plain twin at once, with one recipe; their ids in this order. Refused likewise."""
        recipe = recipe or Recipe.default_for(network)
        both = [Member(network, recipe, "residual"), Member(network.plain(), recipe, "plain")]
        first, second = self._submit([both], user)
        return first, second

    def submit_group(self, members: Sequence[Member], user: str = "") -> tuple[str, tuple[str, ...]]:
        """Queues runs that belong together, each a turn of its own: the group's id and theirs, in this order.

        All are taken in or none: Refused where there are too many.
        """
        group = secrets.token_hex(8)
        return group, tuple(self._submit([[member] for member in members], user, group))

    def stop_group(self, group: str) -> None:
        """Stops whatever of a group is under way or waits."""
        self.stop(*reversed(self.store.group(group)))  # so that none of them begins in another's place

    def again(self, *run_ids: str, user: str = "") -> tuple[str, ...]:
        """Makes runs once more: same networks, recipes and seeds, as one turn. The ids of the new ones.

        Refused where one cannot be read any more, or too many wait.
        """
        members = [Member(_network(run), run.recipe, run.kind, run.label) for run in self._read_all(run_ids)]
        return tuple(self._submit([members], user)) if members else ()

    def resume(self, *run_ids: str, user: str = "") -> tuple[str, ...]:
        """Has runs that ended early go on, their twins too, as one turn; the ids of those that do. Refused likewise."""
        runs = [run for run in self._read_all(self._with_twins(run_ids)) if run.resumable]
        jobs = [(run.id, self._job(run.id, _network(run), run.recipe), _network(run), run.recipe) for run in runs]
        self.queue.reserve(user, len(jobs))
        opened = []
        try:
            with _written():
                for job in jobs:
                    if self.store.reopen(job[0], user):
                        opened.append(job)
        finally:
            self.queue.release(user, len(jobs) - len(opened))
            self._queue([[self._task(*job, user) for job in opened]] if opened else [])
        return tuple(run_id for run_id, *_ in opened)

    def pause(self, *run_ids: str) -> None:
        """Asks runs and their twins to write their state and end; what waits has only to leave the queue."""
        ids = self._with_twins(run_ids)
        with self._changed:
            tasks = {run_id: self._tasks[run_id] for run_id in ids if run_id in self._tasks}
            self._pausing.update(tasks)
        for run_id, task in reversed(tasks.items()):
            if not self.queue.withdraw(task):
                self.queue.tell(task, Pause(run=run_id))

    def pausing(self, run_id: str) -> bool:
        """Whether a run was asked to pause and has not yet."""
        with self._changed:
            return run_id in self._pausing

    def standing(self, *run_ids: str) -> Standing | None:
        """Where the first of these runs that waits stands in the queue; None where none of them waits."""
        with self._changed:
            tasks = [self._tasks[run_id] for run_id in run_ids if run_id in self._tasks]
        found = [standing for standing in map(self.queue.standing, tasks) if standing is not None]
        return min(found, key=lambda standing: standing.place, default=None)

    def stop(self, *run_ids: str) -> None:
        """Ends runs of this process within a second; their curves stay."""
        with self._changed:
            tasks = [self._tasks[run_id] for run_id in run_ids if run_id in self._tasks]
        for task in tasks:
            self.queue.stop(task)
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

    def latest(self, network: Network, user: str = "") -> tuple[str, ...]:
        """The ids of this network's latest run, with its twin where it had one; empty where it was never trained.

        Runs of other users count once they have finished: what goes on is theirs to watch and to stop, what broke off
        theirs to resume.
        """
        for run_id in self.store.of_network(network):
            ids = self.pair_of(run_id)
            runs = [run for run in map(self.read, ids) if run]
            if all(run.finished or run.user in ("", user) for run in runs):
                return ids
        return ()

    def estimate(self, network: Network, recipe: Recipe, wait: float = 0.0, user: str = "") -> Estimate | None:
        """What a run would take, from steps made in a worker; None while that is not known yet.

        The first call has it measured and the answer is remembered. At most `wait` seconds go by here. Only a user's
        newest waiting question is kept, since nobody reads the answer to an older one.
        """
        key = _key(network, recipe)
        with self._changed:
            answer = self._estimates.get(key)
            waiting = [] if answer or key in self._measuring else list(self._measuring.values())
        if answer is None:
            for task in waiting:
                if task.user == user:
                    self.queue.withdraw(task)
            self._measure(key, network, recipe, user)
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
        self.queue.close()

    def _read_all(self, run_ids: Sequence[str]) -> list[Run]:
        return [run for run in map(self.read, run_ids) if run is not None]

    def _with_twins(self, run_ids: Sequence[str]) -> tuple[str, ...]:
        """These runs and their twins, each once."""
        return tuple(dict.fromkeys(each for run_id in run_ids for each in self.pair_of(run_id)))

    def _submit(self, units: list[list[Member]], user: str, group: str = "") -> list[str]:
        number = sum(map(len, units))
        self.queue.reserve(user, number)
        ids: list[str] = []
        tasks: list[list[Task]] = []
        try:
            with _written():
                for unit in units:
                    pair = secrets.token_hex(8) if len(unit) > 1 else ""
                    tasks.append([])
                    for one in unit:
                        about = (one.network, one.recipe)
                        ids.append(self.store.create(*about, one.kind, pair, user, group, one.label))
                        tasks[-1].append(self._task(ids[-1], self._job(ids[-1], *about), *about, user))
        except Refused:
            self.queue.release(user, number)
            with suppress(OSError, sqlite3.Error):
                for run_id in ids:
                    self.store.remove(run_id)
            raise
        self._queue(tasks)
        return ids

    def _queue(self, units: list[list[Task]]) -> None:
        with self._changed:
            self._tasks.update({task.job.run: task for unit in units for task in unit if isinstance(task.job, Train)})
        self.queue.submit_all(units)

    def _job(self, run_id: str, network: Network, recipe: Recipe) -> Train:
        return Train(
            network=network,
            recipe=recipe,
            checkpoint=str(self.store.checkpoint(run_id)),
            resume=str(self.store.state(run_id)),
            run=run_id,
            every=self.save_seconds,
        )

    def _task(self, run_id: str, job: Train, network: Network, recipe: Recipe, user: str) -> Task:
        broken: list[str] = []  # why the run cannot be kept, once that is so

        def heard(answer: Answer) -> None:
            if broken:
                return
            if isinstance(answer, Started | Step | Telemetry | Evaluated | Finished | Paused | Notice | Failed):
                try:
                    self.store.append(run_id, answer)
                except OSError as error:
                    broken.append(_unkept(error))
                    self.store.end(run_id, "failed", broken[0])
                    self.queue.stop(task)
                    return
            if isinstance(answer, Started) and self.pausing(run_id):
                self.queue.tell(task, Pause(run=run_id))  # it may have been said before the worker had the job
            elif isinstance(answer, Step):
                task.foresee(answer.seconds_left)
            elif isinstance(answer, Finished):
                self.store.end(run_id, "finished", finished=answer)
            elif isinstance(answer, Failed):
                self.store.end(run_id, "failed", answer.reason)
            elif isinstance(answer, Paused):
                self.store.end(run_id, "paused", f"Paused after step {answer.step:,}.")

        def ended(why: str) -> None:
            with self._changed:
                withdrawn = task.began is None and run_id in self._pausing
            if withdrawn:
                self.store.end(run_id, "paused", "Paused before it began.")
            if broken and not self.store.events(run_id).exists():
                shutil.rmtree(self.store.folder(run_id), ignore_errors=True)  # its worker may have made it anew
            status: Status = "stopped" if task.stopped else "lost" if why == CLOSED else "failed"
            self.store.end(run_id, status, why)
            with self._changed:
                del self._tasks[run_id]
                self._pausing.discard(run_id)
                self._changed.notify_all()

        known = self.known_estimate(network, recipe)
        task = Task(
            job,
            on_begin=lambda: self.store.begin(run_id),
            on_answer=heard,
            on_end=ended,
            user=user,
            expected=known.seconds if known and not known.refusal else None,
            limits=self.limits,
        )
        return task

    def _measure(self, key: tuple[str, ...], network: Network, recipe: Recipe, user: str) -> None:
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

        job = Measure(network=network, recipe=recipe)
        task = Task(
            job, on_begin=lambda: None, on_answer=heard, on_end=ended, user=user, expected=1.0, limits=self.limits
        )
        with self._changed:
            if key in self._measuring or key in self._estimates:
                return
            self._measuring[key] = task
        self.queue.submit(task)


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


def _network(run: Run) -> Network:
    """The network of a run; Refused where a later version no longer reads it."""
    try:
        return run.network
    except ValueError as error:
        raise Refused(f"The network of this run was written by another version: {error}") from error


@contextmanager
def _written() -> Iterator[None]:
    """Says what the disk does not take as a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        way = "try again" if "locked" in str(error) else "free some space first"
        raise Refused(f"The run cannot be kept: {_said(error)}. Nothing was started; {way}.") from error


def _unkept(error: OSError) -> str:
    """Why a run ended whose curve could not be written."""
    if isinstance(error, FileNotFoundError):
        return "Its folder was deleted while it ran, and with it what it had said so far."
    return (
        f"Its curve could not be written ({_said(error)}), so it was ended. Free some space; where its state was "
        "written before, it goes on from there."
    )


def _said(error: Exception) -> str:
    """What the system says, without the names of files."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


_manager: list[Manager] = []
_manager_lock = Lock()


def manager() -> Manager:
    """This process's manager, with EXPLORER_WORKERS workers, else one a core and at least the two that twins need."""
    with _manager_lock:
        if not _manager:
            wanted = min(MOST_WORKERS, int(number_of("EXPLORER_WORKERS") or 0))
            _manager.append(Manager(default_directory(), wanted or max(2, os.cpu_count() or 2)))
        return _manager[0]
