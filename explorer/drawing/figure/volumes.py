"""Maps as oblique boxes: height × width to scale with each other, channels as thickness by their logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from explorer.drawing.figure.units import Unit
from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.scene import Box, Item, Path, Pen

OCTAVES = (2.6, 1.8)  # of thickness for each doubling of the channels: as is best, and where there is little room
ACROSS, UP = 0.34, 0.24  # where the width of a map goes: so far to the right and upwards for each unit
LEAST = 1.6  # what is still seen of a map of one pixel
FRONT, TOP, SIDE = 0.30, 0.14, 0.46  # how strong the colour is on the three faces that are seen


def thickness(channels: int, octave: float) -> float:
    """One channel is as thick as one doubling."""
    return octave * (1 + log2(channels))


@dataclass(frozen=True, slots=True)
class Solid:
    """One map as a box: its front is `thick` × `high`, and it goes `deep` into the picture."""

    thick: float
    high: float
    deep: float

    @classmethod
    def of(cls, shape: Sequence[int], scale: float, octave: float) -> Solid:
        """A map of `shape` where one pixel is `scale` long; a vector is a map of one pixel."""
        channels, height, width = shape if len(shape) == 3 else (shape[0], 1, 1)
        return cls(thickness(channels, octave), max(LEAST, height * scale), max(LEAST, width * scale))

    @property
    def over(self) -> float:
        """How far its back lies to the right of its front."""
        return self.deep * ACROSS

    @property
    def rise(self) -> float:
        """How far its back lies above its front."""
        return self.deep * UP

    def parts(self, x: float, y: float, family: str) -> list[Item]:
        """Its three faces; the front begins at x, y."""
        right, bottom, over, rise = x + self.thick, y + self.high, self.over, self.rise
        pen = Pen(family, 0.8)
        top = [(x, y), (x + over, y - rise), (right + over, y - rise), (right, y), (x, y)]
        side = [(right, y), (right + over, y - rise), (right + over, bottom - rise), (right, bottom), (right, y)]
        return [
            Path(top, pen, family, tint=TOP),
            Path(side, pen, family, tint=SIDE),
            Box(x, y, self.thick, self.high, 0.0, pen, family, FRONT),
        ]


class VolumeBody:
    """The map that leaves a unit."""

    counts = False

    def __init__(self, unit: Unit, scale: float, octave: float) -> None:
        self.family = unit.family
        self.solid = solid = Solid.of(unit.shape, scale, octave)
        self.width = solid.thick + solid.over
        self.height = solid.high + solid.rise
        self.axis = self.height / 2
        self.exit = solid.over / 2

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        canvas.parts += self.solid.parts(left, top + self.solid.rise, self.family)


def input_unit(shape: tuple[int, ...]) -> Unit:
    """The picture that goes in, as a unit that stands for no block."""
    return Unit((), "Input", "plain", shape, tooltip="input")
