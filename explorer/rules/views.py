"""Views and copies: the same numbers under another shape, in the same memory where torch can."""

import math
import operator
from functools import partial
from typing import Any

import torch

from explorer import field as fields
from explorer.rules.fallback import measured
from explorer.rules.registry import Sizes, channels_last, dense, dimensions, is_contiguous, overwrite, rule, show
from explorer.symbol import CONSTANT, META, Storage, Symbol, Tracer, contiguous_strides


def view(
    tracer: Tracer,
    op: str,
    input: Symbol,
    sizes: Sizes,
    strides: Sizes | None,
    field: fields.Field | None = None,
    axes: tuple[int, int] = (2, 3),
) -> Symbol:
    if strides is not None and is_contiguous(sizes, strides):
        strides = None
    if input.op < -1:  # of a parameter or a constant: nothing happens in the network
        return Symbol(
            tracer, sizes, input.storage, input.op, input.requires_grad, None, False, input.dtype, strides, axes
        )
    result = tracer.emit(op, (input,), sizes, 0, 0, field, input.dtype, input, strides, axes)
    return result


def reshaped(tracer: Tracer, op: str, input: Symbol, sizes: Sizes, may_copy: bool = True) -> Symbol:
    """`view`, `reshape`, `flatten` and their kin."""
    count = math.prod(input.sizes)
    if -1 in sizes:
        known = -math.prod(sizes)
        if known == 0 or count % known:
            raise tracer.error(f"cannot {op} {show(input.sizes)} into {tuple(sizes)}")
        sizes = tuple(count // known if size == -1 else size for size in sizes)
    elif math.prod(sizes) != count:
        raise tracer.error(f"cannot {op} {show(input.sizes)} into {tuple(sizes)}")
    same_map = len(sizes) == len(input.sizes) == 4 and sizes[2:] == input.sizes[2:] and input.axes == (2, 3)
    field = input.field if same_map else None
    if input.strides is None:
        return view(tracer, op, input, sizes, None, field)
    strides = viewed_strides(input.sizes, input.strides, sizes)
    if strides is not None:
        return view(tracer, op, input, sizes, strides, field)
    if not may_copy:
        raise tracer.error(f"cannot view {show(input.sizes)} as {tuple(sizes)} without a copy; use reshape")
    return tracer.emit(op, (input,), sizes, 0, count, field, input.dtype)


def viewed_strides(old: Sizes, strides: Sizes, new: Sizes) -> Sizes | None:
    """The strides of a view of another shape, or None where it takes a copy."""
    try:
        return torch.empty_strided(old, strides, device=META).view(new).stride()
    except RuntimeError:
        return None


@rule("view")
def view_as(tracer: Tracer, input: Symbol, *sizes: Any) -> Symbol:
    return reshaped(tracer, "view", input, dimensions(sizes), may_copy=False)


@rule("reshape")
def reshape(tracer: Tracer, input: Symbol, *sizes: Any, shape: Any = None) -> Symbol:
    return reshaped(tracer, "reshape", input, dimensions(sizes) if shape is None else tuple(shape))


@rule("flatten")
def flatten(tracer: Tracer, input: Symbol, start_dim: int = 0, end_dim: int = -1) -> Symbol:
    rank = len(input.sizes)
    start, end = start_dim % rank, end_dim % rank
    if start == end:
        return input
    sizes = (*input.sizes[:start], math.prod(input.sizes[start : end + 1]), *input.sizes[end + 1 :])
    return reshaped(tracer, "flatten", input, sizes)


@rule("unflatten")
def unflatten(tracer: Tracer, input: Symbol, dim: int, sizes: Any) -> Symbol:
    dim %= len(input.sizes)
    inner = list(sizes)
    if -1 in inner:
        inner[inner.index(-1)] = input.sizes[dim] // -math.prod(inner)
    return reshaped(tracer, "unflatten", input, (*input.sizes[:dim], *inner, *input.sizes[dim + 1 :]))


@rule("permute")
def permute(tracer: Tracer, input: Symbol, *dims: Any) -> Symbol:
    rank = len(input.sizes)
    order = [dim % rank for dim in dimensions(dims)]
    strides = input.strides or contiguous_strides(input.sizes)
    field, axes = input.field, input.axes
    if field is not None:
        axes = (order.index(axes[0]), order.index(axes[1]))
    sizes = input.sizes
    return view(
        tracer,
        "permute",
        input,
        tuple([sizes[dim] for dim in order]),
        tuple([strides[dim] for dim in order]),
        field,
        axes,
    )


@rule("transpose", "swapaxes", "swapdims")
def transpose(tracer: Tracer, input: Symbol, dim0: int, dim1: int) -> Symbol:
    rank = len(input.sizes)
    order = list(range(rank))
    order[dim0 % rank], order[dim1 % rank] = order[dim1 % rank], order[dim0 % rank]
    result = permute(tracer, input, order)
    if result.op >= 0:
        tracer.operations[-1].op = "transpose"
    return result


@rule("squeeze")
def squeeze(tracer: Tracer, input: Symbol, dim: Any = None) -> Symbol:
    rank = len(input.sizes)
    if dim is None:
        gone = {index for index in range(rank) if input.sizes[index] == 1}
    else:
        gone = {each % rank for each in ((dim,) if isinstance(dim, int) else dim) if input.sizes[each] == 1}
    if not gone:
        return input
    keep = [index for index in range(rank) if index not in gone]
    strides = None if input.strides is None else tuple(input.strides[index] for index in keep)
    return view(tracer, "squeeze", input, tuple(input.sizes[index] for index in keep), strides)


@rule("unsqueeze")
def unsqueeze(tracer: Tracer, input: Symbol, dim: int) -> Symbol:
    sizes = list(input.sizes)
    dim %= len(sizes) + 1
    sizes.insert(dim, 1)
    strides = None
    if input.strides is not None:
        listed = list(input.strides)
        listed.insert(dim, 1)
        strides = tuple(listed)
    return view(tracer, "unsqueeze", input, tuple(sizes), strides)


@rule("__getitem__")
def getitem(tracer: Tracer, input: Symbol, index: Any) -> Symbol:
    input = tracer.operand(input)
    parts = index if type(index) is tuple else (index,)
    if any(not isinstance(part, int | slice) and part is not None and part is not Ellipsis for part in parts):
        return measured(tracer, operator.getitem, (input, index), {}, name="index", elementwise=True)
    rank = len(input.sizes)
    named = sum(part is not None and part is not Ellipsis for part in parts)
    if named > rank:
        raise tracer.error(f"indexes {named} dimensions of {show(input.sizes)}")
    if Ellipsis not in parts:
        parts = (*parts, Ellipsis)
    old_strides = input.strides or contiguous_strides(input.sizes)
    sizes: list[int] = []
    strides: list[int] = []
    moved: dict[int, int] = {}
    field, axes = input.field, input.axes
    dim = 0
    for part in parts:
        if part is None:
            sizes.append(1)
            strides.append(0)
        elif part is Ellipsis:
            for _ in range(rank - named):
                moved[dim] = len(sizes)
                sizes.append(input.sizes[dim])
                strides.append(old_strides[dim])
                dim += 1
        elif isinstance(part, slice):
            start, stop, step = part.indices(input.sizes[dim])
            moved[dim] = len(sizes)
            sizes.append(max(0, -(-(stop - start) // step)))
            strides.append(old_strides[dim] * step)
            if field is not None and dim in axes:
                field = fields.move(field, axes, dim, start, step)
            dim += 1
        else:
            if not -input.sizes[dim] <= part < input.sizes[dim]:
                raise tracer.error(f"takes index {part} of {show(input.sizes)}")
            dim += 1
    if field is not None and axes[0] in moved and axes[1] in moved:
        axes = (moved[axes[0]], moved[axes[1]])
    else:
        field = None
    return view(tracer, "slice", input, tuple(sizes), tuple(strides), field, axes)


@rule("__setitem__")
def setitem(tracer: Tracer, input: Symbol, index: Any, value: Any) -> None:
    operands = (input,) if isinstance(value, int | float) else (input, tracer.operand(value))
    overwrite(tracer, "setitem", input, operands)
    if len(operands) > 1:
        tracer.operations[-1].elements = math.prod(operands[1].sizes)


@rule("narrow")
def narrow(tracer: Tracer, input: Symbol, dim: int, start: int, length: int) -> Symbol:
    dim %= len(input.sizes)
    return getitem(tracer, input, (slice(None),) * dim + (slice(start, start + length),))


@rule("select")
def select(tracer: Tracer, input: Symbol, dim: int, index: int) -> Symbol:
    return getitem(tracer, input, (slice(None),) * (dim % len(input.sizes)) + (index,))


@rule("unbind")
def unbind(tracer: Tracer, input: Symbol, dim: int = 0) -> tuple[Symbol, ...]:
    return tuple(select(tracer, input, dim, index) for index in range(input.sizes[dim]))


@rule("split")
def split(tracer: Tracer, tensor: Symbol, split_size_or_sections: Any, dim: int = 0) -> tuple[Symbol, ...]:
    total = tensor.sizes[dim]
    sections = split_size_or_sections
    if isinstance(sections, int):
        sections = [min(sections, total - start) for start in range(0, total, sections)]
    pieces = []
    start = 0
    for length in sections:
        pieces.append(narrow(tracer, tensor, dim, start, length))
        start += length
    if start != total:
        raise tracer.error(f"splits {total} into {tuple(sections)}")
    return tuple(pieces)


@rule("chunk")
def chunk(tracer: Tracer, input: Symbol, chunks: int, dim: int = 0) -> tuple[Symbol, ...]:
    return split(tracer, input, -(-input.sizes[dim] // chunks), dim)


@rule("contiguous")
def contiguous(tracer: Tracer, input: Symbol, memory_format: Any = torch.contiguous_format) -> Symbol:
    sizes = input.sizes
    strides = None
    if memory_format is torch.channels_last:
        strides = channels_last(sizes)
        strides = None if is_contiguous(sizes, strides) else strides
    if strides == input.strides:
        return input
    return tracer.emit(
        "contiguous", (input,), sizes, 0, math.prod(sizes), input.field, input.dtype, None, strides, input.axes
    )


@rule("clone")
def clone(tracer: Tracer, input: Symbol, **kwargs: Any) -> Symbol:
    sizes = input.sizes
    return tracer.emit(
        "clone", (input,), sizes, 0, math.prod(sizes), input.field, input.dtype, None, dense(input), input.axes
    )


@rule("detach")
def detach(tracer: Tracer, input: Symbol) -> Symbol:
    """The same tensor to the network; nothing to backward."""
    return Symbol(
        tracer,
        input.sizes,
        input.storage,
        input.op,
        False,
        input.field,
        input.live,
        input.dtype,
        input.strides,
        input.axes,
    )


Symbol.data = property(lambda self: detach(self.tracer, self))  # type: ignore[attr-defined]


@rule("to", "type_as", "cpu", "cuda")
def to(tracer: Tracer, input: Symbol, *args: Any, memory_format: Any = None, **kwargs: Any) -> Symbol:
    """A change of type copies; a change of device cannot be seen."""
    for value in (*args, *kwargs.values()):
        dtype = value.dtype if isinstance(value, Symbol | torch.Tensor) else value
        if isinstance(dtype, torch.dtype) and dtype != input.dtype:
            sizes = input.sizes
            return tracer.emit(
                "to", (input,), sizes, 0, math.prod(sizes), input.field, dtype, None, dense(input), input.axes
            )
    if memory_format in (torch.channels_last, torch.contiguous_format):
        return contiguous(tracer, input, memory_format)
    return input


for name, dtype in {"float": torch.float32, "half": torch.float16, "bfloat16": torch.bfloat16}.items():
    rule(name)(partial(to, dtype=dtype))


# Constants of a known shape


def filled(tracer: Tracer, sizes: Sizes, dtype: torch.dtype, fixed: bool) -> Symbol:
    storage = Storage(math.prod(sizes) * dtype.itemsize, CONSTANT, fixed)
    return Symbol(tracer, sizes, storage, CONSTANT, False, None, False, dtype)


@rule("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like")
def filled_like(tracer: Tracer, input: Symbol, *args: Any, dtype: torch.dtype | None = None, **kwargs: Any) -> Symbol:
    return filled(tracer, input.sizes, dtype or input.dtype, fixed=not input.live)


@rule("new_zeros", "new_ones", "new_empty", "new_full")
def filled_new(tracer: Tracer, input: Symbol, *sizes: Any, dtype: torch.dtype | None = None, **kwargs: Any) -> Symbol:
    size = kwargs.get("size") or (sizes[0] if not isinstance(sizes[0], int) else sizes)
    return filled(tracer, tuple(size), dtype or input.dtype, fixed=not input.live or size[0] != input.sizes[0])
