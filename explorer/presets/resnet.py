"""Residual networks for ImageNet, 224 pixels and 1,000 classes."""

from collections.abc import Sequence
from typing import Any

from explorer.blocks.basic import Basic
from explorer.blocks.bottleneck import Bottleneck
from explorer.blocks.classifier import Classifier
from explorer.blocks.norm_activation import NormActivation
from explorer.blocks.stem import Stem
from explorer.network import Network
from explorer.presets.preset import IMAGENET_INPUT, Accuracy, Preset, torchvision_accuracy
from explorer.shape import Shape

GROUP = "ResNet"
HE_2015 = "He et al., Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385"
HE_2016 = "He et al., Identity Mappings in Deep Residual Networks, 2016, arXiv:1603.05027"
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # width of the 3×3 convolutions and stride


def basic_stages(repeats: Sequence[int], **fields: Any) -> tuple[Basic, ...]:
    """Four stages of basic blocks."""
    return tuple(
        Basic(channels=width, stride=stride, repeat=repeat, **fields)
        for (width, stride), repeat in zip(STAGES, repeats, strict=True)
    )


def bottleneck_stages(repeats: Sequence[int], widen: int = 1, **fields: Any) -> tuple[Bottleneck, ...]:
    """Four stages of bottlenecks; `widen` widens the inside of each, not its output."""
    return tuple(
        Bottleneck(channels=4 * width, mid=widen * width, stride=stride, repeat=repeat, **fields)
        for (width, stride), repeat in zip(STAGES, repeats, strict=True)
    )


def residual(title: str, *stages: Basic | Bottleneck) -> Network:
    """He et al. 2015: stem, stages, classifier."""
    blocks = (Stem(form="imagenet", channels=64), *stages, Classifier(classes=1000))
    return Network(name=title, input=Shape(3, 224, 224), blocks=blocks)


def preactivated(title: str, *stages: Basic | Bottleneck) -> Network:
    """He et al. 2016: a bare stem, since each block starts with a norm, and a norm after the last block."""
    stem = Stem(form="imagenet", channels=64, norm="none", activation="none", bias="no")
    blocks = (stem, *stages, NormActivation(), Classifier(classes=1000))
    return Network(name=title, input=Shape(3, 224, 224), blocks=blocks)


def preset(
    name: str,
    title: str,
    summary: str,
    network: Network,
    *top1: float,
    source: str = HE_2015,
    papers: tuple[Accuracy, ...] = (),
) -> Preset:
    """A network of torchvision's; `top1` are the accuracies of its first and second published weights.

    `papers` are those that the paper itself states for this very form.
    """
    kinds = ("IMAGENET1K_V1", "IMAGENET1K_V2")
    accuracies = tuple(torchvision_accuracy(value, kind) for value, kind in zip(top1, kinds, strict=False))
    known = (*accuracies, *papers)
    return Preset(name, title, summary, GROUP, source, network, input_note=IMAGENET_INPUT, accuracies=known)


PRESETS = (
    preset(
        "resnet18",
        "ResNet-18",
        "Four stages of two basic blocks: the smallest residual network for ImageNet.",
        residual("ResNet-18", *basic_stages((2, 2, 2, 2))),
        69.758,
    ),
    preset(
        "resnet34",
        "ResNet-34",
        "Sixteen basic blocks: the network whose plain twin the paper compares it with.",
        residual("ResNet-34", *basic_stages((3, 4, 6, 3))),
        73.314,
        papers=(Accuracy(75.48, "ImageNet-1K", "He et al. 2015, table 3, option B: error 24.52 with 10 crops"),),
    ),
    preset(
        "resnet50",
        "ResNet-50",
        "Sixteen bottlenecks, the stride on their 3×3 convolution (v1.5), as torchvision and most frameworks have it.",
        residual("ResNet-50", *bottleneck_stages((3, 4, 6, 3))),
        76.130,
        80.858,
    ),
    Preset(
        "resnet50_v1",
        "ResNet-50 v1",
        "ResNet-50 as the paper has it: the stride on the first 1×1 convolution of a stage.",
        GROUP,
        HE_2015,
        residual("ResNet-50 v1", *bottleneck_stages((3, 4, 6, 3), stride_on="1x1")),
        input_note="Pixels less the per-pixel mean of the training set.",
        accuracies=(Accuracy(77.15, "ImageNet-1K", "He et al. 2015, table 3: error 22.85 with 10 crops"),),
    ),
    preset(
        "resnet101",
        "ResNet-101",
        "ResNet-50 with 23 bottlenecks in its third stage.",
        residual("ResNet-101", *bottleneck_stages((3, 4, 23, 3))),
        77.374,
        81.886,
    ),
    preset(
        "resnet152",
        "ResNet-152",
        "Fifty bottlenecks: the deepest network of the paper's ImageNet table.",
        residual("ResNet-152", *bottleneck_stages((3, 8, 36, 3))),
        78.312,
        82.284,
    ),
    preset(
        "wide_resnet50_2",
        "Wide ResNet-50-2",
        "ResNet-50 with twice as many channels inside each bottleneck.",
        residual("Wide ResNet-50-2", *bottleneck_stages((3, 4, 6, 3), widen=2)),
        78.468,
        81.602,
        source="Zagoruyko and Komodakis, Wide Residual Networks, 2016, arXiv:1605.07146",
        papers=(
            Accuracy(78.1, "ImageNet-1K", "Zagoruyko and Komodakis 2016, table 8, WRN-50-2-bottleneck: error 21.9"),
        ),
    ),
    preset(
        "resnext50_32x4d",
        "ResNeXt-50 32×4d",
        "ResNet-50 with bottlenecks twice as wide whose 3×3 convolution is split into 32 groups.",
        residual("ResNeXt-50 32×4d", *bottleneck_stages((3, 4, 6, 3), widen=2, groups=32)),
        77.618,
        81.198,
        source="Xie et al., Aggregated Residual Transformations for Deep Neural Networks, 2016, arXiv:1611.05431",
        papers=(Accuracy(77.8, "ImageNet-1K", "Xie et al. 2016, table 3: error 22.2, single crop"),),
    ),
    Preset(
        "preact_resnet18",
        "Pre-activation ResNet-18",
        "Norm and activation come before each convolution, so that nothing lies on the identity's way.",
        GROUP,
        HE_2016,
        preactivated("Pre-activation ResNet-18", *basic_stages((2, 2, 2, 2), order="pre")),
    ),
    Preset(
        "preact_resnet50",
        "Pre-activation ResNet-50",
        "ResNet-50 with norm and activation before each convolution.",
        GROUP,
        HE_2016,
        preactivated("Pre-activation ResNet-50", *bottleneck_stages((3, 4, 6, 3), order="pre")),
    ),
)
