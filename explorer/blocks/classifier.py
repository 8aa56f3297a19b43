"""The classifier (article §2.4, §2.5, §3.4, §3.5)."""

from math import prod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from explorer.block import Activation, Block, scaled
from explorer.layers import Linear, Module, activation_layer
from explorer.shape import MAX_CHANNELS, Shape


class ClassifierModule(Module):
    """(N, C, H, W) to logits (N, classes): pool, hidden layers, a last fully connected layer."""

    def __init__(self, pool: nn.Module | None, hidden: nn.Sequential, fc: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.pool = pool
        self.flatten = nn.Flatten()
        self.hidden = hidden
        self.dropout = nn.Dropout(dropout) if dropout else None
        self.fc = fc

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is not None:
            x = self.pool(x)
        x = self.hidden(self.flatten(x))
        if self.dropout is not None:
            x = self.dropout(x)
        return self.fc(x)


class Classifier(Block):
    """Pools the last map and gives one number a class; softmax turns them into probabilities."""

    title: ClassVar = "Classifier"
    summary: ClassVar = "Pools the last map and gives one logit a class; softmax makes probabilities of them."
    which: ClassVar = "pool, dense, softmax"
    formula: ClassVar = "p = softmax(W · pool(x) + b)"
    source: ClassVar = "Article §2.4, §2.5, §3.4, §3.5; Lin et al. 2014 (global average pool)"
    role: ClassVar = "head"
    family: ClassVar = "head"
    group: ClassVar = "Head"
    order_in_palette: ClassVar = 130
    examples: ClassVar = (
        ({"classes": 10}, Shape(64, 4, 4)),
        ({"classes": 10, "pool": "max", "hidden": (32, 16), "dropout": 0.5}, Shape(64, 4, 4)),
        ({"classes": 10, "pool": "flatten", "dropout": 0.2}, Shape(64, 4, 3)),
    )

    kind: Literal["classifier"] = "classifier"
    classes: Annotated[int, Field(ge=2, le=100_000, title="Classes", description="Logits that leave the network.")] = 10
    pool: Annotated[
        Literal["avg", "max", "flatten"],
        Field(title="Pool", description="avg, max: one value a channel. flatten: every value of the map."),
    ] = "avg"
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MAX_CHANNELS)], ...],
        Field(
            max_length=4,
            title="Hidden layers",
            description="Widths of fully connected layers before the last; the article: usually no more than four.",
        ),
    ] = ()
    activation: Annotated[Activation, Field(description="After each hidden layer.")] = "relu"
    dropout: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            title="Dropout",
            description="After each hidden activation; with no hidden layer, before the last layer.",
        ),
    ] = 0.0

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        pools = {"avg": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}
        pool = pools[self.pool](1) if self.pool in pools else None
        features = in_shape.channels if pool is not None else prod(in_shape)
        hidden = nn.Sequential()
        for width in self.hidden:
            hidden.append(Linear(features, width))
            features = width
            act = activation_layer(self.activation)
            if act is not None:
                hidden.append(act)
            if self.dropout:
                hidden.append(nn.Dropout(self.dropout))
        return ClassifierModule(pool, hidden, Linear(features, self.classes), 0.0 if self.hidden else self.dropout)

    def widths(self, factor: float) -> dict[str, Any]:
        return {"hidden": tuple(scaled(width, factor) for width in self.hidden)}
