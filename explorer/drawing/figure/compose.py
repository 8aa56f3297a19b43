"""One figure as a scene: the richest form of its blocks that fits the width in type of the size that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, product

from explorer.drawing.captions import card_name
from explorer.drawing.figure.blocks import (
    NEXT,
    Body,
    CardBody,
    FrameBody,
    InputPiece,
    LineRole,
    SlimBody,
    Told,
    UnitPiece,
    slim_height,
    with_shortcut,
)
from explorer.drawing.figure.fonts import shown, texts
from explorer.drawing.figure.legend import Entry, legend, scales, shortcuts
from explorer.drawing.figure.options import Options
from explorer.drawing.figure.rows import Rows, natural
from explorer.drawing.figure.units import Unit, units
from explorer.drawing.figure.volumes import OCTAVES, VolumeBody, input_unit
from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.pieces import Piece
from explorer.drawing.picture.scene import SMALL, Scene
from explorer.drawing.picture.widths import text_width
from explorer.report import Report
from explorer.shape import show

PT_CM = 72 / 2.54  # points in a centimetre
MARGIN = 2.0
HIGHEST = 500.0  # cm; no PDF can be higher than 508
LEGEND = 10.0  # above the legend
TALL = 0.21  # how high the largest map may be, of the room
PAGE = 24.0  # cm; maps in rows are drawn smaller, so that they fit on a page if they can
TOLD: tuple[Told, ...] = ("line", "pair", "turned")
SEEN = 2.0  # how many times as large as the largest map the input may be to be drawn like one


class DoesNotFit(ValueError):
    """A figure that cannot be as it was asked for; the text says what would do."""


def compose(report: Report, options: Options) -> tuple[Scene, float]:
    """The scene and how many points one of its pixels is. Raises DoesNotFit, or ValueError where nothing is drawn."""
    if report.network is None:
        raise ValueError("a module's report has no blocks to draw")
    drawn = units(report, options.level)
    if not drawn:
        raise ValueError("the stack is empty, or its first block does not fit: there is nothing to draw")
    point = options.smallest_pt / SMALL
    room = options.width_cm * PT_CM / point - 2 * MARGIN
    made = volumes if options.style == "volumes" else blocks
    rows, entries = made(report, options, drawn, room)
    canvas = Canvas(True, "plain")
    folds = options.layout == "folded"
    aside = max(0.0, room - rows.width) / 2 if folds else 0.0  # folded is as wide as it was asked for
    rows.draw(canvas, MARGIN + aside, MARGIN)
    explained = [*shortcuts(drawn), *entries]
    _, wide, _ = legend(explained, 0.0, 0.0, room)
    left = MARGIN + max(0.0, min(aside, room - wide))  # below the first row's beginning
    parts, wide, high = legend(explained, left, MARGIN + rows.height + LEGEND, room)
    canvas.parts += parts
    width, height = max(rows.width, wide, room if folds else 0.0), rows.height + (LEGEND + high if parts else 0.0)
    if width > room + 1e-6:
        needs = (width + 2 * MARGIN) * point / PT_CM
        raise DoesNotFit(
            f"The figure needs {up(needs)} cm in type of {options.smallest_pt:g} pt, and there are "
            f"{options.width_cm:g}; take a greater width or smaller type."
        )
    for text in texts(canvas.parts):
        text.text = shown(text)
    scene = Scene(width + 2 * MARGIN, height + 2 * MARGIN, described(report), canvas.parts)
    if scene.height * point / PT_CM > HIGHEST:
        raise DoesNotFit(
            f"The figure would be {scene.height * point / PT_CM:,.0f} cm high, more than {HIGHEST:g}; "
            "take a greater width, or the level stages."
        )
    return scene, point


def described(report: Report) -> str:
    """What the figure says to those who do not see it."""
    assert report.network is not None
    cards = ", ".join(card_name(card) for card in report.cards[:40] if card.status == "ok")
    name = report.network.name or "Network"
    return f"{name}, {show(report.input_shape)} to {show(report.output_shape)}: {cards}"


def blocks(report: Report, options: Options, drawn: Sequence[Unit], room: float) -> tuple[Rows, list[Entry]]:
    """The rows of a figure of boxes, and what has to be explained of them."""
    folds = options.layout == "folded"
    tried: list[list[Piece]] = []
    for pieces in forms(report, options, drawn, room):
        longest = max(piece.length for piece in pieces)
        if natural(pieces) <= room or (folds and longest <= room - 24):
            return Rows(pieces, room, folds), []
        tried.append(pieces)
    raise too_wide(options, min(map(natural, tried)), min(max(piece.length for piece in form) for form in tried))


def too_wide(options: Options, row: float, longest: float) -> DoesNotFit:
    """The refusal, with the ways out."""
    factor = options.smallest_pt / SMALL / PT_CM
    if options.layout == "folded":
        needs = (longest + 24 + 2 * MARGIN) * factor
        return DoesNotFit(
            f"The widest block needs {up(needs)} cm in type of {options.smallest_pt:g} pt, and there are "
            f"{options.width_cm:g}; take a greater width, smaller type, or the level stages."
        )
    needs = (row + 2 * MARGIN) * factor
    return DoesNotFit(
        f"In one row this network needs {up(needs)} cm in type of {options.smallest_pt:g} pt, and there are "
        f"{options.width_cm:g}; take the layout folded, a greater width, or the level stages."
    )


def up(length: float) -> str:
    """Centimetres that are enough, to a tenth."""
    return f"{-(-length * 10 // 1) / 10:.1f}"


def forms(report: Report, options: Options, drawn: Sequence[Unit], room: float) -> Iterator[list[Piece]]:
    """The pieces of a figure, from the form that says most to the one that is shortest."""

    def pieces(body: Callable[[Unit], Body], told: Told, slim: bool = False) -> list[Piece]:
        made: list[Piece] = [InputPiece(report.input_shape, options.captions)]
        for unit in drawn:
            boxed = body(unit)
            piece = UnitPiece(unit, boxed, told if options.captions else "none", ends=unit is drawn[-1])
            made.append(piece if isinstance(boxed, FrameBody) else with_shortcut(unit, piece, slim))
        return made

    def framed(unit: Unit) -> Body:
        frame = FrameBody(unit)
        return frame if frame.width <= room - 24 else CardBody(unit, "small")

    if options.level == "operations":
        yield pieces(framed, "line")
        return
    sizes: list[LineRole] = (
        ["small"] if any(NEXT in line for unit in drawn for line in unit.lines) else ["line", "small"]
    )
    for size in sizes:
        for told in TOLD[:2]:
            yield pieces(lambda unit, size=size: CardBody(unit, size), told)  # type: ignore[misc]
    height = slim_height(drawn)
    for told in TOLD[1:]:
        yield pieces(lambda unit: SlimBody(unit, height), told, slim=True)


def volumes(report: Report, options: Options, drawn: Sequence[Unit], room: float) -> tuple[Rows, list[Entry]]:
    """The rows of a figure of maps, as large as the width allows, and what has to be explained of them."""
    folds = options.layout == "folded"
    shown = list(drawn)
    largest = max(size for unit in shown for size in (unit.shape[1:] or (1,)))
    # A picture far larger than any map would leave only specks of these: it is named, not drawn.
    begins = max(report.input_shape[1:]) <= SEEN * largest
    if begins:
        shown.insert(0, input_unit(report.input_shape))
        largest = max(largest, *report.input_shape[1:])
    named = [", ".join(unit.lines) if options.level == "stages" and unit.lines else unit.title for unit in shown]

    def pieces(scale: float, told: Told, octave: float) -> list[Piece]:
        made: list[Piece] = [] if begins else [InputPiece(report.input_shape, options.captions)]
        for name, same in groupby(zip(named, shown, strict=True), key=lambda pair: pair[0]):
            run = [unit for _, unit in same]
            least = 0.5 + max(text_width(word, SMALL) for word in name.split() or [""]) / len(run)
            for unit in run:
                ends = begins and unit is shown[0], unit is shown[-1]
                piece = UnitPiece(unit, VolumeBody(unit, scale, octave), told if options.captions else "none", *ends)
                piece.length = max(piece.length, least)
                made.append(with_shortcut(unit, piece))
        return made

    names = named if begins else ["", *named]
    page = PAGE * PT_CM / options.smallest_pt * SMALL
    most = room * TALL / largest
    for octave, told in product(OCTAVES, TOLD):

        def fits(scale: float, told: Told = told, octave: float = octave) -> bool:
            made = pieces(scale, told, octave)
            return Rows(made, room, True, names).height <= page if folds else natural(made) <= room

        if folds or fits(most / 8):
            scale = largest_that(fits, most / 8, most)
            return Rows(pieces(scale, told, octave), room, folds, names), scales(octave, room)
    shortest = pieces(most / 8, TOLD[-1], OCTAVES[-1])
    raise too_wide(options, natural(shortest), max(piece.length for piece in shortest))


def largest_that(fits: Callable[[float], bool], low: float, high: float) -> float:
    """Nearly the largest number up to `high` that fits; `low` does."""
    if fits(high):
        return high
    while high - low > low / 50:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
