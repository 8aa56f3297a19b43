"""The tables of blocks and of operations, and both as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.report import BlockRow, OperationRow, Report
from explorer.shape import show
from explorer.ui import words

Line = dict[str, Any]
Select = Callable[[int, str], None]  # a card, and the path of a block or module in it
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
        writer.writerow(harmless(value) for value in line.values())
    return out.getvalue()


def harmless(value: object) -> object:
    """A value of a table that no spreadsheet reads as a formula."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def frame(lines: Sequence[Line]) -> pd.DataFrame:
    """Lines as a data frame with whole numbers, empty where a number is not known."""
    made = pd.DataFrame(list(lines))
    return made.astype({column: "Int64" for column in BLOCK_NUMBERS if column in made})


def block_table(report: Report, selected: int, select: Select, whole: bool = True) -> None:
    """The table of blocks, repeats written out, or those of the selected card; a chosen row selects its card."""
    rows = [row for row in report.blocks if whole or row.card == selected]
    _table(
        [block_line(row) for row in rows], [(row.card, row.name) for row in rows], report, selected, select, "blocks"
    )


def operation_table(report: Report, selected: int, select: Select, whole: bool = True) -> None:
    """The same of operations; what no rule counts is said."""
    rows = [row for row in report.operations if whole or row.card == selected]
    lines = [operation_line(row) for row in rows]
    _table(lines, [(row.card, row.path) for row in rows], report, selected, select, "operations")
    if report.uncounted:
        st.caption(f"Not counted, since there is no rule for it: {', '.join(report.uncounted)}.")


def _table(
    lines: Sequence[Line],
    places: Sequence[tuple[int, str]],
    report: Report,
    selected: int,
    select: Select,
    name: str,
) -> None:
    """A table in which one row stands for the selected card: its first, or the one that was chosen."""
    if not lines:
        st.caption("The selected block is not counted." if report.blocks else "No block is counted yet.")
        return
    key = f"inspect-{name}-{len(lines)}"
    cards = [card for card, _ in places]

    def chosen() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(places):
            select(*places[rows[0]])

    rows = st.session_state.get(key, {}).get("selection", {}).get("rows", [])
    if selected not in {cards[row] for row in rows if row < len(cards)} or len(rows) != 1:
        first = [cards.index(selected)] if selected in cards else []
        st.session_state[key] = {"selection": {"rows": first, "columns": [], "cells": []}}
    st.dataframe(
        frame(lines),
        key=key,
        height="stretch",
        hide_index=True,
        column_config=_columns(report.batch) | ({} if report.uncounted else {"Counted": None}),
        on_select=chosen,
        selection_mode="single-row",
        row_height=28,
        placeholder="–",  # the receptive field behind global pooling
    )


def save(label: str, name: str, rows: Sequence[BlockRow | OperationRow]) -> None:
    """A button that makes the CSV file when it is pressed."""
    st.download_button(label, lambda: csv_text(rows), file_name=name, mime="text/csv", on_click="ignore")


def totals(report: Report) -> str:
    """The sums of the table in a sentence, and what the numbers mean."""
    upto = "As far as the stack fits together" if report.error else "In all"
    return (
        f"{upto}: {report.params:,} parameters, {report.macs:,} MACs and {report.elements:,} elementwise operations "
        f"an image, {words.memory(report.saved_bytes)} saved for backward at batch {report.batch:,}. "
        f"FLOPs = 2 × MACs = {report.flops:,}; papers and torchvision often print MACs under the name FLOPs."
    )


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
