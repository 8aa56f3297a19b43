"""What the stack component draws, computed from the desk: plain data, nothing in it that the page does not show."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from explorer.drawing import picture
from explorer.report import Report
from explorer.shape import show
from explorer.ui import budget, gallery, measuring, stack_table
from explorer.ui.desk import Desk, report_of
from explorer.ui.preview import preview
from explorer.ui.shelf import shelf
from explorer.ui.stack_cards import cards
from explorer.ui.timeline import timeline
from explorer.ui.totals import totals

Data = dict[str, Any]


def view(desk: Desk) -> Data:
    """Everything of the moment, and what an editor has just asked for."""
    report, session = desk.report(), desk.session
    stack, drawings = cards(desk, report)
    return {
        "session": session["id"],
        "token": desk.token,
        "acknowledged": session["acknowledged"],
        "undo": bool(desk.history["past"]),
        "redo": bool(desk.history["future"]),
        "selected": desk.selected,
        "chosen": list(desk.chosen),
        "view": session["view"],
        "shelf": shelf() if "shelf" in session["asked"] else None,
        "network": _heading(report, desk),
        "cards": stack,
        "drawings": drawings,
        "totals": totals(report, desk.report_before(), session["optimizer"]),
        "budget": budget.gauge(desk, report),
        "fit": budget.proposals(desk, report),
        "timeline": timeline(desk),
        "picture": _picture(desk) if session["view"] == "graph" else None,
        "gallery": gallery.entries() if "gallery" in session["asked"] else None,
        "preview": preview(desk),
        "table": stack_table.table(report, session["unfolded"]) if session["view"] == "table" else None,
        "timing": measuring.state(desk),
        "notice": session["notice"],
        "download": session["download"],
    }


def _picture(desk: Desk) -> Data:
    """The graph, and which of its parts are opened; Graphviz draws its own."""
    style, opened = desk.session["style"], desk.opened
    svg = _drawn(desk.token, opened, desk.chosen) if style == "drawn" else ""
    empty = "" if desk.network.blocks else "An empty stack: there is nothing to draw yet."
    return {"svg": svg if not empty else "", "opened": list(opened), "style": style, "sentence": empty}


@lru_cache(maxsize=64)
def _drawn(token: str, opened: tuple[str, ...], chosen: tuple[int, ...]) -> str:
    return picture.network(report_of(token, 1), opened, chosen)


def _heading(report: Report, desk: Desk) -> Data:
    network = desk.network
    output = "…" if report.error else show(report.output_shape)
    shape = show(network.input)
    return {"name": network.name or "Untitled network", "input": shape, "flow": f"{shape} → {output}"}
