"""A norm and an activation by themselves, as they end a run of pre-activation blocks."""

from typing import ClassVar, Literal

from torch import nn

from explorer.block import Activation, Block, Norm, NormEps
from explorer.layers import NormAct
from explorer.shape import Shape


class NormActivation(Block):
    """A norm, then an activation."""

    title: ClassVar = "Norm and activation"
    summary: ClassVar = "Ends a run of pre-activation or identity-mapping blocks."
    which: ClassVar = "after pre-activation blocks"
    source: ClassVar = "He et al. 2016, appendix; Ioffe and Szegedy 2015"
    group: ClassVar = "Plain layers"
    order_in_palette: ClassVar = 110
    examples: ClassVar = (({}, Shape(16, 8, 8)), ({"norm": "layer", "activation": "gelu"}, Shape(16, 8, 8)))

    kind: Literal["norm_activation"] = "norm_activation"
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        return NormAct(in_shape.channels, self.norm, self.norm_eps, self.activation)
