"""Words in pictures: a block's settings, what `auto` chose, numbers in short and in full."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from explorer.block import Block
from explorer.report import Card
from explorer.shape import signed

UNSHOWN = frozenset({"kind", "repeat", "label"})  # the title and ×N say these


def settings(block: Block) -> tuple[str, ...]:
    """The settings that differ from their default, and always the first field."""
    parts = []
    fields = [(name, field) for name, field in type(block).model_fields.items() if name not in UNSHOWN]
    for position, (name, field) in enumerate(fields):
        value = getattr(block, name)
        changed = value != field.get_default(call_default_factory=True)
        if changed or (position == 0 and value not in (None, "")):
            parts.append(_setting((field.title or name).lower(), value))
    return tuple(parts)


def _setting(title: str, value: Any) -> str:
    if value is None or value == "" or value is False:
        return f"no {title}"
    if value is True:
        return title
    if isinstance(value, str):
        return value if len(value) > 24 else f"{title}: {value}"
    if isinstance(value, tuple):
        return f"{title} {', '.join(map(str, value))}"  # separators would be commas among commas
    return f"{title} {value:,}"


def card_name(card: Card, gap: str = " ") -> str:
    """`3 Basic block ×9`, as cards are counted on the page."""
    return f"{card.index + 1}{gap}{card.title}" + (f"{gap}×{card.repeat}" if card.repeat > 1 else "")


def choices(card: Card) -> tuple[str, ...]:
    """What `auto` chose on a card, and its price: `shortcut: auto → project, +8,448`."""
    return tuple(
        f"{choice.field}: auto → {choice.chosen}" + (f", {signed(choice.params)}" if choice.params else "")
        for choice in card.choices
    )


def lines(parts: Sequence[str], width: int) -> list[str]:
    """The parts with dots between them, in lines of at most `width` characters, broken between parts if they can."""
    made: list[str] = []
    for part in parts:
        if made and len(made[-1]) + 3 + len(part) <= width:
            made[-1] += f" · {part}"
        else:
            made += textwrap.wrap(part, width)
    return made


def short(number: int) -> str:
    """Three significant digits: `640`, `9.22 k`, `163 k`, `2.65 M`."""
    for factor, letter in ((10**18, "E"), (10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor * 0.9995:
            scaled = number / factor
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f} {letter}"
    return f"{number}"


def cost(params: int, macs: int) -> str:
    """`163 k parameters · 2.59 M MACs`; what is nothing is left out."""
    parts = ((params, "parameters"), (macs, "MACs"))
    return " · ".join(f"{short(number)} {unit}" for number, unit in parts if number)
