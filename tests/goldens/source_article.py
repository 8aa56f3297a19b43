"""The article's network, in a file that needs only PyTorch.

3×224×224 to 1000: 2,099,656 parameters, 369,261,056 multiply-accumulates an image.
Written by Architecture Explorer; its model has the same parameter names and, for a seed, the same weights.
"""

import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor, cat, nn
from torch.nn import BatchNorm2d, Conv2d, Linear, Module, Sequential

Kernel = int | tuple[int, int]


class StemModule(Module):
    """(N, C, H, W) to a smaller, wider map; a row of convolutions and pools."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def activation_layer(activation: str) -> nn.Module | None:
    """The activation of that name, or None for "none"."""
    if activation == "relu":
        return nn.ReLU()
    return None


def norm_layer(norm: str, channels: int, eps: float = 1e-5) -> nn.Module | None:
    """The norm of that name over `channels`, or None for "none"."""
    if norm == "batch":
        return BatchNorm2d(channels, eps)
    return None


def add_norm_act(layers: nn.Sequential, channels: int, norm: str, eps: float, activation: str) -> None:
    """Appends a norm over `channels` and an activation, where they are not "none"."""
    for name, layer in (("norm", norm_layer(norm, channels, eps)), ("act", activation_layer(activation))):
        if layer is not None:
            layers.add_module(name, layer)


class ConvNorm(Sequential):
    """A convolution, then a norm and an activation, either of which may be absent; padding is half the kernel."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Kernel,
        stride: int = 1,
        padding: Kernel | None = None,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if padding is None:
            height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
            padding = (dilation * (height - 1) // 2, dilation * (width - 1) // 2)
        self.add_module("conv", Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias))
        add_norm_act(self, out_channels, norm, eps, activation)


class BasicModule(Module):
    """y = act(F(x) + shortcut(x)); F is two 3×3 convolutions with norms, optionally up again to the input's size."""

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: nn.Module | None = None,
        upsample: bool = False,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        inner = 2 if upsample else stride
        self.conv1 = ConvNorm(in_channels, mid_channels, 3, inner, bias=bias, norm=norm, eps=eps, activation=activation)
        self.conv2 = ConvNorm(mid_channels, channels, 3, bias=bias, norm=norm, eps=eps, activation="none")
        self.shortcut = shortcut
        self.act = activation_layer(activation)
        self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.conv1(x))
        if self.upsample:
            y = F.interpolate(y, size=x.shape[2:], mode="nearest")
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return y if self.act is None else self.act(y)


class BottleneckModule(Module):
    """y = act(F(x) + shortcut(x)); F is 1×1 compress, 3×3, 1×1 restore."""

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        expand_channels: int,
        channels: int,
        strides: tuple[int, int] = (1, 1),
        groups: int = 1,
        shortcut: nn.Module | None = None,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        early, late = strides  # of the first 1×1 and of the 3×3
        self.conv1 = ConvNorm(in_channels, mid_channels, 1, early, bias=bias, norm=norm, eps=eps, activation=activation)
        self.conv2 = ConvNorm(
            mid_channels, expand_channels, 3, late, groups=groups, bias=bias, norm=norm, eps=eps, activation=activation
        )
        self.conv3 = ConvNorm(expand_channels, channels, 1, bias=bias, norm=norm, eps=eps, activation="none")
        self.shortcut = shortcut
        self.act = activation_layer(activation)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(self.conv2(self.conv1(x)))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return y if self.act is None else self.act(y)


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


class NormAct(Sequential):
    """A norm, then an activation; either may be absent."""

    def __init__(self, channels: int, norm: str = "batch", eps: float = 1e-5, activation: str = "relu") -> None:
        super().__init__()
        add_norm_act(self, channels, norm, eps, activation)


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


class InceptionModule(Module):
    """The concatenation of the branches, or act(x + norm(conv1×1(concatenation)))."""

    def __init__(
        self,
        split: nn.Module,
        in_channels: int = 0,
        out_channels: int = 0,
        add: bool = True,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.split = split
        self.project = (
            ConvNorm(out_channels, in_channels, 1, bias=bias, norm=norm, eps=eps, activation="none")
            if in_channels
            else None
        )
        self.add = add
        self.act = activation_layer(activation) if in_channels else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.split(x)
        if self.project is not None:
            y = self.project(y)
            if self.add:
                y = x + y
        return y if self.act is None else self.act(y)


class SplitModule(Module):
    """Branches side by side on one input, concatenated along channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return cat([branch(x) for branch in self.branches], 1)


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


def generator_of(seed: int, path: str) -> torch.Generator:
    """The random numbers of one layer."""
    digest = hashlib.sha256(f"{seed}/{path}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def draw_weights(module: nn.Module, seed: int = 0, path: str = "", fan_in: bool = False) -> None:
    """He-normal convolutions (He et al. 2015b), biases 0, linear layers as torch draws them; `path` is the module's."""
    for name, layer in module.named_modules(prefix=path):
        generator = generator_of(seed, name)
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, 0, "fan_in" if fan_in else "fan_out", "relu", generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator)


class Network(nn.Sequential):
    """(N, 3, 224, 224) to (N, 1000), one block after another."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(
            # 1. Stem: 3×224×224 → 64×14×14
            StemModule(
                ConvNorm(3, 64, 7, stride=2),
                ConvNorm(64, 64, 3, stride=2),
                ConvNorm(64, 64, 3, stride=2),
                ConvNorm(64, 64, 3, stride=2),
                ConvNorm(64, 64, 3),
                ConvNorm(64, 64, 1),
                ConvNorm(64, 64, 1),
            ),
            # 2. Basic block: 64×14×14 → 64×14×14
            nn.Sequential(BasicModule(64, 128, 64, shortcut=nn.Identity())),
            # 3. Bottleneck: 64×14×14 → 128×14×14
            nn.Sequential(BottleneckModule(64, 32, 64, 128, shortcut=ConvNorm(64, 128, 1, activation="none"))),
            # 4. Downsampling block (article): 128×14×14 → 128×7×7
            nn.Sequential(DownsamplingModule(128, 128, shortcut=nn.Identity())),
            # 5. Linear-projection block (article): 128×7×7 → 128×7×7
            nn.Sequential(LinearProjectionModule(128, 128, shortcut=ConvNorm(128, 128, 1, activation="none"))),
            # 6. Identity mapping: 128×7×7 → 128×7×7
            nn.Sequential(IdentityMappingModule(128, tolerance=1.25)),
            # 7. Norm and activation: 128×7×7 → 128×7×7
            NormAct(128),
            # 8. Inception module: 128×7×7 → 256×7×7
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(128, 64, 1)),
                        nn.Sequential(ConvNorm(128, 96, 1), ConvNorm(96, 128, 3)),
                        nn.Sequential(ConvNorm(128, 16, 1), ConvNorm(16, 32, 5)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(128, 32, 1)),
                    ),
                ),
            ),
            # 9. Classifier: 256×7×7 → 1000
            ClassifierModule(nn.AdaptiveAvgPool2d(1), nn.Sequential(Linear(256, 512), nn.ReLU()), Linear(512, 1000)),
        )
        draw_weights(self, seed)
        for block in self[4]:  # its branch starts at zero
            nn.init.zeros_(block.merge.norm.weight)


def main() -> None:
    """Prints the shape that leaves each block."""
    network = Network().eval()
    images = torch.zeros(2, 3, 224, 224)
    print("    images", *images.shape[1:])
    with torch.no_grad():
        for place, block in network.named_children():
            images = block(images)
            kind = type(block[0] if type(block) is nn.Sequential else block).__name__
            print(f"{place:>3} {kind}", *images.shape[1:])


if __name__ == "__main__":
    main()
