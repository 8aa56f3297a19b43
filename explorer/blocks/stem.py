"""The stem (article §2.3, §3.3): the convolutions that a network begins with."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from explorer.block import (
    Activation,
    Bias,
    Block,
    Channels,
    NormEps,
    NormName,
    check_window,
    scaled,
    wants_bias,
    window,
)
from explorer.layers import ConvNorm, Module
from explorer.shape import MAX_CHANNELS, Shape

PATCH = 4  # kernel and stride of the patch form


class StemModule(Module):
    """(N, C, H, W) to a smaller, wider map; a row of convolutions and pools."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Stem(Block):
    """The convolutions that a network begins with."""

    title: ClassVar = "Stem"
    summary: ClassVar = "Turns the picture into a first feature map."
    which: ClassVar = "where a network begins"
    source: ClassVar = (
        "Article §2.3, §3.3 (seven); He et al. 2015 (imagenet, cifar); He et al. 2019, Bag of Tricks, ResNet-C (deep); "
        "Szegedy et al. 2015 (googlenet); Liu et al. 2022 (patch)"
    )
    role: ClassVar = "stem"
    family: ClassVar = "stem"
    group: ClassVar = "ResNet family"
    order_in_palette: ClassVar = 10
    examples: ClassVar = (
        ({"form": "cifar", "channels": 16}, Shape(1, 8, 8)),
        ({"form": "imagenet"}, Shape(3, 64, 64)),
        ({"form": "seven", "channels": 32}, Shape(3, 64, 64)),
        ({"form": "deep"}, Shape(3, 33, 47)),
        ({"form": "googlenet", "norm_eps": 1e-3}, Shape(3, 64, 64)),
        ({"form": "patch", "channels": 96}, Shape(3, 64, 64)),
        ({"form": "imagenet", "norm": "none", "activation": "none", "bias": "no"}, Shape(3, 64, 64)),
    )

    kind: Literal["stem"] = "stem"
    form: Annotated[
        Literal["seven", "imagenet", "cifar", "deep", "googlenet", "patch"],
        Field(
            title="Form",
            description="imagenet: 7×7 /2, then 3×3 max-pool /2. cifar: one 3×3. seven: the article's seven "
            "convolutions, 7×7 and three 3×3, all /2, a 3×3, two 1×1, so 1/16 in size (the article also calls the "
            "first five 3×3 of stride 1; that can hold only for the fifth once the first four are given). deep: "
            "3×3 /2, 3×3, 3×3, pool (ResNet-C). googlenet: 7×7 /2, pool, 1×1, 3×3, pool. patch: one convolution "
            "whose kernel is its stride, 4.",
        ),
    ] = "imagenet"
    channels: Annotated[Channels, Field(description="Filters; in googlenet a third of the output channels.")] = 64
    norm: Annotated[
        Literal["auto"] | NormName,
        Field(title="Norm", description="auto: layer in a patch stem, batch in all others."),
    ] = "auto"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        norm = self.resolve(in_shape).get("norm", self.norm)
        if self.form == "deep" and self.channels % 2:
            ways = [(f"channels {c}", {"channels": c}) for c in (self.channels - 1, self.channels + 1) if c > 1]
            self.refuse(f"cannot halve {self.channels} channels", ways=ways)
        if self.form == "googlenet":
            if 3 * self.channels > 8192:
                self.refuse(
                    f"makes {3 * self.channels:,} channels, more than 8,192",
                    ways=[("channels 2730", {"channels": 2730})],
                )
            once = [window((size + 1) // 2, 3, 2, 0, ceil=True) for size in in_shape[1:]]
            twice = [window(size, 3, 2, 0, ceil=True) for size in once]
            check_window(
                self,
                "3×3 pool",
                in_shape,
                twice,
                ('form "cifar"', {"form": "cifar"}),
                ('form "imagenet"', {"form": "imagenet"}),
            )
        if self.form == "patch":
            sizes = [window(size, PATCH, PATCH, 0) for size in in_shape[1:]]
            check_window(self, f"{PATCH}×{PATCH} patch", in_shape, sizes, ('form "cifar"', {"form": "cifar"}))
        return StemModule(*self.layers(in_shape.channels, norm))

    def layers(self, inner: int, norm: str) -> list[nn.Module]:
        """The form's convolutions and pools for `inner` input channels."""
        width, bias = self.channels, wants_bias(self.bias, norm)
        activation = "none" if self.form == "patch" else self.activation

        def conv(inner: int, outer: int, kernel: int, stride: int = 1, padding: int | None = None) -> ConvNorm:
            return ConvNorm(
                inner, outer, kernel, stride, padding, bias=bias, norm=norm, eps=self.norm_eps, activation=activation
            )

        if self.form == "seven":
            plan = [(7, 2), (3, 2), (3, 2), (3, 2), (3, 1), (1, 1), (1, 1)]
            return [conv(width if i else inner, width, kernel, stride) for i, (kernel, stride) in enumerate(plan)]
        if self.form == "imagenet":
            return [conv(inner, width, 7, 2), nn.MaxPool2d(3, 2, 1)]
        if self.form == "cifar":
            return [conv(inner, width, 3)]
        if self.form == "deep":
            half = width // 2
            return [conv(inner, half, 3, 2), conv(half, half, 3), conv(half, width, 3), nn.MaxPool2d(3, 2, 1)]
        if self.form == "googlenet":
            return [
                conv(inner, width, 7, 2),
                nn.MaxPool2d(3, 2, ceil_mode=True),
                conv(width, width, 1),
                conv(width, 3 * width, 3),
                nn.MaxPool2d(3, 2, ceil_mode=True),
            ]
        return [conv(inner, width, PATCH, PATCH, padding=0)]

    def widths(self, factor: float) -> dict[str, Any]:
        multiple = 2 if self.form == "deep" else 1
        most = MAX_CHANNELS // 3 if self.form == "googlenet" else MAX_CHANNELS
        return {"channels": scaled(self.channels, factor, multiple, most)}

    def resolve(self, in_shape: Shape, first: bool = True) -> dict[str, str]:
        if self.norm != "auto":
            return {}
        return {"norm": "layer" if self.form == "patch" else "batch"}
