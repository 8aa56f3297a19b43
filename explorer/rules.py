"""What each torch function does to shapes, counts, saved bytes and receptive fields.

Every rule has the signature of its function after the tracer, and returns a symbol. What autograd saves is that of
training, whatever the mode; `tests/test_trace.py` holds each rule against autograd itself.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from explorer import field as fields
from explorer.symbol import CONSTANT, META, Rule, Storage, Symbol, Tracer, contiguous_strides

Sizes = tuple[int, ...]
RULES: dict[Any, Rule] = {}  # filled below, only read afterwards
BOOL = torch.bool


def rule(*names: str, functions: Sequence[Any] = ()) -> Callable[[Rule], Rule]:
    """Registers a rule for a function under each of its names, as a method of the symbol too."""

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


# Convolution and matrix products


@rule(functions=[torch.conv2d])
def conv2d(
    tracer: Tracer,
    input: Symbol,
    weight: Symbol,
    bias: Symbol | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Symbol:
    if type(weight) is not Symbol:
        weight = tracer.operand(weight)
        bias = None if bias is None else tracer.operand(bias)
    if type(input) is not Symbol:
        input = tracer.operand(input)
    if len(input.sizes) != 4:
        return measured(tracer, torch.conv2d, (input, weight, bias, stride, padding, dilation, groups), {})
    batch, channels, height, width = input.sizes
    filters, depth, kernel_y, kernel_x = weight.sizes
    stride_y, stride_x = stride if type(stride) is tuple and len(stride) == 2 else pair(stride)
    dilation_y, dilation_x = dilation if type(dilation) is tuple and len(dilation) == 2 else pair(dilation)
    reach_y = dilation_y * (kernel_y - 1)
    reach_x = dilation_x * (kernel_x - 1)
    odd = False
    if padding == "same":
        # An odd surplus goes to the end.
        before_y, before_x = reach_y // 2, reach_x // 2
        out_y, out_x = height, width
        odd = bool(reach_y % 2 or reach_x % 2)
    else:
        before_y, before_x = (0, 0) if padding == "valid" else pair(padding)
        out_y = (height + 2 * before_y - reach_y - 1) // stride_y + 1
        out_x = (width + 2 * before_x - reach_x - 1) // stride_x + 1
    if depth * groups != channels:
        raise tracer.error(f"convolves {depth * groups} channels but receives {show(input.sizes)}")
    if out_y < 1 or out_x < 1:
        raise tracer.error(f"slides a {kernel_y}×{kernel_x} kernel over {show(input.sizes)}, which is smaller")
    seen = input.field if input.axes == (2, 3) else None
    if seen is not None:
        jump_y, low_y, high_y, jump_x, low_x, high_x = seen
        seen = (
            jump_y * stride_y,
            low_y - before_y * jump_y,
            high_y + (reach_y - before_y) * jump_y,
            jump_x * stride_x,
            low_x - before_x * jump_x,
            high_x + (reach_x - before_x) * jump_x,
        )
    result = tracer.emit(
        "conv2d",
        (input, weight) if bias is None else (input, weight, bias),
        (batch, filters, out_y, out_x),
        batch * filters * out_y * out_x * depth * kernel_y * kernel_x,
        0,
        seen,
    )
    if result.requires_grad:
        if odd:  # torch pads a copy by the surplus and keeps that
            padded = batch * channels * (height + reach_y % 2) * (width + reach_x % 2)
            tracer.operations[-1].saved += 4 * padded
        else:
            tracer.save(input)
        tracer.save(weight)
    return result


@rule(functions=[torch.conv1d, torch.conv3d])
def convolve(tracer: Tracer, input: Any, weight: Any, *args: Any, **kwargs: Any) -> Symbol:
    kernel = tracer.operand(weight).sizes
    function = torch.conv1d if len(kernel) == 3 else torch.conv3d
    result = measured(tracer, function, (input, weight, *args), kwargs)
    tracer.operations[-1].macs = math.prod(result.sizes) * math.prod(kernel[1:])
    return result


@rule(functions=[torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d])
def convolve_transposed(tracer: Tracer, input: Any, weight: Any, *args: Any, **kwargs: Any) -> Symbol:
    kernel = tracer.operand(weight).sizes
    function = (torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d)[len(kernel) - 3]
    result = measured(tracer, function, (input, weight, *args), kwargs)
    tracer.operations[-1].macs = math.prod(tracer.operand(input).sizes) * math.prod(kernel[1:])
    return result


@rule(functions=[F.linear])
def linear(tracer: Tracer, input: Any, weight: Any, bias: Any = None) -> Symbol:
    input, weight = tracer.operand(input), tracer.operand(weight)
    filters, depth = weight.sizes
    if input.sizes[-1:] != (depth,):
        raise tracer.error(f"is a linear layer of {depth} features but receives {show(input.sizes)}")
    sizes = (*input.sizes[:-1], filters)
    operands = (input, weight) if bias is None else (input, weight, tracer.operand(bias))
    # On a channels-last map it is a 1×1 convolution.
    field = input.field if len(sizes) - 1 not in input.axes else None
    result = tracer.emit("linear", operands, sizes, math.prod(sizes) * depth, 0, field, axes=input.axes)
    if result.requires_grad:
        if weight.requires_grad:
            tracer.save(input)
        if input.requires_grad:
            tracer.save(weight)
    return result


@rule("matmul", "bmm", "mm", "__matmul__")
def matmul(tracer: Tracer, input: Any, other: Any) -> Symbol:
    left, right = tracer.operand(input), tracer.operand(other)
    result = measured(tracer, torch.matmul, (left, right), {})
    tracer.operations[-1].macs = math.prod(result.sizes) * left.sizes[-1]
    return result


# Norms


@rule(functions=[F.batch_norm])
def batch_norm(
    tracer: Tracer,
    input: Symbol,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Symbol:
    sizes = input.sizes
    channels = sizes[1]
    if running_mean is not None and running_mean.shape[0] != channels:
        raise tracer.error(f"normalises {running_mean.shape[0]} channels but receives {show(sizes)}")
    if weight is None:
        operands: tuple[Symbol, ...] = (input,)
    elif type(weight) is Symbol:
        operands = (input, weight, bias)
    else:
        operands = (input, tracer.operand(weight), tracer.operand(bias))
    result = tracer.emit(
        "batch_norm", operands, sizes, 0, math.prod(sizes), input.field, strides=dense(input), axes=input.axes
    )
    if result.requires_grad:
        tracer.save(input)
        tracer.operations[-1].saved_fixed += 8 * channels  # the mean and the inverse deviation of the batch
    return result


def normalise(tracer: Tracer, op: str, input: Symbol, weight: Any, bias: Any, statistics: int) -> Symbol:
    operands = [input, *(tracer.operand(each) for each in (weight, bias) if each is not None)]
    sizes = input.sizes
    result = tracer.emit(op, operands, sizes, 0, math.prod(sizes), input.field, axes=input.axes)
    if result.requires_grad:
        tracer.save(input)
        tracer.operations[-1].saved += 8 * statistics
    return result


@rule(functions=[F.group_norm])
def group_norm(
    tracer: Tracer, input: Symbol, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Symbol:
    if input.sizes[1] % num_groups or (weight is not None and weight.shape[0] != input.sizes[1]):
        raise tracer.error(f"normalises {num_groups} groups of channels but receives {show(input.sizes)}")
    return normalise(tracer, "group_norm", input, weight, bias, input.sizes[0] * num_groups)


@rule(functions=[F.layer_norm])
def layer_norm(
    tracer: Tracer, input: Symbol, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Symbol:
    count = len(normalized_shape)
    if tuple(normalized_shape) != input.sizes[-count:]:
        raise tracer.error(f"normalises {show((1, *normalized_shape))} but receives {show(input.sizes)}")
    return normalise(tracer, "layer_norm", input, weight, bias, math.prod(input.sizes[:-count]))


@rule(functions=[F.instance_norm])
def instance_norm(tracer: Tracer, input: Symbol, *args: Any, **kwargs: Any) -> Symbol:
    kwargs["use_input_stats"] = True  # as training does
    return measured(tracer, F.instance_norm, (input, *args), kwargs, elementwise=True)


# Activations


def activation(op: str, keeps_output: bool) -> Rule:
    def apply(tracer: Tracer, input: Symbol, *args: Any, inplace: bool = False, **kwargs: Any) -> Symbol:
        if inplace:
            return measured(tracer, getattr(F, op), (input, *args), {**kwargs, "inplace": True}, elementwise=True)
        sizes = input.sizes
        strides = None if input.strides is None else dense(input)
        result = tracer.emit(op, (input,), sizes, 0, math.prod(sizes), input.field, strides=strides, axes=input.axes)
        if result.requires_grad:
            tracer.save(result if keeps_output else input)
        return result

    return apply


for name in ("sigmoid", "tanh"):
    rule(name)(activation(name, keeps_output=True))
for name in ("leaky_relu", "gelu", "silu", "hardswish", "hardtanh", "relu6"):
    rule(name)(activation(name, keeps_output=False))
rule("abs", "__abs__")(activation("abs", keeps_output=False))


@rule("relu")
def relu(tracer: Tracer, input: Symbol, inplace: bool = False) -> Symbol:
    if inplace:
        return relu_(tracer, input)
    sizes = input.sizes
    strides = None if input.strides is None else dense(input)
    result = tracer.emit("relu", (input,), sizes, 0, math.prod(sizes), input.field, strides=strides, axes=input.axes)
    if result.requires_grad:
        tracer.save(result)
    return result


@rule("relu_")
def relu_(tracer: Tracer, input: Symbol) -> Symbol:
    return overwrite(tracer, "relu", input, (input,), keep=True)


def overwrite(tracer: Tracer, op: str, target: Symbol, operands: Sequence[Symbol], keep: bool = False) -> Symbol:
    """An operation in place: the same memory, a new maker."""
    sizes = target.sizes
    field = target.field if len(operands) == 1 else meet(operands)
    result = tracer.emit(op, operands, sizes, 0, math.prod(sizes), field, target.dtype, view_of=target)
    if keep and result.requires_grad:
        tracer.save(target)
    target.op, target.requires_grad, target.field, target.live = result.op, result.requires_grad, field, result.live
    return target


def soft(op: str) -> Rule:
    def apply(tracer: Tracer, input: Symbol, dim: int | None = None, *args: Any, **kwargs: Any) -> Symbol:
        sizes = input.sizes
        # Along the channels it is pointwise for the map.
        field = input.field if dim is not None and dim % len(sizes) not in input.axes else None
        result = tracer.emit(op, (input,), sizes, 0, math.prod(sizes), field, axes=input.axes)
        if result.requires_grad:
            tracer.save(result)
        return result

    return apply


rule("softmax")(soft("softmax"))
rule("log_softmax")(soft("log_softmax"))


def drop(function: Callable[..., Any]) -> Rule:
    def apply(
        tracer: Tracer, input: Symbol, p: float = 0.5, training: bool = True, inplace: bool = False, **kwargs: Any
    ) -> Symbol:
        if not 0 < p < 1 or inplace or function is not F.dropout or not input.requires_grad:
            arguments = {"p": p, "training": True, "inplace": inplace, **kwargs}
            return measured(tracer, function, (input,), arguments, elementwise=True)
        sizes = input.sizes
        result = tracer.emit("dropout", (input,), sizes, 0, math.prod(sizes), input.field, axes=input.axes)
        if result.requires_grad:
            tracer.operations[-1].saved += 4 * math.prod(sizes)  # the mask, already divided by 1 - p
        return result

    return apply


for function in (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout):
    rule(functions=[function])(drop(function))
rule(functions=[torch.dropout])(drop(F.dropout))


# Pools and resampling


def pooled(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """The length of a pooled line, as torch rounds it."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil:
        return span // stride + 1
    count = -(-span // stride) + 1
    # The last window must start inside the input or its padding before it.
    return count - 1 if (count - 1) * stride >= size + padding else count


def pool(
    tracer: Tracer, op: str, input: Symbol, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> Symbol:
    batch, channels, height, width = input.sizes
    kernel_y, kernel_x = pair(kernel)
    stride_y, stride_x = pair(stride) if stride or stride == 0 else (kernel_y, kernel_x)
    padding_y, padding_x = pair(padding)
    dilation_y, dilation_x = pair(dilation)
    out_y = pooled(height, kernel_y, stride_y, padding_y, dilation_y, ceil)
    out_x = pooled(width, kernel_x, stride_x, padding_x, dilation_x, ceil)
    if out_y < 1 or out_x < 1:
        raise tracer.error(f"pools {kernel_y}×{kernel_x} windows of {show(input.sizes)}, which is smaller")
    field = input.field if input.axes == (2, 3) else None
    if op == "avg_pool2d" and out_y == out_x == 1 and (height > 1 or width > 1):
        field = None  # the whole map: global pooling
    elif field is not None:
        field = fields.slide(
            field,
            (kernel_y, kernel_x),
            (stride_y, stride_x),
            (padding_y, padding_x),
            (dilation_y, dilation_x),
        )
    return tracer.emit(op, (input,), (batch, channels, out_y, out_x), 0, batch * channels * out_y * out_x, field)


@rule(functions=[F.max_pool2d, torch.max_pool2d])
def max_pool2d(
    tracer: Tracer,
    input: Symbol,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Symbol:
    result = pool(tracer, "max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    if result.requires_grad:
        tracer.save(input)
        tracer.operations[-1].saved += 8 * math.prod(result.sizes)  # where each maximum stood, as int64
    return result


@rule(functions=[F.avg_pool2d])
def avg_pool2d(
    tracer: Tracer,
    input: Symbol,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Symbol:
    result = pool(tracer, "avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    if result.requires_grad:
        tracer.save(input)
    return result


def adaptive(tracer: Tracer, op: str, input: Symbol, output_size: Any) -> Symbol:
    batch, channels, *map_size = input.sizes
    height, width = map_size
    wanted_y, wanted_x = (output_size, output_size) if isinstance(output_size, int) else output_size
    out_y = height if wanted_y is None else wanted_y
    out_x = width if wanted_x is None else wanted_x
    field = input.field if input.axes == (2, 3) else None
    if field is not None:
        if out_y == out_x == 1 or height % out_y or width % out_x:
            field = None
        else:
            step = (height // out_y, width // out_x)
            field = fields.slide(field, step, step, (0, 0), (1, 1))
    return tracer.emit(op, (input,), (batch, channels, out_y, out_x), 0, batch * channels * out_y * out_x, field)


@rule(functions=[F.adaptive_avg_pool2d])
def adaptive_avg_pool2d(tracer: Tracer, input: Symbol, output_size: Any) -> Symbol:
    result = adaptive(tracer, "adaptive_avg_pool2d", input, output_size)
    # To one value it is a mean, whose gradient needs no input.
    if result.requires_grad and result.sizes[2:] != (1, 1):
        tracer.save(input)
    return result


@rule(functions=[F.adaptive_max_pool2d])
def adaptive_max_pool2d(tracer: Tracer, input: Symbol, output_size: Any, return_indices: bool = False) -> Symbol:
    result = adaptive(tracer, "adaptive_max_pool2d", input, output_size)
    if result.requires_grad:
        tracer.save(input)
        tracer.operations[-1].saved += 8 * math.prod(result.sizes)
    return result


@rule(functions=[F.interpolate])
def interpolate(
    tracer: Tracer,
    input: Symbol,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Symbol:
    if len(input.sizes) != 4 or mode not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        arguments = {"size": size, "scale_factor": scale_factor, "mode": mode, "align_corners": align_corners}
        return measured(tracer, F.interpolate, (input,), arguments, elementwise=True)
    batch, channels, height, width = input.sizes
    if size is not None:
        out_y, out_x = pair(size)
    else:
        scale = scale_factor if isinstance(scale_factor, tuple | list) else (scale_factor, scale_factor)
        out_y, out_x = math.floor(height * scale[0]), math.floor(width * scale[1])
    field = input.field if input.axes == (2, 3) else None
    if field is not None:
        field = fields.enlarge(field, (height, width), (out_y, out_x), mode if not align_corners else "aligned")
    return tracer.emit(
        "interpolate", (input,), (batch, channels, out_y, out_x), 0, batch * channels * out_y * out_x, field
    )


@rule(functions=[F.pad])
def pad(
    tracer: Tracer, input: Symbol, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Symbol:
    if mode != "constant":
        return measured(tracer, F.pad, (input, pad), {"mode": mode, "value": value}, elementwise=True)
    sizes = list(input.sizes)
    field = input.field
    last = len(sizes) - 1
    for index in range(len(pad) // 2):
        before, after = pad[2 * index], pad[2 * index + 1]
        sizes[last - index] += before + after
        if field is not None and before:
            field = fields.move(field, input.axes, last - index, -before, 1)
    return tracer.emit("pad", (input,), tuple(sizes), 0, math.prod(sizes), field, input.dtype, axes=input.axes)


# Arithmetic


def broadcast(tracer: Tracer, verb: str, *shapes: Sizes) -> Sizes:
    try:
        return tuple(torch.broadcast_shapes(*shapes))
    except RuntimeError as error:
        raise tracer.error(f"{verb} {' and '.join(show(shape) for shape in shapes)}, which do not fit") from error


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
                found = fields.union(found, operand.field)
                if found is None:
                    return None
    return found


def binary(op: str, verb: str, keeps: bool = False, divides: bool = False, dtype: torch.dtype | None = None) -> Rule:
    def apply(tracer: Tracer, input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Symbol:
        if type(input) is not Symbol or type(other) is not Symbol:
            if isinstance(other, int | float):
                return scalar(tracer, input)
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
    rule(name, f"__{name}__")(binary(name, f"compares ({sign})", dtype=BOOL))


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
    if dim is None:
        over = set(range(rank))
    else:
        over = {dim % rank} if isinstance(dim, int) else {each % rank for each in dim}
    if keepdim:
        sizes = tuple(1 if index in over else size for index, size in enumerate(input.sizes))
    else:
        sizes = tuple(size for index, size in enumerate(input.sizes) if index not in over)
    field = input.field if keepdim and not over & set(input.axes) else None
    return tracer.emit("mean", (input,), sizes, 0, math.prod(sizes), field, axes=input.axes)


@rule("cat", "concat", "concatenate")
def cat(tracer: Tracer, tensors: Sequence[Any], dim: int = 0) -> Symbol:
    operands = [tracer.operand(each) for each in tensors]
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
    return tracer.emit("cat", operands, sizes, 0, math.prod(sizes), field, first.dtype, axes=first.axes)


# Views: the same memory under another shape


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
        raise tracer.error(f"cannot view {show(input.sizes)} as {tuple(sizes)} without a copy; use .reshape")
    return tracer.emit(op, (input,), sizes, 0, count, field, input.dtype)


def viewed_strides(old: Sizes, strides: Sizes, new: Sizes) -> Sizes | None:
    """The strides of a view of another shape, or None where it takes a copy."""
    try:
        return torch.empty_strided(old, strides, device=META).view(new).stride()
    except RuntimeError:
        return None


@rule("view", functions=[])
def view_as_sizes(tracer: Tracer, input: Symbol, *sizes: Any) -> Symbol:
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
    if memory_format is torch.channels_last and len(input.sizes) == 4:
        return arranged(tracer, input, channels_last(input.sizes))
    return input if input.strides is None else arranged(tracer, input, None)


def channels_last(sizes: Sizes) -> Sizes | None:
    _, channels, height, width = sizes
    strides = (channels * height * width, 1, width * channels, channels)
    return None if is_contiguous(sizes, strides) else strides


def arranged(tracer: Tracer, input: Symbol, strides: Sizes | None) -> Symbol:
    if input.strides == strides:
        return input
    sizes = input.sizes
    return tracer.emit(
        "contiguous", (input,), sizes, 0, math.prod(sizes), input.field, input.dtype, None, strides, input.axes
    )


@rule("clone")
def clone(tracer: Tracer, input: Symbol, **kwargs: Any) -> Symbol:
    sizes = input.sizes
    return tracer.emit(
        "clone", (input,), sizes, 0, math.prod(sizes), input.field, input.dtype, None, dense(input), input.axes
    )


@rule("detach", "data")
def detach(tracer: Tracer, input: Symbol) -> Symbol:
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


@rule("to", "type_as", "type", "float", "cpu", "cuda")
def to(tracer: Tracer, input: Symbol, *args: Any, **kwargs: Any) -> Symbol:
    """A change of type copies; a change of device cannot be seen."""
    wanted = [*args, *kwargs.values()]
    dtypes = [each.dtype if isinstance(each, Symbol | torch.Tensor) else each for each in wanted]
    dtypes = [each for each in dtypes if isinstance(each, torch.dtype)]
    if dtypes and dtypes[0] != input.dtype:
        sizes = input.sizes
        return tracer.emit(
            "to", (input,), sizes, 0, math.prod(sizes), input.field, dtypes[0], None, dense(input), input.axes
        )
    return input


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


# Everything else: the real operation on tensors without memory


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
    op = name or getattr(function, "__name__", str(function)).strip("_")
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
                # Not a leaf, so that it may be written in place.
                tensor = tensor.requires_grad_().clone()
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
    __pow__ __neg__ __imul__ __itruediv__ __idiv__ __and__ __or__ __invert__ __rpow__
"""
# Across positions: what a map sees is not followed further.
MIXING = "sum prod amax amin max min var std cumsum stack roll flip pixel_shuffle pixel_unshuffle"


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


def show(sizes: Sizes) -> str:
    """A shape without its batch, as people write it."""
    return "×".join(map(str, sizes[1:])) if len(sizes) > 1 else str(sizes)
