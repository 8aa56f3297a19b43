"""One renderer: a block or a network as SVG, drawn from its trace, from a miniature to the whole.

Colours are the page's variables (`var(--xp-residual)`), or values where a `Palette` is given for a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from explorer.block import Block
from explorer.drawing.palette import Palette
from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.folded import folded_scene
from explorer.drawing.picture.graph import summary
from explorer.drawing.picture.layout import Builder
from explorer.drawing.picture.memory import alike, copy_graph, small
from explorer.drawing.picture.network import network_scene
from explorer.drawing.picture.scene import Scene
from explorer.drawing.picture.svg import svg
from explorer.drawing.picture.tangle import LargeStyle
from explorer.report import Report
from explorer.shape import Shape

__all__ = ["folded", "folded_scene", "inside", "inside_scene", "miniature", "network", "network_scene"]

MARGIN = 6.0


def inside_scene(block: Block, in_shape: Sequence[int], first: bool = True) -> Scene:
    """One copy of a block from left to right."""
    graph = copy_graph(block, in_shape, first)
    row = Builder(graph, LargeStyle(across=True)).whole()
    canvas = Canvas(True, type(block).family)
    row.draw(canvas, MARGIN, MARGIN + row.before)
    label = f"{type(block).title}, {summary(graph)}"
    return Scene(row.length + 2 * MARGIN, row.before + row.after + 2 * MARGIN, label, canvas.parts)


@lru_cache(maxsize=512)
def _inside(block: Block, in_shape: Shape, first: bool, colours: Palette | None) -> str:
    return svg(inside_scene(block, in_shape, first), colours)


def inside(block: Block, in_shape: Sequence[int], *, first: bool = True, colours: Palette | None = None) -> str:
    """SVG of one copy's inside, left to right: kernels, widths, norms, shapes beside the lines. Raises ShapeError."""
    return _inside(alike(block), Shape(*in_shape), first, colours)


def miniature(block: Block, in_shape: Sequence[int] | None = None, *, colours: Palette | None = None) -> str:
    """SVG of 44×30 of one copy's inside, without words.

    Where the block cannot stand on `in_shape`, or that is not known, it is drawn on a shape that its kind's examples
    take, and as its kind's example where it stands on none of them.
    """
    return svg(small(block, in_shape), colours, dashes=0.55)


def network(
    report: Report,
    opened: Iterable[str] = frozenset(),
    selected: Iterable[str | int] = frozenset(),
    *,
    across: bool = False,
    colours: Palette | None = None,
) -> str:
    """SVG of a whole network, downwards or `across`; a card that does not fit is red, those behind it are grey.

    `opened` are paths: "3" opens a card to its copies, or where it stands once to its operations, "3.0" opens a copy.
    `selected` are paths too, or numbers of cards. Groups carry `data-card` and `data-path`; what opens or closes
    carries `data-toggle`.
    """
    return svg(network_scene(report, frozenset(opened), frozenset(map(str, selected)), across), colours)


def folded(report: Report, width: float, height: float, *, colours: Palette | None = None) -> str:
    """SVG of a whole network in this size: a block a card, as high as its map, copies as slices, no words but ×N."""
    return svg(folded_scene(report, width, height), colours, dashes=0.6)
