"""The layers that blocks are made of: torch's own, in the few arrangements that all kinds share.

Nothing here needs more than torch. A class that has the name of its base is torch's with an addition, and the export as
code writes torch's in its place. `Module` and `Sequential` remember the arguments that they are made with. Inside
`weights("none")` layers are made without memory and without drawing weights, so that a network can be counted at any
width, and inside `weights("blank")` with memory but undrawn. Both hold for the calling thread alone. 96 % of the time
that torch takes to make a ResNet-50 is drawing weights that a count never reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import gcd
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import nn

Weights = Literal["drawn", "blank", "none"]
Kernel = int | tuple[int, int]

_weights: ContextVar[Weights] = ContextVar("weights", default="drawn")
_meta = torch.device("meta")
_bare_module = nn.Module().__dict__
_bare_containers = [name for name, value in _bare_module.items() if hasattr(value, "copy")]


@contextmanager
def weights(state: Weights) -> Iterator[None]:
    """How layers made by this thread come to their weights: `drawn` by torch, left `blank`, or `none` at all."""
    token = _weights.set(state)
    try:
        yield
    finally:
        _weights.reset(token)


def _bare(module: nn.Module, **attributes: object) -> None:
    """Makes `module` an nn.Module with these attributes, past `nn.Module.__setattr__`, which costs 5 times as much."""
    own = module.__dict__
    own.update(_bare_module)
    for name in _bare_containers:
        own[name] = _bare_module[name].copy()
    own.update(attributes)


def _parameter(*size: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(size, device=_meta))


def _pair(value: Kernel) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


class _Remembering:
    """What keeps the arguments of its making in `made_with`."""

    made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        made.__dict__["made_with"] = args, kwargs  # a module's own way to set it costs 5 times as much
        return made


class Module(_Remembering, nn.Module):
    """torch's module."""


class Conv2d(nn.Conv2d):
    """torch's convolution."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Kernel,
        stride: Kernel = 1,
        padding: Kernel = 0,
        dilation: Kernel = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        if _weights.get() != "none":
            super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
            return
        kernel, pad = _pair(kernel_size), _pair(padding)
        _bare(
            self,
            in_channels=in_channels,
            out_channels=out_channels,
            kernel_size=kernel,
            stride=_pair(stride),
            padding=pad,
            dilation=_pair(dilation),
            transposed=False,
            output_padding=(0, 0),
            groups=groups,
            padding_mode="zeros",
            _reversed_padding_repeated_twice=[pad[1], pad[1], pad[0], pad[0]],
        )
        own = self._parameters
        own["weight"] = _parameter(out_channels, in_channels // groups, *kernel)
        own["bias"] = _parameter(out_channels) if bias else None

    def reset_parameters(self) -> None:
        if _weights.get() == "drawn":
            super().reset_parameters()


class Linear(_Remembering, nn.Linear):
    """torch's fully connected layer."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        device = _meta if _weights.get() == "none" else None
        super().__init__(in_features, out_features, bias, device=device)

    def reset_parameters(self) -> None:
        if _weights.get() == "drawn":
            super().reset_parameters()


class BatchNorm2d(nn.BatchNorm2d):
    """torch's batch norm."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        if _weights.get() != "none":
            super().__init__(num_features, eps)
            return
        _bare(self, num_features=num_features, eps=eps, momentum=0.1, affine=True, track_running_stats=True)
        self._parameters.update(weight=_parameter(num_features), bias=_parameter(num_features))
        self._buffers.update(
            running_mean=torch.empty((num_features,), device=_meta),
            running_var=torch.empty((num_features,), device=_meta),
            num_batches_tracked=torch.empty((), dtype=torch.long, device=_meta),
        )


class GroupNorm(nn.GroupNorm):
    """torch's group norm."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__(num_groups, num_channels, eps, device=_meta if _weights.get() == "none" else None)


class LayerNorm(nn.LayerNorm):
    """torch's layer norm."""

    def __init__(self, normalized_shape: int, eps: float = 1e-5) -> None:
        super().__init__(normalized_shape, eps, device=_meta if _weights.get() == "none" else None)


class LayerNorm2d(LayerNorm):
    """Layer norm over the channels at each position of (N, C, H, W) (Liu et al. 2022, ConvNeXt)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Sequential(_Remembering, nn.Sequential):
    """torch's row of layers."""

    def __init__(self) -> None:
        if _weights.get() != "none":
            super().__init__()
        else:
            _bare(self)


def norm_layer(norm: str, channels: int, eps: float = 1e-5) -> nn.Module | None:
    """The norm of that name over `channels`, or None for "none"."""
    if norm == "batch":
        return BatchNorm2d(channels, eps)
    if norm == "group":
        return GroupNorm(gcd(32, channels), channels, eps)
    if norm == "layer":
        return LayerNorm2d(channels, eps)
    return None


def activation_layer(activation: str) -> nn.Module | None:
    """The activation of that name, or None for "none"."""
    if activation == "relu":
        return nn.ReLU()
    if activation == "leaky_relu":
        return nn.LeakyReLU()
    if activation == "gelu":
        return nn.GELU()
    if activation == "silu":
        return nn.SiLU()
    if activation == "hard_swish":
        return nn.Hardswish()
    return None


class NormAct(Sequential):
    """A norm, then an activation; either may be absent."""

    def __init__(self, channels: int, norm: str = "batch", eps: float = 1e-5, activation: str = "relu") -> None:
        super().__init__()
        add_norm_act(self, channels, norm, eps, activation)


class ConvNorm(Sequential):
    """A convolution, then a norm and an activation, either of which may be absent; padding is half the kernel."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Kernel,
        stride: int = 1,
        padding: Kernel | None = None,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if padding is None:
            height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
            padding = (dilation * (height - 1) // 2, dilation * (width - 1) // 2)
        self.add_module("conv", Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias))
        add_norm_act(self, out_channels, norm, eps, activation)


def add_norm_act(layers: nn.Sequential, channels: int, norm: str, eps: float, activation: str) -> None:
    """Appends a norm over `channels` and an activation, where they are not "none"."""
    for name, layer in (("norm", norm_layer(norm, channels, eps)), ("act", activation_layer(activation))):
        if layer is not None:
            layers.add_module(name, layer)


class Pad(Module):
    """He et al. 2015, option A: subsample by the stride, then append zeros after the existing channels."""

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra = extra
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.extra)) if self.extra else x


def shortcut_layer(
    shortcut: str,
    in_channels: int,
    out_channels: int,
    stride: int,
    bias: bool = False,
    norm: str = "batch",
    eps: float = 1e-5,
) -> nn.Module | None:
    """The module on a shortcut: nothing, identity, option A (pad) or option B (project) of He et al. 2015."""
    if shortcut == "none":
        return None
    if shortcut == "project":
        return ConvNorm(in_channels, out_channels, 1, stride, bias=bias, norm=norm, eps=eps, activation="none")
    extra = out_channels - in_channels
    return nn.Identity() if shortcut == "identity" or (extra == 0 and stride == 1) else Pad(extra, stride)
