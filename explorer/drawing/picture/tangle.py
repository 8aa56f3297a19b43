"""What is neither a row nor a split: nodes in ranks along the flow, each line in a lane of its own between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from explorer.drawing.picture.canvas import LARGE, Canvas
from explorer.drawing.picture.graph import Node
from explorer.drawing.picture.layout import Builder
from explorer.drawing.picture.pieces import BoxPiece, NodePiece, Piece, WirePiece, node_piece, shape_text
from explorer.drawing.picture.scene import SMALL, Pen
from explorer.drawing.picture.tree import Row, Tangle, Wire
from explorer.drawing.picture.widths import text_width
from explorer.shape import show

CURVE = 26.0  # along the flow, for lines that change their lane
LANE = 10.0


class TanglePiece:
    """Nodes between a source and a target, on the longest way between them and beside it."""

    def __init__(self, builder: Builder, tangle: Tangle, across: bool) -> None:
        self.across = across
        self.tangle = tangle
        self.graph = builder.graph
        pieces = {number: builder.target(number) for number in tangle.nodes}
        self.pieces = {number: piece for number, piece in pieces.items() if piece is not None}
        self.told = {number: builder.told(Wire(number, tangle.target)) for number in tangle.nodes}
        if tangle.target == builder.end:
            self.told = dict.fromkeys(tangle.nodes)
        self.rank = {tangle.source: 0}
        for number in tangle.nodes:
            self.rank[number] = 1 + max(self.rank[wire.source] for wire in tangle.wires if wire.target == number)
        self.last = 1 + max(self.rank.values())
        self.rank[tangle.target] = self.last
        self.taken: dict[int, list[tuple[int, int]]] = {}  # of each lane, the ranks in use
        self.lane = {tangle.source: 0, tangle.target: 0}
        self.route: dict[Wire, int] = {}  # the lane of each line that passes ranks
        self.assign()
        self.measure()

    # Lanes

    def take(self, first: int, last: int, side: int) -> int:
        """The nearest lane that is free from one rank to another, on this side of the axis."""
        lane = 0
        while any(low <= last and first <= high for low, high in self.taken.get(lane, ())):
            lane += side
        self.taken.setdefault(lane, []).append((first, last))
        return lane

    def assign(self) -> None:
        """The longest chain of nodes in the first free lane, then the longest of the rest; then lines that are left."""
        tangle, rank = self.tangle, self.rank
        left = set(tangle.nodes)
        while left:
            chain = self.longest(left)
            into = max(
                (wire for wire in tangle.wires if wire.target == chain[0] and wire.source not in left),
                key=lambda wire: rank[wire.source],
                default=None,
            )
            out = min(
                (wire for wire in tangle.wires if wire.source == chain[-1] and wire.target not in left),
                key=lambda wire: rank[wire.target],
                default=None,
            )
            first = rank[into.source] + 1 if into is not None else rank[chain[0]]
            final = rank[out.target] - 1 if out is not None else rank[chain[-1]]
            lane = self.take(first, final, 1)
            for number in chain:
                self.lane[number] = lane
            links = {*pairwise(chain)}
            for wire in tangle.wires:
                if wire in (into, out) or (wire.source, wire.target) in links:
                    self.route[wire] = lane
            left -= set(chain)
        for wire in tangle.wires:
            if wire not in self.route and rank[wire.target] - rank[wire.source] > 1:
                self.route[wire] = self.take(rank[wire.source] + 1, rank[wire.target] - 1, -1)

    def longest(self, left: set[int]) -> list[int]:
        """The longest chain among these nodes."""
        best: dict[int, list[int]] = {}
        for number in self.tangle.nodes:
            if number in left:
                before = [
                    best[wire.source] for wire in self.tangle.wires if wire.target == number and wire.source in best
                ]
                best[number] = [*max(before, key=len, default=[]), number]
        return max(best.values(), key=len)

    # Places

    def measure(self) -> None:
        before: dict[int, float] = {}
        after: dict[int, float] = {}
        column = [0.0] * self.last
        zone = [0.0] * self.last  # for shapes, behind each column
        for number, piece in self.pieces.items():
            lane, rank = self.lane[number], self.rank[number]
            column[rank] = max(column[rank], piece.length)
            before[lane], after[lane] = max(before.get(lane, 2), piece.before), max(after.get(lane, 2), piece.after)
            shape = self.told[number]
            if shape is not None:
                width = text_width(show(shape), SMALL, monospaced=True)
                zone[rank] = max(zone[rank], width + 8 if self.across else 21.0)
                after[lane] = max(after[lane], 14.0 if self.across else width + 9)
        for lane in self.taken:
            before.setdefault(lane, 2.0)
            after.setdefault(lane, 2.0)
        lanes = sorted(before)
        offsets = {lanes[0]: 0.0}
        for above, below in pairwise(lanes):
            offsets[below] = offsets[above] + after[above] + before[below] + LANE
        self.offset = {lane: offsets[lane] - offsets.get(0, 0.0) for lane in lanes}
        self.offset.setdefault(0, 0.0)
        self.before = before[lanes[0]] - self.offset[lanes[0]]
        self.after = after[lanes[-1]] + self.offset[lanes[-1]]
        self.start = [0.0] * (self.last + 1)  # of each column
        self.stop = [0.0] * (self.last + 1)  # of each column with its shapes
        for rank in range(1, self.last + 1):
            self.start[rank] = self.stop[rank - 1] + CURVE
            self.stop[rank] = self.start[rank] + (column[rank] + zone[rank] if rank < self.last else 0.0)
        self.column = column
        self.length = self.start[self.last]

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        for wire in self.tangle.wires:
            if wire.seen:
                self.draw_wire(canvas, wire, along, side)
        for number, piece in self.pieces.items():
            rank, at = self.rank[number], side + self.offset[self.lane[number]]
            piece.draw(canvas, along + self.start[rank] + (self.column[rank] - piece.length) / 2, at)
            shape = self.told[number]
            if shape is None:
                continue
            begin = along + self.start[rank] + self.column[rank]
            canvas.parts.append(shape_text(canvas, show(shape), (begin + along + self.stop[rank]) / 2, at))

    def draw_wire(self, canvas: Canvas, wire: Wire, along: float, side: float) -> None:
        """Straight to the end of its column, into its lane, along it, and into the lane of its target."""
        source, target = self.rank[wire.source], self.rank[wire.target]
        begin = along + self.stop[source]
        if wire.source != self.tangle.source:
            piece = self.pieces[wire.source]
            begin = along + self.start[source] + (self.column[source] + piece.length) / 2
        end = along + self.start[target]
        if wire.target != self.tangle.target:
            end += (self.column[target] - self.pieces[wire.target].length) / 2
        first = side + self.offset[self.lane[wire.source]]
        last = side + self.offset[self.lane[wire.target]]
        through = side + self.offset[self.route.get(wire, self.lane[wire.target])]
        pen, name = self.style(canvas, wire)
        leave, arrive = along + self.stop[source], along + self.start[target]
        if begin < leave:
            canvas.line((begin, first), (leave, first), pen=pen, name=name)
        if target - source == 1:
            canvas.bend((leave, first), (arrive, last), pen=pen, name=name)
        else:
            canvas.bend((leave, first), (leave + CURVE, through), pen=pen, name=name)
            canvas.line((leave + CURVE, through), (arrive - CURVE, through), pen=pen, name=name)
            canvas.bend((arrive - CURVE, through), (arrive, last), pen=pen, name=name)
        if end > arrive:
            canvas.line((arrive, last), (end, last), pen=pen, name=name)

    def style(self, canvas: Canvas, wire: Wire) -> tuple[Pen, str]:
        """A line from the source straight to a join, and one through the nodes beside the branch, is a shortcut."""
        shortcut = self.graph.shortcut
        plain = LARGE.line, "edge"
        if shortcut is None or shortcut.join != self.tangle.target:
            return plain
        nodes = self.graph.nodes
        meets = wire.target < len(nodes) and wire.target in {*shortcut.nodes, shortcut.join}
        joins = meets and nodes[wire.target].role == "join"
        if joins and wire.source == self.tangle.source:
            return Pen(canvas.colour), "shortcut"
        on = {number for number in shortcut.nodes if nodes[number].role != "join"}
        if (wire.source in on and joins) or wire.target in on:
            weighs = any(nodes[number].macs for number in on)
            return Pen(canvas.colour, 1.4, "dashed" if weighs else "dotted"), "shortcut"
        return plain


class LargeStyle:
    """A picture with words and shapes."""

    measures = LARGE

    def __init__(self, across: bool, ends: bool = True) -> None:
        self.across = across
        self.ends = ends

    def node(self, node: Node) -> NodePiece:
        return node_piece(node, self.across)

    def beside(self, node: Node) -> BoxPiece:
        return BoxPiece(node, self.across, flat=True)

    def wire(self, shape: Sequence[int] | None, seen: bool, least: float) -> WirePiece:
        return WirePiece(shape, self.across, seen, least)

    def tangle(self, builder: Builder, tangle: Tangle, target: NodePiece | None) -> Piece:
        return TanglePiece(builder, tangle, self.across)

    def row(self, pieces: list[Piece]) -> list[Piece]:
        return pieces

    def branches(self, branches: Sequence[Row]) -> Sequence[Row]:
        return branches
