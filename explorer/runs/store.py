"""Runs on disk: a folder a run for its curve and weights, and one SQLite file as the index.

A run's id stands in links and sessions, the run stands here, so a reload, a second tab and a restarted server all see
the same run. Curves are append-only JSON lines with one writer; a torn last line is just not read yet.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import secrets
import shutil
import sqlite3
import sys
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Literal

from pydantic import ValidationError

from explorer.network import Network
from explorer.runs import owner
from explorer.runs.local import CLOSED
from explorer.training.events import EVENT, Evaluated, Event, Finished, Notice, Started, Step, add
from explorer.training.recipe import Recipe

Status = Literal["queued", "running", "finished", "paused", "stopped", "failed", "lost"]
ACTIVE = ("queued", "running")
RUN_ID = re.compile(r"[0-9a-z]{8}-[0-9a-z]{12}")
KEPT_RUNS = 500
KEPT_CHECKPOINTS = 30
KEPT_STATES = 30  # of runs that ended early and can go on
TRY_AGAIN = 2.0  # seconds between two tries to write what the disk did not take
EVENTS = "events.jsonl"
LONGEST_LINE = 8 * 1024 * 1024  # bytes
REMEMBERED = 32  # runs whose curves are kept in memory

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, created REAL NOT NULL, ended REAL, status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL, pair TEXT NOT NULL, owner TEXT NOT NULL, network_digest TEXT NOT NULL, network TEXT NOT NULL,
    recipe TEXT NOT NULL, summary TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS runs_by_network ON runs (network_digest, created);
CREATE INDEX IF NOT EXISTS runs_by_pair ON runs (pair);
CREATE TABLE IF NOT EXISTS marks (
    run TEXT PRIMARY KEY, star INTEGER NOT NULL DEFAULT 0, tags TEXT NOT NULL DEFAULT '[]'
);
"""
ADDED = {  # columns that came later
    "user": "TEXT NOT NULL DEFAULT ''",
    "grp": "TEXT NOT NULL DEFAULT ''",
    "label": "TEXT NOT NULL DEFAULT ''",
    "began": "REAL",
    "made_with": "TEXT NOT NULL DEFAULT '{}'",
}


@dataclass(frozen=True)
class Run:
    """One run as it stands on disk, its curve read as far as it goes."""

    id: str
    status: Status
    reason: str  # why it ended early, as a sentence; empty otherwise
    kind: str  # "single", "residual" or "plain"
    pair: str  # what the two runs of a pair have in common; empty for a single run
    network_json: str
    network_digest: str
    recipe: Recipe
    created: float
    ended: float | None
    checkpoint: Path  # a state dict; there once the run has finished
    events: tuple[Event, ...] = field(repr=False)
    user: str = ""  # the browser that asked for it; empty for a terminal
    group: str = ""  # what the runs of a group have in common
    label: str = ""  # what the run is called in its group
    began: float | None = None  # when a worker first took it
    made_with: Mapping[str, str] = field(default_factory=dict)  # versions of explorer, torch, python, and the machine

    @property
    def network(self) -> Network:
        """The network that was trained; ValueError where a later version no longer reads it."""
        return Network.from_json(self.network_json)

    @property
    def active(self) -> bool:
        """Whether more is to come."""
        return self.status in ACTIVE

    @property
    def state(self) -> Path:
        """Where it keeps what it needs to go on."""
        return self.checkpoint.with_name("state.pt")

    @property
    def resumable(self) -> bool:
        """Whether it can go on: it never began or was cut off, or its state lies there."""
        if self.active or self.status == "finished":
            return False
        return self.status in ("paused", "lost") or self.state.exists()

    @property
    def notices(self) -> list[Notice]:
        """What it had to say besides."""
        return [event for event in self.events if isinstance(event, Notice)]

    @property
    def started(self) -> Started | None:
        """Device and sizes, once the first step is near."""
        return next((event for event in self.events if isinstance(event, Started)), None)

    @property
    def steps(self) -> list[Step]:
        """The curve."""
        return [event for event in self.events if isinstance(event, Step)]

    @property
    def evaluated(self) -> list[Evaluated]:
        """What the test images said on the way."""
        return [event for event in self.events if isinstance(event, Evaluated)]

    @property
    def finished(self) -> Finished | None:
        """The result."""
        return next((event for event in reversed(self.events) if isinstance(event, Finished)), None)


def default_directory() -> Path:
    """Where runs lie: EXPLORER_RUNS, else the platform's place for a user's data."""
    if given := os.environ.get("EXPLORER_RUNS"):
        return Path(given).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/architecture-explorer/runs"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(data) / "architecture-explorer/runs"


def network_digest(network: Network) -> str:
    """What finds the runs of a network again; names alone make no other network."""
    text = network.unnamed().model_dump_json(indent=1, exclude={"blocks": {"__all__": {"label"}}})
    return sha256(text.encode()).hexdigest()[:32]


class Store:
    """The runs of one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._curves: OrderedDict[str, _Curve] = OrderedDict()
        self._lock = Lock()
        self._owed: dict[str, _Owed] = {}  # states that the disk did not take yet
        self._held: Callable[[], object] = lambda: None  # closes the connection that is kept open
        self._ready()
        self._prune()

    def create(
        self,
        network: Network,
        recipe: Recipe,
        kind: str,
        pair: str = "",
        user: str = "",
        group: str = "",
        label: str = "",
    ) -> str:
        """A new queued run of this process; its id. OSError or sqlite3.Error where the disk does not take it."""
        run_id = f"{int(time.time()):08x}-{secrets.token_hex(6)}"
        values = {
            "id": run_id,
            "created": time.time(),
            "status": "queued",
            "kind": kind,
            "pair": pair,
            "owner": owner.mine(),
            "network_digest": network_digest(network),
            "network": network.to_json(),
            "recipe": recipe.model_dump_json(),
            "user": user,
            "grp": group,
            "label": label[:200],
            "made_with": json.dumps(made_with()),
        }
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder(run_id).mkdir()
        try:
            self.events(run_id).touch()
            with self._write() as database:
                database.execute(
                    f"INSERT INTO runs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                    tuple(values.values()),
                )
        except (OSError, sqlite3.Error):
            shutil.rmtree(self.folder(run_id), ignore_errors=True)
            raise
        return run_id

    def remove(self, run_id: str) -> None:
        """Forgets a run and all that lies in its folder."""
        with self._write() as database:
            database.execute("DELETE FROM runs WHERE id = ?", (run_id,))
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    def reopen(self, run_id: str, user: str = "") -> bool:
        """Queues a run that ended early once more, as one of this process; False where it goes on or has finished."""
        events = self.events(run_id)
        events.parent.mkdir(parents=True, exist_ok=True)
        with self._write() as database:
            done = database.execute(
                "UPDATE runs SET status = 'queued', reason = '', ended = NULL, owner = ?, user = ? "
                "WHERE id = ? AND status NOT IN ('queued', 'running', 'finished')",
                (owner.mine(), user, run_id),
            )
            if done.rowcount != 1:
                return False
            with events.open("ab+") as file:  # the writer may have been cut off in the middle of a line
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - LONGEST_LINE))
                tail = file.read()
                file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
        return True

    def folder(self, run_id: str) -> Path:
        """The run's folder; ValueError for what is no run's id, since ids come from links."""
        if not RUN_ID.fullmatch(run_id):
            raise ValueError("that is not the id of a run")
        return self.directory / run_id

    def checkpoint(self, run_id: str) -> Path:
        """The file of the run's weights."""
        return self.folder(run_id) / "weights.pt"

    def state(self, run_id: str) -> Path:
        """The file of what the run needs to go on."""
        return self.folder(run_id) / "state.pt"

    def events(self, run_id: str) -> Path:
        """The file of the run's curve."""
        return self.folder(run_id) / EVENTS

    def append(self, run_id: str, event: Event) -> None:
        """Adds one record to the run's curve. A run has one writer. OSError where the disk does not take it whole."""
        line = event.model_dump_json().encode() + b"\n"
        file = os.open(self.events(run_id), os.O_WRONLY | os.O_APPEND)  # a deleted one is not made anew
        try:
            before = os.fstat(file).st_size
            written = os.write(file, line)
            if written < len(line):
                os.ftruncate(file, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)

    def begin(self, run_id: str) -> None:
        """Marks a queued run as running."""
        try:
            with self._write() as database:
                database.execute(
                    "UPDATE runs SET status = 'running', began = coalesce(began, ?) WHERE id = ? AND status = 'queued'",
                    (time.time(), run_id),
                )
        except (OSError, sqlite3.Error):
            self._owe(run_id, _Owed("running"))

    def end(self, run_id: str, status: Status, reason: str = "", finished: Finished | None = None) -> bool:
        """Writes a terminal state, once: False where the run had ended before.

        What the disk does not take is remembered, read as if it stood there, and written later.
        """
        summary = finished.model_dump_json(exclude={"confusion", "wrong"}) if finished else "{}"
        owed = _Owed(status, reason, time.time(), summary)
        with self._lock:
            if run_id in self._owed and self._owed[run_id].status not in ACTIVE:
                return False
        try:
            return self._settle(run_id, owed)
        except (OSError, sqlite3.Error):
            self._owe(run_id, owed)
            return True

    def _owe(self, run_id: str, owed: _Owed) -> None:
        with self._lock:
            self._owed[run_id] = owed

    def _settle(self, run_id: str, owed: _Owed) -> bool:
        """Writes a state that a run has come to; False where it had ended before."""
        with self._write() as database:
            done = database.execute(
                "UPDATE runs SET status = ?, reason = ?, ended = ?, summary = ? "
                "WHERE id = ? AND status IN ('queued', 'running')",
                (owed.status, owed.reason, owed.ended, owed.summary, run_id),
            )
        with self._lock:
            if self._owed.get(run_id) is owed or owed.status not in ACTIVE:
                self._owed.pop(run_id, None)
        return done.rowcount == 1

    def _try_again(self, run_id: str) -> _Owed | None:
        """What a run owes the disk; None where nothing, or where it has just been taken."""
        with self._lock:
            owed = self._owed.get(run_id)
        if owed is None or time.monotonic() - owed.tried < TRY_AGAIN:
            return owed
        owed.tried = time.monotonic()
        try:
            self._settle(run_id, owed)
        except (OSError, sqlite3.Error):
            return owed
        return None

    def read(self, run_id: str) -> Run | None:
        """The run, or None where there is none of that id. One whose owner is gone is marked as lost."""
        self.folder(run_id)
        owed = self._try_again(run_id)
        row = self._row(run_id)
        if row is None:
            return None
        if row["status"] in ACTIVE and not owner.alive(row["owner"]):
            self.end(run_id, "lost", CLOSED)
            row = self._row(run_id) or row
            owed = self._try_again(run_id)
        try:
            recipe = Recipe.model_validate_json(row["recipe"])
        except ValidationError:
            return None  # written by another version
        return Run(
            id=run_id,
            status=owed.status if owed else row["status"],
            reason=owed.reason if owed else row["reason"],
            kind=row["kind"],
            pair=row["pair"],
            network_json=row["network"],
            network_digest=row["network_digest"],
            recipe=recipe,
            created=row["created"],
            ended=owed.ended if owed else row["ended"],
            checkpoint=self.checkpoint(run_id),
            events=self._events(run_id),
            user=row["user"],
            group=row["grp"],
            label=row["label"],
            began=row["began"],
            made_with=json.loads(row["made_with"]),
        )

    def pair(self, pair: str) -> tuple[str, ...]:
        """The ids of the runs that belong together, in the order they were made."""
        return self._ids("pair = ? AND pair != '' ORDER BY created", pair)

    def group(self, group: str) -> tuple[str, ...]:
        """The ids of the runs of a group, in the order they were asked for."""
        return self._ids("grp = ? AND grp != '' ORDER BY created", group)

    def of_network(self, network: Network, limit: int = 10) -> tuple[str, ...]:
        """The ids of this network's runs, the latest first."""
        return self._ids("network_digest = ? ORDER BY created DESC LIMIT ?", network_digest(network), limit)

    def recent(self, limit: int = 20) -> tuple[str, ...]:
        """The ids of all runs, the latest first."""
        return self._ids("1 ORDER BY created DESC LIMIT ?", limit)

    def _events(self, run_id: str) -> tuple[Event, ...]:
        with self._lock:
            curve = self._curves.setdefault(run_id, _Curve())
            self._curves.move_to_end(run_id)
            if len(self._curves) > REMEMBERED:
                self._curves.popitem(last=False)
            curve.read_on(self.events(run_id))
            return tuple(curve.events)

    def _row(self, run_id: str) -> sqlite3.Row | None:
        with closing(self._connect()) as database:
            row: sqlite3.Row | None = database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
            return row

    def _ids(self, where: str, *values: object) -> tuple[str, ...]:
        with closing(self._connect()) as database:
            return tuple(row["id"] for row in database.execute(f"SELECT id FROM runs WHERE {where}", values))

    def _ready(self) -> None:
        """Makes the folder and the index, and adds to an index of an earlier version what it lacks."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with closing(self._open()) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(SCHEMA)
            database.execute("BEGIN IMMEDIATE")
            there = {row["name"] for row in database.execute("PRAGMA table_info(runs)")}
            for name, kind in ADDED.items():
                if name not in there:
                    database.execute(f"ALTER TABLE runs ADD COLUMN {name} {kind}")
            database.execute("CREATE INDEX IF NOT EXISTS runs_by_group ON runs (grp)")
            database.execute("COMMIT")
        # While one is open, SQLite need not make its files beside the index anew, which a full disk would not let it.
        self._held()
        held = self._open(check_same_thread=False)
        held.execute("SELECT count(*) FROM runs").fetchone()
        self._held = weakref.finalize(self, held.close)

    def _connect(self) -> sqlite3.Connection:
        """A connection; where somebody has deleted the index, to a new one."""
        if not self._index.exists():
            self._ready()
        return self._open()

    @property
    def _index(self) -> Path:
        return self.directory / "index.sqlite"

    def _open(self, check_same_thread: bool = True) -> sqlite3.Connection:
        database = sqlite3.connect(self._index, timeout=10, isolation_level=None, check_same_thread=check_same_thread)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA synchronous=NORMAL")
        return database

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that waits for its turn at the start, so that two writers never meet in the middle."""
        with closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    def _prune(self) -> None:
        """Forgets the oldest runs, and the weights of all but the latest. What somebody starred stays whole."""
        loose = "id NOT IN (SELECT run FROM marks WHERE star)"
        old = f"{loose} AND status NOT IN ('queued', 'running') ORDER BY created DESC LIMIT -1 OFFSET ?"
        for run_id in self._ids(old, KEPT_RUNS):
            with self._write() as database:
                database.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            shutil.rmtree(self.folder(run_id), ignore_errors=True)
        done = f"{loose} AND status = 'finished' ORDER BY created DESC LIMIT -1 OFFSET ?"
        for run_id in self._ids(done, KEPT_CHECKPOINTS):
            self.checkpoint(run_id).unlink(missing_ok=True)
        early = f"{loose} AND status NOT IN ('queued', 'running', 'finished') ORDER BY created DESC LIMIT -1 OFFSET ?"
        for run_id in self._ids(early, KEPT_STATES):
            self.state(run_id).unlink(missing_ok=True)


@dataclass
class _Owed:
    """A state that a run has come to and that is not written yet."""

    status: Status
    reason: str = ""
    ended: float | None = None
    summary: str = "{}"
    tried: float = field(default_factory=time.monotonic)


@cache
def made_with() -> dict[str, str]:
    """What a run is made with here, so that it can be made again."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in ("explorer", "torch"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


class _Curve:
    """The records of one events file, read from where the last reading ended."""

    def __init__(self) -> None:
        self.offset = 0
        self.events: list[Event] = []

    def read_on(self, path: Path) -> None:
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # still being written
                self.offset += len(line)
                try:
                    add(self.events, EVENT.validate_json(line))
                except ValidationError:
                    continue  # written by another version, or by no version
