"""Which part of the picture one unit of each map can see, and how much of that lies outside it."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.drawing.captions import card_name
from explorer.drawing.stages import counted, family
from explorer.report import Card, Report

CENTRE = (0.5, 0.5)  # of the picture, down and along


@dataclass(frozen=True, slots=True)
class Axis:
    """The window along one axis: its pixels, first and last, as kernels and strides reach them, the picture or not."""

    unit: int  # of the map, from 0
    first: int
    last: int
    pixels: int  # of the picture

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def clipped(self) -> tuple[int, int]:
        """First and last pixel that are in the picture."""
        return max(0, self.first), min(self.pixels - 1, self.last)

    @property
    def beyond(self) -> int:
        """How many pixels of the window are padding, not picture."""
        low, high = self.clipped
        return self.size - max(0, high - low + 1)


@dataclass(frozen=True, slots=True)
class Window:
    """What one unit of a card's output sees; without axes every pixel, as behind global pooling."""

    card: int
    name: str
    family: str
    rows: Axis | None
    columns: Axis | None


def windows(report: Report, at: tuple[float, float] = CENTRE) -> list[Window]:
    """For each card the window of the unit that looks nearest to this place of the picture, each from 0 to 1."""
    return [_window(card, report.input_shape, at) for card in counted(report)]


def _window(card: Card, picture: tuple[int, ...], at: tuple[float, float]) -> Window:
    field = card.receptive_field
    rows = columns = None
    if field is not None and len(card.output_shape) == 3:
        _, high, wide = card.output_shape
        rows = axis(field.size, field.stride, field.start, high, picture[1], at[0])
        columns = axis(field.width_size, field.width_stride, field.width_start, wide, picture[2], at[1])
    return Window(card.index, card_name(card), family(card), rows, columns)


def axis(size: int, stride: int, start: int, units: int, pixels: int, at: float) -> Axis:
    """The unit whose window's middle is nearest to the place, the first of two as near."""
    wanted = at * (pixels - 1) - start - (size - 1) / 2  # from the middle of unit 0's window
    unit = min(range(units), key=lambda each: abs(each * stride - wanted)) if units else 0
    return Axis(unit, start + unit * stride, start + unit * stride + size - 1, pixels)
