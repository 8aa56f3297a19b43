"""ResNet-50, in a file that needs only PyTorch.

3×224×224 to 1000: 25,557,032 parameters, 4,089,184,256 multiply-accumulates an image.
Written by Architecture Explorer; its model has the same parameter names and, for a seed, the same weights.
"""

import hashlib

import torch
from torch import Tensor, nn
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
            # 1. Stem: 3×224×224 → 64×56×56
            StemModule(ConvNorm(3, 64, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)),
            # 2. Bottleneck ×3: 64×56×56 → 256×56×56
            nn.Sequential(
                BottleneckModule(64, 64, 64, 256, shortcut=ConvNorm(64, 256, 1, activation="none")),
                *(BottleneckModule(256, 64, 64, 256, shortcut=nn.Identity()) for _ in range(2)),
            ),
            # 3. Bottleneck ×4: 256×56×56 → 512×28×28
            nn.Sequential(
                BottleneckModule(
                    256, 128, 128, 512, strides=(1, 2), shortcut=ConvNorm(256, 512, 1, stride=2, activation="none")
                ),
                *(BottleneckModule(512, 128, 128, 512, shortcut=nn.Identity()) for _ in range(3)),
            ),
            # 4. Bottleneck ×6: 512×28×28 → 1024×14×14
            nn.Sequential(
                BottleneckModule(
                    512, 256, 256, 1024, strides=(1, 2), shortcut=ConvNorm(512, 1024, 1, stride=2, activation="none")
                ),
                *(BottleneckModule(1024, 256, 256, 1024, shortcut=nn.Identity()) for _ in range(5)),
            ),
            # 5. Bottleneck ×3: 1024×14×14 → 2048×7×7
            nn.Sequential(
                BottleneckModule(
                    1024, 512, 512, 2048, strides=(1, 2), shortcut=ConvNorm(1024, 2048, 1, stride=2, activation="none")
                ),
                *(BottleneckModule(2048, 512, 512, 2048, shortcut=nn.Identity()) for _ in range(2)),
            ),
            # 6. Classifier: 2048×7×7 → 1000
            ClassifierModule(nn.AdaptiveAvgPool2d(1), nn.Sequential(), Linear(2048, 1000)),
        )
        draw_weights(self, seed)


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
