"""What the stack component draws, computed from the desk: plain data, nothing in it that the page does not show."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from explorer.block import Block
from explorer.drawing import captions
from explorer.report import Card, Report
from explorer.shape import ShapeError, show, signed
from explorer.ui import stack_table, words
from explorer.ui.desk import Desk, sentence

Data = dict[str, Any]


def view(desk: Desk) -> Data:
    """Everything of the moment; what never changes is with the component itself."""
    report, session = desk.report(), desk.session
    return {
        "session": session["id"],
        "token": desk.token,
        "acknowledged": session["acknowledged"],
        "undo": bool(desk.history["past"]),
        "redo": bool(desk.history["future"]),
        "selected": desk.selected,
        "view": session["view"],
        "network": _heading(report, desk),
        "cards": cards(desk, report),
        "totals": totals(desk, report),
        "table": stack_table.table(report, session["unfolded"]) if session["view"] == "table" else None,
        "notice": session["notice"],
        "download": session["download"],
    }


def _heading(report: Report, desk: Desk) -> Data:
    network = desk.network
    output = "…" if report.error else show(report.output_shape)
    shape = show(network.input)
    return {"name": network.name or "Untitled network", "input": shape, "flow": f"{shape} → {output}"}


def cards(desk: Desk, report: Report) -> list[Data]:
    """A card for each block, the failing one with its ways out."""
    most = {
        "macs": max((card.macs or 0 for card in report.cards), default=0),
        "params": max((card.params or 0 for card in report.cards), default=0),
        "saved": max((card.saved_bytes or 0 for card in report.cards), default=0),
    }
    return [
        {"id": name, **_card(card, block, report.error, (most["macs"], most["params"], most["saved"]))}
        for name, card, block in zip(desk.now["cards"], report.cards, desk.network.blocks, strict=True)
    ]


def _card(card: Card, block: Block, error: ShapeError | None, most: tuple[int, int, int]) -> Data:
    known = card.status == "ok"
    chosen = {choice.field: choice.chosen for choice in card.choices}
    field = card.receptive_field
    data: Data = {
        **_face(type(block)),
        "repeat": block.copies if block.repeats else None,
        "settings": " · ".join(filter(None, (_settings(block), *captions.choices(card)))),
        "status": card.status,
        "shortcut": chosen.get("shortcut", getattr(block, "shortcut", None)),
        "output": show(card.output_shape) if known and card.output_shape else "…",
    }
    if known:
        macs, params, saved = card.macs or 0, card.params or 0, card.saved_bytes or 0
        data |= {
            "params": words.compact(params),
            "macs": words.compact(macs),
            "exact": f"{params:,} parameters · {macs:,} MACs per image · {words.memory(saved)} saved for backward",
            "shares": {
                "macs": _share(macs, most[0]),
                "params": _share(params, most[1]),
                "saved": _share(saved, most[2]),
            },
            "field": f"field {field.size} px" if field else "",
        }
    if card.status == "error" and error is not None:
        data["error"] = refusal(error)
    return data


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0


@lru_cache(maxsize=64)
def _face(kind: type[Block]) -> Data:
    return {
        "kind": kind.model_fields["kind"].default,
        "title": kind.title,
        "family": kind.family,
        "role": kind.role,
    }


@lru_cache(maxsize=2048)
def _settings(block: Block) -> str:
    return " · ".join(captions.settings(block))


def refusal(error: ShapeError) -> Data:
    """The card's own words for an error, and its ways out with their price."""
    return {
        "head": sentence(ValueError(error.reason)),
        "ways": [
            {
                "label": way.label[:1].upper() + way.label[1:],
                "price": "" if way.params is None else signed(way.params),
                "edit": dict(way.edit),
            }
            for way in error.ways
        ],
    }


def totals(desk: Desk, report: Report) -> Data:
    """The totals, each with its change against the state before the edit."""
    before = desk.report_before()
    if before is not None and (before.error is not None or report.error is not None):
        before = None  # a part of one network says nothing about the whole of another
    batch, optimizer = desk.session["batch"], desk.session["optimizer"]
    memory = report.memory(optimizer)
    memory_before = before.memory(optimizer) if before else None
    field, field_before = report.receptive_field, before.receptive_field if before else None
    counted = sum(card.status == "ok" for card in report.cards)
    parts = (
        ("weights", memory.weights),
        ("gradients", memory.gradients),
        ("optimiser", memory.optimiser),
        ("activations", memory.activations),
    )
    upto = f"Counted up to block {counted} of {len(report.cards)}." if counted else "Nothing is counted yet."
    return {
        "upto": upto if report.error else "",
        "batch": batch,
        "params": {
            "number": words.plain(report.params),
            "exact": f"{report.params:,} parameters",
            "change": words.change(report.params, before.params if before else None),
            "note": "",
        },
        "macs": {
            "number": words.compact(report.macs),
            "exact": f"{report.macs:,} MACs, {report.flops:,} FLOPs per image",
            "change": words.change(report.macs, before.macs if before else None, "compact"),
            "note": words.compact(report.flops, "FLOPs"),
        },
        "memory": {
            "number": words.memory(memory.total),
            "exact": f"{memory.total:,} bytes",
            "change": words.change(memory.total, memory_before.total if memory_before else None, "memory"),
            "note": "",
            "parts": [
                {"name": name, "size": words.memory(size), "share": _share(size, memory.total)} for name, size in parts
            ],
        },
        "field": {
            "number": f"{field.size:,} px" if field else "—",
            "exact": f"stride {field.stride}, begins at pixel {field.start}" if field else "",
            "change": words.change(field.size if field else None, field_before.size if field_before else None),
            "note": f"theoretical; input {min(desk.network.input[1:])} px",
        },
    }
