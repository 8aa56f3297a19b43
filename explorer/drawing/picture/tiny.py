"""Miniatures: the same graph without words, small enough for a card or a palette.

Boxes are convolutions, as wide as their kernel and as high as what they make; joins are small circles and bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from explorer.drawing.picture.canvas import Canvas, Measures
from explorer.drawing.picture.graph import Graph, Node
from explorer.drawing.picture.layout import DASHES, Arc, Builder, RowPiece, SplitPiece
from explorer.drawing.picture.pieces import BoxPiece, NodePiece, Piece
from explorer.drawing.picture.scene import Box, Circle, Group, Item, Path, Pen, Scene, Text
from explorer.drawing.picture.tree import Row, Tangle, tree

WIDTH, HEIGHT = 44.0, 30.0
EDGE = 2.0
MOST = 6  # nodes of a row, of more of which the first three and the last two are drawn; and branches of a split
STROKE = 1.3
MINOR = frozenset({"activation", "other", "view", "silent", "pad", "dropout"})  # left out where anything else is


class Glyph:
    """A node as a drawing of its own."""

    def __init__(self, node: Node, length: float, breadth: float) -> None:
        self.node = node
        self.length = length
        self.before = self.after = breadth / 2
        self.spans = node.role == "join" and len(node.lines[0]) > 1

    def reach(self, before: float, after: float) -> None:
        self.before, self.after = max(self.before, before + 2.4), max(self.after, after + 2.4)

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        pen = Pen(canvas.colour, STROKE)
        top, bottom, end, middle = side - self.before, side + self.after, along + self.length, along + self.length / 2
        role = self.node.role
        box = Box(along, top, self.length, bottom - top, min(2.0, self.length / 2.4), pen)
        if role == "join" and not self.spans:
            canvas.parts.append(Circle(middle, side, self.length / 2, pen))
        elif role == "pool":
            inner = 0.9 if "global" in self.node.lines[0] else (bottom - top) * 0.26
            corners = [(along, top), (end, side - inner), (end, side + inner), (along, bottom), (along, top)]
            canvas.parts.append(Path(corners, pen))
        elif role == "resize":
            inner = (bottom - top) * 0.26
            corners = [(along, side - inner), (end, top), (end, bottom), (along, side + inner), (along, side - inner)]
            canvas.parts.append(Path(corners, pen))
        elif role == "dense":
            for number in range(4):
                y = top + 1.5 + (bottom - top - 3) * number / 3
                canvas.parts.append(Path([(along, side), (end - 2.8, y)], pen))
            for number in range(4):
                canvas.parts.append(Circle(end - 1.4, top + 1.5 + (bottom - top - 3) * number / 3, 1.4, pen))
        elif role == "dropout":
            box.pen = Pen(canvas.colour, STROKE, "dashed")
            canvas.parts.append(box)
            for x, y in ((-3, -2.5), (3, 2.5)):
                canvas.parts.append(Circle(middle + x, side + y, 1.2, pen))
            for x, y in ((3, -2.5), (-3, 2.5)):
                canvas.parts.append(Path([(middle + x - 1, side + y - 1), (middle + x + 1, side + y + 1)], pen))
                canvas.parts.append(Path([(middle + x - 1, side + y + 1), (middle + x + 1, side + y - 1)], pen))
        elif role in ("norm", "activation") and self.length > 10:  # alone: a bar, then the bend of a ReLU
            bar = self.length * 0.4
            canvas.parts.append(Box(along, top, bar, bottom - top, 2, pen))
            canvas.parts.append(Path([(along + bar, side), (along + bar + 5, side), (end, top)], pen))
        else:
            canvas.parts.append(box)


class Dots:
    """Nodes that are left out of a long row."""

    length = 7.0
    before = after = 1.0

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        for number in range(3):
            canvas.parts.append(Circle(along + 1 + 2.5 * number, side, 0.5, Pen(canvas.colour, 1.0)))


class Line:
    """A stretch of line."""

    before = after = 0.0

    def __init__(self, seen: bool, length: float) -> None:
        self.seen = seen
        self.length = length

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        if self.seen and self.length:
            canvas.line((along, side), (along + self.length, side))


class TinyStyle:
    """A picture without words; `spread` and `rise` use room that is left along and across the flow."""

    ends = True

    def __init__(self, graph: Graph, colour: str, spread: float = 0.0, rise: float = 0.0) -> None:
        self.measures = Measures(
            gap=2.6 + spread,
            fork=5.0 + spread,
            start=3.2 + spread,
            lane=2.4 + rise,
            clear=3.0 + rise,
            bend=7.0,
            corner=4.0,
            arc=STROKE,
            line=Pen(colour, STROKE),
        )
        drawn = [node for node in graph.nodes if node.role not in MINOR]
        self.minor = MINOR if drawn else frozenset()
        self.alone = len(drawn or graph.nodes) == 1
        self.most = max((prod(node.shape) for node in graph.nodes if node.role == "conv"), default=1)
        self.lines = 0

    def node(self, node: Node) -> Glyph | None:
        if node.role in self.minor:
            return None
        scale = 1.7 if self.alone else 1.0
        size = 4.5 + 7.0 * (min(1.0, prod(node.shape) / self.most) ** 0.5)
        if node.role == "conv":
            return Glyph(node, scale * (2.8 + 1.4 * min(node.kernel, 5)), scale * size)
        if node.role == "join":
            return Glyph(node, 2.6, 7.0) if len(node.lines[0]) > 1 else Glyph(node, 4.6, 4.6)
        if node.role == "dense":
            return Glyph(node, 11.0, 18.0)
        if node.role == "dropout":
            return Glyph(node, 16.0, 13.0)
        if node.role in ("pool", "resize"):
            return Glyph(node, 6.0 * scale, 10.0 * scale)
        return Glyph(node, 14.0 if self.alone else 2.6, 12.0 if self.alone else 7.0)

    def beside(self, node: Node) -> BoxPiece | None:
        return None

    def wire(self, shape: Sequence[int] | None, seen: bool, least: float) -> Line:
        self.lines += 1
        return Line(seen, least)

    def tangle(self, builder: Builder, tangle: Tangle, target: NodePiece | None) -> Piece:
        """Its convolutions in one row, with an arc for each way around them."""
        nodes = builder.graph.nodes
        aside = builder.graph.shortcut.nodes if builder.graph.shortcut is not None else frozenset()
        pieces: list[Piece] = [Line(True, 0.0)]
        for number in tangle.nodes:
            piece = builder.target(number)
            if piece is not None and number not in aside and nodes[number].role != "join":
                pieces += [piece, Line(True, self.measures.gap)]
        weighs = any(nodes[number].macs for number in aside)
        kinds = ["identity", *(["project"] if weighs else [])]
        arcs = [Arc([], DASHES[kind], kind, True, self.measures.gap) for kind in kinds]
        return SplitPiece([RowPiece(pieces)], arcs, target, self.measures)

    def row(self, pieces: list[Piece]) -> list[Piece]:
        places = [place for place, piece in enumerate(pieces) if isinstance(piece, Glyph)]
        if len(places) <= MOST:
            return pieces
        return [*pieces[: places[2] + 2], Dots(), *pieces[places[-2] - 1 :]]

    def branches(self, branches: Sequence[Row]) -> Sequence[Row]:
        return branches if len(branches) <= MOST else [*branches[: MOST - 1], branches[-1]]


def miniature_scene(graph: Graph, colour: str, label: str) -> Scene:
    """The graph in 44×30 pixels."""
    cut = tree(graph)
    style = TinyStyle(graph, colour)
    row = Builder(graph, style).whole(cut)
    wide, high = WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE
    spread = min(3.2, max(0.0, wide - row.length) / (style.lines + 2))
    rise = min(5.0, max(0.0, high - 3 - row.before - row.after)) if row.before != row.after else 0.0
    style = TinyStyle(graph, colour, spread, rise)
    row = Builder(graph, style).whole(cut)
    spare = max(0.0, wide - row.length)
    row.pieces[0].length += min(spare / 2, 4.0)
    row.stretch(row.length + min(spare / 2, 4.0))
    row.measure()
    canvas = Canvas(True, colour, measures=style.measures)
    row.draw(canvas, 0.0, row.before)
    across = min(1.0, wide / row.length)
    down = min(1.0, high / max(1.0, row.before + row.after))
    left, top = (WIDTH - across * row.length) / 2, (HEIGHT - down * (row.before + row.after)) / 2
    parts = [scaled(part, across, down, left, top) for part in flattened(canvas.parts)]
    return Scene(WIDTH, HEIGHT, label, [Group(parts=parts, pen=Pen(colour, STROKE))])


def flattened(parts: Sequence[Item]) -> list[Item]:
    """Without groups: nothing in a miniature can be pressed."""
    found: list[Item] = []
    for part in parts:
        found += flattened(part.parts) if not isinstance(part, Box | Circle | Path | Text) else [part]
    return found


def scaled(part: Item, across: float, down: float, left: float, top: float) -> Item:
    """A part moved and squeezed; lines keep their width and circles stay round."""
    match part:
        case Box():
            return Box(
                left + across * part.x,
                top + down * part.y,
                across * part.width,
                down * part.height,
                min(part.radius, across * part.width / 2.2, down * part.height / 2.2),
                part.pen,
            )
        case Circle():
            return Circle(left + across * part.x, top + down * part.y, part.radius * min(across, down), part.pen)
        case Path():
            place = ((across, left), (down, top))
            steps = [
                tuple(value * place[number % 2][0] + place[number % 2][1] for number, value in enumerate(step))
                for step in part.steps
            ]
            return Path(steps, part.pen)
    raise TypeError(f"a miniature has no {type(part).__name__}")
