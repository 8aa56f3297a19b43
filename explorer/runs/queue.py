"""The queue before the workers: users take turns, what belongs together begins together, and nobody takes it all."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from pydantic import BaseModel

from explorer.runs.local import Executor, Task

REMEMBERED_USERS = 4096  # whose last turn is known
UNKNOWN = 30.0  # seconds that a task of unknown length is taken for when the order is foreseen


class Refused(ValueError):
    """What was asked for is not taken in; the text is a sentence for the person who asked."""


@dataclass(frozen=True)
class Caps:
    """What one user may have at once, and all together."""

    running: int
    waiting: int = 100
    in_all: int = 500

    @classmethod
    def of(cls, workers: int) -> Caps:
        """All workers but one, which others and measurements find free; twins may always have two."""
        return cls(running=max(2, workers - 1))


@dataclass(eq=False)
class Unit:
    """Tasks of one turn: they begin one right after another."""

    user: str
    tasks: list[Task]  # those that have not begun
    short: bool = False  # a measurement, which a person waits for with nothing else to look at
    begun: bool = False


@dataclass(frozen=True)
class Standing:
    """Where a waiting task stands."""

    place: int  # among the turns, from 1
    seconds: float | None  # until it begins; None where the length of something before it is not known


def turn(units: Sequence[Unit], running: Mapping[str, int], served: Mapping[str, int], most: int) -> Unit | None:
    """Whose turn it is: the rest of what has begun, then measurements, then the user who has waited for one longest."""
    for unit in units:
        if unit.begun:
            return unit
    for unit in units:
        if unit.short:
            return unit
    firsts: dict[str, Unit] = {}
    for unit in units:
        if running.get(unit.user, 0) < most:
            firsts.setdefault(unit.user, unit)
    return min(firsts.values(), key=lambda unit: served.get(unit.user, 0), default=None)  # of equals the first to come


class JobQueue:
    """An executor before another one, which gets no more tasks than it can begin at once."""

    def __init__(self, backend: Executor, size: int, caps: Caps | None = None) -> None:
        self.backend, self.size, self.caps = backend, size, caps or Caps.of(size)
        self._lock = Lock()
        self._units: list[Unit] = []
        self._out: dict[Task, Unit] = {}  # given to the backend and not ended
        self._doomed: set[Task] = set()  # to be stopped, wherever they are between here and the backend
        self._served: OrderedDict[str, int] = OrderedDict()  # the number of each user's last turn
        self._turns = 0
        self._reserved: Counter[str] = Counter()

    def warm(self) -> None:
        """Makes the backend ready."""
        self.backend.warm()

    def reserve(self, user: str, number: int) -> None:
        """Keeps room for as many tasks of a user, for `submit_all` to use; Refused where there is none."""
        with self._lock:
            waiting = Counter(self._reserved)
            for unit in self._units:
                if not unit.short:
                    waiting[unit.user] += len(unit.tasks)
            mine, most = waiting[user], self.caps.waiting
            if mine + number > most:
                have = f"You have {_runs(mine)} waiting and ask" if mine else "You ask"
                raise Refused(f"{have} for {number} more; {most} may wait. Stop some, or wait until they have begun.")
            if waiting.total() + number > self.caps.in_all:
                raise Refused(f"{_runs(waiting.total())} of all users wait already: try again in a while.")
            self._reserved[user] += number

    def release(self, user: str, number: int) -> None:
        """Gives kept room back."""
        with self._lock:
            self._reserved[user] -= number
            if not self._reserved[user]:
                del self._reserved[user]

    def submit_all(self, units: Sequence[Sequence[Task]]) -> None:
        """Takes in units of a user for which room was kept; each is one turn of theirs."""
        if not units:
            return
        user = units[0][0].user
        with self._lock:
            self._units.extend(Unit(user, list(tasks)) for tasks in units)
        self.release(user, sum(map(len, units)))
        self._dispatch()

    def submit(self, *tasks: Task) -> None:
        """Takes in measurements, which go before all runs."""
        with self._lock:
            self._units.extend(Unit(task.user, [task], short=True) for task in tasks)
        self._dispatch()

    def withdraw(self, task: Task) -> bool:
        """Takes a task out of the queue; False where it has begun, and then it goes on."""
        with self._lock:
            unit = next((unit for unit in self._units if task in unit.tasks), None)
            if unit is not None:
                task.stopped = True
                self._take(unit, task)
        if unit is None:
            return self.backend.withdraw(task)
        task.on_end("It was stopped before it began.")
        return True

    def stop(self, task: Task) -> None:
        """Ends a task, wherever it is."""
        with self._lock:
            if task in self._out:
                self._doomed.add(task)
        if not self.withdraw(task):
            self.backend.stop(task)

    def tell(self, task: Task, message: BaseModel) -> None:
        """Hands a message to whoever has the task in hand."""
        self.backend.tell(task, message)

    def close(self) -> None:
        """Ends everything; what waits is not begun any more."""
        with self._lock:
            self._units.clear()
        self.backend.close()

    @property
    def full(self) -> bool:
        """Whether whatever is asked for now would have to wait."""
        with self._lock:
            return len(self._out) >= self.size

    def standing(self, task: Task) -> Standing | None:
        """Where a task stands if nothing more comes; None where it does not wait."""
        with self._lock:
            if not any(task in unit.tasks for unit in self._units):
                return None
            units = [Unit(unit.user, unit.tasks.copy(), unit.short, unit.begun) for unit in self._units]
            out = [(unit.user, unit.short, each.left()) for each, unit in self._out.items()]
            served = dict(self._served)
        return foreseen(task, units, out, served, self.size, self.caps.running)

    def _take(self, unit: Unit, task: Task) -> None:
        """Removes a task from its unit; the caller holds the lock."""
        unit.tasks.remove(task)
        if not unit.tasks:
            self._units.remove(unit)

    def _dispatch(self) -> None:
        """Hands tasks on while there is room."""
        while True:
            with self._lock:
                if len(self._out) >= self.size:
                    return
                running = Counter(task.user for task, unit in self._out.items() if not unit.short)
                unit = turn(self._units, running, self._served, self.caps.running)
                if unit is None:
                    return
                task = unit.tasks[0]
                self._take(unit, task)
                if not unit.begun and not unit.short:
                    self._turns += 1
                    self._served[unit.user] = self._turns
                    self._served.move_to_end(unit.user)
                    if len(self._served) > REMEMBERED_USERS:
                        self._served.popitem(last=False)
                unit.begun = True
                self._out[task] = unit
            self._follow(task)
            self.backend.submit(task)
            with self._lock:
                doomed = task in self._doomed
            if doomed:
                self.backend.stop(task)

    def _follow(self, task: Task) -> None:
        """Has the next task begun once this one has ended and its end is told."""
        tell = task.on_end

        def ended(why: str) -> None:
            try:
                tell(why)
            finally:
                with self._lock:
                    self._out.pop(task, None)
                    self._doomed.discard(task)
                self._dispatch()

        task.on_end = ended


def foreseen(
    wanted: Task,
    units: list[Unit],
    out: Sequence[tuple[str, bool, float | None]],
    served: dict[str, int],
    size: int,
    most: int,
) -> Standing:
    """Plays the queue on until a task begins; `out` are user, shortness and seconds left of what is under way.

    Takes `units` and `served` apart.
    """
    busy = [(UNKNOWN if left is None else left, left is None, user, short) for user, short, left in out]
    running = Counter(user for user, short, _ in out if not short)
    clock, place, known, turns = 0.0, 0, True, max(served.values(), default=0)
    while True:
        while len(busy) < size and (unit := turn(units, running, served, most)) is not None:
            if not unit.begun and not unit.short:
                place, turns = place + 1, turns + 1
                served[unit.user] = turns
            unit.begun = True
            task = unit.tasks.pop(0)
            if not unit.tasks:
                units.remove(unit)
            if task is wanted:
                return Standing(max(1, place), clock if known else None)
            running[unit.user] += not unit.short
            unsure = task.expected is None
            busy.append((clock + (task.expected or UNKNOWN), unsure, unit.user, unit.short))
        clock, unsure, user, short = next_free = min(busy)
        busy.remove(next_free)
        running[user] -= not short
        known = known and not unsure


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
