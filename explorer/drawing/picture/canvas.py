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
    line: Pen


LARGE = Measures(gap=12.0, fork=20.0, start=14.0, lane=10.0, clear=9.0, bend=26.0, line=Pen("faint", 1.2))


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

    def arc(self, start: tuple[float, float], end: tuple[float, float], top: float, pen: Pen) -> Path:
        """A line that leaves across the flow, passes at `top`, and comes back."""
        radius = min((end[0] - start[0]) / 2, max(self.measures.bend, (start[1] - top) * 0.9))
        first, last = start[0] + radius, end[0] - radius
        rise = (
            *self.point(start[0], start[1] + (top - start[1]) * ROUND),
            *self.point(first - radius * ROUND, top),
            *self.point(first, top),
        )
        fall = (
            *self.point(last + radius * ROUND, top),
            *self.point(end[0], end[1] + (top - end[1]) * ROUND),
            *self.point(*end),
        )
        steps: list[tuple[float, ...]] = [self.point(*start), rise]
        if last - first > 0.1:
            steps.append(self.point(last, top))
        return Path([*steps, fall], pen, "", "arc")

    def group(self, node: Node, *names: str) -> Group:
        path = ".".join(part for part in (self.prefix, node.path) if part)
        chosen = ("selected",) if path in self.selected else ()
        data = {key: value for key, value in (("card", self.card), ("path", path)) if value}
        return Group(("node", *names, *chosen), data, node.title)
