"""Published networks to measure one's own against: what each reaches, where that stands, and what it costs.

Costs of networks that can be stacked here are counted here. Of the others torchvision's documented figures are used:
its "GFLOPS" are multiply-accumulates, as a comparison of both for ResNet-18 shows (1.814 and 1,814,073,344).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from explorer import presets
from explorer.network import Network
from explorer.presets.preset import Accuracy, torchvision_accuracy
from explorer.presets.resnet import bottleneck_stages, residual
from explorer.report import analyze

IMAGENET, CIFAR10 = "ImageNet-1K", "CIFAR-10"
DATA = (IMAGENET, CIFAR10)
SINGLE_CROP = "single crop"  # figures of ten crops are some two points higher and never on one axis with these
NEWER = "IMAGENET1K_V2"  # torchvision's weights of a longer recipe, which says as much about the recipe as the network


@dataclass(frozen=True)
class Landmark:
    """A published network on one data set."""

    name: str
    top1: float  # in percent
    data: str
    source: str
    params: int
    macs: int  # per image
    counted: bool  # here, from its own layers; False: as documented, MACs rounded to a thousandth of a billion
    newer: bool = False  # whether it is of weights trained by a newer, longer recipe
    network: Network | None = None


# Networks that can be stacked here and are no presets. Top-1 as torchvision documents it.
STACKED = (
    (
        residual("ResNeXt-101 32×8d", *bottleneck_stages((3, 4, 23, 3), widen=4, groups=32)),
        torchvision_accuracy(79.312),
    ),
    (residual("Wide ResNet-101-2", *bottleneck_stages((3, 4, 23, 3), widen=2)), torchvision_accuracy(78.848)),
)

# Name, top-1 in percent, parameters, thousandths of a billion MACs: torchvision's own table, weights IMAGENET1K_V1.
DOCUMENTED = (
    ("AlexNet", 56.522, 61_100_840, 714),
    ("SqueezeNet 1.1", 58.178, 1_235_496, 349),
    ("VGG-16", 71.592, 138_357_544, 15_470),
    ("MobileNetV2", 71.878, 3_504_872, 301),
    ("MobileNetV3-Large", 74.042, 5_483_032, 217),
    ("DenseNet-121", 74.434, 7_978_856, 2_834),
    ("EfficientNet-B0", 77.692, 5_288_548, 386),
)


@lru_cache(maxsize=len(DATA))
def landmarks(data: str) -> tuple[Landmark, ...]:
    """The published networks of one data set: test error of CIFAR-10, a single crop of ImageNet-1K's validation."""
    found = [
        _counted(presets.about(name).title, presets.load(name), accuracy)
        for name in presets.names()
        for accuracy in presets.about(name).accuracies
        if accuracy.data == data and (data != IMAGENET or SINGLE_CROP in accuracy.source)
    ]
    if data == IMAGENET:
        found += [_counted(network.name, network, accuracy) for network, accuracy in STACKED]
        for name, top1, params, thousandths in DOCUMENTED:
            source = f"{torchvision_accuracy(top1).source}; parameters and MACs as documented there"
            found.append(Landmark(name, top1, data, source, params, thousandths * 10**6, counted=False))
    return tuple(found)


def _counted(name: str, network: Network, accuracy: Accuracy) -> Landmark:
    report = analyze(network)
    newer = NEWER in accuracy.source
    costs = (report.params, report.macs)
    return Landmark(
        name, accuracy.top1, accuracy.data, accuracy.source, *costs, counted=True, newer=newer, network=network
    )


@lru_cache(maxsize=256)
def known(network: Network) -> tuple[Landmark, ...]:
    """What is published of this very network, its names aside."""
    bare = network.unnamed()
    return tuple(
        landmark
        for data in DATA
        for landmark in landmarks(data)
        if landmark.network is not None and landmark.network.unnamed() == bare
    )
