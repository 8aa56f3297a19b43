"""The table of rules, and what rules are written with.

A rule has the signature of its torch function after the tracer, and returns a symbol. What it says autograd saves is
that of training, whatever the mode; `tests/test_trace.py` holds each against autograd itself.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from explorer import field as fields
from explorer.symbol import Rule, Symbol, Tracer

Sizes = tuple[int, ...]
RULES: dict[Any, Rule] = {}  # torch function -> rule, None -> all others; filled on import, only read afterwards


def rule(*names: str, functions: Sequence[Any] = ()) -> Callable[[Rule], Rule]:
    """Registers a rule for functions, and for all that bear the names: of torch, and methods of a tensor."""

    def register(made: Rule) -> Rule:
        for function in functions:
            RULES[function] = made
        for name in names:
            for place in (torch, F, torch.Tensor):
                function = getattr(place, name, None)
                if function is not None:
                    RULES[function] = made
            if hasattr(torch.Tensor, name):
                setattr(Symbol, name, as_method(made))
        return made

    return register


def as_method(made: Rule) -> Rule:
    def method(self: Symbol, *args: Any, **kwargs: Any) -> Any:
        return made(self.tracer, self, *args, **kwargs)

    return method


def pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return (value[0], value[1]) if len(value) > 1 else (value[0], value[0])


def dimensions(args: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes or dimensions given one by one or as one sequence."""
    return tuple(args[0]) if len(args) == 1 and not isinstance(args[0], int) else args


def meet(operands: Sequence[Symbol]) -> fields.Field | None:
    """The field of what depends on several symbols: constants see nothing."""
    found: fields.Field | None = None
    axes = None
    for operand in operands:
        if operand.live:
            axes = axes or operand.axes
            if operand.field is None or operand.axes != axes:
                return None
            if found is None:
                found = operand.field
            elif found != operand.field:
                y, x = axes
                found = fields.union(found, operand.field, (operand.sizes[y] == 1, operand.sizes[x] == 1))
                if found is None:
                    return None
    return found


def overwrite(tracer: Tracer, op: str, target: Symbol, operands: Sequence[Symbol], keep: bool = False) -> Symbol:
    """An operation in place: the same memory, a new maker."""
    sizes = target.sizes
    field = target.field if len(operands) == 1 else meet(operands)
    result = tracer.emit(op, operands, sizes, 0, math.prod(sizes), field, target.dtype, view_of=target)
    if keep and result.requires_grad:
        tracer.save(target)
    target.op, target.requires_grad, target.field, target.live = result.op, result.requires_grad, field, result.live
    return target


def is_contiguous(sizes: Sizes, strides: Sizes) -> bool:
    """Whether the elements follow each other; a first dimension of 1 stands for a batch of any size."""
    step = 1
    for index in range(len(sizes) - 1, -1, -1):
        size = sizes[index]
        if strides[index] != step and (size != 1 or index == 0):
            return False
        step *= size
    return True


def dense(input: Symbol) -> Sizes | None:
    """The strides of what an elementwise operation makes of it: packed, in the same order."""
    if input.strides is None:
        return None
    sizes = input.sizes
    order = sorted(range(len(sizes)), key=lambda index: -input.strides[index])  # type: ignore[index]
    strides = [0] * len(sizes)
    step = 1
    for index in reversed(order):
        strides[index] = step
        step *= sizes[index]
    return None if is_contiguous(sizes, tuple(strides)) else tuple(strides)


def channels_last(sizes: Sizes) -> Sizes:
    """The strides of a map whose channels lie together at each position."""
    _, channels, height, width = sizes
    return (channels * height * width, 1, width * channels, channels)


def laid_out_as(input: Symbol, sizes: Sizes) -> Sizes | None:
    """The strides of a new map that keeps the order of an old one: convolutions and pools do for channels last."""
    if input.strides is None or input.strides != channels_last(input.sizes):
        return None
    strides = channels_last(sizes)
    return None if is_contiguous(sizes, strides) else strides


def show(sizes: Sizes) -> str:
    """A shape without its batch, as people write it."""
    return "×".join(map(str, sizes[1:])) if len(sizes) > 1 else str(sizes)
