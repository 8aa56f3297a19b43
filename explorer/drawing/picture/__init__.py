"""One renderer: a block or a network as SVG, drawn from its trace, from a miniature to the whole."""

from __future__ import annotations

from functools import lru_cache

from explorer.block import Block
from explorer.drawing.palette import Palette
from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.graph import Graph, fuse, summary
from explorer.drawing.picture.layout import Builder
from explorer.drawing.picture.scene import Scene
from explorer.drawing.picture.svg import svg
from explorer.drawing.picture.tangle import LargeStyle
from explorer.drawing.picture.tiny import miniature_scene
from explorer.record import record
from explorer.shape import Shape, ShapeError

MARGIN = 6.0


@lru_cache(maxsize=512)
def copy_graph(block: Block, in_shape: Shape, first: bool = True) -> Graph:
    """The graph of one copy. Raises ShapeError."""
    found = record(block, first, in_shape, True)
    return fuse(found.trace, in_shape, block.has_shortcut())


def inside_scene(block: Block, in_shape: Shape, first: bool = True) -> Scene:
    """One copy of a block from left to right."""
    graph = copy_graph(block, in_shape, first)
    row = Builder(graph, LargeStyle(across=True)).whole()
    canvas = Canvas(True, type(block).family)
    row.draw(canvas, MARGIN, MARGIN + row.before)
    label = f"{type(block).title}, {summary(graph)}"
    return Scene(row.length + 2 * MARGIN, row.before + row.after + 2 * MARGIN, label, canvas.parts)


@lru_cache(maxsize=512)
def inside(block: Block, in_shape: Shape, *, first: bool = True, colours: Palette | None = None) -> str:
    """SVG of one copy's inside, left to right: kernels, widths, norms, shapes beside the lines. Raises ShapeError."""
    return svg(inside_scene(block, in_shape, first), colours)


@lru_cache(maxsize=1024)
def miniature(block: Block, in_shape: Shape | None = None, *, colours: Palette | None = None) -> str:
    """SVG of 44×30 of one copy's inside, without words.

    Where the block cannot stand on `in_shape`, or that is not known, it is drawn on a shape that its kind's examples
    take, and as its kind's example where it stands on none of them.
    """
    kind = type(block)
    shapes = [shape for shape in (in_shape, *(example for _, example in kind.examples)) if shape is not None]
    fields, shape = kind.examples[0]
    for candidate, on in [*((block, shape) for shape in shapes), (kind(**fields), shape)]:
        try:
            graph = copy_graph(candidate, on)
        except ShapeError:
            continue
        return svg(miniature_scene(graph, kind.family, kind.title), colours, dashes=0.55)
    raise AssertionError("a kind's own example can be built")
