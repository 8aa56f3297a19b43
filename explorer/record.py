"""What one copy of a block does to one shape, found once and remembered.

Cost grows with the number of distinct blocks: a record is keyed by the block's fields (its label aside), whether the
copy is the first, its input's shape, whether that input needs a gradient, and how it lies in memory: a layer norm
leaves its map with the channels together, and a later flattening then copies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from torch import nn

from explorer.block import Block
from explorer.layers import weights
from explorer.reach import is_uneven
from explorer.shape import MAX_CHANNELS, Shape, ShapeError
from explorer.trace import Trace, trace

REMEMBERED = 2048  # records; at some 10 kB each they stay below 20 MB


@dataclass(frozen=True, slots=True)
class Record:
    """One copy of a block on one input shape."""

    block: Block  # without its label
    in_shape: Shape
    out_shape: tuple[int, ...]  # a Shape, or (classes,) after a head
    trace: Trace
    shared: dict[str, tuple[tuple[int, ...], ...]]  # shapes of the parameters that may be shared, by layer
    chosen: dict[str, str]  # what `auto` chose, by field
    shortcut_params: int  # of the layers on the shortcut
    uneven: bool  # whether it upsamples, see explorer/reach.py


class Find(Protocol):
    """What finds the record of one copy: `record`, or one of those that `apart` makes."""

    def __call__(
        self, block: Block, first: bool, in_shape: Shape, requires_grad: bool, strides: tuple[int, ...] | None = None
    ) -> Record: ...


def skeleton(block: Block, in_shape: Shape, first: bool = True) -> nn.Module:
    """The module of one copy without memory; counted, never run."""
    with weights("none"):
        return block.build(in_shape, first)


def record(
    block: Block, first: bool, in_shape: Shape, requires_grad: bool, strides: tuple[int, ...] | None = None
) -> Record:
    """The record of one copy of `block`, the same for all labels; raises ShapeError."""
    if block.label:
        block = block.model_copy(update={"label": ""})
    return _record(block, first, in_shape, requires_grad, strides)


def apart(remembered: int) -> Find:
    """A `record` with a memory of its own, for a look at many networks that must not push out what is in use.

    Two copies of a block stand for any greater number of them, as `Block.build` promises.
    """
    own = lru_cache(maxsize=remembered)(_observe)

    def find(
        block: Block, first: bool, in_shape: Shape, requires_grad: bool, strides: tuple[int, ...] | None = None
    ) -> Record:
        if block.label or block.copies > 2:
            block = block.model_copy(update={"label": "", **({"repeat": 2} if block.copies > 2 else {})})
        return own(block, first, in_shape, requires_grad, strides)

    return find


def _observe(
    block: Block, first: bool, in_shape: Shape, requires_grad: bool, strides: tuple[int, ...] | None
) -> Record:
    module = skeleton(block, in_shape, first)
    traced = trace(module, in_shape, requires_grad=requires_grad, throwaway=True, strides=strides)
    out_shape: tuple[int, ...] = traced.output_shape
    if len(out_shape) == 3:
        out_shape = Shape(*out_shape)
        if out_shape.channels > MAX_CHANNELS:
            raise ShapeError(f"makes {out_shape.channels:,} channels, more than {MAX_CHANNELS:,}", title=block.title)
    shared = {}
    if block.shared_name:
        for name, layer in block.shareable(module).items():
            shared[name] = tuple(tuple(parameter.shape) for parameter in layer.parameters())
    side = getattr(module, "shortcut", None)
    side_params = sum(p.numel() for p in side.parameters()) if isinstance(side, nn.Module) else 0
    return Record(
        block, in_shape, out_shape, traced, shared, block.resolve(in_shape, first), side_params, is_uneven(traced)
    )


_record = lru_cache(maxsize=REMEMBERED)(_observe)


def forget() -> None:
    """Forgets all records, as if the process had just begun."""
    _record.cache_clear()
