"""The linear-projection residual block (article §2.1 LPRB, §3.2.3)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor, cat, nn

from explorer.block import (
    Activation,
    Bias,
    Block,
    Channels,
    Norm,
    NormEps,
    Repeat,
    Shortcut,
    Stride,
    check_shortcut,
    strided,
    wants_bias,
)
from explorer.layers import Conv2d, ConvNorm, Module, NormAct, activation_layer, shortcut_layer
from explorer.shape import Shape


class LinearProjectionModule(Module):
    """y = act(F + W_s x), Z = FC(X₁) over channels; F = norm(Z ⊙ X₁ ⊙ X₂) or X₂ + norm(conv1×1[Z, X₁])."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        merge: str = "multiply",
        shortcut: nn.Module | None = None,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = ConvNorm(in_channels, channels, 3, stride, bias=bias, norm=norm, eps=eps, activation=activation)
        self.conv2 = ConvNorm(channels, channels, 3, bias=bias, norm=norm, eps=eps, activation=activation)
        self.linear = Conv2d(channels, channels, 1)  # a fully connected layer at each position: the same numbers
        self.multiplies = merge == "multiply"
        self.merge: nn.Module = (
            NormAct(channels, norm, eps, "none")
            if self.multiplies
            else ConvNorm(2 * channels, channels, 1, bias=bias, norm=norm, eps=eps, activation="none")
        )
        self.shortcut = shortcut
        self.act = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.conv1(x)
        x2 = self.conv2(x1)
        z = self.linear(x1)
        y = self.merge(z * x1 * x2) if self.multiplies else x2 + self.merge(cat([z, x1], 1))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return y if self.act is None else self.act(y)


class LinearProjection(Block):
    """A fully connected layer over channels between two convolutions, multiplied or concatenated with their outputs."""

    title: ClassVar = "Linear-projection block (article)"
    summary: ClassVar = "A fully connected layer over channels gates or joins what two convolutions found."
    which: ClassVar = "multiply or concatenate"
    formula: ClassVar = "y = ReLU(norm(Z ⊙ X₁ ⊙ X₂) + W_s x), Z = FC(X₁)"
    source: ClassVar = "Article §2.1 LPRB, §3.2.3"
    family: ClassVar = "residual"
    group: ClassVar = "The article"
    order_in_palette: ClassVar = 60
    examples: ClassVar = (
        ({"channels": 16}, Shape(16, 8, 8)),
        ({"channels": 32, "stride": 2, "repeat": 2}, Shape(16, 8, 8)),
        ({"channels": 32, "merge": "concat", "shortcut": "pad"}, Shape(16, 8, 8)),
        ({"channels": 16, "merge": "concat", "norm": "none", "shortcut": "identity"}, Shape(16, 8, 8)),
    )

    kind: Literal["linear_projection"] = "linear_projection"
    channels: Channels = 64
    stride: Stride = 1
    merge: Annotated[
        Literal["multiply", "concat"],
        Field(
            title="Merge",
            description='multiply: "its output is multiplied with the outputs of the two convolutions", norm(Z ⊙ X₁ ⊙ '
            'X₂). concat: "Z and X₁ are concatenated as part of the residual output", X₂ + norm(1×1[Z, X₁]). The '
            "article says both.",
        ),
    ] = "multiply"
    shortcut: Annotated[
        Shortcut,
        Field(description="auto: a linear projection of the input, always. identity, pad, none: as elsewhere."),
    ] = "auto"
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"
    repeat: Repeat = 1

    def resolve(self, in_shape: Shape, first: bool = True) -> dict[str, str]:
        return {"shortcut": "project" if self.shortcut == "auto" else self.shortcut}

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        if self.merge == "multiply" and self.norm == "none":
            self.refuse(
                "multiplies three maps and cannot do so without a norm: gradients explode",
                in_shape,
                ways=[('norm "batch"', {"norm": "batch"}), ('merge "concat"', {"merge": "concat"})],
            )
        stride = self.stride if first else 1
        out_shape = strided(in_shape, self.channels, stride)
        shortcut = self.resolve(in_shape, first)["shortcut"]
        stays = {"channels": in_shape.channels, "stride": 1}
        check_shortcut(self, shortcut, in_shape, out_shape, stays)
        inner, bias = in_shape.channels, wants_bias(self.bias, self.norm)
        return LinearProjectionModule(
            inner,
            self.channels,
            stride,
            self.merge,
            shortcut_layer(shortcut, inner, self.channels, stride, bias, self.norm, self.norm_eps),
            self.norm,
            self.norm_eps,
            self.activation,
            bias,
        )

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        if self.shortcut == "none":
            return []
        if self.merge == "multiply":  # measured at depth 10: the stem's gradient is 46 to 1,150 otherwise
            return [module.get_submodule("merge.norm")]
        return [module.get_submodule("merge.conv")] if self.norm == "none" else []
