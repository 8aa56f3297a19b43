"""What an editor shows and never changes: palette, presets, help."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from explorer import presets
from explorer.block import GROUPS, Block
from explorer.blocks import KINDS
from explorer.drawing import picture
from explorer.ui import words

Data = dict[str, Any]


@cache
def shelf() -> Data:
    """Every kind by its group and place, every preset, and the answers to question marks."""
    kinds = sorted(KINDS.values(), key=lambda kind: (GROUPS.index(kind.group), kind.order_in_palette))
    return {
        "palette": [_kind(kind) for kind in kinds],
        "presets": [_preset(name) for name in presets.names()],
        "help": {"macs": words.MACS_HELP, "field": words.FIELD_HELP, "memory": words.MEMORY_HELP},
    }


def _kind(kind: type[Block]) -> Data:
    """A kind with the drawings of its first example."""
    fields, in_shape = kind.examples[0]
    block = kind(**fields)
    return {
        "kind": kind.model_fields["kind"].default,
        "title": kind.title,
        "short": re.sub(r" \(.*\)", "", kind.title),
        "which": kind.which,
        "summary": kind.summary,
        "source": kind.source,
        "formula": kind.formula,
        "group": kind.group,
        "family": kind.family,
        "role": kind.role,
        "repeats": "repeat" in kind.model_fields,
        "drawing": picture.miniature(block, in_shape),
        "inside": picture.inside(block, in_shape),
    }


def _preset(name: str) -> Data:
    preset = presets.about(name)
    return {"name": name, "title": preset.title, "note": preset.summary, "family": preset.group}
