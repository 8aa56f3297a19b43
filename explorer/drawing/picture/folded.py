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

EDGE = 3.0
ROOM = 16.0  # above the blocks, for arcs and ×N
MOST = 8  # slices of a block that stands many times
SLICE = 2.6  # how wide a further copy is beside the first


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
    weights = [1.0 + SLICE / 9 * (slices(card) - 1) for card in report.cards]
    gap = min(5.0, width / max(1, 4 * len(weights)))
    unit = (width - 2 * EDGE - gap * (len(weights) - 1)) / max(1.0, sum(weights))
    unit = min(unit, 26.0)
    used = unit * sum(weights) + gap * (len(weights) - 1)
    x = (width - used) / 2
    low = height - EDGE
    middle = (ROOM + low) / 2
    tallest = low - ROOM
    parts: list[Item] = []
    last: float | None = None
    for card, weight in zip(report.cards, weights, strict=True):
        family = type(report.network.blocks[card.index]).family
        colour = "error" if card.status == "error" else "strong_line" if card.status == "waiting" else family
        size = tallest * relative(card, report.input_shape)
        if last is not None:
            parts.append(Path([(last, middle), (x, middle)], Pen("faint", 1.0)))
        parts += block_parts(card, x, unit * weight, middle, size, colour, graphs.get(card.index))
        last = x + unit * weight
        x = last + gap
    cards = len(report.cards)
    label = f"{show(report.input_shape)} to {show(report.output_shape)}, {cards} {'card' if cards == 1 else 'cards'}"
    return Scene(width, height, label, parts)


def slices(card: Card) -> int:
    """As how many slices a card is drawn."""
    return min(card.repeat, MOST)


def relative(card: Card, image: tuple[int, ...]) -> float:
    """The height of what a card makes, from 1 for the image's to 0.16 for a single value, by its logarithm."""
    shape = card.output_shape
    if len(shape) != 3 or card.status != "ok":
        return 0.3 if card.status != "ok" else 0.22
    whole = log2(max(2, image[1]))
    return 0.16 + 0.84 * min(1.0, log2(max(1, shape[1])) / whole)


def block_parts(
    card: Card, x: float, width: float, middle: float, size: float, colour: str, graph: Graph | None
) -> list[Item]:
    """A box, its further copies as slices, the arc of its shortcut, and ×N above."""
    parts: list[Item] = []
    top = middle - size / 2
    count = slices(card)
    first = width / (1 + SLICE / 9 * (count - 1))
    step = (width - first) / max(1, count - 1)
    parts.append(Box(x, top, width, size, min(3.0, width / 2.5), Pen(colour, 1.2), "surface"))
    for number in range(1, count):
        at = x + first + step * (number - 1)
        parts.append(Path([(at, top), (at, top + size)], Pen(colour, 0.8)))
    shortcut = graph.shortcut if graph is not None else None
    if shortcut is not None and width > 6:
        reach = min(width * 0.42, 14.0)
        rise = 7.0
        centre = x + width / 2
        start, end = centre - reach, centre + reach
        curve = (start, top - rise * 1.3, end, top - rise * 1.3, end, top)
        parts.append(Path([(start, top), curve], Pen(colour, 1.1, DASHES[shortcut.kind])))
    words = f"×{card.repeat}"
    if card.repeat > 1 and text_width(words, SMALL) <= width + 4:
        parts.append(Text(x + width / 2, top - (9.0 if shortcut is not None else 4.0), words, "small", "muted"))
    return parts
