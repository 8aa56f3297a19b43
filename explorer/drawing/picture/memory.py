"""Graphs and small drawings of blocks, each made once: they depend on a block and its input alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from explorer.block import Block
from explorer.drawing.picture.graph import Graph, fuse
from explorer.drawing.picture.scene import Scene
from explorer.drawing.picture.tiny import miniature_scene
from explorer.record import record
from explorer.shape import Shape, ShapeError


def alike(block: Block) -> Block:
    """One block for all that look the same: its name and the number of its copies change no drawing of one copy."""
    changes: dict[str, object] = {"label": ""} if block.label else {}
    if block.copies > 2:
        changes["repeat"] = 2  # as for records: two copies stand for any greater number
    return block.model_copy(update=changes) if changes else block


@lru_cache(maxsize=1024)
def _graph(block: Block, in_shape: Shape, first: bool) -> Graph:
    return fuse(record(block, first, in_shape, True).trace, in_shape, block.has_shortcut())


def copy_graph(block: Block, in_shape: Sequence[int], first: bool = True) -> Graph:
    """The graph of one copy. Raises ShapeError."""
    return _graph(alike(block), Shape(*in_shape), first)


@lru_cache(maxsize=1024)
def _small(block: Block, in_shape: Shape | None, first: bool) -> Scene:
    kind = type(block)
    shapes = [shape for shape in (in_shape, *(example for _, example in kind.examples)) if shape is not None]
    fields, shape = kind.examples[0]
    for candidate, on in [*((block, shape) for shape in shapes), (kind(**fields), shape)]:
        try:
            graph = copy_graph(candidate, on, first)
        except ShapeError:
            continue
        return miniature_scene(graph, kind.family, kind.title)
    raise AssertionError("a kind's own example can be built")


def small(block: Block, in_shape: Sequence[int] | None, first: bool = True) -> Scene:
    """The miniature of one copy, on `in_shape` if the block can stand on it."""
    return _small(alike(block), Shape(*in_shape) if in_shape is not None and len(in_shape) == 3 else None, first)
