"""Shapes of feature maps, and the one exception that a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple

from pydantic import Field

MAX_CHANNELS = 8192
MAX_PIXELS = 4096


class Shape(NamedTuple):
    """A feature map of one image: channels, then height and width in pixels."""

    channels: Annotated[int, Field(ge=1, le=MAX_CHANNELS, title="Channels", description="1 for grey, 3 for colour.")]
    height: Annotated[int, Field(ge=1, le=MAX_PIXELS, title="Height", json_schema_extra={"unit": "px"})]
    width: Annotated[int, Field(ge=1, le=MAX_PIXELS, title="Width", json_schema_extra={"unit": "px"})]

    def __str__(self) -> str:
        return show(self)


def show(shape: Sequence[int]) -> str:
    """`64×56×56` for a map, `1000` for a vector."""
    return "×".join(str(size) for size in shape)


@dataclass(frozen=True)
class Way:
    """A way out of a ShapeError: a label, the edit that takes it, and its price.

    `edit` is in the edit protocol of `Network.apply`. A block that refuses does not know its own position; there
    `edit` lacks "at" until the network puts the error in its place. `params` is the change in parameters against
    the same stage without its shortcut, or None where that has no meaning.
    """

    label: str
    edit: Mapping[str, Any]
    params: int | None = None

    def __str__(self) -> str:
        return self.label if self.params is None else f"{self.label} ({signed(self.params)} parameters)"


class ShapeError(ValueError):
    """A stack that cannot be: which block, which shapes, why, and the ways out.

    `index` counts blocks from 0, the text counts them from 1, as cards are counted on the page. `place` is where in the
    block: (branch, step), and again (branch, step) for each split that this step is; () where it is the whole block.
    """

    def __init__(
        self,
        reason: str,
        *,
        title: str = "",
        shapes: Sequence[Sequence[int]] = (),
        ways: Sequence[Way] = (),
        index: int | None = None,
        place: Sequence[int] = (),
    ) -> None:
        self.reason = reason
        self.title = title
        self.shapes = tuple(tuple(shape) for shape in shapes)
        self.ways = tuple(ways)
        self.index = index
        self.place = tuple(place)
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The whole sentence: where, what, with which values, and the way out."""
        name = self.title or "block"
        where = name if self.index is None else f"block {self.index + 1} ({name})"
        ways = [str(way) for way in self.ways]
        if not ways:
            return f"{where} {self.reason}"
        *front, last = ways
        return (
            f"{where} {self.reason}; use {', '.join(front)} or {last}"
            if front
            else f"{where} {self.reason}; use {last}"
        )

    def placed(self, index: int, prices: Sequence[int | None]) -> ShapeError:
        """The same error at card `index`, each way addressed to that card and priced."""
        ways = [
            replace(way, edit={**way.edit, "at": way.edit.get("at", index)}, params=price)
            for way, price in zip(self.ways, prices, strict=True)
        ]
        return ShapeError(self.reason, title=self.title, shapes=self.shapes, ways=ways, index=index, place=self.place)


def signed(number: int) -> str:
    """`+8,448`, `−121,000` with a true minus, `+0`."""
    return f"{'−' if number < 0 else '+'}{abs(number):,}"
