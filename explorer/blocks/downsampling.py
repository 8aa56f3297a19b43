"""The downsampling residual block (article §2.1 DRB, §3.2.2)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from explorer.block import Activation, Bias, Block, Channels, Norm, NormEps, Repeat, check_shortcut, strided, wants_bias
from explorer.layers import ConvNorm, Module, activation_layer, shortcut_layer
from explorer.shape import Shape


class DownsamplingModule(Module):
    """X_ds = act(norm(conv1×1 /2 (x))), then y = act(f(X_ds; W) + X_ds); later copies start at f."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        downsample: bool = True,
        shortcut: nn.Module | None = None,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.downsample = (
            ConvNorm(in_channels, channels, 1, 2, bias=bias, norm=norm, eps=eps, activation=activation)
            if downsample
            else None
        )
        self.conv1 = ConvNorm(channels, channels, 3, bias=bias, norm=norm, eps=eps, activation=activation)
        self.conv2 = ConvNorm(channels, channels, 3, bias=bias, norm=norm, eps=eps, activation="none")
        self.shortcut = shortcut
        self.from_input = not isinstance(shortcut, nn.Identity)  # which adds X_ds
        self.act = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        small = x if self.downsample is None else self.downsample(x)
        y = self.conv2(self.conv1(small))
        if self.shortcut is not None:
            y = y + self.shortcut(x if self.from_input else small)
        return y if self.act is None else self.act(y)


class Downsampling(Block):
    """Shrinks the map by a 1×1 convolution first, then works on it as a residual block."""

    title: ClassVar = "Downsampling block (article)"
    summary: ClassVar = "Shrinks the map first, then learns a correction on the small one; W may be shared."
    which: ClassVar = "shrink first, share W"
    formula: ClassVar = "y = ReLU(f(X_ds, W) + X_ds)"
    source: ClassVar = "Article §2.1 DRB, §3.2.2"
    family: ClassVar = "residual"
    group: ClassVar = "The article"
    order_in_palette: ClassVar = 50
    examples: ClassVar = (
        ({"channels": 32}, Shape(16, 8, 8)),
        ({"channels": 32, "shortcut": "project", "repeat": 2}, Shape(16, 9, 7)),
        ({"channels": 32, "shortcut": "pad"}, Shape(16, 8, 8)),
        ({"channels": 32, "shortcut": "none", "norm": "none"}, Shape(16, 8, 8)),
        ({"channels": 32, "share": "W", "repeat": 3}, Shape(16, 8, 8)),
    )

    kind: Literal["downsampling"] = "downsampling"
    channels: Channels = 128
    shortcut: Annotated[
        Literal["identity", "project", "pad", "none"],
        Field(
            title="Shortcut",
            description="identity: adds X_ds (the article's equation). project and pad start from the input, at "
            "stride 2 (the article: it may also use a shortcut). none adds nothing.",
        ),
    ] = "identity"
    share: Annotated[
        str,
        Field(
            max_length=40,
            pattern=r"^[\w .-]*$",
            title="Share W as",
            description="All downsampling blocks with the same name use one and the same W, the convolutions of f; "
            "copies share it too. Their 1×1 convolutions and norms stay their own. Empty: not shared.",
        ),
    ] = ""
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"
    repeat: Repeat = 1

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        if self.shortcut == "pad":
            check_shortcut(self, self.shortcut, in_shape, strided(in_shape, self.channels, 2 if first else 1))
        inner, stride, bias = in_shape.channels, 2 if first else 1, wants_bias(self.bias, self.norm)
        return DownsamplingModule(
            inner,
            self.channels,
            first,
            shortcut_layer(self.shortcut, inner, self.channels, stride, bias, self.norm, self.norm_eps),
            self.norm,
            self.norm_eps,
            self.activation,
            bias,
        )

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        return [module.get_submodule("conv2.conv")] if self.norm == "none" and self.shortcut != "none" else []

    def shareable(self, module: nn.Module) -> dict[str, nn.Module]:
        return {name: module.get_submodule(name) for name in ("conv1.conv", "conv2.conv")}
