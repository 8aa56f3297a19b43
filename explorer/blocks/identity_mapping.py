"""The identity-mapping residual block (He et al. 2016; article §2.1 IMRB, §3.2.4)."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.block import Activation, Bias, Block, Norm, NormEps, OptionalChannels, Repeat, wants_bias
from explorer.layers import Conv2d, Module, NormAct
from explorer.shape import Shape, Way


class IdentityMappingModule(Module):
    """y = F(x) + x, F pre-activated; gated: F(x) + P(x) where F(x) and x are not close, a sample at a time."""

    def __init__(
        self,
        channels: int,
        add: bool = True,
        tolerance: float | None = None,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = NormAct(channels, norm, eps, activation)
        self.conv1 = Conv2d(channels, channels, 3, 1, 1, bias=bias)
        self.norm2 = NormAct(channels, norm, eps, activation)
        self.conv2 = Conv2d(channels, channels, 3, 1, 1, bias=bias)
        self.project = Conv2d(channels, channels, 1, bias=bias) if add and tolerance is not None else None
        self.add = add
        self.tolerance = tolerance

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.norm2(self.conv1(self.norm1(x))))
        if not self.add:
            return y
        if self.project is None or self.tolerance is None:
            return y + x
        with torch.no_grad():
            distance = (y - x).abs().mean((1, 2, 3), keepdim=True)
            close = distance <= self.tolerance * x.abs().mean((1, 2, 3), keepdim=True)
        return torch.where(close, y + x, y + self.project(x))


class IdentityMapping(Block):
    """Adds its input untouched: pre-activation, nothing after the addition, the shape never changes."""

    title: ClassVar = "Identity mapping"
    summary: ClassVar = "Leaves a clean path: the input is added untouched and nothing follows."
    which: ClassVar = "pre-activation"
    formula: ClassVar = "y = F(x) + x"
    source: ClassVar = "He et al. 2016, eq. 5, fig. 4e; article §2.1 IMRB, §3.2.4"
    family: ClassVar = "residual"
    group: ClassVar = "ResNet family"
    order_in_palette: ClassVar = 40
    examples: ClassVar = (
        ({}, Shape(16, 8, 8)),
        ({"channels": 16, "gate": "close", "repeat": 2}, Shape(16, 8, 8)),
        ({"shortcut": "none", "norm": "group"}, Shape(16, 8, 8)),
    )

    kind: Literal["identity_mapping"] = "identity_mapping"
    channels: Annotated[
        OptionalChannels,
        Field(
            title="Channels",
            description="Those of the input; the block never changes the shape.",
            json_schema_extra={"unit": "ch"},
        ),
    ] = None
    gate: Annotated[
        Literal["always", "close"],
        Field(
            title="Gate",
            description="always: F(x) + x. close: the article's \"if the two inputs are close enough they are added "
            'directly"; a sample at a time, where mean|F(x) − x| ≤ tolerance · mean|x|, else F(x) + P(x) with a 1×1 '
            "convolution P. Both paths are computed and counted. F = 0 gives a ratio of 1.",
        ),
    ] = "always"
    tolerance: Annotated[
        float,
        Field(ge=0, le=10, title="Tolerance", description="For the gate close; 0 never adds directly."),
    ] = 1.25
    shortcut: Annotated[
        Literal["identity", "none"],
        Field(title="Shortcut", description="none: a plain block, F(x) alone."),
    ] = "identity"
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"
    repeat: Repeat = 1

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        if self.channels is not None and self.channels != in_shape.channels:
            others = [
                Way(label, {"op": "replace", "block": {"kind": kind, "channels": self.channels, "repeat": self.repeat}})
                for label, kind in (
                    ("a downsampling block in its place", "downsampling"),
                    ("a linear-projection block in its place", "linear_projection"),
                )
            ]
            self.refuse(
                f"never changes the shape and cannot turn {in_shape.channels} channels into {self.channels}",
                in_shape,
                Shape(self.channels, in_shape.height, in_shape.width),
                ways=[(f"channels {in_shape.channels}", {"channels": in_shape.channels})],
                replace=others,
            )
        return IdentityMappingModule(
            in_shape.channels,
            self.shortcut == "identity",
            self.tolerance if self.gate == "close" else None,
            self.norm,
            self.norm_eps,
            self.activation,
            wants_bias(self.bias, self.norm),
        )

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        return [module.get_submodule("conv2")] if self.norm == "none" and self.shortcut != "none" else []
