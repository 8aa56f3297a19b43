"""A report as text: an aligned table for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from explorer.fit import Fit
from explorer.report import Report
from explorer.shape import show

BLOCK_COLUMNS = ("name", "kind", "input_shape", "output_shape", "params", "macs", "elements", "saved_bytes")
OPERATION_COLUMNS = ("path", "op", "input_shapes", "output_shape", "params", "macs", "elements", "saved_bytes")


def records(report: Report, operations: bool = False) -> list[dict[str, Any]]:
    """One plain record for each block, or for each operation; shapes as lists, the receptive field in input pixels."""
    rows: Iterable[Any] = report.operations if operations else report.blocks
    columns = OPERATION_COLUMNS if operations else BLOCK_COLUMNS
    return [
        {column: getattr(row, column) for column in columns}
        | {"receptive_field": row.receptive_field.size if row.receptive_field else None}
        for row in rows
    ]


def totals(report: Report) -> dict[str, Any]:
    """What the whole network comes to."""
    field = report.receptive_field
    return {
        "params": report.params,
        "macs": report.macs,
        "flops": report.flops,
        "elements": report.elements,
        "batch": report.batch,
        "saved_bytes": report.saved_bytes,
        "output_shape": report.output_shape,
        "receptive_field": {"size": field.size, "stride": field.stride, "start": field.start} if field else None,
        "not_counted": report.uncounted,
    }


def as_json(report: Report, operations: bool = False) -> str:
    """Totals, blocks and, if asked for, operations as one JSON object."""
    text: dict[str, Any] = {"totals": totals(report), "blocks": records(report)}
    if report.network is not None:
        text = {"name": report.network.name, "input": report.network.input, **text}
    if operations:
        text["operations"] = records(report, operations=True)
    return json.dumps(text, indent=1, ensure_ascii=False)


def as_csv(report: Report, operations: bool = False) -> str:
    """One line for each block or operation, under a line of headings; shapes as `64×56×56`."""
    rows = records(report, operations)
    text = io.StringIO()
    columns = (*(OPERATION_COLUMNS if operations else BLOCK_COLUMNS), "receptive_field")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _cell(row[column]) for column in columns} for row in rows)
    return text.getvalue()


def as_table(report: Report, operations: bool = False) -> str:
    """An aligned table of blocks or operations, then the totals, one a line."""
    rows = records(report, operations)
    headings = ("operation" if operations else "block", "", "output", "parameters", "MACs", "saved", "field")
    body = [
        (
            row["path"] if operations else row["name"],
            row["op"] if operations else row["kind"],
            show(row["output_shape"]),
            f"{row['params']:,}",
            f"{row['macs']:,}",
            size(row["saved_bytes"]),
            _cell(row["receptive_field"]),
        )
        for row in rows
    ]
    end = ("total", "", show(report.output_shape), f"{report.params:,}", f"{report.macs:,}", size(report.saved_bytes))
    lines = aligned([headings, *body, (*end, "")], left=3)
    rule = "─" * max(len(line) for line in lines)
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", *_totals(report)])


def proposals(found: Fit) -> str:
    """The proposals of a fit as an aligned table, then what each of them changes."""
    write = size if found.quantity == "memory" else "{:,}".format
    rows: list[tuple[str, ...]] = [("", "parameters", "MACs", "memory", "from target")]
    for each in found.proposals:
        sign = "+" if each.difference > 0 else "−" if each.difference < 0 else "±"
        figures = (f"{each.params:,}", f"{each.macs:,}", size(each.memory), sign + write(abs(each.difference)))
        rows.append((each.label, *figures))
    lines = [f"{found.grid}; target {write(found.target)}", "", *aligned(rows, left=1)]
    for each in found.proposals:
        lines += ["", each.label, *(f"  {change}" for change in each.changes or ("nothing changes",))]
    return "\n".join(lines)


def size(count: float) -> str:
    """Bytes in the largest unit that leaves at least one: `87.1 MB`."""
    units = ["B", "kB", "MB", "GB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:,.{0 if units[0] == 'B' else 1}f} {units[0]}"


def _totals(report: Report) -> list[str]:
    memory = report.memory()
    field = report.receptive_field
    images = f"{report.batch} image" + ("" if report.batch == 1 else "s")
    pairs = [
        ("parameters", f"{report.params:,}"),
        ("MACs", f"{report.macs:,} an image, of convolutions, linear layers and matrix products"),
        ("FLOPs", f"{report.flops:,} = 2 × MACs (papers and torchvision often call MACs FLOPs)"),
        ("elementwise", f"{report.elements:,} elements, in no other figure"),
        ("training memory", f"{size(memory.total)} for {images} by SGD with momentum: {_parts(memory)}"),
    ]
    if field is not None:
        pairs.append(("receptive field", f"{field.size} px, stride {field.stride}, from {field.start} (theoretical)"))
    if report.uncounted:
        pairs.append(("not counted", ", ".join(report.uncounted)))
    width = max(len(name) for name, _ in pairs)
    return [f"{name:<{width}}  {value}" for name, value in pairs]


def _parts(memory: Any) -> str:
    parts = ("weights", "gradients", "optimiser", "activations")
    return ", ".join(f"{name} {size(getattr(memory, name))}" for name in parts)


def aligned(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """The rows in columns: the first `left` flush left, the others flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        nested = value and isinstance(value[0], tuple)
        return " + ".join(show(shape) for shape in value) if nested else show(value)
    return str(value)
