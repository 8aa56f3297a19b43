"""Runs a module's own forward on a symbol and records each operation, in integers: no kernel, no memory.

Nothing global is touched, so threads may trace at once. The module is read in evaluation mode, but what autograd
saves is counted as in training.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from explorer.rules import RULES
from explorer.symbol import INPUT, Field, Operation, Storage, Symbol, TraceError, Tracer

__all__ = ["Operation", "Trace", "TraceError", "trace"]


class Trace(NamedTuple):
    """What one forward does, counted for one image.

    Saved bytes leave out the input's and the output's memory, so that blocks traced one by one add up: the block
    that wrote a border tensor counts its `output_bytes`, once, if either side saves it.
    """

    operations: list[Operation]
    output: int  # the operation that made the output; -1 where it is the input
    output_shape: tuple[int, ...]  # without the batch
    params: int  # elements of all parameters, used or not, each once
    unused_params: int  # the part that no operation uses
    buffers: int
    macs: int
    elements: int
    saved_bytes: int  # per image: the sum over the operations
    saved_fixed: int  # per batch of any size: the sum over the operations
    input_saved: bool
    output_saved: bool
    output_bytes: int  # per image, of the whole memory behind the output
    output_storage: int  # the operation that wrote that memory; -1 where it is the input's
    output_is_input: bool  # the output is the input's memory, perhaps overwritten or seen another way
    output_requires_grad: bool
    field: Field | None  # of the output
    last_field: Field | None  # of the last map on the way to the output that has one


def trace(module: nn.Module, shape: tuple[int, ...], *, requires_grad: bool = True, throwaway: bool = False) -> Trace:
    """Traces `module` on one image of `shape` (without the batch).

    `requires_grad`: whether the input needs a gradient; False for a network's first block. `throwaway`: the module
    is the caller's to spoil, so it is traced itself and not a copy of its structure. Raises `TraceError`.
    """
    tracer = Tracer(RULES)
    totals = [0, 0]
    prepared = spoil(tracer, module, "", totals) if throwaway else copied(tracer, module, "", totals, {})
    field = (1, 0, 0, 1, 0, 0) if len(shape) == 3 else None
    nbytes = 4
    for size in shape:
        nbytes *= size
    storage = Storage(nbytes, INPUT, False)
    source = Symbol(tracer, (1, *shape), storage, INPUT, requires_grad, field, True)
    with torch.enable_grad():
        result = prepared(source)
    return finish(tracer, storage, field, main_output(result), *totals)


def main_output(result: Any) -> Symbol:
    """The tensor a forward returns; the first one where it returns several."""
    if isinstance(result, dict):
        result = list(result.values())
    while isinstance(result, tuple | list) and result:
        result = result[0]
    if type(result) is not Symbol or not result.live:
        raise TraceError(f"the forward returns {type(result).__name__}, not a tensor made from its input")
    return result


def finish(
    tracer: Tracer, source: Storage, source_field: Field | None, result: Symbol, params: int, buffers: int
) -> Trace:
    operations = tracer.operations
    storage = result.storage
    if storage.saved and storage.op >= 0:
        operations[storage.op].saved -= storage.nbytes
    macs = elements = saved = fixed = used = 0
    for operation in operations:
        macs += operation.macs
        elements += operation.elements
        saved += operation.saved
        fixed += operation.saved_fixed
        used += operation.params
    index = result.op
    while index >= 0 and operations[index].field is None:
        index = operations[index].inputs[0] if operations[index].inputs else INPUT
    sizes = result.sizes
    return Trace(
        operations,
        result.op,
        sizes[1:] if sizes and sizes[0] == 1 else sizes,
        params,
        params - used,
        buffers,
        macs,
        elements,
        saved,
        fixed,
        source.saved,
        storage.saved,
        storage.nbytes,
        storage.op,
        storage is source,
        result.requires_grad,
        result.field,
        operations[index].field if index >= 0 else source_field,
    )


def entered(tracer: Tracer, path: str, forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward that says where it is."""

    def run(*args: Any, **kwargs: Any) -> Any:
        outer = tracer.path
        tracer.path = path
        result = forward(*args, **kwargs)
        tracer.path = outer  # left as it was on an error, which names it
        return result

    return run


def spoil(tracer: Tracer, module: nn.Module, path: str, totals: list[int]) -> nn.Module:
    """Turns a module itself into one that can be traced: symbols for its tensors, paths for its calls."""
    fields = module.__dict__
    if "forward" in fields:
        return module  # shared: prepared under its first path
    replace_tensors(tracer, fields, totals)
    inner = path + "." if path else ""
    for name, child in fields["_modules"].items():
        if child is not None:
            spoil(tracer, child, inner + name, totals)
    fields["training"] = False
    fields["forward"] = entered(tracer, path, module.forward)
    return module


def replace_tensors(tracer: Tracer, fields: dict[str, Any], totals: list[int]) -> None:
    """An instance attribute comes before a registered parameter of the same name, which stays as it was."""
    known = tracer.known
    for name, tensor in fields["_parameters"].items():
        if tensor is not None:
            if id(tensor) not in known:
                totals[0] += tensor.numel()
            fields[name] = tracer.own(tensor, True)
    for name, tensor in fields["_buffers"].items():
        if tensor is not None:
            if id(tensor) not in known:
                totals[1] += tensor.numel()
            fields[name] = tracer.own(tensor, False)


HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def copied(tracer: Tracer, module: nn.Module, path: str, totals: list[int], copies: dict[int, nn.Module]) -> nn.Module:
    """A copy of a module's structure, ready to be traced; the module itself, its lists and its hooks stay untouched.

    A module registered twice becomes two copies, so that each call says its own path.
    """
    copy = object.__new__(type(module))
    fields = copy.__dict__
    copies[id(module)] = copy
    for name, value in module.__dict__.items():
        fields[name] = type(value)() if name in HOOKS else value
    fields["_parameters"] = dict(fields["_parameters"])
    fields["_buffers"] = dict(fields["_buffers"])
    inner = path + "." if path else ""
    fields["_modules"] = {
        name: None if child is None else copied(tracer, child, inner + name, totals, copies)
        for name, child in module._modules.items()
    }
    for name, value in module.__dict__.items():
        if name not in ("_parameters", "_buffers", "_modules", *HOOKS) and isinstance(value, list | dict | set | tuple):
            fields[name] = own_container(value, copies)
    replace_tensors(tracer, fields, totals)
    fields["training"] = False
    fields["forward"] = entered(tracer, path, copy.forward)
    return copy


def own_container(value: Any, copies: dict[int, nn.Module]) -> Any:
    """A plain list, tuple, set or dictionary of a module, with modules replaced by their copies."""
    if type(value) in (list, tuple, set):
        return type(value)(copies.get(id(each), each) if isinstance(each, nn.Module) else each for each in value)
    if type(value) is dict:
        return {key: copies.get(id(each), each) if isinstance(each, nn.Module) else each for key, each in value.items()}
    return value
