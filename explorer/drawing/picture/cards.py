"""The pieces of a network: cards with their words, frames around what is opened, and what opens and closes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.layout import RowPiece
from explorer.drawing.picture.pieces import Piece
from explorer.drawing.picture.scene import LARGE as TITLE
from explorer.drawing.picture.scene import MIDDLE, SMALL, Box, Group, Item, Path, Pen, Scene, Text
from explorer.drawing.picture.widths import clipped, text_width

PAD = 10.0
DRAWING = 44.0  # the width of a miniature
CONTROL = 16.0  # a control's height and width
HEAD = 30.0  # a frame's first line
DEEP = 6.0  # how far the edges of further copies are seen behind a card
WAITING = Pen("strong_line", 1.2, "dashed")


@dataclass(frozen=True, slots=True)
class Words:
    """What a card says: each line with the colour of its text."""

    title: str
    lines: tuple[tuple[str, str], ...] = ()
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Which card or copy something is, and how it stands there."""

    card: str  # "3"
    path: str  # "3" or "3.0"
    family: str
    status: str  # "ok", "error" or "waiting"
    opens: bool = False  # whether it can be opened or closed


def wrapped(parts: Sequence[str], width: float) -> list[str]:
    """The parts with dots between them, in lines that fit, broken between parts and, where they must, within."""
    made: list[str] = []
    for part in parts:
        joined = f"{made[-1]} · {part}" if made else part
        if made and text_width(joined, MIDDLE) <= width:
            made[-1] = joined
            continue
        line = ""
        for word in part.split():
            longer = f"{line} {word}" if line else word
            if line and text_width(longer, MIDDLE) > width:
                made.append(line)
                longer = word
            line = clipped(longer, width, MIDDLE)
        made.append(line)
    return made


def control(path: str, opened: bool, x: float, y: float) -> Group:
    """What opens or closes: an angle in a square that a finger can hit."""
    group = Group(("toggle",), {"toggle": path}, "close" if opened else "open")
    group.parts.append(Box(x - CONTROL / 2, y - CONTROL / 2, CONTROL, CONTROL, 4, Pen("line", 1.0), "surface"))
    turned = [(-3.2, -1.6), (0.0, 1.6), (3.2, -1.6)] if opened else [(-1.6, -3.2), (1.6, 0.0), (-1.6, 3.2)]
    group.parts.append(Path([(x + dx, y + dy) for dx, dy in turned], Pen("muted", 1.4)))
    return group


class CardPiece:
    """A closed card, or a closed copy of one: a small drawing of its inside, its name, settings and cost."""

    def __init__(
        self, words: Words, place: Place, across: bool, width: float, drawing: Scene | None, deep: bool
    ) -> None:
        self.words, self.place, self.drawing, self.deep = words, place, drawing, deep
        self.width = width
        self.height = max(15.0 + 14.0 * len(words.lines) + 2 * PAD, 30.0 + PAD if drawing is not None else 0.0)
        back = DEEP if deep else 0.0
        if across:
            self.length, self.before, self.after = width, self.height / 2, self.height / 2 + back
        else:
            self.length, self.before, self.after = self.height + back, width / 2, width / 2

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        x, y = canvas.point(along, side - self.before)
        place = self.place
        chosen = place.path in canvas.selected
        names = ("node", "card" if place.card == place.path else "copy", place.status)
        group = Group((*names, *(("selected",) if chosen else ())), {"card": place.card, "path": place.path})
        group.title = self.words.tooltip
        pen, fill = frame_pen(place, chosen)
        if self.deep:
            for number in (2, 1):
                inset, low = 4.0 * number, y + self.height + 3.0 * number
                left, right = x + inset, x + self.width - inset
                bend: list[tuple[float, ...]] = [(left, low - 3), (left, low - 1.5, left + 1.5, low, left + 3, low)]
                bend += [(right - 3, low), (right - 1.5, low, right, low - 1.5, right, low - 3)]
                group.parts.append(Path(bend, Pen(pen.colour, 1.0)))
        group.parts.append(Box(x, y, self.width, self.height, 8, pen, fill))
        left = x + PAD
        if self.drawing is not None:
            down = y + (self.height - self.drawing.height) / 2
            group.parts += [moved(part, left - 2, down) for part in self.drawing.parts]
            left += DRAWING + 8
        muted = place.status == "waiting"
        baseline = y + PAD + 11.5
        group.parts.append(Text(left, baseline, self.words.title, "title", "muted" if muted else "text", "start"))
        for number, (line, colour) in enumerate(self.words.lines):
            group.parts.append(Text(left, baseline + 15 + 14 * number, line, "line", colour, "start"))
        canvas.parts.append(group)
        if place.opens:
            canvas.parts.append(control(place.path, False, x + self.width - PAD - 6, y + PAD + 6))


def text_room(width: float, drawing: bool) -> float:
    """How wide a line of a card may be."""
    return width - 2 * PAD - CONTROL - 4 - (DRAWING + 8 if drawing else 0)


def frame_pen(place: Place, chosen: bool) -> tuple[Pen, str]:
    """The edge and the ground of a card."""
    if place.status == "error":
        return Pen("error", 2.0 if chosen else 1.4), "error_soft"
    if chosen:
        return Pen("accent", 2.0), "surface"
    if place.status == "waiting":
        return WAITING, "surface"
    return Pen(place.family), "surface"


def moved(part: Item, x: float, y: float) -> Item:
    """A part of another scene, elsewhere."""
    match part:
        case Box():
            return Box(part.x + x, part.y + y, part.width, part.height, part.radius, part.pen, part.fill, part.tint)
        case Path():
            steps = [
                tuple(value + (y if number % 2 else x) for number, value in enumerate(step)) for step in part.steps
            ]
            return Path(steps, part.pen, part.fill, part.name)
        case Text():
            return Text(part.x + x, part.y + y, part.text, part.role, part.colour, part.anchor, part.turned)
        case Group():
            return Group(part.names, part.data, part.title, [moved(inner, x, y) for inner in part.parts], part.pen)
    return type(part)(part.x + x, part.y + y, part.radius, part.pen, part.fill)


class FramePiece:
    """What is opened: a frame with its name and the control that closes it, around a row."""

    def __init__(self, title: str, place: Place, inner: RowPiece, across: bool, least: float) -> None:
        self.title, self.place, self.inner, self.across = title, place, inner, across
        head = text_width(title, TITLE, bold=True) + PAD + CONTROL + 14
        if across:
            self.length = max(inner.length + 2 * PAD, head + PAD)
            self.before, self.after = inner.before + HEAD, inner.after + PAD
        else:
            # The name stands left of the line that comes in from above.
            self.length = inner.length + HEAD + PAD
            self.before, self.after = max(inner.before + PAD, head, least / 2), max(inner.after + PAD, least / 2)

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        place = self.place
        chosen = place.path in canvas.selected
        names = ("frame", "card" if place.card == place.path else "copy")
        group = Group((*names, *(("selected",) if chosen else ())), {"card": place.card, "path": place.path})
        x, y = canvas.point(along, side - self.before)
        breadth = self.before + self.after
        width, height = (self.length, breadth) if self.across else (breadth, self.length)
        pen = Pen("accent", 2.0) if chosen else Pen(place.family if place.card == place.path else "strong_line", 1.2)
        group.parts.append(Box(x, y, width, height, 10, pen, "background" if place.card == place.path else "surface"))
        group.parts.append(Text(x + PAD + CONTROL + 6, y + 19.5, self.title, "title", "text", "start"))
        canvas.parts.append(group)
        canvas.parts.append(control(place.path, True, x + PAD + 6, y + 15))
        lead = PAD if self.across else HEAD
        stop = along + lead + self.inner.length
        canvas.line((along, side), (along + lead, side))
        self.inner.draw(canvas, along + lead, side)
        canvas.line((stop, side), (along + self.length, side))


class WithinPiece:
    """A row that belongs to a card: its groups say so, and its lines have the card's colour."""

    def __init__(self, row: Piece, place: Place, prefix: str) -> None:
        self.row, self.place, self.prefix = row, place, prefix
        self.length, self.before, self.after = row.length, row.before, row.after

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        outer = canvas.card, canvas.prefix, canvas.colour, canvas.parts
        canvas.card, canvas.prefix, canvas.colour, canvas.parts = self.place.card, self.prefix, self.place.family, []
        self.row.draw(canvas, along, side)
        group = Group((), {}, "", canvas.parts)
        canvas.card, canvas.prefix, canvas.colour, canvas.parts = outer
        canvas.parts.append(group)


class EndPiece:
    """The word at either end of the network."""

    def __init__(self, text: str, across: bool) -> None:
        self.text = text
        width = text_width(text, SMALL)
        self.length, breadth = (width + 6, 12.0) if across else (14.0, width)
        self.before = self.after = breadth / 2

    def draw(self, canvas: Canvas, along: float, side: float) -> None:
        x, y = canvas.point(along + self.length / 2, side)
        canvas.parts.append(Text(x, y + 3.3, self.text, "small", "muted"))
