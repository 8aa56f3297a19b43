"""Runs a module's own forward on a symbol and records each operation, in integers: no kernel, no memory.

Nothing global is touched, so threads may trace at once. The module is read in evaluation mode, but what autograd
saves is counted as in training.
"""

from collections import OrderedDict
from collections.abc import Callable
from types import MethodType
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

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
    output_strides: tuple[int, ...] | None  # None: contiguous
    field: Field | None  # of the output
    last_field: Field | None  # of the last map on the way to the output that has one


def trace(
    module: nn.Module,
    shape: tuple[int, ...],
    *,
    requires_grad: bool = True,
    throwaway: bool = False,
    strides: tuple[int, ...] | None = None,
) -> Trace:
    """Traces `module` on one image of `shape` (without the batch).

    `requires_grad`: whether the input needs a gradient; False for a network's first block. `throwaway`: the module
    is the caller's to spoil, so it is traced itself and not a copy of its structure. `strides`: of the input where it
    is not contiguous, which decides whether flattening it copies. Raises `TraceError` where the forward decides by
    values, is not Python, or needs a real tensor.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise TraceError("the module is compiled by TorchScript, so its forward cannot be followed")
    tracer = Tracer(RULES)
    prepared = spoil(tracer, module, "") if throwaway else copied(tracer, module, "", {})
    field = (1, 0, 0, 1, 0, 0) if len(shape) == 3 else None
    nbytes = 4
    for size in shape:
        nbytes *= size
    storage = Storage(nbytes, INPUT, False)
    source = Symbol(tracer, (1, *shape), storage, INPUT, requires_grad, field, True, strides=strides)
    try:
        with torch.enable_grad():
            result = prepared(source)
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, TraceError) or Symbol.__name__ not in str(error):
            raise
        raise tracer.error(f"hands the tensor to what takes only a real one: {error}") from error
    return finish(tracer, storage, field, main_output(result))


def main_output(result: Any) -> Symbol:
    """The tensor a forward returns; the first one where it returns several."""
    if isinstance(result, dict):
        result = list(result.values())
    while isinstance(result, tuple | list) and result:
        result = result[0]
    if type(result) is not Symbol:
        raise TraceError(f"the module returns {type(result).__name__}, not a tensor made from its input")
    if not result.live:
        raise TraceError("the module returns a tensor that does not depend on its input")
    return result


def finish(tracer: Tracer, source: Storage, source_field: Field | None, result: Symbol) -> Trace:
    operations = tracer.operations
    storage = result.storage
    if storage.saved and storage.op >= 0:
        if storage.fixed:
            operations[storage.op].saved_fixed -= storage.nbytes
        else:
            operations[storage.op].saved -= storage.nbytes
    macs = elements = saved = fixed = 0
    for operation in operations:
        macs += operation.macs
        elements += operation.elements
        saved += operation.saved
        fixed += operation.saved_fixed
    index = result.op
    while index >= 0 and operations[index].field is None:
        index = operations[index].inputs[0] if operations[index].inputs else INPUT
    sizes = result.sizes
    return Trace(
        operations,
        result.op,
        sizes[1:] if sizes and sizes[0] == 1 else sizes,
        sum(owned.elements for owned in tracer.owned),
        sum(owned.unclaimed for owned in tracer.owned),
        sum(buffer.numel() for buffer in tracer.buffers.values()),
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
        result.strides,
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


def spoil(tracer: Tracer, module: nn.Module, path: str) -> nn.Module:
    """Turns a module itself into one that can be traced: symbols for its parameters, paths for its calls.

    An instance attribute comes before what is registered under the same name, and is found five times as fast.
    """
    fields = module.__dict__
    if "forward" in fields:
        return module  # shared: prepared under its first path
    parameters = fields["_parameters"]
    if parameters:
        for name, parameter in parameters.items():
            fields[name] = None if parameter is None else tracer.parameter(parameter)
    buffers = fields["_buffers"]
    if buffers:
        fields.update(buffers)  # real ones: on `meta` they hold nothing that a forward could spoil
        for buffer in buffers.values():
            if buffer is not None:
                tracer.buffers[id(buffer)] = buffer
    children = fields["_modules"]
    if children:
        fields.update(children)
        inner = path + "." if path else ""
        for name, child in children.items():
            if child is not None:
                spoil(tracer, child, inner + name)
    fields["training"] = False
    fields["forward"] = entered(tracer, path, module.forward)
    return module


HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
REGISTERED = {"_parameters", "_buffers", "_modules", *HOOKS}
CONTAINERS = {list, tuple, set, dict, OrderedDict}


def copied(tracer: Tracer, module: nn.Module, path: str, copies: dict[int, nn.Module]) -> nn.Module:
    """A copy of a module's structure, ready to be traced; the module itself, its lists and its hooks stay untouched.

    A module registered twice becomes two copies, so that each call says its own path.
    """
    copy = object.__new__(type(module))
    copies[id(module)] = copy
    fields = copy.__dict__
    fields.update(module.__dict__)
    for name in HOOKS:
        fields[name] = OrderedDict()
    inner = path + "." if path else ""
    fields["_modules"] = {
        name: None if child is None else copied(tracer, child, inner + name, copies)
        for name, child in module._modules.items()
    }
    for name, value in module.__dict__.items():
        if name not in REGISTERED and type(value) in CONTAINERS:
            fields[name] = own_container(value, copies)
        elif type(value) is MethodType and value.__self__ is module:
            fields[name] = MethodType(value.__func__, copy)
    for name in ("_parameters", "_buffers"):
        registered = fields[name] = dict(fields[name])
        for key, tensor in registered.items():
            if tensor is None:
                fields[key] = None
            elif is_lazy(tensor):
                raise TraceError(f"{path or 'the module'} takes its shape from its first input, which it has not seen")
            else:
                fields[key] = tracer.parameter(tensor) if name == "_parameters" else tracer.buffer(tensor)
    fields.update(fields["_modules"])
    fields["training"] = False
    fields["forward"] = entered(tracer, path, copy.forward)
    return copy


def own_container(value: Any, copies: dict[int, nn.Module]) -> Any:
    """A module's plain list, tuple, set or dictionary, copied, with modules replaced by their copies."""

    def own(each: Any) -> Any:
        return copies.get(id(each), each) if isinstance(each, nn.Module) else each

    if isinstance(value, dict):
        return type(value)((key, own(each)) for key, each in value.items())
    return type(value)(own(each) for each in value)
