"""Dropout between blocks."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from explorer.block import Block
from explorer.shape import Shape


class Dropout(Block):
    """Sets values to zero at random while training."""

    title: ClassVar = "Dropout"
    summary: ClassVar = "Sets values to zero at random while training, against overfitting."
    which: ClassVar = "against overfitting"
    source: ClassVar = "Srivastava et al. 2014"
    group: ClassVar = "Plain layers"
    order_in_palette: ClassVar = 120
    examples: ClassVar = (({"rate": 0.2}, Shape(16, 8, 8)),)

    kind: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1, title="Rate", description="Share of the values that are set to zero.")] = (
        0.5
    )

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        return nn.Dropout(self.rate)
