"""Convolutions, matrix products, norms, activations and dropout."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from explorer.rules.fallback import measured
from explorer.rules.registry import dense, laid_out_as, overwrite, pair, rule, show
from explorer.symbol import Rule, Symbol, Tracer


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
        strides=None if input.strides is None else laid_out_as(input, (batch, filters, out_y, out_x)),
    )
    tracer.operations[-1].options = {
        "kernel_size": (kernel_y, kernel_x),
        "stride": (stride_y, stride_x),
        "dilation": (dilation_y, dilation_x),
        "groups": groups,
    }
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
    tracer.operations[-1].options = {"kernel_size": kernel[2:]}
    return result


@rule(functions=[torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d])
def convolve_transposed(tracer: Tracer, input: Any, weight: Any, *args: Any, **kwargs: Any) -> Symbol:
    kernel = tracer.operand(weight).sizes
    function = (torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d)[len(kernel) - 3]
    result = measured(tracer, function, (input, weight, *args), kwargs)
    tracer.operations[-1].macs = math.prod(tracer.operand(input).sizes) * math.prod(kernel[1:])
    tracer.operations[-1].options = {"kernel_size": kernel[2:]}
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


Symbol.__rmatmul__ = lambda self, other: matmul(self.tracer, other, self)  # type: ignore[attr-defined]


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
    if type(input) is not Symbol:
        input = tracer.operand(input)
    sizes = input.sizes
    channels = sizes[1]
    given = weight if weight is not None else running_mean
    if given is not None:
        wanted = given.sizes[0] if type(given) is Symbol else given.shape[0]
        if wanted != channels:
            raise tracer.error(f"normalises {wanted} channels but receives {show(sizes)}")
    if weight is None:
        operands: tuple[Symbol, ...] = (input,)
    elif type(weight) is Symbol:
        operands = (input, weight, bias)
    else:
        operands = (input, tracer.operand(weight), tracer.operand(bias))
    strides = None if input.strides is None else dense(input)
    result = tracer.emit(
        "batch_norm", operands, sizes, 0, math.prod(sizes), input.field, strides=strides, axes=input.axes
    )
    if result.requires_grad:
        tracer.save(input)
        tracer.operations[-1].saved_fixed += 8 * channels  # the mean and the inverse deviation of the batch
    return result


def normalise(tracer: Tracer, op: str, input: Symbol, weight: Any, bias: Any, statistics: int) -> Symbol:
    operands = [tracer.operand(each) for each in (input, weight, bias) if each is not None]
    input = operands[0]
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
    channels = input.sizes[1] if weight is None else weight.shape[0]
    if channels != input.sizes[1] or channels % num_groups:
        raise tracer.error(f"normalises {num_groups} groups of {channels} channels but receives {show(input.sizes)}")
    result = normalise(tracer, "group_norm", input, weight, bias, input.sizes[0] * num_groups)
    tracer.operations[-1].options = {"groups": num_groups}
    return result


@rule(functions=[F.layer_norm])
def layer_norm(
    tracer: Tracer, input: Symbol, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Symbol:
    count = len(normalized_shape)
    if tuple(normalized_shape) != input.sizes[-count:]:
        raise tracer.error(f"normalises over {'×'.join(map(str, normalized_shape))} but receives {show(input.sizes)}")
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
            result: Symbol = measured(tracer, function, (input,), arguments, elementwise=True)
            tracer.operations[-1].options = {"p": p}
            return result
        sizes = input.sizes
        result = tracer.emit("dropout", (input,), sizes, 0, math.prod(sizes), input.field, axes=input.axes)
        tracer.operations[-1].options = {"p": p}
        if result.requires_grad:
            tracer.operations[-1].saved += 4 * math.prod(sizes)  # the mask, already divided by 1 - p
        return result

    return apply


for function in (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout):
    rule(functions=[function])(drop(function))
rule(functions=[torch.dropout])(drop(F.dropout))
