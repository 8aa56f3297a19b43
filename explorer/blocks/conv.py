"""A convolution with its norm and activation."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import nn

from explorer.block import (
    Activation,
    Bias,
    Block,
    Channels,
    Groups,
    Kernel,
    Norm,
    NormEps,
    Repeat,
    Stride,
    check_odd,
    check_window,
    scaled,
    wants_bias,
    window,
)
from explorer.layers import ConvNorm
from explorer.shape import Shape


class Conv(Block):
    """One convolution, then a norm and an activation."""

    title: ClassVar = "Convolution"
    summary: ClassVar = "One convolution with its norm and activation."
    which: ClassVar = "one layer, no shortcut"
    source: ClassVar = "LeCun et al. 1989; Xie et al. 2017 (groups); Yu and Koltun 2016 (dilation)"
    group: ClassVar = "Plain layers"
    order_in_palette: ClassVar = 90
    examples: ClassVar = (
        ({"channels": 32}, Shape(16, 8, 8)),
        ({"channels": 32, "kernel": 5, "stride": 2, "groups": 4, "repeat": 2}, Shape(16, 9, 8)),
        ({"channels": 32, "kernel": 2, "padding": "valid", "dilation": 2}, Shape(16, 8, 8)),
    )

    kind: Literal["conv"] = "conv"
    channels: Channels = 64
    kernel: Kernel = 3
    stride: Stride = 1
    padding: Annotated[
        Literal["same", "valid"],
        Field(
            title="Padding", description="same keeps the size at stride 1 and wants an odd kernel; valid pads nothing."
        ),
    ] = "same"
    dilation: Annotated[
        int, Field(ge=1, le=16, title="Dilation", description="Distance between the filter's taps.")
    ] = 1
    groups: Groups = 1
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"
    repeat: Repeat = 1

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        same = self.padding == "same"
        if same:
            check_odd(self, self.kernel, ('padding "valid"', {"padding": "valid"}))
        else:
            sizes = [window(size, self.kernel, self.stride, 0, self.dilation) for size in in_shape[1:]]
            span = self.dilation * (self.kernel - 1) + 1
            check_window(
                self,
                f"filter of {span}×{span}",
                in_shape,
                sizes,
                ('padding "same"', {"padding": "same"}),
                ("kernel 1", {"kernel": 1}),
            )
        if in_shape.channels % self.groups or self.channels % self.groups:
            self.refuse(
                f"cannot split {in_shape.channels} and {self.channels} channels into {self.groups} groups",
                in_shape,
                ways=[("groups 1", {"groups": 1})],
            )
        return ConvNorm(
            in_shape.channels,
            self.channels,
            self.kernel,
            self.stride if first else 1,
            None if same else 0,
            self.dilation,
            self.groups,
            wants_bias(self.bias, self.norm),
            self.norm,
            self.norm_eps,
            self.activation,
        )

    def widths(self, factor: float) -> dict[str, Any]:
        if self.groups == self.channels:  # a filter for each channel stays that
            width = scaled(self.channels, factor)
            return {"channels": width, "groups": width if self.groups > 1 else 1}
        return {"channels": scaled(self.channels, factor, self.groups)}
