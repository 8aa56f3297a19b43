"""The stack: palette, cards, totals and table as one component of plain JavaScript, with its messages and data."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer import presets
from explorer.block import GROUPS, Block
from explorer.blocks import KINDS
from explorer.ui import words
from explorer.ui.desk import Desk
from explorer.ui.dispatch import receive
from explorer.ui.places import folder
from explorer.ui.view import view

HERE = Path(__file__).parent
SCRIPTS = ("dom", "foresee", "cards", "sides", "table", "editor")
KEY = "stack"


def shelf() -> dict[str, Any]:
    """What the component shows and never changes: palette, presets, drawings, help."""
    return {
        "palette": [
            {
                "kind": name,
                "title": kind.title,
                "short": re.sub(r" \(.*\)", "", kind.title),
                "which": kind.which,
                "summary": kind.summary,
                "group": kind.group,
                "family": kind.family,
                "role": kind.role,
                "repeats": "repeat" in kind.model_fields,
            }
            for name, kind in sorted(KINDS.items(), key=lambda pair: _order(pair[1]))
        ],
        "presets": [_preset(name) for name in presets.names()],
        "miniatures": {name: _miniature(kind) for name, kind in KINDS.items()},
        "help": {"macs": words.MACS_HELP, "field": words.FIELD_HELP, "memory": words.MEMORY_HELP},
    }


def _order(kind: type[Block]) -> tuple[int, int]:
    return GROUPS.index(kind.group), kind.order_in_palette


def _preset(name: str) -> dict[str, str]:
    preset = presets.about(name)
    return {"name": name, "title": preset.title, "note": preset.summary, "family": preset.group}


def _miniature(kind: type[Block]) -> str:
    """The drawing of a kind, or that of another of its family."""
    family = [name for name, other in KINDS.items() if other.family == kind.family]
    drawings = folder("assets") / "miniatures"
    for name in (str(kind.model_fields["kind"].default), *family):
        drawing = drawings / f"{name}.svg"
        if drawing.exists():
            return drawing.read_text(encoding="utf-8")
    return ""


@cache
def _sources() -> tuple[str, str]:
    shelf_line = f"const SHELF = {json.dumps(shelf(), ensure_ascii=False)};"
    parts = [(HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join(["/* the stack */", shelf_line, *parts]), (HERE / "stack.css").read_text(encoding="utf-8")


@cache
def _component() -> Any:
    js, css = _sources()
    return st.components.v2.component("explorer_stack", js=js, css=f"/* the stack */\n{css}", isolate_styles=False)


def receive_messages(desk: Desk) -> None:
    """Does what the browser has asked for since the last run."""
    sent = st.session_state.get(KEY)
    receive(desk, sent.get("value") if sent else None)


def show(desk: Desk) -> None:
    """Draws the desk."""
    _component()(key=KEY, data=view(desk), on_value_change=_noted)
    desk.session["download"] = None  # handed over


def _noted() -> None:
    """The value is read at the start of the next run, before anything is drawn."""
