"""The legal ways out of a ShapeError, each with its price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from explorer.block import KINDS, Block
from explorer.record import Find, record
from explorer.shape import Shape, ShapeError, Way


def priced(error: ShapeError, index: int, block: Block, in_shape: Shape, find: Find = record) -> ShapeError:
    """`error` of `block` at card `index`, with those ways that mend the card, each with its price.

    The price is the change in the card's parameters against the same card without its shortcut. Where that is
    refused too, it is the card's parameters themselves, since nothing of the card is counted. An edit that takes a
    card away or moves it has no price.
    """
    baseline = card_parameters(block.plain(), in_shape, find) or 0
    ways: list[Way] = []
    prices: list[int | None] = []
    for way in error.ways:
        price = None
        if way.edit["op"] in ("set", "replace"):
            mended = _mended(block, way.edit)
            params = card_parameters(mended, in_shape, find) if mended is not None else None
            if params is None:
                continue
            price = params - baseline
        ways.append(way)
        prices.append(price)
    title = f"{block.name} ×{block.copies}" if block.copies > 1 else block.name
    kept = ShapeError(error.reason, title=title, shapes=error.shapes, ways=ways, place=error.place)
    return kept.placed(index, prices)


def _mended(block: Block, edit: Mapping[str, Any]) -> Block | None:
    try:
        if edit["op"] == "set":
            return block.with_fields(**edit["fields"])
        return KINDS[edit["block"]["kind"]](**edit["block"])
    except ValidationError:
        return None


def card_parameters(block: Block, in_shape: Shape, find: Find = record) -> int | None:
    """Parameters of all copies of `block`, or None where it is refused."""
    total, shape = 0, in_shape
    try:
        for copy in range(block.copies):
            found = find(block, copy == 0, shape, True)
            total += found.trace.params
            if len(found.out_shape) != 3:
                break
            shape = Shape(*found.out_shape)
    except ShapeError:
        return None
    return total
