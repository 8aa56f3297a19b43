"""Workers on this machine: persistent, warm, one thread each, in process groups of their own.

Not an executor from the standard library: that cannot stop a running job, and one killed child breaks its whole pool.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import IO, Protocol

from pydantic import BaseModel, ValidationError

from explorer.runs.limits import Limits, resident_bytes
from explorer.runs.messages import ANSWER, MAX_LINE, Answer, Ready

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
WORKER = "explorer.runs.worker"
UNLIMITED = Limits()
CLOSED = "The program that trained this network was closed before the end."
LOOK = 0.2  # seconds between two looks at what the workers take


@dataclass(eq=False)
class Task:
    """A job on its way: what to do, and whom to tell. The three are called from a worker's reading thread."""

    job: BaseModel
    on_begin: Callable[[], None]
    on_answer: Callable[[Answer], None]
    on_end: Callable[[str], None]  # with "" after the last answer, else with why none came
    user: str = ""  # on whose behalf; whatever a browser says it is, good for taking turns and nothing else
    expected: float | None = None  # seconds that it will take, where that is known
    limits: Limits = UNLIMITED
    stopped: bool = field(default=False, init=False)
    ended_for: str = field(default="", init=False)  # the limit that it broke, as a sentence
    began: float | None = field(default=None, init=False)  # by the monotonic clock, as below
    ends: float | None = field(default=None, init=False)  # when it will, by what it says itself

    def begin(self) -> None:
        """A worker takes it."""
        self.began = time.monotonic()
        self.foresee(self.expected)
        self.on_begin()

    def foresee(self, seconds: float | None) -> None:
        """Notes what it takes from now on."""
        self.ends = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Seconds until it ends; None where that is not known."""
        return None if self.ends is None else max(0.0, self.ends - time.monotonic())


class Executor(Protocol):
    """What carries tasks out."""

    def warm(self) -> None:
        """Makes ready, so that the first task need not wait."""

    def submit(self, *tasks: Task) -> None:
        """Takes tasks in, to be begun in this order as soon as there is room."""

    def withdraw(self, task: Task) -> bool:
        """Takes a task out of the queue; False where it has begun, and then it goes on."""

    def stop(self, task: Task) -> None:
        """Ends a task, whatever it is doing; its `on_end` tells when it is gone."""

    def tell(self, task: Task, message: BaseModel) -> None:
        """Hands a message to whoever carries the task out; nothing where nobody does."""

    def close(self) -> None:
        """Ends everything."""


class LocalWorkers:
    """At most `size` worker processes, started when there is work for them and started anew when they die."""

    def __init__(self, size: int, log_directory: Path, module: str = WORKER) -> None:
        self.size = size
        self._logs = log_directory
        self.module = module  # what a worker runs
        self._lock = Lock()
        self._busy = Condition(self._lock)  # told when a task is begun, for the watch
        self._watched = False
        self._refused = ""  # why the last worker could not be started
        self._queue: deque[Task] = deque()
        self._workers: list[_Worker] = []
        self._closed = False
        atexit.register(self.close)

    def warm(self) -> None:
        """Starts all workers now, so that the first task finds them warm."""
        with self._lock:
            while len(self._workers) < self.size:
                self._start()

    @property
    def idle(self) -> int:
        """How many workers wait for work."""
        with self._lock:
            return sum(worker.ready and worker.task is None for worker in self._workers) - len(self._queue)

    def submit(self, *tasks: Task) -> None:
        """Queues the tasks; each is begun by the next worker that is free."""
        with self._lock:
            self._queue.extend(tasks)
            waiting = len(self._queue) - sum(worker.task is None for worker in self._workers)
            for _ in range(min(waiting, self.size - len(self._workers))):
                self._start()
        self._dispatch()
        self._give_up()

    def stop(self, task: Task) -> None:
        """Takes a task out of the queue, or kills the worker that has it with all its children."""
        if self.withdraw(task):
            return
        with self._lock:
            worker = self._worker_of(task)
            if worker is not None:  # else it has just ended
                task.stopped = worker.doomed = True
                worker.kill()

    def withdraw(self, task: Task) -> bool:
        """Takes a task out of the queue; False where it has begun, and then it goes on."""
        with self._lock:
            if task not in self._queue:
                return False
            self._queue.remove(task)
            task.stopped = True
        task.on_end("It was stopped before it began.")
        return True

    def tell(self, task: Task, message: BaseModel) -> None:
        """Hands a message to the worker that has the task; nothing where none has."""
        with self._lock:
            worker = self._worker_of(task)
        if worker is not None:
            worker.give(message)

    def close(self) -> None:
        """Ends all workers."""
        with self._lock:
            self._closed = True
            workers = list(self._workers)
            self._busy.notify_all()
        for worker in workers:
            worker.kill()

    def _worker_of(self, task: Task) -> _Worker | None:
        """The worker that has the task; the caller holds the lock."""
        return next((worker for worker in self._workers if worker.task is task), None)

    def _start(self) -> None:
        """Starts one more worker; the caller holds the lock."""
        if self._closed:
            return
        try:
            self._workers.append(_Worker(self._logs / f"worker-{os.getpid()}-{len(self._workers)}.log", self))
        except OSError as error:  # no more processes, no more memory
            self._refused = str(error)
        if not self._watched:
            self._watched = True
            Thread(target=self._watch, name="worker watch", daemon=True).start()

    def _give_up(self) -> None:
        """Ends what waits where no worker could be started to take it, so that nothing is tried for ever."""
        with self._lock:
            if self._workers or not self._refused:
                return
            tasks, why = list(self._queue), self._refused
            self._queue.clear()
            self._refused = ""
        for task in tasks:
            task.on_end(f"The worker could not start: {why}.")

    def _dispatch(self) -> None:
        """Gives waiting tasks to free workers."""
        while True:
            with self._lock:
                worker = next((worker for worker in self._workers if worker.ready and worker.task is None), None)
                if worker is None or not self._queue:
                    return
                task = worker.task = self._queue.popleft()
                self._busy.notify_all()
            task.begin()
            worker.give(task.job)

    def heard(self, worker: _Worker, answer: Answer) -> None:
        """An answer came from a worker."""
        task = worker.task
        if not isinstance(answer, Ready):
            if task is not None:
                task.on_answer(answer)
            return
        with self._lock:
            if worker.doomed:
                return  # killed in the moment it got free: it takes nothing on any more
            worker.ready, worker.task = True, None
        if task is not None:
            task.on_end("")
        self._dispatch()

    def died(self, worker: _Worker, how: str) -> None:
        """A worker is gone: its task ends with it, and another worker takes its place where there is work."""
        with self._lock:
            self._workers.remove(worker)
            task = worker.task
            if task is None and not worker.ready and self._queue:
                # it never came up: the first task in the queue learns why, so that nothing is tried for ever
                task, how = self._queue.popleft(), f"The worker could not start. {how}"
            if worker.ready or self._queue:
                self._start()
        if task is not None:
            if self._closed:
                how = CLOSED
            task.on_end(task.ended_for or ("It was stopped." if task.stopped else how))
        self._give_up()

    def _watch(self) -> None:
        """Ends what takes longer or more than it may."""
        while True:
            with self._lock:
                while not self._closed and not any(worker.task for worker in self._workers):
                    self._busy.wait()
                if self._closed:
                    return
                busy = [(worker, worker.task) for worker in self._workers if worker.task is not None]
            for worker, task in busy:
                if task.began is None:
                    continue
                held = resident_bytes(worker.pid) if task.limits.bytes is not None else None
                broken = task.limits.exceeded(time.monotonic() - task.began, held)
                with self._lock:
                    if broken and worker.task is task and not task.stopped:
                        task.ended_for, worker.doomed = broken, True
                        worker.kill()
            time.sleep(LOOK)


class _Worker:
    """One process, and the thread that reads what it says."""

    def __init__(self, log: Path, owner: LocalWorkers) -> None:
        self.ready = False
        self.doomed = False
        self.task: Task | None = None
        self._owner = owner
        self._log = log
        with _log(log) as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", owner.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,  # a process group of its own, to be killed as one
            )
        Thread(target=self._listen, name="worker reader", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def give(self, job: BaseModel) -> None:
        """Sends a job or a message; a worker that has just died is noticed by its reader."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ValueError):  # closed already
            self._process.stdin.write(job.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """Ends the process and whatever it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _listen(self) -> None:
        assert self._process.stdout is not None and self._process.stdin is not None
        while line := self._process.stdout.readline(MAX_LINE):
            try:
                answer = ANSWER.validate_json(line)
            except ValidationError:
                break  # not of this protocol: whatever it is, it is no worker any more
            self._owner.heard(self, answer)
        self.kill()
        code = self._process.wait()
        self._process.stdout.close()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._owner.died(self, self._last_words(code))

    def _last_words(self, code: int) -> str:
        """Why the process ended, in a sentence."""
        if code == -signal.SIGKILL:
            return "The worker was killed. Where nobody did it, memory ran out: a smaller batch or input needs less."
        if code < 0:
            return f"The worker was ended by {signal.Signals(-code).name}."
        lines = self._log.read_text(errors="replace").split("\n") if self._log.is_file() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"The worker broke off: {last[:500] or f'exit code {code}'}. Its log is {self._log}."


def _log(path: Path) -> IO[bytes]:
    """A new log; nowhere where the disk takes none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path.open("wb")
    except OSError:
        return open(os.devnull, "wb")
