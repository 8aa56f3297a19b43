"""Pools, interpolation and padding."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F

from explorer import field as fields
from explorer.rules.fallback import measured
from explorer.rules.registry import laid_out_as, pair, rule, show
from explorer.symbol import Symbol, Tracer


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
    sizes = (batch, channels, out_y, out_x)
    strides = None if input.strides is None else laid_out_as(input, sizes)
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
    result = tracer.emit(op, (input,), sizes, 0, batch * channels * out_y * out_x, field, strides=strides)
    tracer.operations[-1].options = {"kernel_size": (kernel_y, kernel_x), "stride": (stride_y, stride_x)}
    return result


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
    sizes = (batch, channels, out_y, out_x)
    field = input.field if input.axes == (2, 3) else None
    if field is not None:
        field = fields.enlarge(field, (height, width), (out_y, out_x), mode if not align_corners else "aligned")
    strides = laid_out_as(input, sizes)
    result = tracer.emit("interpolate", (input,), sizes, 0, math.prod(sizes), field, strides=strides)
    tracer.operations[-1].options = {"mode": mode}
    return result


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
