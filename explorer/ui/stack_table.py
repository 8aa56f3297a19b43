"""The table of blocks: a row a card, which opens to its operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from explorer.drawing.captions import card_name
from explorer.report import Card, OperationRow, ReceptiveField, Report
from explorer.shape import show
from explorer.ui import words

Data = dict[str, Any]


def table(report: Report, unfolded: Sequence[int]) -> Data:
    """Rows as far as the stack fits together; `unfolded` are the cards whose operations are listed."""
    rows: list[Data] = []
    for card in report.cards:
        if card.status != "ok":
            break
        rows.append(_card(card))
        if card.index in unfolded:
            rows += _inside(card, report.operations)
    uncounted = ", ".join(report.uncounted)
    return {
        "rows": rows,
        "unfolded": [card for card in unfolded if card < len(report.cards)],
        "total": {
            "name": "Total, as far as it fits" if report.error else "Total",
            "numbers": _numbers(
                report.params, report.macs, report.elements, report.saved_bytes, report.receptive_field
            ),
        },
        "uncounted": f"Not counted, since there is no rule for it: {uncounted}." if uncounted else "",
    }


def _card(card: Card) -> Data:
    return {
        "card": card.index,
        "level": 0,
        "name": card_name(card),
        "input": show(card.input_shape or ()),
        "output": show(card.output_shape or ()),
        "numbers": _numbers(card.params, card.macs, card.elements, card.saved_bytes, card.receptive_field),
    }


def _inside(card: Card, operations: Iterable[OperationRow]) -> list[Data]:
    """The operations of the first copy and of the second, which all later ones equal."""
    own = [row for row in operations if row.card == card.index and row.copy < 2]
    rows: list[Data] = []
    for copy in sorted({row.copy for row in own}):
        if card.repeat > 1:
            name = "first copy" if copy == 0 else "second copy" if card.repeat == 2 else f"copies 2–{card.repeat}, each"
            rows.append({"card": card.index, "level": 1, "name": name, "input": "", "output": "", "numbers": [""] * 5})
        rows += [_operation(row) for row in own if row.copy == copy]
    return rows


def _operation(row: OperationRow) -> Data:
    return {
        "card": row.card,
        "level": 2,
        "name": f"{row.path} {row.op}" if row.path else row.op,
        "input": " ".join(show(shape) for shape in row.input_shapes),
        "output": show(row.output_shape),
        "numbers": _numbers(row.params, row.macs, row.elements, row.saved_bytes, row.receptive_field, row.counted),
    }


def _numbers(
    params: int | None,
    macs: int | None,
    elements: int | None,
    saved: int | None,
    field: ReceptiveField | None,
    counted: bool = True,
) -> list[str]:
    if not counted:
        return ["not counted", "", "", "", ""]
    numbers = [f"{number:,}" if number else "·" for number in (params, macs, elements)]
    return [*numbers, words.memory(saved) if saved else "·", f"{field.size:,}" if field else "·"]
