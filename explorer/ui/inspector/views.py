"""What the views of the Inspect page draw, computed from a report: plain data, and every number in words as well."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from explorer.drawing import fields, lifetimes, picture, stages, volumes
from explorer.drawing.captions import card_name, choices, settings, short
from explorer.export.torchinfo_table import TorchinfoTable
from explorer.numbers import many
from explorer.report import Card, OperationRow, Report
from explorer.shape import Shape, show
from explorer.ui import words

Data = dict[str, Any]
MEASURES = ("Parameters", "MACs per image", "Saved for backward")
FULL = 60  # cards up to which the treemap writes out the operations of all of them


def costs_said(params: int, macs: int, saved: int) -> list[str]:
    """The three costs as a tooltip says them."""
    return [f"{params:,} parameters", f"{macs:,} MACs per image", f"{saved:,} bytes saved for backward"]


def graph(report: Report, opened: Sequence[str], across: bool) -> Data:
    """The network by the one renderer; what is selected is marked in the page, so that this text stays the same."""
    return {"svg": picture.network(report, opened, across=across), "opened": list(opened), "across": across}


def inside(report: Report, selected: int) -> Data:
    """One copy of the selected block from left to right, its settings, and what all copies of its operations cost."""
    if not 0 <= selected < len(report.cards) or report.cards[selected].status != "ok":
        return {"svg": "", "said": [], "operations": [], "totals": []}
    assert report.network is not None
    card, block = report.cards[selected], report.network.blocks[selected]
    drawn = picture.inside(block, Shape(*card.input_shape))
    said = [card.title if card.repeat == 1 else f"{card.title}, the first of {card.repeat:,} copies"]
    items = stages.operations(card, report.operations)
    outputs: dict[str, tuple[int, ...]] = {}
    for row in report.operations:
        if row.card == selected and row.copy == 0:
            path = stages.inner_path(row)
            outputs.setdefault(f"{path} · {row.op}" if path else row.op, row.output_shape)
    return {
        "svg": drawn,
        "said": [*said, *settings(block), *choices(card)],
        "operations": [
            {
                "name": item.name,
                "path": f"{selected}.*.{item.path}" if item.path else "",
                "shape": show(outputs[item.name]) if item.name in outputs else "",
                "copies": item.copies,
                "costs": [f"{cost:,}" if cost else "·" for cost in item.costs],
                "saved": item.saved_bytes,
            }
            for item in items
        ],
        "totals": [f"{cost:,}" for cost in (card.params, card.macs, card.saved_bytes)],
    }


def boxes(report: Report) -> Data:
    """Feature maps as boxes along the depth, and the scale of their thickness."""
    cards = {card.index: card for card in report.cards}
    found = volumes.volumes(report)
    made = []
    for box in found:
        said = [f"{show(box.shape)} = {prod(box.shape):,} values"]
        if box.card in cards:
            card = cards[box.card]
            said += costs_said(card.params, card.macs, card.saved_bytes)
        place = [round(each, 5) for each in (box.start, box.thickness, box.height, box.width)]
        made.append(
            {
                "card": box.card,
                "name": box.name,
                "family": box.family,
                "shape": show(box.shape),
                "said": said,
                "at": place,
            }
        )
    high, wide = max((volumes.sides(tuple(box.shape)) for box in volumes.volumes(report)), key=max)
    channels = [box.shape[0] for box in volumes.volumes(report)]
    note = (
        f"Height × width to scale, the largest map {high:,}×{wide:,}; thickness on a log scale: one step more for each "
        f"doubling of the channels, here {min(channels):,} to {max(channels):,}. ×N is one box."
    )
    return {"boxes": made, "note": note}


def bars(report: Report, level: str, selected: int, logarithmic: bool) -> Data:
    """Parameters, MACs and saved bytes of each stage, of each block, or of each operation of the selected block."""
    items = level_items(report, level, selected)
    sums = stages.sums(items)
    totals = (report.params, report.macs, report.saved_bytes)
    if level == "Operations":
        whole = "of the selected block"
    else:
        whole = "as far as the stack fits together" if report.error else "in all"
    return {
        "titles": [
            f"{title}{f', batch {report.batch:,}' if place == 2 else ''}: {total:,}{' B' if place == 2 else ''} {whole}"
            for place, (title, total) in enumerate(zip(MEASURES, sums, strict=True))
        ],
        "logarithmic": logarithmic,
        "items": [_item(item, totals) for item in items],
    }


def level_items(report: Report, level: str, selected: int) -> list[stages.Item]:
    """The items of a level."""
    if level == "Stages":
        return stages.stages(report)
    if level == "Blocks":
        return stages.blocks(report)
    card = report.cards[selected] if 0 <= selected < len(report.cards) else None
    return stages.operations(card, report.operations) if card is not None else []


def _item(item: stages.Item, totals: Sequence[int]) -> Data:
    copies = f", {many(item.copies, 'block')}" if len(item.cards) > 1 else ""
    shares = [f"{100 * cost / total:.1f} %" if total else "" for cost, total in zip(item.costs, totals, strict=True)]
    said = [
        f"{line}{f', {share}' if share else ''}" for line, share in zip(costs_said(*item.costs), shares, strict=True)
    ]
    return {
        "name": item.name + copies,
        "label": item.path or item.name,
        "family": item.family,
        "cards": list(item.cards),
        "path": f"{item.cards[0]}.*.{item.path}" if item.path else "",
        "costs": list(item.costs),
        "said": ([f"runs {item.copies:,} times"] if item.copies > 1 and len(item.cards) == 1 else []) + said,
    }


def tree(report: Report, measure: str, selected: int) -> Data:
    """One measure as a treemap: stages, their blocks, and what these do; each level adds up to the one above it."""
    place = MEASURES.index(measure)
    totals = (report.params, report.macs, report.saved_bytes)
    cards = {card.index: card for card in report.cards}
    every = len(cards) <= FULL
    rows: dict[int, list[OperationRow]] = {}
    for row in report.operations:
        rows.setdefault(row.card, []).append(row)
    by_card = {item.cards[0]: item for item in stages.blocks(report)}
    made = []
    for stage in stages.stages(report):
        inner = []
        for card in stage.cards:
            deep = stages.operations(cards[card], rows.get(card, [])) if every or card == selected else []
            inner.append(_leaf(by_card[card], place, totals) | {"inner": [_leaf(item, place, totals) for item in deep]})
        made.append(_leaf(stage, place, totals) | {"inner": inner})
    unit = ("parameters", "MACs per image", "bytes saved for backward")[place]
    return {"stages": made, "note": f"{totals[place]:,} {unit}. Stages hold blocks, blocks hold operations."}


def _leaf(item: stages.Item, place: int, totals: Sequence[int]) -> Data:
    return _item(item, totals) | {"size": item.costs[place], "short": short(item.costs[place])}


def windows(report: Report, at: tuple[float, float]) -> Data:
    """For each card the window that one of its units sees of the picture."""
    _, high, wide = report.input_shape
    return {
        "picture": [high, wide],
        "at": list(at),
        "windows": [
            {
                "card": window.card,
                "name": window.name,
                "family": window.family,
                "size": _extent(window),
                "rows": _ends(window.rows),
                "columns": _ends(window.columns),
                "said": window_said(window),
            }
            for window in fields.windows(report, at)
        ],
    }


def _extent(window: fields.Window) -> str:
    if window.rows is None or window.columns is None:
        return "all"
    return f"{window.rows.size:,}×{window.columns.size:,}"


def _place(pixel: int) -> str:
    """A pixel counted from 1, as units are; 0 and below lie in the padding."""
    return f"{pixel + 1:,}".replace("-", "−")


def _ends(axis: fields.Axis | None) -> list[int] | None:
    return None if axis is None else [axis.first, axis.last]


def window_said(window: fields.Window) -> list[str]:
    """Where the window lies, and how much of it is padding."""
    rows, columns = window.rows, window.columns
    if rows is None or columns is None:
        return ["Sees every pixel of the picture: behind global pooling there is no window."]
    said = [
        f"The unit in row {rows.unit + 1:,}, column {columns.unit + 1:,} sees {rows.size:,}×{columns.size:,} pixels:",
        f"rows {_place(rows.first)} to {_place(rows.last)}, columns {_place(columns.first)} to {_place(columns.last)}.",
    ]
    if rows.beyond or columns.beyond:
        high, wide = rows.size - rows.beyond, columns.size - columns.beyond
        if high and wide:
            said.append(f"Clipped here to the {high:,}×{wide:,} that are picture; the rest is padding.")
        else:
            said.append("None of it is picture: the whole window is padding.")
    return said


def memory(report: Report) -> Data:
    """What each card keeps for backward along the forward and the backward."""
    found = lifetimes.lives(report)
    count = sum(part.step.count for part in report.parts)
    return {
        "blocks": count,
        "total": report.saved_bytes,
        "note": f"{report.saved_bytes:,} bytes are held where the forward ends, for a batch of {report.batch:,}; "
        "one step a block. Weights, gradients and workspaces come on top.",
        "peak": words.memory(report.saved_bytes),
        "lives": [
            {
                "card": life.card,
                "name": life.name,
                "family": life.family,
                "changes": [list(change) for change in life.changes],
                "said": _life_said(life, count),
            }
            for life in found
        ],
    }


def _life_said(life: lifetimes.Life, blocks: int) -> list[str]:
    if not life.most:
        return ["keeps nothing for backward"]
    last = life.changes[-1][0] - blocks
    return [f"{life.most:,} bytes", f"until the backward of the last {many(last, 'block')} is done"]


def torchinfo_lines(found: TorchinfoTable) -> Data:
    """torchinfo's table line by line, each with the card whose module it lists."""
    lines: list[Data] = []
    card = -1
    for text in found.text.splitlines():
        if text.startswith("├─"):
            card = int(text.partition("(")[2].partition(")")[0])
        elif not text.startswith(("│", "|", " ")):
            card = -1
        lines.append({"text": text, "card": card})
    return {"lines": lines}


def strip(report: Report, selected: int, path: str) -> Data:
    """The selected block with its exact numbers, and what is selected inside it."""
    cards = len(report.cards)
    if not 0 <= selected < cards:
        return {
            "card": -1,
            "cards": cards,
            "name": "The whole network",
            "family": "",
            "flow": f"{show(report.input_shape)} → {'…' if report.error else show(report.output_shape)}",
            "facts": _facts(report.params, report.macs, report.saved_bytes, report.batch, _field(report)),
            "path": "",
            "within": None,
            "problem": "",
        }
    card = report.cards[selected]
    problem = ""
    if card.status == "error" and report.error is not None:
        problem = f"Does not fit: {report.error.reason}."
    elif card.status == "waiting":
        problem = "Waits for a block before it, so that nothing of it is counted."
    flow = f"{show(card.input_shape)} → {show(card.output_shape)}" if card.status == "ok" else ""
    known = _facts(card.params, card.macs, card.saved_bytes, report.batch, _field(card))
    within = _within(report, card, path)
    return {
        "card": selected,
        "cards": cards,
        "name": card_name(card),
        "family": stages.family(card),
        "flow": flow,
        "facts": known if card.status == "ok" else [],
        "path": path if within else "",
        "within": within,
        "problem": problem,
    }


def _field(row: Card | OperationRow | Report) -> str:
    field = row.receptive_field
    if field is None:
        return "whole picture"
    return f"{field.size:,} px" if field.size == field.width_size else f"{field.size:,}×{field.width_size:,} px"


def _facts(params: int, macs: int, saved: int, batch: int, field: str) -> list[list[str]]:
    return [
        ["Parameters", f"{params:,}"],
        ["MACs", f"{macs:,}"],
        ["FLOPs", f"{2 * macs:,}"],
        [f"Saved, batch {batch:,}", f"{saved:,} B"],
        ["Receptive field", field],
    ]


def split(path: str) -> tuple[str, str, str]:
    """Card, copy and module of a path: `2.1` is a copy, `2.1.conv1` a module of it, `2.*.conv1` that of all copies.

    Blocks that never repeat name no copy: `0.layers` is a module.
    """
    card, _, rest = path.partition(".")
    copy, _, inner = rest.partition(".")
    return (card, copy, inner) if copy.isdecimal() or copy == "*" else (card, "*", rest)


def rows_of(report: Report, card: Card, path: str) -> list[OperationRow]:
    """The operations under a path inside this card; none where it names the card itself."""
    own, copy, inner = split(path)
    if "." not in path or own != str(card.index):
        return []
    found = []
    for row in report.operations:
        if row.card == card.index and copy in ("*", str(row.copy)):
            name = stages.inner_path(row)
            if not inner or name == inner or name.startswith(f"{inner}."):
                found.append(row)
    return found


def _within(report: Report, card: Card, path: str) -> Data | None:
    rows = rows_of(report, card, path) if card.status == "ok" else []
    if not rows:
        return None
    _, copy, name = split(path)
    which = "" if card.repeat == 1 else "all copies" if copy == "*" else f"copy {int(copy) + 1:,}"
    facts = [
        ["Parameters", f"{sum(row.params for row in rows):,}"],
        ["MACs", f"{sum(row.macs for row in rows):,}"],
        [f"Saved, batch {report.batch:,}", f"{sum(row.saved_bytes for row in rows):,} B"],
    ]
    operations = ", ".join(dict.fromkeys(row.op for row in rows))
    first = rows[0].input_shapes[0] if rows[0].input_shapes else ()
    return {
        "name": " ".join(part for part in (name, f"in {which}" if name and which else which) if part) or card.title,
        "operations": operations if len(operations) <= 60 else f"{len(rows):,} operations",
        "flow": f"{show(first)} → {show(rows[-1].output_shape)}" if first else "",
        "facts": facts,
    }
