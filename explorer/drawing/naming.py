"""Names beside the points of a chart: where each stands so that it lies on no point, no line and no other name.

Places hold for every screen at once: a panel is as wide as the screen lets it be while text keeps its size. A part of
the panel is therefore bound to a place across, and two parts are apart if they are so in the narrowest panel and in
the widest one, the same of them on the left in both: then they are in all between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import hypot

from explorer.drawing.picture.widths import clipped, text_width

SIZE = 11  # of a name, in pixels
TALL = 13  # a line of it
AIR = 2  # between a name and anything else
LONGEST = 190.0  # of a name
LEADS = sorted(  # how far a name stands from a point whose surroundings are full: its middle, nearest first
    ((aside, down) for aside, down in product(range(-200, 201, 20), range(-126, 127, 14)) if abs(down) > TALL),
    key=lambda lead: hypot(*lead),
)


@dataclass(frozen=True, slots=True)
class Spot:
    """What is named: a point, or a line from top to bottom."""

    name: str  # "" of what has none and is only in the way
    across: float  # from 0 to 1
    down: float = 0.0  # pixels from the top, of a point
    radius: float = 4.0  # or half of the line's width
    first: bool = False  # named before the others, and always
    line: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where the middle of a name stands: in pixels from its point, or from the upper end of its line.

    A name to which a thin line leads from a line is bound to another place across.
    """

    aside: float
    down: float
    leader: bool = False  # whether a thin line leads to it
    across: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """How wide the panel is at least and at most, and how high, in pixels."""

    narrow: float
    wide: float
    high: float


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of the panel, from its place across."""

    across: float
    left: float
    right: float
    top: float
    bottom: float

    def within(self, panel: Panel) -> bool:
        """Whether it is inside the panel on every screen."""
        return (
            self.top >= 0
            and self.bottom <= panel.high
            and self.across * panel.narrow + self.left >= 0
            and (1 - self.across) * panel.narrow >= self.right
        )

    def apart(self, other: Part, panel: Panel) -> bool:
        """Whether it has nothing in common with another on any screen."""
        if self.bottom <= other.top or other.bottom <= self.top:
            return True
        between = self.across - other.across
        after, before = self.left - other.right, other.left - self.right
        narrow, wide = between * panel.narrow, between * panel.wide
        return (narrow + after >= 0 and wide + after >= 0) or (before - narrow >= 0 and before - wide >= 0)


def places(spots: Sequence[Spot], panel: Panel) -> dict[int, Place]:
    """Where the names stand, by the number of their spot; a spot that need not be named is left out if it has no room.

    Those that come first take what room there is beside their points, else further away at the end of a thin line.
    """
    marks = [itself(spot, panel) for spot in spots]
    names: list[Part] = []
    found: dict[int, Place] = {}
    wanted = [at for at, spot in enumerate(spots) if spot.name]
    for at in sorted(wanted, key=lambda at: (not spots[at].first, spots[at].line, spots[at].down)):
        spot = spots[at]
        others = [mark for number, mark in enumerate(marks) if number != at]
        least: tuple[int, int] | None = None
        for place in _candidates(spot, panel):
            name = lying(spot, place)
            if not name.within(panel):
                continue
            there = (*others, *names)
            covered = sum(not name.apart(other, panel) for other in there)
            crossed = sum(not step.apart(other, panel) for step in leader(spot, place, panel) for other in there)
            if (covered or crossed) and not spot.first:
                continue
            if least is None or (covered, crossed) < least:
                least, found[at] = (covered, crossed), place
            if not covered and not crossed:
                break
        if at in found:
            names += [lying(spot, found[at]), *leader(spot, found[at], panel)]
    return found


def _candidates(spot: Spot, panel: Panel) -> Iterator[Place]:
    """Where a name might stand, the best first."""
    half = _half(spot)
    if spot.line:
        rows = range(TALL // 2 + 1, int(panel.high), TALL + AIR)
        beside = spot.radius + AIR + half
        for low, aside in product(rows, (beside, -beside)):
            yield Place(aside, low)
        for across in sorted((step / 25 for step in range(26)), key=lambda across: abs(across - spot.across)):
            yield from (Place(0.0, low, leader=True, across=across) for low in rows)
        return
    beside, over = spot.radius + AIR + half, spot.radius + AIR / 2 + TALL / 2
    yield Place(beside, 0.0)
    yield Place(-beside, 0.0)
    for down in (-over, over):
        yield Place(0.0, down)
    for aside, down in product((half - 2, 2 - half), (-over, over)):
        yield Place(aside, down)
    if spot.first:
        for aside, down in LEADS:
            yield Place(aside, down, leader=True)


def fitting(name: str) -> str:
    """The name, or of a long one as much of its beginning as finds room."""
    return clipped(name, LONGEST, float(SIZE))


def _half(spot: Spot) -> float:
    """Half of a name's width."""
    return text_width(spot.name, float(SIZE)) / 2 + 1


def itself(spot: Spot, panel: Panel) -> Part:
    """What a point or a line covers."""
    reach = spot.radius + 1
    if spot.line:
        return Part(spot.across, -reach, reach, 0.0, panel.high)
    return Part(spot.across, -reach, reach, spot.down - reach, spot.down + reach)


def lying(spot: Spot, place: Place) -> Part:
    """What a name covers."""
    half, middle = _half(spot), spot.down + place.down
    across = spot.across if place.across is None else place.across
    return Part(across, place.aside - half, place.aside + half, middle - TALL / 2, middle + TALL / 2)


def leader(spot: Spot, place: Place, panel: Panel) -> list[Part]:
    """What the thin line to a name covers, in steps; nothing of a name that stands beside its point."""
    if not place.leader:
        return []
    start = place.down if spot.line else spot.down  # from a line it leads straight to the side
    further = 0.0 if place.across is None else place.across - spot.across
    down = spot.down + place.down - start
    steps = max(2, int(hypot(further * panel.wide + place.aside, down) // 4))
    found = []
    for step in range(1, steps):
        share = step / steps
        x, y = share * place.aside, start + share * down
        part = Part(spot.across + share * further, x - 1.5, x + 1.5, y - 1.5, y + 1.5)
        if (spot.line or hypot(x, share * down) >= spot.radius + 3) and part.apart(lying(spot, place), panel):
            found.append(part)
    return found
