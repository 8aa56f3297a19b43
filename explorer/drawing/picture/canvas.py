"""Where a layout puts its parts: lines, curves and arcs along a flow that runs to the right or downwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.drawing.picture.graph import Node
from explorer.drawing.picture.scene import Group, Item, Path, Pen

ROUND = 0.5523  # of a quarter circle drawn as one curve


@dataclass(frozen=True, slots=True)
class Measures:
    """Lengths of one size of picture."""

    gap: float  # of a line between two boxes
    fork: float  # along the flow, for lines that leave the axis or come back to it
    start: float  # before the first box of a branch that an arc goes round
    lane: float  # between the boxes of two branches
    clear: float  # between an arc and what it goes round
    bend: float  # the least radius of an arc along the flow
    corner: float  # the radius of an arc that has to go straight first
    arc: float  # how thick an arc is drawn
    line: Pen


LARGE = Measures(
    gap=12.0, fork=20.0, start=14.0, lane=10.0, clear=9.0, bend=26.0, corner=14.0, arc=1.4, line=Pen("faint", 1.2)
)


@dataclass(slots=True)
class Canvas:
    """Where parts are put: the flow, the colour of the block, and what its groups are called."""

    across: bool
    colour: str
    parts: list[Item] = field(default_factory=list)
    card: str = ""
    prefix: str = ""  # of module paths, "3.0"
    selected: frozenset[str] = frozenset()
    measures: Measures = LARGE

    def point(self, along: float, side: float) -> tuple[float, float]:
        return (along, side) if self.across else (side, along)

    def line(self, *points: tuple[float, float], pen: Pen | None = None, name: str = "edge") -> None:
        if points[0] != points[-1]:
            self.parts.append(Path([self.point(*point) for point in points], pen or self.measures.line, "", name))

    def bend(
        self, start: tuple[float, float], end: tuple[float, float], pen: Pen | None = None, name: str = "edge"
    ) -> None:
        """A line that leaves along the flow and arrives along it."""
        if start[1] == end[1]:
            self.line(start, end, pen=pen, name=name)
            return
        middle = (start[0] + end[0]) / 2
        curve = (*self.point(middle, start[1]), *self.point(middle, end[1]), *self.point(*end))
        self.parts.append(Path([self.point(*start), curve], pen or self.measures.line, "", name))

    def arc(
        self, start: tuple[float, float], end: tuple[float, float], top: float, inner: float, pen: Pen, room: float
    ) -> Path:
        """A line that leaves across the flow, passes at `top`, and comes back: round like an egg where it can be.

        What it goes round reaches to `inner` and begins `room` behind the start; where an egg would cut its corner,
        the line goes straight past it first.
        """
        radius = min((end[0] - start[0]) / 2, max(self.measures.bend, (start[1] - top) * 0.9))
        passes = min(1.0, (start[1] - inner) / (start[1] - top))  # of the way up, where the corner is
        straight = radius * (1 - (1 - passes**2) ** 0.5) > room - 2
        if straight:
            radius = min((end[0] - start[0]) / 2, self.measures.corner, start[1] - top)
        low = top + radius if straight else start[1]
        low_end = min(top + radius, end[1]) if straight else end[1]
        first, last = start[0] + radius, end[0] - radius
        steps: list[tuple[float, ...]] = [self.point(*start)]
        if straight and low < start[1]:
            steps.append(self.point(start[0], low))
        steps.append(
            (
                *self.point(start[0], low + (top - low) * ROUND),
                *self.point(first - radius * ROUND, top),
                *self.point(first, top),
            )
        )
        if last - first > 0.1:
            steps.append(self.point(last, top))
        steps.append(
            (
                *self.point(last + radius * ROUND, top),
                *self.point(end[0], low_end + (top - low_end) * ROUND),
                *self.point(end[0], low_end),
            )
        )
        if low_end < end[1]:
            steps.append(self.point(*end))
        return Path(steps, pen, "", "arc")

    def group(self, node: Node, *names: str) -> Group:
        path = ".".join(part for part in (self.prefix, node.path) if part)
        chosen = ("selected",) if path in self.selected else ()
        data = {key: value for key, value in (("card", self.card), ("path", path)) if value}
        return Group(("node", *names, *chosen), data, node.title)

    def pen(self, group: Group, colour: str = "") -> Pen:
        """Of the edge of a node: the block's colour, or the accent's where it is selected."""
        return Pen("accent", 2.0) if "selected" in group.names else Pen(colour or self.colour)
