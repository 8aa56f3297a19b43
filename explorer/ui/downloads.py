"""Files that a person takes away: the network as JSON, the tables as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from explorer.report import Report
from explorer.shape import show
from explorer.ui.desk import Desk


def make(what: Literal["network", "blocks", "operations"], desk: Desk) -> dict[str, str]:
    """Name, type and text of the file."""
    network = desk.network
    stem = re.sub(r"[^a-z0-9]+", "-", network.name.lower()).strip("-")[:60] or "network"
    if what == "network":
        return {"name": f"{stem}.json", "type": "application/json", "text": network.to_json()}
    text = blocks(desk.report()) if what == "blocks" else operations(desk.report())
    return {"name": f"{stem}-{what}.csv", "type": "text/csv", "text": text}


def blocks(report: Report) -> str:
    """A line for each block, repeats written out, as far as the stack fits together."""
    head = ("name", "kind", "title", "input", "output", "parameters", "MACs", "elements", "saved_bytes")
    head = (*head, "receptive_field", "field_stride")
    rows = (
        (
            row.name,
            row.kind,
            row.title,
            show(row.input_shape),
            show(row.output_shape),
            row.params,
            row.macs,
            row.elements,
            row.saved_bytes,
            row.receptive_field.size if row.receptive_field else "",
            row.receptive_field.stride if row.receptive_field else "",
        )
        for row in report.blocks
    )
    return _csv(head, rows)


def operations(report: Report) -> str:
    """A line for each operation, as far as the stack fits together."""
    head = ("path", "operation", "inputs", "output", "parameters", "MACs", "elements", "saved_bytes", "counted")
    rows = (
        (
            row.path,
            row.op,
            " ".join(show(shape) for shape in row.input_shapes),
            show(row.output_shape),
            row.params,
            row.macs,
            row.elements,
            row.saved_bytes,
            "yes" if row.counted else "no",
        )
        for row in report.operations
    )
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()
