"""GoogLeNet, in a file that needs only PyTorch.

3×224×224 to 1000: 6,624,904 parameters, 1,498,376,192 multiply-accumulates an image.
Written by Architecture Explorer; its model has the same parameter names and, for a seed, the same weights.
"""

import hashlib

import torch
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
            # 1. Stem: 3×224×224 → 192×28×28
            StemModule(
                ConvNorm(3, 64, 7, stride=2, eps=0.001),
                nn.MaxPool2d(3, stride=2, ceil_mode=True),
                ConvNorm(64, 64, 1, eps=0.001),
                ConvNorm(64, 192, 3, eps=0.001),
                nn.MaxPool2d(3, stride=2, ceil_mode=True),
            ),
            # 2. Inception module: 192×28×28 → 256×28×28
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(192, 64, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(192, 96, 1, eps=0.001), ConvNorm(96, 128, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(192, 16, 1, eps=0.001), ConvNorm(16, 32, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(192, 32, 1, eps=0.001)),
                    ),
                ),
            ),
            # 3. Inception module: 256×28×28 → 480×28×28
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(256, 128, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(256, 128, 1, eps=0.001), ConvNorm(128, 192, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(256, 32, 1, eps=0.001), ConvNorm(32, 96, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(256, 64, 1, eps=0.001)),
                    ),
                ),
            ),
            # 4. Pool: 480×28×28 → 480×14×14
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            # 5. Inception module: 480×14×14 → 512×14×14
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(480, 192, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(480, 96, 1, eps=0.001), ConvNorm(96, 208, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(480, 16, 1, eps=0.001), ConvNorm(16, 48, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(480, 64, 1, eps=0.001)),
                    ),
                ),
            ),
            # 6. Inception module: 512×14×14 → 512×14×14
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(512, 160, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(512, 112, 1, eps=0.001), ConvNorm(112, 224, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(512, 24, 1, eps=0.001), ConvNorm(24, 64, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(512, 64, 1, eps=0.001)),
                    ),
                ),
            ),
            # 7. Inception module: 512×14×14 → 512×14×14
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(512, 128, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(512, 128, 1, eps=0.001), ConvNorm(128, 256, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(512, 24, 1, eps=0.001), ConvNorm(24, 64, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(512, 64, 1, eps=0.001)),
                    ),
                ),
            ),
            # 8. Inception module: 512×14×14 → 528×14×14
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(512, 112, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(512, 144, 1, eps=0.001), ConvNorm(144, 288, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(512, 32, 1, eps=0.001), ConvNorm(32, 64, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(512, 64, 1, eps=0.001)),
                    ),
                ),
            ),
            # 9. Inception module: 528×14×14 → 832×14×14
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(528, 256, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(528, 160, 1, eps=0.001), ConvNorm(160, 320, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(528, 32, 1, eps=0.001), ConvNorm(32, 128, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(528, 128, 1, eps=0.001)),
                    ),
                ),
            ),
            # 10. Pool: 832×14×14 → 832×7×7
            nn.MaxPool2d(2, stride=2, ceil_mode=True),
            # 11. Inception module: 832×7×7 → 832×7×7
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(832, 256, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(832, 160, 1, eps=0.001), ConvNorm(160, 320, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(832, 32, 1, eps=0.001), ConvNorm(32, 128, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(832, 128, 1, eps=0.001)),
                    ),
                ),
            ),
            # 12. Inception module: 832×7×7 → 1024×7×7
            nn.Sequential(
                InceptionModule(
                    SplitModule(
                        nn.Sequential(ConvNorm(832, 384, 1, eps=0.001)),
                        nn.Sequential(ConvNorm(832, 192, 1, eps=0.001), ConvNorm(192, 384, 3, eps=0.001)),
                        nn.Sequential(ConvNorm(832, 48, 1, eps=0.001), ConvNorm(48, 128, 3, eps=0.001)),
                        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(832, 128, 1, eps=0.001)),
                    ),
                ),
            ),
            # 13. Classifier: 1024×7×7 → 1000
            ClassifierModule(nn.AdaptiveAvgPool2d(1), nn.Sequential(), Linear(1024, 1000), dropout=0.2),
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
