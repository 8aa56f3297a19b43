"""What the table of runs shows, as plain data: the view that a browser asked for, bounded, and its lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from explorer.numbers import digits, many
from explorer.runs.catalogue import LONGEST_QUERY, Row, SortBy, matches, ordered, query
from explorer.runs.store import RUN_ID
from explorer.training import data as sets
from explorer.ui.results import duration

PAGE = 50  # lines
MOST_PICKED = 1000
FEWEST, MOST = 2, 8  # runs that are compared
SEPARATOR = "~"  # between ids in an address
TONES = {"finished": "good", "failed": "bad", "lost": "bad", "running": "live", "queued": "wait", "paused": "wait"}

Id = Annotated[str, StringConstraints(pattern=rf"^{RUN_ID.pattern}$", max_length=30)]


class View(BaseModel):
    """What is asked of the table."""

    model_config = ConfigDict(strict=True, extra="forbid")

    query: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""
    sort: SortBy = "when"
    descending: bool = True
    page: Annotated[int, Field(ge=0, le=100_000)] = 0
    picked: Annotated[list[Id], Field(max_length=MOST_PICKED)] = []
    revision: int = 0


def read(sent: object, before: View) -> View:
    """The view that a browser sent; the one before where it is none, or an answer to an older one."""
    try:
        found = View.model_validate(sent)
    except ValidationError:
        return before
    return found if found.revision >= before.revision else before


def found(rows: Sequence[Row], view: View) -> list[Row]:
    """The runs that are looked for, in order."""
    wanted = query(view.query)
    return ordered((row for row in rows if matches(row, wanted)), view.sort, view.descending)


def data(rows: Sequence[Row], view: View, trash: bool = False) -> dict[str, Any]:
    """All that the table needs."""
    shown = found(rows, view)
    pages = max(1, -(-len(shown) // PAGE))
    page = min(view.page, pages - 1)
    lines = [line(row) for row in shown[page * PAGE : (page + 1) * PAGE]]
    said = many(len(rows), "deleted run" if trash else "run")
    if view.query.strip():
        said = f"{len(shown):,} of {said}"
    none = "Nothing was deleted in the last week." if trash else "No network was trained here yet."
    return {
        "rows": lines,
        "found": [row.id for row in shown[:MOST_PICKED]],
        "page": page,
        "pages": pages,
        "said": said,
        "none": "No run has all of that." if rows else none,
        "trash": trash,
        "view": view.model_dump(exclude={"revision"}),
        "revision": view.revision,
    }


def line(row: Row) -> dict[str, Any]:
    """A run as the table writes it."""
    total = row.recipe.steps if row.recipe and row.recipe.seconds is None else None
    steps = f"{row.step:,}" if row.step else ""
    if total and row.step and row.step != total:
        steps = f"{row.step:,} / {total:,}"
    return {
        "id": row.id,
        "star": row.star,
        "name": row.title,
        "label": row.label,
        "tags": list(row.tags),
        "status": row.status,
        "tone": TONES.get(row.status, "calm"),
        "reason": row.reason,
        "done": min(1.0, row.step / total) if row.status == "running" and total else None,
        "recipe": row.words,
        "data": _images(row.data),
        "steps": steps,
        "loss": "" if row.loss is None else digits(row.loss),
        "accuracy": "" if row.accuracy is None else f"{row.accuracy:.1%}",
        "seconds": "" if row.seconds is None else duration(row.seconds),
        "device": row.device,
        "when": ago(row.created),
        "at": time.strftime("%d %B %Y, %H:%M:%S", time.localtime(row.created)),
    }


def _images(name: str) -> str:
    """What the images are called; sets of one's own by their title, as long as they are there."""
    if not name.startswith("own:"):
        return name
    try:
        return sets.facts(name).subject
    except (ValueError, OSError):
        return "own pictures"


def ago(moment: float) -> str:
    """`4 min ago`, `18:20`, `24 Nov 18:20`."""
    since, now = time.time() - moment, time.localtime()
    if since < 3600:
        return "now" if since < 60 else f"{since / 60:.0f} min ago"
    then = time.localtime(moment)
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%d %b %H:%M", then)


def ids(text: str) -> list[str]:
    """The runs that an address names, each once, as many as are compared; what is no id is left out."""
    parts = text[: 40 * MOST].split(SEPARATOR)
    return list(dict.fromkeys(part for part in parts if RUN_ID.fullmatch(part)))[:MOST]
