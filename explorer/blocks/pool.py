"""A pool: the greatest or the mean value of each window."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from explorer.block import Block, Kernel, check_window, window
from explorer.shape import Shape


class Pool(Block):
    """The greatest or the mean value of each window."""

    title: ClassVar = "Pool"
    summary: ClassVar = "Shrinks the map without parameters."
    which: ClassVar = "shrink without weights"
    source: ClassVar = "LeCun et al. 1989; Krizhevsky et al. 2012 (overlapping)"
    group: ClassVar = "Plain layers"
    order_in_palette: ClassVar = 100
    examples: ClassVar = (
        ({}, Shape(16, 8, 8)),
        ({"mode": "avg", "kernel": 2, "padding": 0}, Shape(16, 9, 7)),
        ({"kernel": 3, "padding": 0, "ceil_mode": True}, Shape(16, 8, 8)),
    )

    kind: Literal["pool"] = "pool"
    mode: Annotated[
        Literal["max", "avg"],
        Field(title="Mode", description="avg counts its padding as zeros, as torch does."),
    ] = "max"
    kernel: Kernel = 3
    stride: Annotated[
        int,
        Field(ge=1, le=31, title="Stride", description="Distance between windows.", json_schema_extra={"unit": "px"}),
    ] = 2
    padding: Annotated[
        Annotated[int, Field(ge=0, le=15)] | None,
        Field(title="Padding", description="Half the kernel unless set.", json_schema_extra={"unit": "px"}),
    ] = None
    ceil_mode: Annotated[
        bool, Field(title="Round up", description="A last window that hangs over the edge counts (GoogLeNet).")
    ] = False

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        padding = self.kernel // 2 if self.padding is None else self.padding
        if padding > self.kernel // 2:
            self.refuse(
                f"pads {padding} px, more than half its kernel of {self.kernel}",
                in_shape,
                ways=[(f"padding {self.kernel // 2}", {"padding": None})],
            )
        sizes = [window(size, self.kernel, self.stride, padding, ceil=self.ceil_mode) for size in in_shape[1:]]
        fits = max(1, min(31, min(in_shape[1:])))
        check_window(
            self,
            f"{self.kernel}×{self.kernel} window",
            in_shape,
            sizes,
            (f"kernel {fits}", {"kernel": fits}),
            (f"padding {self.kernel // 2}", {"padding": None}),
        )
        if self.mode == "max":
            return nn.MaxPool2d(self.kernel, self.stride, padding, ceil_mode=self.ceil_mode)
        return nn.AvgPool2d(self.kernel, self.stride, padding, ceil_mode=self.ceil_mode)
