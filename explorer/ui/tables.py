"""The table of blocks, which opens to operations, and both as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.report import BlockRow, OperationRow, Report
from explorer.shape import show
from explorer.ui import words

Line = dict[str, Any]
NUMBER = "%,d"
BLOCK_NUMBERS = ("Parameters", "MACs", "Elements", "Saved, bytes", "Field, px")
FORMULA = re.compile(r"[=+\-@\t\r]")


def block_line(row: BlockRow) -> Line:
    """A block as a line of the table; MACs and elements are of one image."""
    return {"Block": row.name, "Kind": row.title, **_shapes([row.input_shape], row.output_shape), **_numbers(row)}


def operation_line(row: OperationRow) -> Line:
    """An operation as a line of the table."""
    counted = "yes" if row.counted else "no"
    line = {"Path": row.path, "Operation": row.op, **_shapes(row.input_shapes, row.output_shape), **_numbers(row)}
    return line | {"Counted": counted}


def _shapes(inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]) -> Line:
    return {"Input": ", ".join(show(shape) for shape in inputs), "Output": show(output)}


def _numbers(row: BlockRow | OperationRow) -> Line:
    field = row.receptive_field.size if row.receptive_field else None
    return dict(zip(BLOCK_NUMBERS, (row.params, row.macs, row.elements, row.saved_bytes, field), strict=True))


def csv_text(rows: Iterable[BlockRow | OperationRow]) -> str:
    """Blocks or operations as CSV with a line of headings; "" of no rows.

    A text that a spreadsheet would read as a formula gets an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, row in enumerate(rows):
        line = block_line(row) if isinstance(row, BlockRow) else operation_line(row)
        if number == 0:
            writer.writerow(line)
        writer.writerow(_harmless(value) for value in line.values())
    return out.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def frame(lines: Sequence[Line]) -> pd.DataFrame:
    """Lines as a data frame with whole numbers, empty where a number is not known."""
    made = pd.DataFrame(list(lines))
    return made.astype({column: "Int64" for column in BLOCK_NUMBERS if column in made})


def block_table(report: Report, key: str = "blocks", height: int = 330) -> None:
    """The table of blocks; a chosen row opens to its operations below. Both can be taken away as CSV."""
    rows = report.blocks
    if not rows:
        st.caption("No block is counted yet.")
        return
    chosen = st.dataframe(
        frame([block_line(row) for row in rows]),
        key=f"{key}-{len(rows)}",
        height=_height(len(rows), height),
        hide_index=True,
        column_config=_columns(report.batch),
        on_select="rerun",
        selection_mode="single-row",
        row_height=28,
    )
    st.caption(totals(report))
    with st.container(horizontal=True, gap="small"):
        _download("Blocks as CSV", f"{key}-blocks.csv", rows)
        _download("Operations as CSV", f"{key}-operations.csv", report.operations)
    picked = [at for at in chosen["selection"]["rows"] if at < len(rows)]
    if picked:
        row = rows[picked[0]]
        st.markdown(f"**Operations of block {row.name}**, {row.title}")
        own = [one for one in report.operations if (one.card, one.copy) == (row.card, row.copy)]
        operation_table(own, report.batch, key=f"{key}-operations")
    else:
        st.caption("Choose a row by its box at the left to see its operations.")


def operation_table(rows: Sequence[OperationRow], batch: int = 1, key: str = "operations", height: int = 420) -> None:
    """The table of operations; what no rule counts is said."""
    if not rows:
        st.caption("This does nothing that is counted.")
        return
    lines = [operation_line(row) for row in rows]
    known = all(row.counted for row in rows)
    columns = _columns(batch) | ({"Counted": None} if known else {})
    st.dataframe(
        frame(lines), key=key, height=_height(len(rows), height), hide_index=True, column_config=columns, row_height=28
    )
    if not known:
        names = ", ".join(dict.fromkeys(row.op for row in rows if not row.counted))
        st.caption(f"Not counted, since there is no rule for it: {names}.")


def totals(report: Report) -> str:
    """The sums of the table in a sentence, and what the numbers mean."""
    upto = "As far as the stack fits together" if report.error else "In all"
    return (
        f"{upto}: {report.params:,} parameters, {report.macs:,} MACs and {report.elements:,} elementwise operations "
        f"an image, {words.memory(report.saved_bytes)} saved for backward at batch {report.batch:,}. "
        f"FLOPs = 2 × MACs = {report.flops:,}; papers and torchvision often print MACs under the name FLOPs."
    )


def _height(rows: int, most: int) -> int:
    return min(most, 28 * rows + 40)


def _download(label: str, name: str, rows: Sequence[BlockRow | OperationRow]) -> None:
    """A button that makes the file when it is pressed."""
    st.download_button(label, lambda: csv_text(rows), file_name=name, mime="text/csv", on_click="ignore")


def _columns(batch: int) -> Line:
    """Headings, help and thousands separators."""
    number = st.column_config.NumberColumn
    return {
        "Block": st.column_config.TextColumn(help="The module's path in the built network: card, then copy.", width=70),
        "Path": st.column_config.TextColumn(help="The module that runs the operation.", width="medium"),
        "Parameters": number(format=NUMBER, help="A shared weight is counted where it is first used."),
        "MACs": number(format=NUMBER, help=words.MACS_HELP),
        "Elements": number(
            format=NUMBER, help="Values that elementwise operations, norms and pools work on, an image; in no MACs."
        ),
        "Saved, bytes": number(
            format=NUMBER, help=f"What autograd keeps for backward, float32, for a batch of {batch:,}."
        ),
        "Field, px": number(format=NUMBER, help=words.FIELD_HELP),
    }
