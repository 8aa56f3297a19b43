"""Measurements of blocks, by the workers that train: kept in memory only, and in no list of runs."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Condition, Lock

from explorer.network import Network
from explorer.runs.local import Executor, Task
from explorer.runs.messages import Answer, Time
from explorer.training.events import Failed
from explorer.training.timing import MOST_IMAGES, Timed, Timing, TimingEnded, TimingEvent

KEPT = 64  # measurements; the oldest is ended and forgotten for a new one


@dataclass(frozen=True)
class Measurement:
    """A measurement as it stands."""

    status: str  # "queued", "running", "done" or "failed"
    reason: str  # why it failed, as a sentence
    events: tuple[TimingEvent, ...] = field(repr=False)

    @property
    def active(self) -> bool:
        """Whether more is to come."""
        return self.status in ("queued", "running")


@dataclass
class _Entry:
    status: str = "queued"
    reason: str = ""
    events: list[TimingEvent] = field(default_factory=list)
    task: Task | None = None


class Timings:
    """The measurements of this process, by id; everything behind one lock."""

    def __init__(self, workers: Executor) -> None:
        self._workers = workers
        self._changed = Condition(Lock())
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def start(self, network: Network, batch: int) -> str:
        """Has every distinct block of the network measured in a worker; the measurement's id."""
        entry, timing_id = _Entry(), secrets.token_hex(8)

        def begun() -> None:
            self._set(entry, "running")

        def heard(answer: Answer) -> None:
            if isinstance(answer, Timing | Timed | TimingEnded | Failed):
                with self._changed:
                    entry.events.append(answer)
                if isinstance(answer, Failed):
                    self._set(entry, "failed", answer.reason)

        def ended(why: str) -> None:
            self._set(entry, "failed" if why else "done", why)

        job = Time(network=network, batch=max(1, min(batch, MOST_IMAGES)))
        entry.task = Task(job, on_begin=begun, on_answer=heard, on_end=ended)
        with self._changed:
            self._entries[timing_id] = entry
            old = [self._entries.popitem(last=False)[1] for _ in range(len(self._entries) - KEPT)]
        for each in old:
            self._end(each)
        self._workers.submit(entry.task)
        return timing_id

    def read(self, timing_id: str) -> Measurement | None:
        """The measurement as it stands; None where this process has none of that id."""
        with self._changed:
            entry = self._entries.get(timing_id)
            return Measurement(entry.status, entry.reason, tuple(entry.events)) if entry else None

    def stop(self, timing_id: str) -> None:
        """Ends a measurement; what it has said stays."""
        with self._changed:
            entry = self._entries.get(timing_id)
        if entry is not None:
            self._end(entry)

    def wait(self, timing_id: str, seconds: float) -> bool:
        """Waits until a measurement has ended; False where the time ran out first."""
        with self._changed:
            entry = self._entries[timing_id]
            return self._changed.wait_for(lambda: entry.status in ("done", "failed"), seconds)

    def _end(self, entry: _Entry) -> None:
        if entry.task is not None:
            self._workers.stop(entry.task)

    def _set(self, entry: _Entry, status: str, reason: str = "") -> None:
        """A step forward: what has ended stays as it ended."""
        with self._changed:
            if entry.status not in ("done", "failed"):
                entry.status, entry.reason = status, reason
            self._changed.notify_all()
