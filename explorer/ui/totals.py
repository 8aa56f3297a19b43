"""The totals as the page writes them, each with its change against another state."""

from __future__ import annotations

from typing import Any

from explorer.report import Report
from explorer.ui import words
from explorer.ui.desk import Optimizer

Data = dict[str, Any]

LONG = 10**10  # parameters from which on the exact number has no room; it is in the tooltip


def totals(report: Report, before: Report | None, optimizer: Optimizer) -> Data:
    """The totals of a network for the report's batch, and their changes since `before`."""
    if before is not None and (before.error is not None or report.error is not None):
        before = None  # a part of one network says nothing about the whole of another
    memory = report.memory(optimizer)
    memory_before = before.memory(optimizer) if before else None
    field, field_before = report.receptive_field, before.receptive_field if before else None
    parts = (
        ("weights", memory.weights),
        ("gradients", memory.gradients),
        ("optimiser", memory.optimiser),
        ("activations", memory.activations),
    )
    return {
        "upto": _upto(report),
        "batch": report.batch,
        "params": {
            "number": words.plain(report.params) if report.params < LONG else words.compact(report.params),
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
                {"name": name, "size": words.memory(size), "share": words.share(size, memory.total)}
                for name, size in parts
            ],
        },
        "field": {
            "number": f"{field.size:,} px" if field else "—",
            "exact": f"stride {field.stride}, begins at pixel {field.start}" if field else "",
            "change": words.change(field.size if field else None, field_before.size if field_before else None),
            "note": f"theoretical; input {min(report.input_shape[1:])} px",
        },
    }


def _upto(report: Report) -> str:
    """How far the count goes, where it stops before the end."""
    if report.error is None:
        return ""
    counted, cards = report.error.index, len(report.network.blocks) if report.network else 0
    return f"Counted up to block {counted} of {cards}." if counted else "Nothing is counted yet."
