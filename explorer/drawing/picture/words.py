"""What an operation of a trace is called in a picture, and what it is to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from explorer.trace import Operation

Role = Literal[
    "conv", "dense", "pool", "norm", "activation", "dropout", "resize", "pad", "view", "silent", "join", "other"
]

NORMS = {
    "batch_norm": "BN",
    "group_norm": "GN",
    "layer_norm": "LN",
    "instance_norm": "IN",
    "local_response_norm": "LRN",
}
ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "leaky ReLU",
    "prelu": "PReLU",
    "elu": "ELU",
    "selu": "SELU",
    "celu": "CELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "hardswish": "hard swish",
    "hardsigmoid": "hard sigmoid",
    "sigmoid": "sigmoid",
    "logsigmoid": "log sigmoid",
    "tanh": "tanh",
    "hardtanh": "hard tanh",
    "softplus": "softplus",
    "softsign": "softsign",
    "softmax": "softmax",
    "log_softmax": "log softmax",
    "glu": "GLU",
}
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
SILENT = ("permute", "transpose", "contiguous", "clone", "to", "expand", "expand_as")  # nothing that a reader misses
VIEWS = ("flatten", "unflatten", "view", "reshape", "squeeze", "unsqueeze", "slice", "index")
SYMBOLS = {
    "add": "+",
    "sub": "−",
    "mul": "×",
    "div": "÷",
    "lt": "<",
    "le": "≤",
    "gt": ">",
    "ge": "≥",
    "eq": "=",
    "ne": "≠",
    "cat": "concat",
    "square": "x²",
    "abs": "|x|",
    "matmul": "matmul",
    "pow": "power",
}


def role(operation: Operation) -> Role:
    """What an operation is to a picture."""
    op = operation.op
    if len(set(operation.inputs)) > 1:
        return "join"
    if op in CONVOLUTIONS:
        return "conv"
    if op == "linear":
        return "dense"
    if op in NORMS:
        return "norm"
    if op in ACTIVATIONS:
        return "activation"
    if "pool" in op:
        return "pool"
    if "dropout" in op:
        return "dropout"
    if op in ("interpolate", "pixel_shuffle", "pixel_unshuffle"):
        return "resize"
    if op == "pad":
        return "pad"
    if op in VIEWS:
        return "view"
    return "silent" if op in SILENT else "other"


def word(operation: Operation) -> str:
    """One operation in a word or two: `3×3, 64 /2`, `BN`, `max 3×3 /2`, `+ b`."""
    op, options, shape = operation.op, operation.options, operation.output_shape
    if op in CONVOLUTIONS:
        return f"{times(options['kernel_size'])}, {channels(shape)}{stride(operation)}"
    if op == "linear":
        return f"dense, {shape[-1]}"
    if op == "group_norm":
        return f"GN {options['groups']}"
    if op in NORMS:
        return NORMS[op]
    if op in ACTIVATIONS:
        return ACTIVATIONS[op]
    if "pool" in op:
        return pooled(operation)
    if "dropout" in op:
        return f"dropout {options['p']:g}" if "p" in options else "dropout"
    if op == "interpolate":
        return f"upsample{larger(operation)}"
    if op == "pad":
        return padded(operation)
    if op == "slice":
        return sliced(operation)
    symbol = SYMBOLS.get(op, op.replace("_", " "))
    if len(operation.inputs) == 1 and op in ("add", "sub", "mul", "div", "lt", "le", "gt", "ge"):
        number = options.get("number")
        return f"{symbol} {number:g}" if number is not None else f"{symbol} b"
    return symbol


def notes(operation: Operation) -> list[str]:
    """What a convolution is beyond its kernel and width: transposed, in groups, dilated."""
    options, found = operation.options, []
    if "transpose" in operation.op:
        found.append("transposed")
    groups = options.get("groups", 1)
    if operation.op in CONVOLUTIONS and groups > 1:
        depthwise = groups == operation.input_shapes[0][0]
        found.append("depthwise" if depthwise else f"{groups} groups")
    dilation = options.get("dilation", (1, 1))
    if max(dilation) > 1:
        found.append(f"dilated {times(dilation) if len(set(dilation)) > 1 else dilation[0]}")
    return found


def times(sizes: Sequence[int]) -> str:
    """`3×3`."""
    return "×".join(map(str, sizes))


def channels(shape: Sequence[int]) -> str:
    """`1024`, as in shapes: a comma in it would be one more in the list of a layer's numbers."""
    return f"{shape[0]}" if shape else ""


def stride(operation: Operation) -> str:
    """` /2`, or nothing where it is 1."""
    strides = operation.options.get("stride", (1, 1))
    if max(strides) == 1:
        return ""
    return f" /{strides[0]}" if len(set(strides)) == 1 else f" /{times(strides)}"


def pooled(operation: Operation) -> str:
    """`max 3×3 /2`, `global avg`, `avg to 7×7`."""
    kind = "max" if "max" in operation.op else "avg" if "avg" in operation.op else operation.op.split("_")[0]
    if "kernel_size" in operation.options:
        return f"{kind} {times(operation.options['kernel_size'])}{stride(operation)}"
    if "adaptive" in operation.op:
        size = operation.output_shape[1:]
        return f"global {kind}" if set(size) == {1} else f"{kind} to {times(size)}"
    return f"{kind} pool"


def larger(operation: Operation) -> str:
    """` ×2` of an interpolation, or the size where the factors differ."""
    before, after = operation.input_shapes[0][1:], operation.output_shape[1:]
    factors = {round(new / old, 2) for new, old in zip(after, before, strict=True)}
    return f" ×{factors.pop():g}" if len(factors) == 1 else f" to {times(after)}"


def padded(operation: Operation) -> str:
    """`pad +16` where channels are appended, else `pad`."""
    extra = operation.output_shape[0] - operation.input_shapes[0][0] if operation.output_shape else 0
    return f"pad +{extra:,}" if extra > 0 and operation.output_shape[1:] == operation.input_shapes[0][1:] else "pad"


def sliced(operation: Operation) -> str:
    """`/2` where every second row and column stays, else `slice`."""
    before, after = operation.input_shapes[0], operation.output_shape
    if len(before) == len(after) == 3 and before[0] == after[0] and before[1:] != after[1:]:
        factors = {-(-old // new) for old, new in zip(before[1:], after[1:], strict=True) if new}
        if len(factors) == 1:
            return f"/{factors.pop()}"
    return "slice"
