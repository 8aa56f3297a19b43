"""The bottleneck block (He et al. 2015, fig. 5; article §2.1 BiB, §3.2.1)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from explorer.block import (
    Activation,
    Bias,
    Block,
    Channels,
    Groups,
    Norm,
    NormEps,
    OptionalChannels,
    Order,
    Repeat,
    Shortcut,
    Stride,
    check_shortcut,
    choose_shortcut,
    scaled,
    strided,
    wants_bias,
)
from explorer.layers import Conv2d, ConvNorm, Module, NormAct, activation_layer, shortcut_layer
from explorer.shape import Shape


class BottleneckModule(Module):
    """y = act(F(x) + shortcut(x)); F is 1×1 compress, 3×3, 1×1 restore."""

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        expand_channels: int,
        channels: int,
        strides: tuple[int, int] = (1, 1),
        groups: int = 1,
        shortcut: nn.Module | None = None,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        early, late = strides  # of the first 1×1 and of the 3×3
        self.conv1 = ConvNorm(in_channels, mid_channels, 1, early, bias=bias, norm=norm, eps=eps, activation=activation)
        self.conv2 = ConvNorm(
            mid_channels, expand_channels, 3, late, groups=groups, bias=bias, norm=norm, eps=eps, activation=activation
        )
        self.conv3 = ConvNorm(expand_channels, channels, 1, bias=bias, norm=norm, eps=eps, activation="none")
        self.shortcut = shortcut
        self.act = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(self.conv2(self.conv1(x)))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return y if self.act is None else self.act(y)


class PreActivationBottleneckModule(Module):
    """y = F(x) + x with norm and activation before each convolution (He et al. 2016)."""

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        expand_channels: int,
        channels: int,
        strides: tuple[int, int] = (1, 1),
        groups: int = 1,
        shortcut: nn.Module | None = None,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        early, late = strides  # of the first 1×1 and of the 3×3
        self.norm1 = NormAct(in_channels, norm, eps, activation)
        self.conv1 = Conv2d(in_channels, mid_channels, 1, early, bias=bias)
        self.norm2 = NormAct(mid_channels, norm, eps, activation)
        self.conv2 = Conv2d(mid_channels, expand_channels, 3, late, 1, groups=groups, bias=bias)
        self.norm3 = NormAct(expand_channels, norm, eps, activation)
        self.conv3 = Conv2d(expand_channels, channels, 1, bias=bias)
        self.shortcut = shortcut
        self.projects = isinstance(shortcut, ConvNorm)  # then it takes what is activated already

    def forward(self, x: Tensor) -> Tensor:
        activated = self.norm1(x)
        y = self.conv3(self.norm3(self.conv2(self.norm2(self.conv1(activated)))))
        if self.shortcut is not None:
            y = y + self.shortcut(activated if self.projects else x)
        return y


class Bottleneck(Block):
    """A 1×1 convolution compresses, a 3×3 works on few channels, a 1×1 restores; then the shortcut."""

    title: ClassVar = "Bottleneck"
    summary: ClassVar = "The basic block's idea at a fraction of the cost: the 3×3 works on few channels."
    which: ClassVar = "1×1 → 3×3 → 1×1, add"
    formula: ClassVar = "y = ReLU(F(x) + x)"
    source: ClassVar = "He et al. 2015, fig. 5; Xie et al. 2017 (groups); article §2.1 BiB, §3.2.1"
    family: ClassVar = "residual"
    group: ClassVar = "ResNet family"
    order_in_palette: ClassVar = 30
    examples: ClassVar = (
        ({"channels": 64}, Shape(64, 8, 8)),
        ({"channels": 128, "stride": 2, "repeat": 3}, Shape(64, 8, 8)),
        ({"channels": 128, "stride": 2, "stride_on": "1x1", "shortcut": "pad"}, Shape(64, 9, 8)),
        ({"channels": 64, "mid": 32, "groups": 8, "order": "pre"}, Shape(48, 8, 8)),
        ({"channels": 64, "mid": 16, "expand": 48}, Shape(64, 8, 8)),
    )

    kind: Literal["bottleneck"] = "bottleneck"
    channels: Channels = 256
    mid: Annotated[
        OptionalChannels,
        Field(
            title="Compressed channels",
            description="Filters of the first 1×1 convolution; a quarter of the output unless set.",
            json_schema_extra={"unit": "ch"},
        ),
    ] = None
    expand: Annotated[
        OptionalChannels,
        Field(
            title="Channels of the 3×3",
            description="As compressed unless set. In the article each of the three layers has a different number.",
            json_schema_extra={"unit": "ch"},
        ),
    ] = None
    groups: Groups = 1
    stride: Stride = 1
    stride_on: Annotated[
        Literal["3x3", "1x1"],
        Field(
            title="Stride on",
            description="3x3: as torchvision has it (v1.5). 1x1: as the paper has it (v1).",
        ),
    ] = "3x3"
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
        middle = self.middle
        expand = self.expand or middle
        if middle % self.groups or expand % self.groups:
            self.refuse(
                f"cannot split {middle} and {expand} channels into {self.groups} groups",
                in_shape,
                ways=[
                    ("groups 1", {"groups": 1}),
                    (
                        f"{self.groups * max(1, round(middle / self.groups))} compressed channels",
                        {"mid": min(8192, self.groups * max(1, round(middle / self.groups))), "expand": None},
                    ),
                ],
            )
        shortcut = self.resolve(in_shape, first)["shortcut"]
        stays = {"channels": in_shape.channels, "stride": 1}
        check_shortcut(self, shortcut, in_shape, self.out_shape(in_shape, first), stays)
        module = BottleneckModule if self.order == "post" else PreActivationBottleneckModule
        inner, stride, bias = in_shape.channels, self.stride if first else 1, wants_bias(self.bias, self.norm)
        norm = self.norm if self.order == "post" else "none"
        return module(
            inner,
            middle,
            expand,
            self.channels,
            (stride, 1) if self.stride_on == "1x1" else (1, stride),
            self.groups,
            shortcut_layer(shortcut, inner, self.channels, stride, bias, norm, self.norm_eps),
            self.norm,
            self.norm_eps,
            self.activation,
            bias,
        )

    @property
    def middle(self) -> int:
        """Filters of the first convolution."""
        return self.mid or max(1, self.channels // 4)

    def widths(self, factor: float) -> dict[str, Any]:
        channels, groups = scaled(self.channels, factor), self.groups
        alone = groups == self.middle > 1  # a filter for each channel, which stays so
        usual = max(1, channels // 4)
        mid = None if self.mid is None else scaled(self.mid, factor, 1 if alone else groups)
        if alone:
            groups = mid or usual
        elif mid is None and usual % groups:
            mid = scaled(usual, 1, groups)
        expand = None if self.expand is None else scaled(self.expand, factor, groups)
        return {"channels": channels, "mid": mid, "expand": expand, "groups": groups}

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        if self.norm != "none" or self.shortcut == "none":
            return []
        return [module.get_submodule("conv3" if self.order == "pre" else "conv3.conv")]
