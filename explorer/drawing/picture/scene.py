"""What a picture is made of, in pixels: boxes, circles, paths, texts, and groups that name what they show.

A layout makes a scene, a writer makes SVG of it; colours are names of the palette's. Nothing here knows networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from explorer.drawing.picture.widths import text_width

Dash = Literal["solid", "dashed", "dotted"]
Role = Literal["title", "line", "small", "shape"]

LARGE, MIDDLE, SMALL = 12.0, 11.0, 9.5  # the three sizes of text
SIZES: dict[Role, float] = {"title": LARGE, "line": MIDDLE, "small": SMALL, "shape": SMALL}
ASCENT, DESCENT = 0.76, 0.22  # of a line's box above and below its baseline, for letters and digits


@dataclass(frozen=True, slots=True)
class Pen:
    """How a line is drawn; an empty colour draws nothing."""

    colour: str = ""
    width: float = 1.4
    dash: Dash = "solid"


@dataclass(slots=True)
class Box:
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float = 5.0
    pen: Pen = Pen()
    fill: str = ""
    tint: float = 1.0  # how opaque the fill is


@dataclass(slots=True)
class Circle:
    x: float
    y: float
    radius: float
    pen: Pen = Pen()
    fill: str = ""


@dataclass(slots=True)
class Path:
    """Lines and curves: (x, y) begins, then each step is (x, y) or a cubic curve (x1, y1, x2, y2, x, y)."""

    steps: Sequence[tuple[float, ...]]
    pen: Pen
    fill: str = ""
    name: str = ""  # "edge" or "shortcut"; empty for what is part of a node
    tint: float = 1.0  # how opaque the fill is


@dataclass(slots=True)
class Text:
    """One line of text; `x` is its start, middle or end, `y` its baseline."""

    x: float
    y: float
    text: str
    role: Role
    colour: str
    anchor: Literal["start", "middle", "end"] = "middle"
    turned: bool = False  # reads upwards; then `x` is its baseline and `y` its middle

    @property
    def width(self) -> float:
        return text_width(self.text, SIZES[self.role], self.role == "title", self.role == "shape")

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        size, width = SIZES[self.role], self.width
        if self.turned:
            return (self.x - ASCENT * size, self.y - width / 2, self.x + DESCENT * size, self.y + width / 2)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return (left, self.y - ASCENT * size, left + width, self.y + DESCENT * size)


@dataclass(slots=True)
class Group:
    """Parts that belong together: what they show, and what a click on them means."""

    names: tuple[str, ...] = ()  # class names
    data: dict[str, str] = field(default_factory=dict)
    title: str = ""
    parts: list[Item] = field(default_factory=list)
    pen: Pen = Pen()  # of most of its parts, where it holds no text


Item: TypeAlias = Box | Circle | Path | Text | Group


@dataclass(slots=True)
class Scene:
    """A whole picture."""

    width: float
    height: float
    label: str
    parts: list[Item]
