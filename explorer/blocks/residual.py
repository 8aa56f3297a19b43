"""The general residual block (article §3.1)."""

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.block import (
    Activation,
    Bias,
    Block,
    Kernel,
    Norm,
    NormEps,
    Repeat,
    Shortcut,
    Stride,
    check_odd,
    check_shortcut,
    choose_shortcut,
    scaled,
    strided,
    wants_bias,
)
from explorer.layers import ConvNorm, Module, activation_layer, shortcut_layer
from explorer.shape import MAX_CHANNELS, Shape


class ResidualAddModule(Module):
    """y = act(shortcut(x) + F_m(X_mid + b)); F_m is k convolutions, each with half the filters of the one before."""

    def __init__(
        self,
        in_channels: int,
        width: int,
        convolutions: int,
        kernel: int = 3,
        stride: int = 1,
        shortcut: nn.Module | None = None,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        widths = [width >> i for i in range(convolutions)]
        self.middle = ConvNorm(in_channels, width, kernel, stride, bias=bias, norm=norm, eps=eps, activation=activation)
        self.b = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.convs = nn.Sequential()
        for i, channels in enumerate(widths):
            last = i == convolutions - 1
            self.convs.append(
                ConvNorm(
                    widths[max(0, i - 1)],
                    channels,
                    kernel,
                    bias=bias,
                    norm=norm,
                    eps=eps,
                    activation="none" if last else activation,
                )
            )
        self.shortcut = shortcut
        self.act = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        y = self.convs(self.middle(x) + self.b)
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return y if self.act is None else self.act(y)


class ResidualConcatModule(Module):
    """The four steps: X_mid through halving convolutions, X_res = norm(conv[x, X_mid]), act([X_res, x])."""

    def __init__(
        self,
        in_channels: int,
        width: int,
        convolutions: int,
        kernel: int = 3,
        append: bool = True,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        widths = [width >> i for i in range(convolutions)]
        self.middle = nn.Sequential()
        for i, channels in enumerate(widths):
            inner = widths[i - 1] if i else in_channels
            self.middle.append(ConvNorm(inner, channels, kernel, bias=bias, norm=norm, eps=eps, activation=activation))
        self.conv = ConvNorm(in_channels + widths[-1], width, kernel, bias=bias, norm=norm, eps=eps, activation="none")
        self.append = append
        self.act = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(torch.cat([x, self.middle(x)], 1))
        if self.append:
            y = torch.cat([y, x], 1)
        return y if self.act is None else self.act(y)


class Residual(Block):
    """The article's general residual block, in both of its readings."""

    title: ClassVar = "General residual block (article)"
    summary: ClassVar = "k convolutions, each with half the filters of the one before; added or concatenated."
    which: ClassVar = "k halving convolutions"
    formula: ClassVar = "X_out = ReLU(add(shortcut(X_in), F_m(X_mid + b)))"
    source: ClassVar = "Article §3.1"
    family: ClassVar = "residual"
    group: ClassVar = "The article"
    order_in_palette: ClassVar = 70
    examples: ClassVar = (
        ({"width": 32, "convolutions": 2}, Shape(16, 8, 8)),
        ({"width": 64, "convolutions": 3, "stride": 2, "repeat": 2}, Shape(16, 8, 8)),
        ({"width": 16, "convolutions": 2, "merge": "concat", "repeat": 3}, Shape(16, 8, 8)),
        ({"width": 16, "convolutions": 1, "kernel": 1, "shortcut": "none"}, Shape(16, 8, 8)),
    )

    kind: Literal["residual"] = "residual"
    width: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_CHANNELS,
            title="Width",
            description="Filters of the first convolution. add: the output has width / 2^(k − 1) channels. concat: it "
            "has the input's channels and width more.",
            json_schema_extra={"unit": "ch"},
        ),
    ] = 128
    convolutions: Annotated[
        int,
        Field(ge=1, le=12, title="Convolutions k", description="Each after the first has half the filters."),
    ] = 2
    merge: Annotated[
        Literal["add", "concat"],
        Field(
            title="Merge",
            description="add: the article's formula, with a learned value b for each of the width channels. concat: "
            "its four steps, which concatenate the residual and the input, so channels grow at each repeat.",
        ),
    ] = "add"
    kernel: Kernel = 3
    stride: Stride = 1
    shortcut: Shortcut = "auto"
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"
    repeat: Repeat = 1

    def out_shape(self, in_shape: Shape, first: bool) -> Shape:
        """The map that F_m gives."""
        channels = max(1, self.width >> (self.convolutions - 1))
        return strided(in_shape, channels, self.stride if first else 1)

    def resolve(self, in_shape: Shape, first: bool = True) -> dict[str, str]:
        if self.merge == "concat":
            return {"shortcut": "identity" if self.shortcut == "auto" else self.shortcut}
        return {"shortcut": choose_shortcut(self.shortcut, in_shape, self.out_shape(in_shape, first))}

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        check_odd(self, self.kernel)
        step = 2 ** (self.convolutions - 1)
        if self.width % step:
            nearest = {
                w for w in (self.width // step * step, (self.width // step + 1) * step) if 1 <= w <= MAX_CHANNELS
            }
            self.refuse(
                f"cannot halve a width of {self.width} {self.convolutions - 1} times",
                in_shape,
                ways=[(f"width {w}", {"width": w}) for w in sorted(nearest, key=lambda w: abs(w - self.width))],
            )
        shortcut = self.resolve(in_shape, first)["shortcut"]
        bias = wants_bias(self.bias, self.norm)
        style = (self.norm, self.norm_eps, self.activation, bias)
        if self.merge == "concat":
            self.check_concat(in_shape, shortcut)
            return ResidualConcatModule(
                in_shape.channels, self.width, self.convolutions, self.kernel, shortcut != "none", *style
            )
        out_shape, stride = self.out_shape(in_shape, first), self.stride if first else 1
        check_shortcut(self, shortcut, in_shape, out_shape, self.stays(in_shape, step))
        inner = in_shape.channels
        side = shortcut_layer(shortcut, inner, out_shape.channels, stride, bias, self.norm, self.norm_eps)
        return ResidualAddModule(inner, self.width, self.convolutions, self.kernel, stride, side, *style)

    def stays(self, in_shape: Shape, step: int) -> dict[str, int] | None:
        """The fields with which the sum keeps the input's shape, if there are any."""
        width = in_shape.channels * step
        return {"width": width, "stride": 1} if width <= MAX_CHANNELS else None

    def check_concat(self, in_shape: Shape, shortcut: str) -> None:
        """A concatenation keeps the size and takes the input as it is."""
        adds = ('merge "add"', {"merge": "add"})
        if self.stride != 1:
            self.refuse(
                "concatenates its input and cannot have stride 2", in_shape, ways=[("stride 1", {"stride": 1}), adds]
            )
        if shortcut not in ("identity", "none"):
            self.refuse(
                f'concatenates its input as it is and has no use for shortcut "{shortcut}"',
                in_shape,
                ways=[('shortcut "auto"', {"shortcut": "auto"}), ('shortcut "none"', {"shortcut": "none"}), adds],
            )
        grown = in_shape.channels + self.width
        if shortcut != "none" and grown > MAX_CHANNELS:
            self.refuse(
                f"grows to {grown:,} channels, more than {MAX_CHANNELS:,}",
                in_shape,
                ways=[adds, ('shortcut "none"', {"shortcut": "none"})],
            )

    def widths(self, factor: float) -> dict[str, Any]:
        step = 2 ** (self.convolutions - 1)
        if self.merge == "concat":
            return {"width": scaled(self.width, factor, step)}
        # what it gives follows the rule, so that it still fits what is beside it
        return {"width": step * scaled(max(1, self.width // step), factor, most=MAX_CHANNELS // step)}

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        if self.norm != "none" or self.shortcut == "none" or self.merge == "concat":
            return []
        return [module.get_submodule(f"convs.{self.convolutions - 1}.conv")]
