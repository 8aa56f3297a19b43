"""Sums, products, comparisons, means and concatenation."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from explorer.rules.registry import RULES, Sizes, dense, laid_out_as, meet, overwrite, rule, show
from explorer.symbol import Rule, Symbol, Tracer


def broadcast(tracer: Tracer, verb: str, *shapes: Sizes) -> Sizes:
    try:
        return tuple(torch.broadcast_shapes(*shapes))
    except RuntimeError as error:
        raise tracer.error(f"{verb} {' and '.join(show(shape) for shape in shapes)}, which do not fit") from error


def binary(op: str, verb: str, keeps: bool = False, divides: bool = False, dtype: torch.dtype | None = None) -> Rule:
    def apply(tracer: Tracer, input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Symbol:
        if type(input) is not Symbol or type(other) is not Symbol:
            if isinstance(other, int | float):
                result = scalar(tracer, input)
                tracer.operations[-1].options = {"number": other}
                return result
            input, other = tracer.operand(input), tracer.operand(other)
        sizes = input.sizes
        strides = axes = None
        if sizes != other.sizes:
            sizes = broadcast(tracer, verb, sizes, other.sizes)
            axes = input.axes if len(input.sizes) == len(sizes) else other.axes
        elif input.strides is not None:
            strides = dense(input)
        field = input.field
        if field != other.field or input.axes != other.axes:
            field = meet((input, other))
        result = tracer.emit(
            op,
            (input, other),
            sizes,
            0,
            math.prod(sizes),
            field,
            dtype or (input.dtype if input.dtype.is_floating_point else other.dtype),
            strides=strides,
            axes=axes or input.axes,
        )
        if keeps and result.requires_grad:
            if other.requires_grad:
                tracer.save(input)
            if input.requires_grad or (divides and other.requires_grad):
                tracer.save(other)
        return result

    def scalar(tracer: Tracer, input: Symbol) -> Symbol:
        sizes = input.sizes
        return tracer.emit(
            op,
            (input,),
            sizes,
            0,
            math.prod(sizes),
            input.field,
            dtype or input.dtype,
            strides=dense(input),
            axes=input.axes,
        )

    return apply


def reflected(made: Rule) -> Rule:
    """`number - symbol` and the like."""

    def method(self: Symbol, other: Any) -> Any:
        if isinstance(other, int | float):
            return made(self.tracer, self, other)
        return made(self.tracer, other, self)

    return method


ARITHMETIC = {
    "add": ("add", "adds", False, False),
    "sub": ("sub", "subtracts", False, False),
    "mul": ("mul", "multiplies", True, False),
    "div": ("div", "divides", True, True),
}
for name, (op, verb, keeps, divides) in ARITHMETIC.items():
    made = binary(op, verb, keeps, divides)
    rule(name, f"__{name}__")(made)
    setattr(Symbol, f"__r{name}__", reflected(made))
rule("true_divide", "divide", "__truediv__")(RULES[torch.div])
rule("multiply")(RULES[torch.mul])
rule("subtract")(RULES[torch.sub])
Symbol.__rtruediv__ = lambda self, other: torch.reciprocal(self) * other  # type: ignore[attr-defined]
for name, sign in {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}.items():
    rule(name, f"__{name}__")(binary(name, f"compares ({sign})", dtype=torch.bool))


def add_in_place(op: str) -> Rule:
    def apply(tracer: Tracer, input: Any, other: Any, *, alpha: Any = 1) -> Symbol:
        target = tracer.operand(input)
        if isinstance(other, int | float):
            return overwrite(tracer, op, target, (target,))
        other = tracer.operand(other)
        if broadcast(tracer, f"{op}s in place", target.sizes, other.sizes) != target.sizes:
            raise tracer.error(f"{op}s {show(other.sizes)} in place to the smaller {show(target.sizes)}")
        return overwrite(tracer, op, target, (target, other))

    return apply


rule("add_", "__iadd__")(add_in_place("add"))
rule("sub_", "__isub__")(add_in_place("sub"))


@rule("where")
def where(tracer: Tracer, condition: Any, input: Any = None, other: Any = None) -> Symbol:
    condition = tracer.operand(condition)
    branches = [tracer.operand(each) for each in (input, other) if not isinstance(each, int | float)]
    sizes = broadcast(tracer, "chooses between", condition.sizes, *(each.sizes for each in branches))
    result = tracer.emit("where", (condition, *branches), sizes, 0, math.prod(sizes), meet(branches), branches[0].dtype)
    if result.requires_grad:
        tracer.save(condition)
    return result


@rule("mean")
def mean(tracer: Tracer, input: Symbol, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Symbol:
    rank = len(input.sizes)
    named = range(rank) if dim is None else (dim,) if isinstance(dim, int) else dim
    over = {each % rank for each in named}
    if keepdim:
        sizes = tuple(1 if index in over else size for index, size in enumerate(input.sizes))
    else:
        sizes = tuple(size for index, size in enumerate(input.sizes) if index not in over)
    field = input.field if keepdim and not over & set(input.axes) else None
    return tracer.emit("mean", (input,), sizes, 0, math.prod(sizes), field, axes=input.axes)


@rule("cat", "concat", "concatenate")
def cat(tracer: Tracer, tensors: Sequence[Any] | Symbol, dim: int = 0) -> Symbol:
    # torch takes no lone tensor here: a symbol comes from `tensors if not isinstance(tensors, Tensor) else [tensors]`.
    operands = [tensors] if isinstance(tensors, Symbol) else [tracer.operand(each) for each in tensors]
    first = operands[0]
    rank = len(first.sizes)
    dim %= rank
    size = 0
    for operand in operands:
        size += operand.sizes[dim]
        if operand.sizes[:dim] != first.sizes[:dim] or operand.sizes[dim + 1 :] != first.sizes[dim + 1 :]:
            raise tracer.error(f"concatenates {show(first.sizes)} and {show(operand.sizes)}, which do not fit")
    sizes = (*first.sizes[:dim], size, *first.sizes[dim + 1 :])
    field = meet(operands) if dim not in first.axes else None
    strides = None
    if first.strides is not None and all(operand.strides is not None for operand in operands):
        strides = laid_out_as(first, sizes)
    return tracer.emit(
        "cat", operands, sizes, 0, math.prod(sizes), field, first.dtype, strides=strides, axes=first.axes
    )
