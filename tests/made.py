"""Small modules around one function, and the check that holds a module's trace against torch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from explorer.trace import Trace, trace
from tests import oracles

SHAPE = (4, 12, 12)


class Made(nn.Module):
    """A module whose forward is a function of the input and of its layers."""

    def __init__(self, forward: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = forward
        self.layers = nn.ModuleList(layers)

    def forward(self, image: torch.Tensor) -> Any:
        return self.function(image, *self.layers)


def conv(inputs: int = 4, outputs: int = 4, kernel: int = 3, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, **{"padding": kernel // 2, **options})


def between(function: Callable[..., Any], *layers: nn.Module, outputs: int = 4) -> Made:
    """A convolution, the function, a 1×1 convolution: so that the function's input and output need a gradient."""
    return Made(lambda x, first, last, *rest: last(function(first(x), *rest)), conv(), conv(outputs, 4, 1), *layers)


def layer(made: nn.Module, outputs: int = 4) -> Made:
    return between(lambda x, inner: inner(x), made, outputs=outputs)


def into(features: int, function: Callable[..., Any], *layers: nn.Module) -> Made:
    """A convolution, the function, a linear layer."""
    return Made(lambda x, first, last, *rest: last(function(first(x), *rest)), conv(), nn.Linear(features, 3), *layers)


def check(model: nn.Module, shape: tuple[int, ...] = SHAPE, requires_grad: bool = False, batch: int = 2) -> Trace:
    """Everything that torch can say about a module, against its trace."""
    traced = trace(model, shape, requires_grad=requires_grad)
    found, image, output, twin = oracles.saved_storages(model, shape, batch, requires_grad)
    known = oracles.storages(list(twin.parameters()), list(twin.buffers()), image, output)
    inside = sum(count for key, count in found.items() if key not in known)
    assert traced.output_shape == tuple(output.shape[1:])
    assert batch * traced.saved_bytes + traced.saved_fixed == inside
    (source,), ((target, nbytes),) = oracles.storages(image), oracles.storages(output).items()
    assert traced.input_saved == (source in found)
    assert traced.output_saved == (target in found)
    assert traced.output_is_input == (source == target)
    assert traced.output_requires_grad == output.requires_grad
    assert batch * traced.output_bytes == nbytes
    assert traced.macs == oracles.flop_macs(model, shape)
    assert traced.params == oracles.parameter_count(model)
    assert traced.buffers == sum(buffer.numel() for buffer in model.buffers())
    rows = traced.operations
    assert traced.params == sum(row.params for row in rows) + traced.unused_params
    assert traced.macs == sum(row.macs for row in rows)
    assert traced.saved_bytes == sum(row.saved for row in rows) and all(row.saved >= 0 for row in rows)
    assert all(-1 <= source < index for index, row in enumerate(rows) for source in row.inputs)
    return traced
