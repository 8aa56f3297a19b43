"""Pieces in rows that fit a width, the end of each row joined with the beginning of the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from explorer.drawing.figure.blocks import MEASURES, filled
from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.pieces import Piece
from explorer.drawing.picture.scene import SMALL, Item, Path, Pen, Text
from explorer.drawing.picture.widths import clipped

WIRE = 12.0  # the least line between two pieces
LONGEST, STRETCHED = 44.0, 150.0  # the longest that is drawn to fill the last row, and any other
EDGE = 12.0  # at both ends of a row, for the line that comes from the row above
LANE = 16.0  # between two rows, for the same line
TURN = 6.0  # its corners' radius
BRACKET, NAME = 7.0, 11.5  # above names, and a line of them


def fold(lengths: Sequence[float], room: float) -> list[range]:
    """The pieces in rows of at most `room` with a line between two, the rows as even as can be."""
    count = len(lengths)
    best = [0.0] + [float("inf")] * count
    came = [0] * (count + 1)
    for end in range(1, count + 1):
        used = -WIRE
        for start in range(end - 1, -1, -1):
            used += lengths[start] + WIRE
            if used > room and start < end - 1:
                break
            cost = best[start] + (max(0.0, room - used) / room) ** 2
            if cost < best[end]:
                best[end], came[end] = cost, start
    rows: list[range] = []
    end = count
    while end:
        rows.append(range(came[end], end))
        end = came[end]
    return rows[::-1]


def natural(pieces: Sequence[Piece]) -> float:
    """How long pieces in one row are at the least."""
    return sum(piece.length for piece in pieces) + WIRE * (len(pieces) - 1)


@dataclass(slots=True)
class Label:
    """Words below a stretch of a row."""

    left: float
    right: float
    lines: list[str]
    several: bool  # whether the stretch is more than one piece, which a bracket then shows


class Rows:
    """Pieces placed in rows; `width` and `height` are what they take. `names` stand below, runs of one together."""

    def __init__(self, pieces: Sequence[Piece], room: float, folds: bool, names: Sequence[str] = ()) -> None:
        self.pieces = pieces
        self.edge = EDGE if folds and natural(pieces) > room else 0.0
        rows = [range(len(pieces))]
        if self.edge:
            rows = fold([piece.length for piece in pieces], room - 2 * self.edge)
        self.rows = rows
        self.wires = [self.wire(row, room - 2 * self.edge, row is not rows[-1]) for row in rows]
        self.starts: list[float] = []  # of each piece
        ends = [self.place(row, wire) for row, wire in zip(rows, self.wires, strict=True)]
        self.ends = ends
        self.width = max(ends) + self.edge
        self.labels = [self.named(row, wire, names) for row, wire in zip(rows, self.wires, strict=True)]
        self.axes: list[float] = []
        self.lanes: list[float] = []
        self.bands: list[float] = []  # where the names of each row begin
        y = 0.0
        for row, labels in zip(rows, self.labels, strict=True):
            if self.axes:
                self.lanes.append(y + LANE / 2)
                y += LANE
            self.axes.append(y + max(pieces[number].before for number in row))
            y = self.axes[-1] + max(pieces[number].after for number in row)
            self.bands.append(y)
            y += BRACKET + NAME * max(len(label.lines) for label in labels) if labels else 0.0
        self.height = y

    def wire(self, row: range, room: float, goes_on: bool) -> float:
        """How long the lines of a row are, so that it fills the room, if it nearly does or others follow."""
        gaps = len(row) - 1
        spare = max(0.0, room - natural([self.pieces[number] for number in row]))
        most = STRETCHED if goes_on else LONGEST
        return WIRE + min(most - WIRE, spare / gaps) if gaps else WIRE

    def place(self, row: range, wire: float) -> float:
        """Where each piece of a row begins; gives the end of the last."""
        x = self.edge
        for number in row:
            self.starts.append(x)
            x += self.pieces[number].length + wire
        return x - wire

    def named(self, row: range, wire: float, names: Sequence[str]) -> list[Label]:
        """The names below a row."""
        labels: list[Label] = []
        for name, same in groupby(row if names else (), key=lambda number: names[number]):
            run = list(same)
            left, right = self.starts[run[0]], self.starts[run[-1]] + self.pieces[run[-1]].length
            before = wire / 2 if run[0] != row[0] else max(0.0, self.edge - 4)
            after = wire / 2 if run[-1] != row[-1] else max(0.0, self.edge - 4)
            room = right - left + 2 * max(0.0, min(before, after) - 2)
            lines = [clipped(line, room, SMALL) for line in filled(name, room, SMALL)]
            labels.append(Label(left, right, lines, len(run) > 1))
        return labels

    def draw(self, canvas: Canvas, left: float, top: float) -> None:
        for row, axis, wire in zip(self.rows, self.axes, self.wires, strict=True):
            for number in row:
                x, y = left + self.starts[number], top + axis
                if number != row[0]:
                    canvas.line((x - wire, y), (x, y))
                self.pieces[number].draw(canvas, x, y)
        for labels, band in zip(self.labels, self.bands, strict=True):
            for label in labels:
                canvas.parts += bracket(label, left, top + band)
        places = list(zip(self.ends, self.axes, strict=True))
        for ((end, above), (_, below)), lane in zip(pairwise(places), self.lanes, strict=True):
            canvas.parts.append(self.turn(left + end, left, top + above, top + lane, top + below))

    def turn(self, end: float, left: float, above: float, lane: float, below: float) -> Path:
        """From the end of a row round to the beginning of the next."""
        right, first, r = end + self.edge - 1, left + 1, TURN
        bend = r * 0.4477
        return Path(
            [
                (end, above),
                (right - r, above),
                (right - bend, above, right, above + bend, right, above + r),
                (right, lane - r),
                (right, lane - bend, right - bend, lane, right - r, lane),
                (first + r, lane),
                (first + bend, lane, first, lane + bend, first, lane + r),
                (first, below - r),
                (first, below - bend, first + bend, below, first + r, below),
                (left + self.edge, below),
            ],
            MEASURES.line,
            name="edge",
        )


def bracket(label: Label, left: float, top: float) -> list[Item]:
    """Names with a bracket above them where they are of several pieces."""
    parts: list[Item] = []
    if label.several:
        first, last, y = left + label.left + 1, left + label.right - 1, top + 4.0
        steps = [(first, y - 3), (first, y), (last, y), (last, y - 3)]
        parts.append(Path(steps, Pen("faint", 0.8)))
    middle = left + (label.left + label.right) / 2
    for number, line in enumerate(label.lines):
        parts.append(Text(middle, top + BRACKET + 7.0 + NAME * number, line, "small", "text"))
    return parts
