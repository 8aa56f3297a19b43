"""ResNet-50 as PyTorch users write it, and the tools they count it with."""

import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

INPUT = (1, 3, 224, 224)


class Bottleneck(nn.Module):
    """1×1, 3×3 with the stride, 1×1, and a shortcut that projects where shapes differ."""

    def __init__(self, in_channels: int, mid: int, stride: int) -> None:
        super().__init__()
        out = 4 * mid
        self.conv1 = nn.Conv2d(in_channels, mid, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(mid)
        self.conv2 = nn.Conv2d(mid, mid, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(mid)
        self.conv3 = nn.Conv2d(mid, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + self.downsample(x))


def resnet50() -> nn.Module:
    """ResNet-50 (v1.5) with PyTorch's own initialisation: 25,557,032 parameters."""
    stages: list[nn.Module] = []
    channels = 64
    for mid, repeat, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for copy in range(repeat):
            stages.append(Bottleneck(channels, mid, stride if copy == 0 else 1))
            channels = 4 * mid
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
        *stages,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(1),
        nn.Linear(channels, 1000),
    )


def torchinfo_on_cpu() -> int:
    """Build and summarise on the CPU; its parameters."""
    return int(summary(resnet50(), input_size=INPUT, device="cpu", verbose=0).total_params)


def torchinfo_on_meta() -> int:
    """The same without memory, on the meta device; its parameters."""
    with torch.device("meta"):
        model = resnet50()
    return int(summary(model, input_data=torch.empty(INPUT, device="meta"), device="meta", verbose=0).total_params)


def fvcore() -> int:
    """Build and count by fvcore, which traces on the CPU; its "flops", which are MACs."""
    counted = FlopCountAnalysis(resnet50().eval(), torch.empty(INPUT))
    return int(counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def flop_counter() -> int:
    """Build and count by torch's own FlopCounterMode on the meta device; MACs."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        resnet50()(torch.empty(INPUT))
    return counter.get_total_flops() // 2
