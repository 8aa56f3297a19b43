"""The basic block (He et al. 2015, fig. 2; article §2.1 BB)."""

from typing import Annotated, ClassVar, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from explorer.block import (
    Activation,
    Bias,
    Block,
    Channels,
    Norm,
    NormEps,
    Order,
    Repeat,
    Shortcut,
    Stride,
    check_shortcut,
    check_width,
    choose_shortcut,
    strided,
    wants_bias,
)
from explorer.layers import Conv2d, ConvNorm, Module, NormAct, activation_layer, shortcut_layer
from explorer.shape import Shape


class BasicModule(Module):
    """y = act(F(x) + shortcut(x)); F is two 3×3 convolutions with norms, optionally up again to the input's size."""

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: nn.Module | None = None,
        upsample: bool = False,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        inner = 2 if upsample else stride
        self.conv1 = ConvNorm(in_channels, mid_channels, 3, inner, bias=bias, norm=norm, eps=eps, activation=activation)
        self.conv2 = ConvNorm(mid_channels, channels, 3, bias=bias, norm=norm, eps=eps, activation="none")
        self.shortcut = shortcut
        self.act = activation_layer(activation)
        self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))
        if self.upsample:
            y = F.interpolate(y, size=x.shape[2:], mode="nearest")
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return y if self.act is None else self.act(y)


class PreActivationBasicModule(Module):
    """y = F(x) + x with norm and activation before each convolution (He et al. 2016, fig. 4e)."""

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: nn.Module | None = None,
        upsample: bool = False,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        inner = 2 if upsample else stride
        self.norm1 = NormAct(in_channels, norm, eps, activation)
        self.conv1 = Conv2d(in_channels, mid_channels, 3, inner, 1, bias=bias)
        self.norm2 = NormAct(mid_channels, norm, eps, activation)
        self.conv2 = Conv2d(mid_channels, channels, 3, 1, 1, bias=bias)
        self.shortcut = shortcut
        self.projects = isinstance(shortcut, ConvNorm)  # then it takes what is activated already
        self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        activated = self.norm1(x)
        y = self.conv2(self.norm2(self.conv1(activated)))
        if self.upsample:
            y = F.interpolate(y, size=x.shape[2:], mode="nearest")
        if self.shortcut is not None:
            y = y + self.shortcut(activated if self.projects else x)
        return y


class Basic(Block):
    """Two 3×3 convolutions and a shortcut."""

    title: ClassVar = "Basic block"
    summary: ClassVar = "Learns a correction and adds it to its own input."
    which: ClassVar = "two 3×3, add"
    formula: ClassVar = "y = ReLU(F(x) + x)"
    source: ClassVar = "He et al. 2015, eq. 1, fig. 2; He et al. 2016 (pre); article §2.1 BB"
    family: ClassVar = "residual"
    group: ClassVar = "ResNet family"
    order_in_palette: ClassVar = 20
    examples: ClassVar = (
        ({"channels": 16}, Shape(16, 8, 8)),
        ({"channels": 32, "stride": 2, "repeat": 3}, Shape(16, 8, 8)),
        ({"channels": 32, "stride": 2, "shortcut": "pad"}, Shape(16, 9, 7)),
        ({"channels": 16, "mid_ratio": 2.0, "resample": "down-up"}, Shape(16, 8, 8)),
        ({"channels": 24, "order": "pre", "stride": 2}, Shape(16, 8, 8)),
        ({"channels": 16, "shortcut": "none", "norm": "none"}, Shape(16, 8, 8)),
    )

    kind: Literal["basic"] = "basic"
    channels: Channels = 64
    stride: Stride = 1
    mid_ratio: Annotated[
        float,
        Field(
            ge=0.125,
            le=8,
            title="Middle ratio",
            description="Filters of the first convolution over those of the second. 1 in the literature; 2 in the "
            "article, whose second convolution has half the filters of the first.",
        ),
    ] = 1.0
    resample: Annotated[
        Literal["none", "down-up"],
        Field(
            title="Resample",
            description="down-up: the article's way to a smaller map; the first convolution has stride 2 and nearest "
            "upsampling restores the input's size before the addition. It excludes stride 2.",
        ),
    ] = "none"
    order: Order = "post"
    shortcut: Shortcut = "auto"
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"
    repeat: Repeat = 1

    def out_shape(self, in_shape: Shape, first: bool) -> Shape:
        """The map that F gives."""
        return strided(in_shape, self.channels, self.stride if first else 1)

    def resolve(self, in_shape: Shape, first: bool = True) -> dict[str, str]:
        return {"shortcut": choose_shortcut(self.shortcut, in_shape, self.out_shape(in_shape, first))}

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        if self.resample == "down-up" and self.stride == 2:
            self.refuse(
                'cannot both shrink by stride 2 and come back by resample "down-up"',
                in_shape,
                ways=[("stride 1", {"stride": 1}), ('resample "none"', {"resample": "none"})],
            )
        middle = max(1, round(self.channels * self.mid_ratio))
        check_width(self, "filters in its first convolution", middle, ("middle ratio 1", {"mid_ratio": 1.0}))
        shortcut = self.resolve(in_shape, first)["shortcut"]
        stays = {"channels": in_shape.channels, "stride": 1}
        check_shortcut(self, shortcut, in_shape, self.out_shape(in_shape, first), stays)
        module = BasicModule if self.order == "post" else PreActivationBasicModule
        inner, stride, bias = in_shape.channels, self.stride if first else 1, wants_bias(self.bias, self.norm)
        norm = self.norm if self.order == "post" else "none"
        return module(
            inner,
            middle,
            self.channels,
            stride,
            shortcut_layer(shortcut, inner, self.channels, stride, bias, norm, self.norm_eps),
            self.resample == "down-up",
            self.norm,
            self.norm_eps,
            self.activation,
            bias,
        )

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        if self.norm != "none" or self.shortcut == "none":
            return []
        last = module.get_submodule("conv2" if self.order == "pre" else "conv2.conv")
        return [last]
