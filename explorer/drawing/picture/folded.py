"""A network in the size of a stamp: a block a card in its family's colour, as high as its map, copies as slices."""

from __future__ import annotations

from math import log2

from explorer.drawing.picture.graph import Graph
from explorer.drawing.picture.layout import DASHES
from explorer.drawing.picture.memory import copy_graph
from explorer.drawing.picture.scene import SMALL, Box, Item, Path, Pen, Scene, Text
from explorer.drawing.picture.widths import text_width
from explorer.network import walk
from explorer.report import Card, Report
from explorer.shape import Shape, ShapeError, show

EDGE = 4.0
ROOM = 20.0  # above the blocks, for arcs and ×N
OVER = 4.5  # of an arc above its block
MOST = 8  # slices of a block that stands many times
SLICE = 0.32  # how wide a further copy is beside a block that stands once
HEAD = 0.4  # and how wide one that makes no map
FLAT = 12.0  # and how high


def folded_scene(report: Report, width: float, height: float) -> Scene:
    """The network in a picture of this very size."""
    if report.network is None:
        raise ValueError("a module's report has no cards to draw")
    graphs: dict[int, Graph] = {}
    try:
        for step in walk(report.network):
            if step.card not in graphs:
                found = step.record
                graphs[step.card] = copy_graph(found.block, Shape(*found.in_shape), step.first == 0)
    except ShapeError:
        pass  # cards from there on are drawn without a size of their own
    weights = [weight(card) for card in report.cards]
    gap = min(6.5, width / max(1, 4 * len(weights)))
    unit = (width - 2 * EDGE - gap * (len(weights) - 1)) / max(1.0, sum(weights))
    unit = min(unit, 24.0)
    used = unit * sum(weights) + gap * (len(weights) - 1)
    x = (width - used) / 2
    low = height - EDGE
    middle = (ROOM + low) / 2
    tallest = (low - ROOM) / max([0.5, *(relative(card, report.input_shape) for card in report.cards)])
    parts: list[Item] = []
    last: float | None = None
    for card, share in zip(report.cards, weights, strict=True):
        family = type(report.network.blocks[card.index]).family
        colour = "error" if card.status == "error" else "strong_line" if card.status == "waiting" else family
        size = FLAT if len(card.output_shape) == 1 else tallest * relative(card, report.input_shape)
        if last is not None:
            parts.append(Path([(last, middle), (x, middle)], Pen("faint", 1.0)))
        parts += block_parts(card, x, unit * share, middle, size, colour, graphs.get(card.index), gap)
        last = x + unit * share
        x = last + gap
    cards = len(report.cards)
    label = f"{show(report.input_shape)} to {show(report.output_shape)}, {cards} {'card' if cards == 1 else 'cards'}"
    return Scene(width, height, label, parts)


def slices(card: Card) -> int:
    """As how many slices a card is drawn."""
    return min(card.repeat, MOST)


def weight(card: Card) -> float:
    """How wide a card is beside one that stands once."""
    return HEAD if len(card.output_shape) == 1 else 1.0 + SLICE * (slices(card) - 1)


def relative(card: Card, image: tuple[int, ...]) -> float:
    """The height of the map that a card makes, from 1 for the image's to 0.16 for a single row, by its logarithm."""
    shape = card.output_shape
    if len(shape) != 3:
        return 0.3
    whole = log2(max(2, image[1]))
    return 0.16 + 0.84 * min(1.0, log2(max(1, shape[1])) / whole)


def block_parts(
    card: Card, x: float, width: float, middle: float, size: float, colour: str, graph: Graph | None, gap: float
) -> list[Item]:
    """A box in equal slices, a copy each up to a limit, the arc of its shortcut around it, and ×N above."""
    top = middle - size / 2
    count = slices(card)
    parts: list[Item] = [Box(x, top, width, size, min(3.0, width / 3), Pen(colour, 1.2), colour, 0.13)]
    for number in range(1, count):
        at = x + width * number / count
        parts.append(Path([(at, top), (at, top + size)], Pen(colour, 0.8)))
    shortcut = graph.shortcut if graph is not None else None
    if shortcut is not None and gap > 4:
        left, right, over, round = x - gap * 0.27, x + width + gap * 0.27, top - OVER, min(5.0, width / 2)
        rise = (left, over + round * 0.45, left + round * 0.45, over, left + round, over)
        fall = (right - round * 0.45, over, right, over + round * 0.45, right, over + round)
        steps = [(left, middle), (left, over + round), rise, (right - round, over), fall, (right, middle)]
        parts.append(Path(steps, Pen(colour, 1.1, DASHES[shortcut.kind])))
    words = f"×{card.repeat}"
    if card.repeat > 1 and text_width(words, SMALL) <= width + 4:
        parts.append(Text(x + width / 2, top - (8.0 if shortcut is not None else 4.0), words, "small", "muted"))
    return parts
