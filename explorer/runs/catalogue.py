"""What a person does with their runs: find, star, tag, delete and bring back; and the families that were planned.

Own tables in the store's index, which itself holds the marks, since what is starred is never forgotten. A deleted run's
line leaves the table of runs, so that nothing lists it any more, while its folder stays where it is: bringing it back
is putting the line back. Files go only when it is purged.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from explorer.runs.store import ACTIVE, EVENTS, Store
from explorer.training.events import EVENT, Started, Step
from explorer.training.recipe import Recipe

KEPT_SECONDS = 7 * 86_400.0  # that a deleted run can be brought back
MOST_TAGS = 12  # of a run
LONGEST_TAG = 24
LONGEST_QUERY = 200
MOST_TERMS = 20
MOST_AT_ONCE = 1000  # runs that one deed is done to
TAIL = 64 * 1024  # bytes of a curve in which its last step is looked for
UNREADABLE = "A network of another version"

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (run TEXT PRIMARY KEY, device TEXT NOT NULL, step INTEGER, loss REAL);
CREATE TABLE IF NOT EXISTS trash (run TEXT PRIMARY KEY, deleted REAL NOT NULL, line TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS families (grp TEXT PRIMARY KEY, created REAL NOT NULL, plan TEXT NOT NULL);
"""
COLUMNS = (
    "id, created, ended, began, status, reason, kind, pair, grp, label, owner, network_digest, recipe, summary, "
    "CASE WHEN json_valid(network) THEN json_extract(network, '$.name') END AS name"
)
OF_A_LINE = (  # the same of a deleted run, whose line is kept as JSON
    ", ".join(
        f"json_extract(line, '$.{column}') AS {column}"
        for column in (
            "id", "created", "ended", "began", "status", "reason", "kind", "pair", "grp", "label", "owner",
            "network_digest", "recipe", "summary", "network",
        )
    )
)  # fmt: skip

SortBy = Literal["when", "name", "status", "recipe", "data", "steps", "loss", "accuracy", "seconds", "device", "star"]
SORTS: tuple[SortBy, ...] = get_args(SortBy)


@dataclass(frozen=True)
class Row:
    """A run as a line of the table."""

    id: str
    status: str
    reason: str
    name: str  # of the network
    kind: str
    label: str
    group: str
    network_digest: str
    recipe: Recipe | None  # None where another version wrote it
    words: str  # the recipe in one line
    data: str
    created: float
    ended: float | None
    step: int  # that were made
    loss: float | None
    accuracy: float | None  # on the test images
    seconds: float | None
    device: str
    star: bool = False
    tags: tuple[str, ...] = ()
    deleted: float | None = None

    @property
    def active(self) -> bool:
        """Whether more is to come."""
        return self.status in ACTIVE

    @property
    def title(self) -> str:
        """The network's name, and which of a pair it is."""
        return f"{self.name}, plain twin" if self.kind == "plain" and "plain" not in self.name else self.name


@dataclass(frozen=True)
class Family:
    """A plan whose runs were queued as one group."""

    group: str
    created: float
    plan: Mapping[str, Any]


class Catalogue:
    """The runs of a store as a person keeps them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # Finding

    def rows(self) -> tuple[Row, ...]:
        """All runs that are not deleted, the latest first."""
        with self._reading() as database:
            lines = database.execute(f"SELECT {COLUMNS} FROM runs ORDER BY created DESC").fetchall()
            marks = _marks(database)
            facts = {row["run"]: row for row in database.execute("SELECT * FROM facts")}
        return tuple(self._rows(lines, marks, facts))

    def row(self, run_id: str) -> Row | None:
        """One run's line; None where there is none, or where it is deleted."""
        return next((row for row in self.rows() if row.id == run_id), None)

    def deleted(self) -> tuple[Row, ...]:
        """The deleted runs that can be brought back, the last deleted first."""
        with self._reading() as database:
            lines = database.execute(f"SELECT deleted, {OF_A_LINE} FROM trash ORDER BY deleted DESC").fetchall()
            marks = _marks(database)
            facts = {row["run"]: row for row in database.execute("SELECT * FROM facts")}
        named = [{**dict(line), "name": _name_in(line["network"])} for line in lines]
        made = self._rows(named, marks, facts)
        when = {line["id"]: line["deleted"] for line in named}
        return tuple(replace(row, deleted=when[row.id]) for row in made)

    def _rows(
        self, lines: Sequence[Any], marks: Mapping[str, tuple[bool, tuple[str, ...]]], facts: Mapping[str, Any]
    ) -> list[Row]:
        found: list[Row] = []
        learnt: list[tuple[str, str, int, float | None]] = []
        for line in lines:
            run_id, status, reason, ended = line["id"], line["status"], line["reason"], line["ended"]
            summary = _read_json(line["summary"])
            recipe, said = _recipe(line["recipe"])
            star, tags = marks.get(run_id, (False, ()))
            device, step, loss, seconds = "", 0, None, None
            if status in ACTIVE:
                run = self.store.read(run_id)  # marks it as lost where nobody trains it any more
                if run is not None:
                    status, reason, ended = run.status, run.reason, run.ended
                    device = run.started.device if run.started else ""
                    if run.steps:
                        step, loss, seconds = run.steps[-1].step, run.steps[-1].loss, run.steps[-1].elapsed
            else:
                known = facts.get(run_id)
                if known is None:
                    device, step, loss = told(self.store.folder(run_id) / EVENTS, bool(summary))
                    learnt.append((run_id, device, step, loss))
                else:
                    device, step, loss = known["device"], known["step"], known["loss"]
                if summary:
                    step = summary.get("steps") or (recipe.steps if recipe else 0)
                    loss = summary.get("train_loss")
                    seconds = summary.get("seconds")
                elif line["began"] and ended and status != "lost":  # which is noticed whenever somebody looks
                    seconds = ended - line["began"]
            found.append(
                Row(
                    id=run_id, status=status, reason=reason, name=line["name"] or "Untitled network",
                    kind=line["kind"], label=line["label"] or "", group=line["grp"] or "",
                    network_digest=line["network_digest"], recipe=recipe, words=said,
                    data=recipe.data if recipe else "", created=line["created"], ended=ended, step=step, loss=loss,
                    accuracy=summary.get("test_accuracy"), seconds=seconds, device=device, star=star, tags=tags,
                )
            )  # fmt: skip
        if learnt:
            with suppress(sqlite3.Error), self._writing() as database:  # it is only to be quicker the next time
                database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", learnt)
        return found

    # Marks

    def star(self, run_ids: Iterable[str], on: bool) -> None:
        """Stars runs, or takes the stars away."""
        self._mark(run_ids, lambda star, tags: (on, tags))

    def tag(self, run_ids: Iterable[str], tag: str) -> None:
        """Adds a tag. ValueError with a sentence where it is none, or where a run has too many."""
        name = clean_tag(tag)

        def added(star: bool, tags: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
            if name not in tags and len(tags) >= MOST_TAGS:
                raise ValueError(f"A run has {MOST_TAGS} tags at most. Take one away first.")
            return star, tuple(dict.fromkeys((*tags, name)))

        self._mark(run_ids, added)

    def untag(self, run_ids: Iterable[str], tag: str) -> None:
        """Takes a tag away."""
        self._mark(run_ids, lambda star, tags: (star, tuple(one for one in tags if one != tag)))

    def tags(self) -> tuple[str, ...]:
        """All tags, in the order of the alphabet."""
        with self._reading() as database:
            return tuple(sorted({tag for _, tags in _marks(database).values() for tag in tags}))

    def _mark(
        self, run_ids: Iterable[str], deed: Callable[[bool, tuple[str, ...]], tuple[bool, tuple[str, ...]]]
    ) -> None:
        with self._writing() as database:
            marks = _marks(database)
            for run_id in self._known(run_ids):
                star, tags = deed(*marks.get(run_id, (False, ())))
                database.execute(
                    "INSERT OR REPLACE INTO marks (run, star, tags) VALUES (?, ?, ?)",
                    (run_id, int(star), json.dumps(tags, ensure_ascii=False)),
                )

    # The trash

    def delete(self, run_ids: Iterable[str]) -> tuple[str, ...]:
        """Puts runs into the trash; the ids of those that went. A run under way stays: it is to be stopped first."""
        went = []
        with self._writing() as database:
            for run_id in self._known(run_ids):
                line = database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
                if line is None or line["status"] in ACTIVE:
                    continue
                kept = json.dumps(dict(line))
                database.execute("INSERT OR REPLACE INTO trash VALUES (?, ?, ?)", (run_id, time.time(), kept))
                database.execute("DELETE FROM runs WHERE id = ?", (run_id,))
                went.append(run_id)
        return tuple(went)

    def restore(self, run_ids: Iterable[str]) -> tuple[str, ...]:
        """Brings deleted runs back as they were; the ids of those that came."""
        came = []
        with self._writing() as database:
            columns = {row["name"] for row in database.execute("PRAGMA table_info(runs)")}
            for run_id in self._known(run_ids):
                found = database.execute("SELECT line FROM trash WHERE run = ?", (run_id,)).fetchone()
                if found is None:
                    continue
                line = {name: value for name, value in json.loads(found["line"]).items() if name in columns}
                places = ", ".join("?" * len(line))
                database.execute(
                    f"INSERT OR IGNORE INTO runs ({', '.join(line)}) VALUES ({places})", tuple(line.values())
                )
                database.execute("DELETE FROM trash WHERE run = ?", (run_id,))
                came.append(run_id)
        return tuple(came)

    def is_deleted(self, run_id: str) -> bool:
        """Whether a run lies in the trash."""
        with self._reading() as database:
            return database.execute("SELECT 1 FROM trash WHERE run = ?", (run_id,)).fetchone() is not None

    def purge(self, run_ids: Iterable[str] | None = None, older_than: float = KEPT_SECONDS) -> tuple[str, ...]:
        """Deletes the files of these runs in the trash, or of all that lie there longer than so many seconds."""
        with self._reading() as database:
            lying = {row["run"]: row["deleted"] for row in database.execute("SELECT run, deleted FROM trash")}
        if run_ids is None:
            gone = [run_id for run_id, since in lying.items() if time.time() - since > older_than]
        else:
            gone = [run_id for run_id in self._known(run_ids) if run_id in lying]
        for run_id in gone:
            shutil.rmtree(self.store.folder(run_id), ignore_errors=True)
        if gone:
            with self._writing() as database:
                for table in ("trash", "marks", "facts"):
                    database.executemany(f"DELETE FROM {table} WHERE run = ?", [(run_id,) for run_id in gone])
        return tuple(gone)

    # Families

    def keep_family(self, group: str, plan: Mapping[str, Any]) -> None:
        """Remembers what the runs of a group were planned to show."""
        with self._writing() as database:
            values = (group, time.time(), json.dumps(plan))
            database.execute("INSERT OR REPLACE INTO families VALUES (?, ?, ?)", values)

    def families(self, limit: int = 50) -> tuple[Family, ...]:
        """The families, the latest first."""
        with self._reading() as database:
            lines = database.execute("SELECT * FROM families ORDER BY created DESC LIMIT ?", (limit,)).fetchall()
        return tuple(Family(line["grp"], line["created"], _read_json(line["plan"])) for line in lines)

    def family(self, group: str) -> Family | None:
        """A family by its group's id; None where there is none."""
        with self._reading() as database:
            line = database.execute("SELECT * FROM families WHERE grp = ?", (group[:64],)).fetchone()
        return Family(line["grp"], line["created"], _read_json(line["plan"])) if line else None

    # The index

    def _known(self, run_ids: Iterable[str]) -> list[str]:
        """The ids, each once; ValueError for what is no run's id, or for far too many."""
        ids = list(dict.fromkeys(run_ids))
        if len(ids) > MOST_AT_ONCE:
            raise ValueError(f"{len(ids):,} runs at once are more than {MOST_AT_ONCE:,}.")
        for run_id in ids:
            self.store.folder(run_id)
        return ids

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as database:
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        """A connection of the store's; somebody may have deleted the index, so its tables are made where they lack."""
        database = self.store._connect()
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'families'").fetchone() is None:
            database.executescript(SCHEMA)
        return database


def clean_tag(text: str) -> str:
    """A tag as it is kept: lower case, without spaces at its ends or in it. ValueError with a sentence for none."""
    name = re.sub(r"\s+", "-", text.strip().lower())
    name = "".join(sign for sign in name if sign.isalnum() or sign in "-_.+/")
    if not name:
        raise ValueError("A tag needs a letter or a digit.")
    if len(name) > LONGEST_TAG:
        raise ValueError(f"A tag has {LONGEST_TAG} characters at most; this one has {len(name)}.")
    return name


def told(path: Path, finished: bool) -> tuple[str, int, float | None]:
    """The device that a curve begins with and the last step that it tells of, without reading all of it."""
    device, step, loss = "", 0, None
    try:
        with path.open("rb") as file:
            first = file.readline(TAIL)
            with suppress(ValidationError):
                event = EVENT.validate_json(first)
                device = event.device if isinstance(event, Started) else ""
            if finished:
                return device, step, loss
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            lines = file.read(TAIL).split(b"\n")
    except OSError:
        return device, step, loss  # the folder was deleted by hand
    for line in reversed(lines):
        if line.startswith(b'{"event":"step"'):
            with suppress(ValidationError):
                event = EVENT.validate_json(line)
                if isinstance(event, Step):
                    return device, event.step, event.loss
    return device, step, loss


@lru_cache(maxsize=4096)
def _recipe(text: str) -> tuple[Recipe | None, str]:
    try:
        recipe = Recipe.model_validate_json(text)
    except ValidationError:
        return None, "a recipe of another version"
    return recipe, recipe.words()


def _read_json(text: str | None) -> dict[str, Any]:
    try:
        made = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    return made if isinstance(made, dict) else {}


def _name_in(network: str | None) -> str | None:
    name = _read_json(network).get("name")
    return name if isinstance(name, str) else None


def _marks(database: sqlite3.Connection) -> dict[str, tuple[bool, tuple[str, ...]]]:
    return {
        row["run"]: (bool(row["star"]), tuple(tag for tag in json.loads(row["tags"]) if isinstance(tag, str)))
        for row in database.execute("SELECT * FROM marks")
    }


# Search


@dataclass(frozen=True)
class Query:
    """What is looked for: words anywhere, and fields by name."""

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()


FIELDS = ("status", "tag", "data", "seed", "is", "name", "device", "group")


def query(text: str) -> Query:
    """`resnet status:failed tag:talk seed:1`; what is too long is cut, and a field that there is not is a word."""
    words, fields = [], []
    for term in text[:LONGEST_QUERY].lower().split()[:MOST_TERMS]:
        name, colon, value = term.partition(":")
        if colon and value and name in FIELDS:
            fields.append((name, value))
        else:
            words.append(term)
    return Query(tuple(words), tuple(fields))


def matches(row: Row, wanted: Query) -> bool:
    """Whether a run has all the words somewhere and all the fields."""
    if wanted.words:
        text = " ".join(
            (row.title, row.label, row.words, row.data, row.status, row.device, row.id, row.reason, *row.tags)
        ).lower()
        if not all(word in text for word in wanted.words):
            return False
    return all(_has(row, name, value) for name, value in wanted.fields)


def _has(row: Row, name: str, value: str) -> bool:
    match name:
        case "status":
            return row.status == value or (value == "active" and row.active)
        case "tag":
            return value in row.tags
        case "data":
            return row.data.lower().startswith(value)
        case "seed":
            return row.recipe is not None and str(row.recipe.seed) == value
        case "is":
            return (value == "starred" and row.star) or (value == "active" and row.active)
        case "group":
            return row.group == value
        case "device":
            return value in row.device.lower()
        case _:
            return value in row.title.lower()


def ordered(rows: Iterable[Row], by: SortBy = "when", descending: bool = True) -> list[Row]:
    """The rows in order; those that lack what is asked for come last either way."""
    keys: dict[SortBy, Callable[[Row], Any]] = {
        "when": lambda row: row.created,
        "name": lambda row: row.title.lower(),
        "status": lambda row: row.status,
        "recipe": lambda row: row.words,
        "data": lambda row: row.data or None,
        "steps": lambda row: row.step,
        "loss": lambda row: row.loss,
        "accuracy": lambda row: row.accuracy,
        "seconds": lambda row: row.seconds,
        "device": lambda row: row.device or None,
        "star": lambda row: row.star,
    }
    key = keys[by]
    rows = sorted(rows, key=lambda row: row.created, reverse=True)
    known = [row for row in rows if key(row) is not None]
    return sorted(known, key=key, reverse=descending) + [row for row in rows if key(row) is None]
