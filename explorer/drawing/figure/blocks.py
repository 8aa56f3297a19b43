"""What a unit of a figure looks like as a box: a card with its inside in words, a slim one, or a frame around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

from explorer.drawing.figure.units import NEXT, Unit
from explorer.drawing.picture.canvas import Canvas, Measures
from explorer.drawing.picture.cards import Place, WithinPiece
from explorer.drawing.picture.graph import Node
from explorer.drawing.picture.layout import DASHES, Arc, Builder, RowPiece, SplitPiece
from explorer.drawing.picture.pieces import BoxPiece, NodePiece, Piece, WirePiece, node_piece
from explorer.drawing.picture.scene import LARGE, SIZES, SMALL, Box, Group, Path, Pen, Text
from explorer.drawing.picture.tangle import TanglePiece
from explorer.drawing.picture.tree import Row, Tangle
from explorer.drawing.picture.widths import clipped, text_width
from explorer.shape import show

MEASURES = Measures(
    gap=11.0, fork=16.0, start=9.0, lane=8.0, clear=6.0, bend=14.0, corner=9.0, arc=1.2, line=Pen("faint", 1.1)
)
PAD = 7.0
RADIUS = 4.0
CAPTION = 12.5  # a line of captions
MOST = 230.0  # the width of a title before it is cut
HEAD, HEAD_HALF = 5.2, 2.3  # an arrow's
SLIM = 21.0  # the width of a slim box
BAND = 0.16  # how strong a family's colour is behind a title

LineRole = Literal["line", "small"]
Told = Literal["none", "line", "pair", "turned"]  # a shape: not at all, in one line, in two, or reading upwards


class Body(Protocol):
    """What a unit looks like, without the words around it."""

    width: float
    height: float
    axis: float  # how far below its top the row's line meets it
    exit: float  # how far before its right edge the line leaves it
    counts: bool  # whether it says ×N itself

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        """Puts it there."""


class UnitPiece:
    """A unit on the axis, ×N above it and its shape below."""

    def __init__(self, unit: Unit, body: Body, told: Told, begins: bool = False, ends: bool = False) -> None:
        self.unit, self.body = unit, body
        self.begins, self.ends = begins, ends  # whether no line comes to it, and whether none leaves it
        self.times = f"×{unit.times:,}" if unit.times > 1 and not body.counts else ""
        self.shape = Caption(unit.shape, told)
        self.length = max(body.width, text_width(self.times, LARGE, bold=True), self.shape.width)
        self.before = body.axis + (14.0 if self.times else 0.0)
        self.after = body.height - body.axis + self.shape.height

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        body, middle = self.body, along + self.length / 2
        left, top = middle - body.width / 2, side - body.axis
        right = left + body.width
        stands = " ".join(f"{card}×{copies}" for card, copies in self.unit.stands)
        group = Group(("node", "unit"), {"stands": stands}, self.unit.tooltip)
        if not self.begins:
            canvas.line((along, side), (left, side))
            canvas.parts.append(arrowhead(left - 0.7, side))
        canvas.parts.append(group)
        outer, canvas.parts = canvas.parts, group.parts
        body.draw(canvas, left, top)
        canvas.parts = outer
        if not self.ends:
            canvas.line((right - body.exit, side), (along + self.length, side))
        if self.times:
            canvas.parts.append(Text(middle, top - 4.5, self.times, "title", "text"))
        self.shape.draw(canvas, middle, top + body.height)


class Caption:
    """A shape below what makes it."""

    def __init__(self, shape: Sequence[int], told: Told) -> None:
        self.turned = told == "turned"
        pair = told == "pair" and len(shape) == 3
        self.lines = [show(shape[:1]), show(shape[1:])] if pair else [show(shape)] if told != "none" else []
        longest = max([text_width(line, SMALL, monospaced=True) for line in self.lines], default=-5.0)
        self.width = 13.0 if self.turned else longest + 5
        self.height = longest + 6 if self.turned else CAPTION * len(self.lines) + (1.5 if self.lines else 0.0)

    def draw(self, canvas: Canvas, middle: float, top: float) -> None:
        for number, line in enumerate(self.lines):
            if self.turned:
                canvas.parts.append(Text(middle + 3.3, top + self.height / 2 + 1, line, "shape", "muted", turned=True))
            else:
                canvas.parts.append(Text(middle, top + 11.0 + CAPTION * number, line, "shape", "muted"))


def arrowhead(x: float, y: float) -> Path:
    """An arrow that ends here, to the right."""
    corners = [(x, y), (x - HEAD, y - HEAD_HALF), (x - HEAD, y + HEAD_HALF), (x, y)]
    return Path(corners, Pen(), "faint", "head")


class InputPiece:
    """Where the network begins."""

    def __init__(self, shape: Sequence[int], told: bool) -> None:
        self.shape = Caption(shape, "line" if told else "none")
        self.length = max(text_width("input", SMALL) + 5, self.shape.width)
        self.before, self.after = 6.0, 5.0 + self.shape.height

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        middle, half = along + self.length / 2, text_width("input", SMALL) / 2 + 4
        canvas.parts.append(Text(middle, side + 3.3, "input", "small", "text"))
        self.shape.draw(canvas, middle, side + 4.5)
        canvas.line((middle + half, side), (along + self.length, side))


# Bodies


class CardBody:
    """A box with a title, and under it the inside, a line a layer or a branch."""

    exit = 0.0
    counts = False

    def __init__(self, unit: Unit, role: LineRole) -> None:
        self.unit, self.role = unit, role
        self.size = SIZES[role]
        widest = max([text_width(line, self.size) for line in unit.lines], default=0.0)
        self.title = broken(unit.title, max(1.15 * widest, 64.0))
        widest = max([widest, *(text_width(line, LARGE, bold=True) for line in self.title)])
        self.notes = [line for note in unit.notes for line in filled(note, max(widest, 50.0), SMALL)]
        self.width = max([widest, *(text_width(line, SMALL) for line in self.notes)]) + 2 * PAD
        self.step = self.size + 3.0
        self.head = 14.0 * len(self.title) + 6.0
        self.body = self.step * len(unit.lines) + 8.5 if unit.lines else 0.0
        self.foot = 11.5 * len(self.notes) + (2.0 if self.notes else 0.0)
        self.height = self.head + self.body + self.foot
        self.axis = self.height / 2

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        family, middle, right = self.unit.family, left + self.width / 2, left + self.width
        parts = canvas.parts
        parts.append(Box(left, top, self.width, self.height, RADIUS, Pen(), "surface"))
        if self.body or self.foot:
            parts.append(band(left, top, right, top + self.head, family))
            parts.append(Path([(left, top + self.head), (right, top + self.head)], Pen(family, 0.7)))
        else:
            parts.append(Box(left, top, self.width, self.height, RADIUS, Pen(), family, BAND))
        parts.append(Box(left, top, self.width, self.height, RADIUS, Pen(family, 1.3)))
        for number, line in enumerate(self.title):
            parts.append(Text(middle, top + 14.2 + 14.0 * number, line, "title", "text"))
        branches = any(NEXT in line for line in self.unit.lines)
        for number, line in enumerate(self.unit.lines):
            y = top + self.head + 3.0 + self.size + self.step * number
            if branches:
                parts.append(Text(left + PAD, y, line, self.role, "text", "start"))
            else:
                parts.append(Text(middle, y, line, self.role, "text"))
        for number, line in enumerate(self.notes):
            y = top + self.head + self.body + 7.0 + 11.5 * number
            parts.append(Text(middle, y, line, "small", "muted"))


class SlimBody:
    """A narrow box with its name reading upwards."""

    exit = 0.0
    counts = False
    width = SLIM

    def __init__(self, unit: Unit, height: float) -> None:
        self.unit, self.height, self.axis = unit, height, height / 2

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        family = self.unit.family
        canvas.parts.append(Box(left, top, self.width, self.height, RADIUS, Pen(family, 1.3), family, BAND))
        name = clipped(self.unit.title, MOST, LARGE, bold=True)
        x, y = left + self.width / 2 + 4.2, top + self.height / 2
        canvas.parts.append(Text(x, y, name, "title", "text", turned=True))


def slim_height(units: Sequence[Unit]) -> float:
    """How high slim boxes are, so that every name fits."""
    return max(min(MOST, text_width(unit.title, LARGE, bold=True)) for unit in units) + 18.0


class FrameBody:
    """A frame with a title around the inside of one copy."""

    exit = 0.0
    counts = True

    def __init__(self, unit: Unit) -> None:
        assert unit.graph is not None
        self.unit = unit
        self.inner = Builder(unit.graph, FigureStyle()).whole()
        room = max(self.inner.length, 70.0)
        self.title = broken(f"{unit.title} ×{unit.times:,}" if unit.times > 1 else unit.title, room)
        self.notes = [line for note in unit.notes for line in filled(note, room, SMALL)]
        wide = [text_width(line, LARGE, bold=True) + 4 for line in self.title]
        wide += [text_width(line, SMALL) for line in self.notes]
        self.width = max([self.inner.length + 4, *wide]) + 2 * PAD
        self.head = 14.0 * len(self.title) + 8.0
        self.foot = 11.5 * len(self.notes)
        self.axis = self.inner.before + self.head
        self.height = self.axis + self.inner.after + self.foot + PAD + 1

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        family = self.unit.family
        frame = Group(("frame",))
        frame.parts.append(Box(left, top, self.width, self.height, RADIUS + 2, Pen(family, 1.3), family, 0.06))
        for number, line in enumerate(self.title):
            frame.parts.append(Text(left + PAD, top + 14.5 + 14.0 * number, line, "title", "text", "start"))
        for number, line in enumerate(reversed(self.notes)):
            y = top + self.height - 6.0 - 11.5 * number
            frame.parts.append(Text(left + PAD, y, line, "small", "muted", "start"))
        canvas.parts.append(frame)
        side, start = top + self.axis, left + (self.width - self.inner.length) / 2
        canvas.line((left, side), (start, side))
        place = Place("", "", family, "ok")
        WithinPiece(self.inner, place, "").draw(canvas, start, side)
        canvas.line((start + self.inner.length, side), (left + self.width, side))


class FigureStyle:
    """The inside of a block as pictures show it, closer together and without shapes on its lines."""

    measures = MEASURES
    ends = False

    def node(self, node: Node) -> NodePiece:
        return node_piece(node, across=True)

    def beside(self, node: Node) -> BoxPiece:
        return BoxPiece(node, across=True, flat=True)

    def wire(self, shape: Sequence[int] | None, seen: bool, least: float) -> WirePiece:
        return WirePiece(None, True, seen, least)

    def tangle(self, builder: Builder, tangle: Tangle, target: NodePiece | None) -> Piece:
        return TanglePiece(builder, tangle, across=True)

    def row(self, pieces: list[Piece]) -> list[Piece]:
        return pieces

    def branches(self, branches: Sequence[Row]) -> Sequence[Row]:
        return branches


def band(left: float, top: float, right: float, bottom: float, family: str) -> Path:
    """The upper part of a box with round corners."""
    bend = RADIUS * 0.4477  # where a quarter circle's handles end
    steps: list[tuple[float, ...]] = [(left, bottom), (left, top + RADIUS)]
    steps.append((left, top + bend, left + bend, top, left + RADIUS, top))
    steps.append((right - RADIUS, top))
    steps.append((right - bend, top, right, top + bend, right, top + RADIUS))
    return Path([*steps, (right, bottom), (left, bottom)], Pen(), family, tint=BAND)


def broken(words: str, width: float) -> list[str]:
    """A title in as few lines as fit; cut only where one word is longer than any line may be."""
    return [clipped(line, MOST, LARGE, bold=True) for line in filled(words, width, LARGE, bold=True)]


def filled(words: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Words in lines that fit, broken between them."""
    made: list[str] = []
    for word in words.split():
        longer = f"{made[-1]} {word}" if made else word
        if made and text_width(longer, size, bold) <= width:
            made[-1] = longer
        else:
            made.append(word)
    return made


# Around a unit


def with_shortcut(unit: Unit, piece: Piece, slim: bool = False) -> Piece:
    """The piece with the arc of its shortcut around it, up to the node where they meet."""
    if unit.graph is None or unit.graph.shortcut is None:
        return piece
    shortcut = unit.graph.shortcut
    lead = MEASURES.start if not slim else 7.0
    node = replace(unit.graph.nodes[shortcut.join], path="", title="")
    join = node_piece(node, across=True)
    piece.before = max(piece.before, join.before + 4.0)  # the arc comes down on it from above
    lane = RowPiece([WirePiece(None, True, True, 0.0), piece, WirePiece(None, True, True, 7.0)])
    arc = Arc([], DASHES[shortcut.kind], shortcut.kind, True, MEASURES.gap, f"{shortcut.kind} shortcut")
    measures = replace(MEASURES, start=lead)
    row = RowPiece([SplitPiece([lane], [arc], join, measures), join])
    return WithinPiece(row, Place("", "", unit.family, "ok"), "")
