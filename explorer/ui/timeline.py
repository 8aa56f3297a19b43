"""The timeline: every state of a history, what was done to reach it, and what that changed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from explorer.report import analyze
from explorer.ui import history, words
from explorer.ui.desk import Desk, read

Data = dict[str, Any]


def timeline(desk: Desk) -> Data | None:
    """All states, and which is the present; None while it is not on screen."""
    if not desk.session["timeline"]:
        return None
    states: list[Data] = []
    before: tuple[int, int] | None = None
    for state in history.line(desk.history):
        now = counted(state["network"])
        params, macs = "", ""
        if before is not None and now is not None:
            params, macs = words.change(now[0], before[0]), words.change(now[1], before[1], "compact")
        states.append({"label": state["label"], "params": params, "macs": macs})
        before = now
    return {"at": len(desk.history["past"]), "states": states}


@lru_cache(maxsize=8192)
def counted(token: str) -> tuple[int, int] | None:
    """Parameters and MACs of a token's network, or None where it does not fit together."""
    report = analyze(read(token), partial=True)
    return None if report.error else (report.params, report.macs)
