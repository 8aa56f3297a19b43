"""Rules made by torch itself: the real operation on tensors without memory.

Slower by far than a rule in integers, and right by construction: torch says the shape, what is a view and what is
kept for backward. Operations that blocks use often have rules of their own.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from explorer import field as fields
from explorer.rules.registry import RULES, Sizes, as_method, is_contiguous, meet, rule, show
from explorer.symbol import META, Rule, Storage, Symbol, Tracer, contiguous_strides


def measured(
    tracer: Tracer,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    name: str | None = None,
    elementwise: bool = False,
    counted: bool = True,
    keeps_map: bool = True,
) -> Any:
    """Runs the real operation on `meta` tensors: torch says the shape, what is a view, and what autograd saves."""
    bare = getattr(function, "__name__", str(function))
    op = name or bare.strip("_")
    in_place = kwargs.get("inplace") or bare[:3] == "__i" or (bare[-1:] == "_" and bare[-2:] != "__")
    operands: list[Symbol] = []
    stand_ins: dict[int, Symbol] = {}
    owners: dict[int, Storage] = {}
    held: list[torch.Tensor] = []
    made: dict[int, torch.Tensor] = {}

    def stand_in(value: Any) -> Any:
        if isinstance(value, Symbol | torch.Tensor):
            symbol = tracer.operand(value)
            if id(symbol) in made:
                return made[id(symbol)]
            strides = symbol.strides or contiguous_strides(symbol.sizes)
            tensor = torch.empty_strided(symbol.sizes, strides, dtype=symbol.dtype, device=META)
            if symbol.requires_grad:
                tensor.requires_grad_()
                if in_place:
                    tensor = tensor.clone()  # a leaf may not be overwritten
            operands.append(symbol)
            made[id(symbol)] = tensor
            stand_ins[id(tensor)] = symbol
            owners[tensor.untyped_storage()._cdata] = symbol.storage
            return tensor
        if isinstance(value, tuple | list):
            return type(value)([stand_in(each) for each in value])
        if isinstance(value, dict):
            return {key: stand_in(each) for key, each in value.items()}
        return value

    saved: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor)
        return tensor

    real_args, real_kwargs = stand_in(args), stand_in(kwargs)
    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            result = function(*real_args, **real_kwargs)
    except (RuntimeError, NotImplementedError, TypeError, ValueError, IndexError) as error:
        shapes = " and ".join(show(symbol.sizes) for symbol in operands)
        raise tracer.error(f"cannot {op} {shapes}: {str(error).splitlines()[0]}") from error
    held += saved

    def symbol_of(tensor: Any) -> Any:
        if isinstance(tensor, tuple | list):
            return type(tensor)([symbol_of(each) for each in tensor])
        if not isinstance(tensor, torch.Tensor):
            return tensor
        held.append(tensor)
        sizes = tuple(tensor.shape)
        strides = None if is_contiguous(sizes, tensor.stride()) else tensor.stride()
        key = tensor.untyped_storage()._cdata
        same = stand_ins.get(id(tensor))
        owner = owners.get(key)
        field = spread(operands, sizes) if elementwise and keeps_map else None
        symbol = tracer.emit(
            op,
            operands,
            sizes,
            0,
            math.prod(sizes) if elementwise and (owner is None or same is not None) else 0,
            field,
            tensor.dtype,
            None,
            strides,
            operands[0].axes if operands and field is not None else (2, 3),
            counted,
        )
        if owner is None:
            symbol.storage.nbytes = tensor.untyped_storage().nbytes()
            owners[key] = symbol.storage
        else:
            symbol.storage = owner
        symbol.requires_grad = tensor.requires_grad
        if same is not None:
            same.op, same.requires_grad, same.field, same.live = symbol.op, symbol.requires_grad, field, symbol.live
            return same
        return symbol

    answer = symbol_of(result)
    seen = set()
    for tensor in saved:
        key = tensor.untyped_storage()._cdata
        if key in owners:
            save_storage(tracer, owners[key])
        elif key not in seen and tracer.operations:
            seen.add(key)
            operation, count = tracer.operations[-1], tensor.untyped_storage().nbytes()
            # A number, or a list of indices, is one for the whole batch.
            if tensor.dim() == 0 or (tensor.dim() == 1 and not tensor.dtype.is_floating_point):
                operation.saved_fixed += count
            else:
                operation.saved += count
    return answer


def save_storage(tracer: Tracer, storage: Storage) -> None:
    tracer.save(Symbol(tracer, (), storage, 0, False, None, False))


def spread(operands: Sequence[Symbol], sizes: Sizes) -> fields.Field | None:
    """The field after an operation that works on each position of a map by itself."""
    field = meet(operands)
    if field is None or not operands:
        return None
    axes = next(operand.axes for operand in operands if operand.live)
    size = next(operand.sizes for operand in operands if operand.live)
    if len(size) != len(sizes) or any(size[axis] != sizes[axis] for axis in axes):
        return None
    return field


def by_torch(function: Callable[..., Any], keeps_map: bool) -> Rule:
    def apply(tracer: Tracer, *args: Any, **kwargs: Any) -> Any:
        return measured(tracer, function, args, kwargs, elementwise=True, keeps_map=keeps_map)

    return apply


# On each position of a map by itself.
POINTWISE = """
    exp log sqrt rsqrt pow square reciprocal neg sin cos sign clamp clamp_min clamp_max minimum maximum lerp addcmul
    elu selu celu mish softplus softsign hardsigmoid logsigmoid prelu normalize local_response_norm channel_shuffle
    mul_ div_ clamp_ sigmoid_ tanh_ leaky_relu_ elu_ hardtanh_ expand expand_as glu
    logical_and logical_or logical_not bitwise_and bitwise_or
    __pow__ __neg__ __imul__ __itruediv__ __idiv__ __and__ __or__ __invert__ __rpow__ __mod__ __floordiv__
    bool int long double
"""
# Across positions: what a map sees is not followed further.
MIXING = """
    sum prod amax amin max min var std cumsum stack roll flip pixel_shuffle pixel_unshuffle
    max_pool1d max_pool3d max_pool2d_with_indices avg_pool1d avg_pool3d lp_pool2d
    adaptive_avg_pool1d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool3d adaptive_max_pool2d_with_indices
"""


def counted_by_torch(names: str, keeps_map: bool) -> None:
    for name in names.split():
        for place in (torch, F, torch.Tensor):
            function = getattr(place, name, None)
            if function is not None and function not in RULES:
                rule(functions=[function])(by_torch(function, keeps_map))
        if hasattr(torch.Tensor, name):
            setattr(Symbol, name, as_method(by_torch(getattr(torch.Tensor, name), keeps_map)))


counted_by_torch(POINTWISE, keeps_map=True)
counted_by_torch(MIXING, keeps_map=False)


def unknown(tracer: Tracer, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operation without a rule: its shape and memory are right, its work is not counted."""
    return measured(tracer, function, args, kwargs, counted=False)


RULES[None] = unknown
