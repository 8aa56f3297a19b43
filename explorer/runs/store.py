"""Runs on disk: a folder a run for its curve and weights, and one SQLite file as the index.

A run's id stands in links and sessions, the run stands here, so a reload, a second tab and a restarted server all see
the same run. Curves are append-only JSON lines with one writer; a torn last line is just not read yet.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Literal

from pydantic import ValidationError

from explorer.network import Network
from explorer.runs import owner
from explorer.training.events import EVENT, Evaluated, Event, Finished, Started, Step, add
from explorer.training.recipe import Recipe

Status = Literal["queued", "running", "finished", "stopped", "failed", "lost"]
ACTIVE = ("queued", "running")
RUN_ID = re.compile(r"[0-9a-z]{8}-[0-9a-z]{12}")
KEPT_RUNS = 500
KEPT_CHECKPOINTS = 30
REMEMBERED = 32  # runs whose curves are kept in memory

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, created REAL NOT NULL, ended REAL, status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL, pair TEXT NOT NULL, owner TEXT NOT NULL, network_digest TEXT NOT NULL, network TEXT NOT NULL,
    recipe TEXT NOT NULL, summary TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS runs_by_network ON runs (network_digest, created);
CREATE INDEX IF NOT EXISTS runs_by_pair ON runs (pair);
"""


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

    @property
    def network(self) -> Network:
        """The network that was trained; ValueError where a later version no longer reads it."""
        return Network.from_json(self.network_json)

    @property
    def active(self) -> bool:
        """Whether more is to come."""
        return self.status in ACTIVE

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
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._curves: OrderedDict[str, _Curve] = OrderedDict()
        self._lock = Lock()
        with closing(self._connect()) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(SCHEMA)
        self._prune()

    def create(self, network: Network, recipe: Recipe, kind: str, pair: str = "") -> str:
        """A new queued run of this process; its id."""
        run_id = f"{int(time.time()):08x}-{secrets.token_hex(6)}"
        self.folder(run_id).mkdir()
        columns = "id, created, status, kind, pair, owner, network_digest, network, recipe"
        values = (run_id, time.time(), "queued", kind, pair, owner.mine(), network_digest(network))
        with self._write() as database:
            database.execute(
                f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, network.to_json(), recipe.model_dump_json()),
            )
        return run_id

    def folder(self, run_id: str) -> Path:
        """The run's folder; ValueError for what is no run's id, since ids come from links."""
        if not RUN_ID.fullmatch(run_id):
            raise ValueError("that is not the id of a run")
        return self.directory / run_id

    def checkpoint(self, run_id: str) -> Path:
        """The file of the run's weights."""
        return self.folder(run_id) / "weights.pt"

    def append(self, run_id: str, event: Event) -> None:
        """Adds one record to the run's curve. A run has one writer."""
        with (self.folder(run_id) / "events.jsonl").open("ab") as file:
            file.write(event.model_dump_json().encode() + b"\n")

    def begin(self, run_id: str) -> None:
        """Marks a queued run as running."""
        with self._write() as database:
            database.execute("UPDATE runs SET status = 'running' WHERE id = ? AND status = 'queued'", (run_id,))

    def end(self, run_id: str, status: Status, reason: str = "", finished: Finished | None = None) -> bool:
        """Writes a terminal state, once: False where the run had ended before."""
        summary = finished.model_dump_json(exclude={"confusion", "wrong"}) if finished else "{}"
        with self._write() as database:
            done = database.execute(
                "UPDATE runs SET status = ?, reason = ?, ended = ?, summary = ? "
                "WHERE id = ? AND status IN ('queued', 'running')",
                (status, reason, time.time(), summary, run_id),
            )
            return done.rowcount == 1

    def read(self, run_id: str) -> Run | None:
        """The run, or None where there is none of that id. One whose owner is gone is marked as lost."""
        folder = self.folder(run_id)
        row = self._row(run_id)
        if row is None:
            return None
        if row["status"] in ACTIVE and not owner.alive(row["owner"]):
            self.end(run_id, "lost", "The program that trained this network was closed before the end.")
            row = self._row(run_id) or row
        try:
            recipe = Recipe.model_validate_json(row["recipe"])
        except ValidationError:
            return None  # written by another version
        return Run(
            id=run_id,
            status=row["status"],
            reason=row["reason"],
            kind=row["kind"],
            pair=row["pair"],
            network_json=row["network"],
            network_digest=row["network_digest"],
            recipe=recipe,
            created=row["created"],
            ended=row["ended"],
            checkpoint=folder / "weights.pt",
            events=self._events(run_id, folder / "events.jsonl"),
        )

    def pair(self, pair: str) -> tuple[str, ...]:
        """The ids of the runs that belong together, in the order they were made."""
        return self._ids("pair = ? AND pair != '' ORDER BY created", pair)

    def of_network(self, network: Network, limit: int = 10) -> tuple[str, ...]:
        """The ids of this network's runs, the latest first."""
        return self._ids("network_digest = ? ORDER BY created DESC LIMIT ?", network_digest(network), limit)

    def recent(self, limit: int = 20) -> tuple[str, ...]:
        """The ids of all runs, the latest first."""
        return self._ids("1 ORDER BY created DESC LIMIT ?", limit)

    def _events(self, run_id: str, path: Path) -> tuple[Event, ...]:
        with self._lock:
            curve = self._curves.setdefault(run_id, _Curve())
            self._curves.move_to_end(run_id)
            if len(self._curves) > REMEMBERED:
                self._curves.popitem(last=False)
            curve.read_on(path)
            return tuple(curve.events)

    def _row(self, run_id: str) -> sqlite3.Row | None:
        with closing(self._connect()) as database:
            row: sqlite3.Row | None = database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
            return row

    def _ids(self, where: str, *values: object) -> tuple[str, ...]:
        with closing(self._connect()) as database:
            return tuple(row["id"] for row in database.execute(f"SELECT id FROM runs WHERE {where}", values))

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.directory / "index.sqlite", timeout=10, isolation_level=None)
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
        """Forgets the oldest runs, and the weights of all but the latest."""
        for run_id in self._ids(
            "status NOT IN ('queued', 'running') ORDER BY created DESC LIMIT -1 OFFSET ?", KEPT_RUNS
        ):
            with self._write() as database:
                database.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            shutil.rmtree(self.folder(run_id), ignore_errors=True)
        for run_id in self._ids("status = 'finished' ORDER BY created DESC LIMIT -1 OFFSET ?", KEPT_CHECKPOINTS):
            self.checkpoint(run_id).unlink(missing_ok=True)


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
