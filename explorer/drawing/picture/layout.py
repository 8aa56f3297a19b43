"""A graph's rows and splits laid out along a flow, to the right or downwards, into the parts of a scene.

Shapes stand beside their own stretch of line, which is as long as they need, so nothing can overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from explorer.drawing.picture import tree as trees
from explorer.drawing.picture.canvas import Canvas, Measures
from explorer.drawing.picture.graph import INPUT, Graph, Node
from explorer.drawing.picture.pieces import BoxPiece, NodePiece, Piece, WirePiece
from explorer.drawing.picture.scene import Dash, Group, Pen

DASHES: dict[str, Dash] = {"identity": "solid", "project": "dashed", "pad": "dotted"}
TITLES = {
    "identity": "identity shortcut: the input as it is",
    "project": "projection shortcut",
    "pad": "padding shortcut: no parameters",
}


class RowPiece:
    """Pieces one after the other on one axis."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = list(pieces)
        self.measure()

    def measure(self) -> None:
        self.length = sum(piece.length for piece in self.pieces)
        self.before = max((piece.before for piece in self.pieces), default=0.0)
        self.after = max((piece.after for piece in self.pieces), default=0.0)

    def stretch(self, length: float) -> None:
        """Makes its last line longer, so that the whole has this length."""
        self.pieces[-1].length += length - self.length
        self.length = length

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        for piece in self.pieces:
            piece.draw(canvas, along, side)
            along += piece.length


@dataclass(slots=True)
class Arc:
    """A line around branches, with the nodes that stand on it."""

    nodes: list[BoxPiece]
    dash: Dash
    name: str  # "identity", "project", "pad"
    own: bool  # whether it is the block's shortcut
    gap: float
    title: str = ""
    level: float = 0.0  # how far before the axis it passes
    inner: float = 0.0  # how far before the axis reaches what it goes round

    @property
    def reach(self) -> float:
        """How far it reaches to either side of its level."""
        return max((piece.before for piece in self.nodes), default=1.0)

    @property
    def length(self) -> float:
        """Of its nodes with a line on both sides."""
        return sum(piece.length + self.gap for piece in self.nodes) + 2.5 * self.gap if self.nodes else 0.0


class SplitPiece:
    """Branches side by side, and arcs around them, up to the node where they meet."""

    def __init__(
        self, lanes: Sequence[RowPiece], arcs: Sequence[Arc], target: NodePiece | None, measures: Measures
    ) -> None:
        self.lanes, self.arcs, self.target = list(lanes), list(arcs), target
        align(self.lanes)
        several = len(self.lanes) > 1
        spans = target is not None and target.spans
        self.fork = measures.fork if several else measures.start
        self.meet = measures.fork if several and not spans else 0.0
        offsets = [0.0]
        for above, below in pairwise(self.lanes):
            offsets.append(offsets[-1] + above.after + below.before + measures.lane)
        self.offsets = [offset - offsets[-1] / 2 for offset in offsets]
        beyond = (target.length / 2 if target is not None else 0.0) - self.fork - self.meet
        longest = max([lane.length for lane in self.lanes] + [arc.length - beyond for arc in self.arcs])
        for lane in self.lanes:
            lane.stretch(longest)
        self.length = self.fork + longest + self.meet
        self.before = self.lanes[0].before - self.offsets[0]
        self.after = self.lanes[-1].after + self.offsets[-1]
        if target is not None and spans:
            if several:
                target.reach(-self.offsets[0], self.offsets[-1])
            self.before = max(self.before, target.before - (0 if several else measures.clear))
        self.room = self.fork + (0.0 if several else lane_start(self.lanes[0]))
        for arc in self.arcs:
            arc.inner = self.before
            arc.level = self.before + measures.clear + arc.reach - 1
            self.before = arc.level + arc.reach

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        for arc in self.arcs:
            self.draw_arc(canvas, arc, along, side)
        for lane, offset in zip(self.lanes, self.offsets, strict=True):
            start = along + self.fork
            first, last = lane.pieces[0], lane.pieces[-1]
            if not isinstance(first, WirePiece) or first.seen:
                canvas.bend((along, side), (start, side + offset))
            lane.draw(canvas, start, side + offset)
            if self.meet and (not isinstance(last, WirePiece) or last.seen):
                canvas.bend((start + lane.length, side + offset), (along + self.length, side))

    def draw_arc(self, canvas: Canvas, arc: Arc, along: float, side: float) -> None:
        end, stop = along + self.length, side
        if self.target is not None:
            end, stop = end + self.target.length / 2, side - self.target.before
        group = Group(("shortcut", arc.name) if arc.own else ("edge",), title=arc.title)
        pen = Pen(canvas.colour if arc.own else canvas.measures.line.colour, canvas.measures.arc, arc.dash)
        group.parts.append(canvas.arc((along, side), (end, stop), side - arc.level, side - arc.inner, pen, self.room))
        canvas.parts.append(group)
        outer, canvas.parts = canvas.parts, group.parts
        at = (along + end - sum(piece.length for piece in arc.nodes) - arc.gap * (len(arc.nodes) - 1)) / 2
        for piece in arc.nodes:
            piece.draw(canvas, at, side - arc.level)
            at += piece.length + arc.gap
        canvas.parts = outer


def lane_start(lane: RowPiece) -> float:
    """How much line comes before the first box of a branch."""
    length = 0.0
    for piece in lane.pieces:
        if not isinstance(piece, WirePiece):
            break
        length += piece.length
    return length


def align(lanes: Sequence[RowPiece]) -> None:
    """Gives boxes and lines of one column of several branches one length, so that the columns are seen."""
    if len(lanes) < 2:
        return
    boxes: dict[int, list[BoxPiece]] = {}
    lines: dict[int, list[WirePiece]] = {}
    for lane in lanes:
        for place, piece in enumerate(lane.pieces[:-1]):
            if isinstance(piece, BoxPiece):
                boxes.setdefault(place, []).append(piece)
            elif isinstance(piece, WirePiece):
                lines.setdefault(place, []).append(piece)
    for column in boxes.values():
        width = max(box.width for box in column)
        for box in column:
            box.widen(width)
    for stretch in lines.values():
        length = max(line.length for line in stretch)
        for line in stretch:
            line.length = length
    for lane in lanes:
        lane.measure()


class Style(Protocol):
    """What makes a picture large or tiny: the pieces that a row is built of."""

    measures: Measures
    ends: bool  # whether the shapes of input and output stand at the ends

    def node(self, node: Node) -> NodePiece | None:
        """The piece of a node; None for one that this picture leaves out."""

    def beside(self, node: Node) -> BoxPiece | None:
        """The piece of a node that stands on an arc."""

    def wire(self, shape: Sequence[int] | None, seen: bool, least: float) -> Piece:
        """A stretch of line."""

    def tangle(self, builder: Builder, tangle: trees.Tangle, target: NodePiece | None) -> Piece:
        """What is neither a row nor a split."""

    def row(self, pieces: list[Piece]) -> list[Piece]:
        """A row's pieces, perhaps fewer."""

    def branches(self, branches: Sequence[trees.Row]) -> Sequence[trees.Row]:
        """The branches of a split, perhaps fewer."""


class Builder:
    """Makes pieces of one graph's rows."""

    def __init__(self, graph: Graph, style: Style) -> None:
        self.graph = graph
        self.style = style
        self.end = len(graph.nodes)
        self.pieces = [style.node(node) for node in graph.nodes]

    def whole(self, row: trees.Row | None = None) -> RowPiece:
        """All of the graph, whose tree may be given, in one row with the shapes of input and output at the ends."""
        return self.row(trees.tree(self.graph) if row is None else row)

    def target(self, number: int) -> NodePiece | None:
        return self.pieces[number] if number < self.end else None

    def row(self, row: trees.Row, leads: bool = True) -> RowPiece:
        """`leads` is False for a branch, whose first line belongs to the fork."""
        gap = self.style.measures.gap
        pieces: list[Piece] = []
        left_out = False
        for part in row:
            first = not leads and not pieces
            if isinstance(part, int):
                piece = self.pieces[part]
                left_out = piece is None
                if piece is not None:
                    pieces.append(piece)
            elif isinstance(part, trees.Wire):
                if not left_out or part is row[-1]:
                    shape = None if first else self.told(part)
                    pieces.append(self.style.wire(shape, part.seen, 0.0 if first else gap))
            else:
                if not first:
                    wire = trees.Wire(part.source, part.target)
                    pieces.append(self.style.wire(self.told(wire), True, gap * 0.7))
                pieces.append(self.beside(part))
        return RowPiece(self.style.row(pieces))

    def beside(self, part: trees.Split | trees.Tangle) -> Piece:
        """What lies side by side."""
        target = self.target(part.target)
        if isinstance(part, trees.Tangle):
            return self.style.tangle(self, part, target)
        lanes = [self.row(branch, leads=False) for branch in self.style.branches(part.branches)]
        return SplitPiece(lanes, [self.arc(arc, part) for arc in part.arcs], target, self.style.measures)

    def told(self, wire: trees.Wire) -> tuple[int, ...] | None:
        """The shape to write beside a line: where the copy begins and ends, and where a node changed it."""
        if not wire.seen:
            return None
        shape = self.graph.shape(wire.source)
        if wire.source == INPUT or wire.target == self.end:
            return shape if self.style.ends else None
        inputs = self.graph.nodes[wire.source].inputs
        return shape if any(self.graph.shape(source) != shape for source in inputs) else None

    def arc(self, row: trees.Row, split: trees.Split) -> Arc:
        nodes = [self.graph.nodes[part] for part in row if isinstance(part, int)]
        shortcut = self.graph.shortcut
        own = shortcut is not None and shortcut.join == split.target
        kind = shortcut.kind if shortcut is not None and own and nodes else "identity"
        pieces = [piece for piece in map(self.style.beside, nodes) if piece is not None]
        return Arc(pieces, DASHES[kind], kind, own, self.style.measures.gap, TITLES[kind] if own else "")
