"""The pieces of a large picture: boxes with words, sums, bars, and lines with shapes beside them.

Every piece has a length along the flow and reaches so far before its axis (above it, or to its left) and after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.graph import Node
from explorer.drawing.picture.scene import MIDDLE, SMALL, Box, Circle, Item, Path, Pen, Text
from explorer.drawing.picture.widths import text_width
from explorer.shape import show

BAR = 17.0  # how thick a concatenation is drawn
RADIUS = 7.5  # of a sum


class Piece(Protocol):
    """Something with a place in a row."""

    length: float
    before: float
    after: float

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        """Puts it so that it begins at `along` with its axis at `side`."""


class NodePiece(Piece, Protocol):
    """A node; one that `spans` is as broad as the branches that it takes."""

    node: Node
    spans: bool

    def reach(self, before: float, after: float) -> None:
        """Makes it at least this broad."""


class BoxPiece:
    """A node in a box: its words in one to three lines, or in one where it stands on an arc."""

    spans = False

    def __init__(self, node: Node, across: bool, flat: bool = False) -> None:
        self.node = node
        self.flat = flat
        lines = [node.lines[0], *node.notes, *node.lines[1:]]
        self.words = [" · ".join(lines)] if flat else lines
        first = text_width(self.words[0], SMALL if flat else MIDDLE)
        width = max([first, *(text_width(line, SMALL) for line in self.words[1:])])
        self.width = width + 14 if flat else max(width + 16, 46.0)
        self.height = 18.0 if flat else 24.0 if len(self.words) == 1 else 21.0 + 11.0 * (len(self.words) - 1)
        self.across = across
        self.length, breadth = (self.width, self.height) if across else (self.height, self.width)
        self.before = self.after = breadth / 2

    def reach(self, before: float, after: float) -> None:
        """A box is as broad as its words."""

    def widen(self, width: float) -> None:
        self.width = width
        if self.across:
            self.length = width
        else:
            self.before = self.after = width / 2

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        x, y = canvas.point(along + self.length / 2, side)
        group = canvas.group(self.node, self.node.role)
        weighs = self.node.role in ("conv", "dense")
        pen = canvas.pen(group, "" if weighs or self.flat else "strong_line")
        if self.node.role == "dropout" and "selected" not in group.names:
            pen = Pen("faint", 1.2, "dashed")
        left, top = x - self.width / 2, y - self.height / 2
        group.parts.append(Box(left, top, self.width, self.height, 9 if self.flat else 5, pen, "surface"))
        if self.flat:
            group.parts.append(Text(x, y + 3.3, self.words[0], "small", "muted"))
        else:
            baseline = top + (16.0 if len(self.words) == 1 else 14.0)
            group.parts.append(Text(x, baseline, self.words[0], "line", "text"))
            for number, line in enumerate(self.words[1:]):
                group.parts.append(Text(x, baseline + 11.5 + 11 * number, line, "small", "muted"))
        canvas.parts.append(group)


class SumPiece:
    """A sum, difference, product or comparison: a circle with its sign."""

    spans = False
    length = 2 * RADIUS
    before = after = RADIUS

    def __init__(self, node: Node) -> None:
        self.node = node

    def reach(self, before: float, after: float) -> None:
        """A circle stays one."""

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        x, y = canvas.point(along + RADIUS, side)
        group = canvas.group(self.node, "join")
        group.parts.append(Circle(x, y, RADIUS, canvas.pen(group), "surface"))
        group.parts.extend(sign(self.node.lines[0], x, y, 3.6, Pen(canvas.colour)))
        canvas.parts.append(group)


class BarPiece:
    """A concatenation, or whatever else joins: a bar across all the lines that it takes."""

    spans = True
    length = BAR

    def __init__(self, node: Node) -> None:
        self.node = node
        self.before = self.after = text_width(node.lines[0], SMALL) / 2 + 8

    def reach(self, before: float, after: float) -> None:
        self.before, self.after = max(self.before, before + 11), max(self.after, after + 11)

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        group = canvas.group(self.node, "join")
        x, y = canvas.point(along, side - self.before)
        breadth = self.before + self.after
        size = (BAR, breadth) if canvas.across else (breadth, BAR)
        group.parts.append(Box(x, y, *size, 5, canvas.pen(group), "surface"))
        x, y = canvas.point(along + BAR / 2, side + (self.after - self.before) / 2)
        words, across = self.node.lines[0], canvas.across
        group.parts.append(Text(x + 3.2 * across, y + 3.2 * (not across), words, "small", "muted", turned=across))
        canvas.parts.append(group)


SIGNS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "+": ((-1, 0, 1, 0), (0, -1, 0, 1)),
    "−": ((-1, 0, 1, 0),),
    "×": ((-0.75, -0.75, 0.75, 0.75), (-0.75, 0.75, 0.75, -0.75)),
    "÷": ((-1, 0, 1, 0), (0, -0.8, 0, -0.8), (0, 0.8, 0, 0.8)),
    "<": ((0.8, -0.8, -0.8, 0), (-0.8, 0, 0.8, 0.8)),
    ">": ((-0.8, -0.8, 0.8, 0), (0.8, 0, -0.8, 0.8)),
    "≤": ((0.8, -1, -0.8, -0.2), (-0.8, -0.2, 0.8, 0.6), (-0.8, 1, 0.8, 1)),
    "≥": ((-0.8, -1, 0.8, -0.2), (0.8, -0.2, -0.8, 0.6), (-0.8, 1, 0.8, 1)),
    "=": ((-0.9, -0.4, 0.9, -0.4), (-0.9, 0.4, 0.9, 0.4)),
    "≠": ((-0.9, -0.4, 0.9, -0.4), (-0.9, 0.4, 0.9, 0.4), (0.5, -1, -0.5, 1)),
}


def sign(symbol: str, x: float, y: float, size: float, pen: Pen) -> list[Item]:
    """A sign of arithmetic, drawn: no font has to be trusted with its middle."""
    return [
        Path([(x + size * x1, y + size * y1), (x + size * x2, y + size * y2)], pen) for x1, y1, x2, y2 in SIGNS[symbol]
    ]


def node_piece(node: Node, across: bool) -> NodePiece:
    """How a node is drawn."""
    if node.role != "join":
        return BoxPiece(node, across)
    return SumPiece(node) if node.lines[0] in SIGNS else BarPiece(node)


class WirePiece:
    """A stretch of line, with a shape beside it or without."""

    before = 0.0

    def __init__(
        self, shape: Sequence[int] | None, across: bool, seen: bool, least: float, pen: Pen | None = None
    ) -> None:
        self.text = show(shape) if shape is not None else ""
        self.seen = seen
        self.pen = pen
        self.after = 0.0
        self.length = least
        if self.text:
            width = text_width(self.text, SMALL, monospaced=True)
            self.length, self.after = (max(least, width + 8), 14.0) if across else (max(least, 21.0), width + 9)

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        if self.seen:
            canvas.line((along, side), (along + self.length, side), pen=self.pen)
        if self.text:
            canvas.parts.append(shape_text(canvas, self.text, along + self.length / 2, side))


def shape_text(canvas: Canvas, text: str, along: float, side: float) -> Text:
    """A shape beside the line: below one that runs to the right, right of one that runs down."""
    x, y = canvas.point(along, side)
    if canvas.across:
        return Text(x, y + 11.5, text, "shape", "muted")
    return Text(x + 6, y + 3.2, text, "shape", "muted", "start")
