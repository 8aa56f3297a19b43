"""The article's own network, and small networks for scikit-learn's digits."""

from explorer.blocks.basic import Basic
from explorer.blocks.bottleneck import Bottleneck
from explorer.blocks.classifier import Classifier
from explorer.blocks.downsampling import Downsampling
from explorer.blocks.identity_mapping import IdentityMapping
from explorer.blocks.inception import Inception
from explorer.blocks.linear_projection import LinearProjection
from explorer.blocks.norm_activation import NormActivation
from explorer.blocks.stem import Stem
from explorer.network import Network
from explorer.presets import cifar
from explorer.presets.preset import Preset
from explorer.shape import Shape

# 224 pixels leave the stem as 14×14 and the downsampling block as 7×7.
ARTICLE = Network(
    name="The article's network",
    input=Shape(3, 224, 224),
    blocks=(
        Stem(form="seven", channels=64),
        Basic(channels=64, mid_ratio=2.0),
        Bottleneck(channels=128, mid=32, expand=64),
        Downsampling(channels=128),
        LinearProjection(channels=128, merge="multiply"),
        IdentityMapping(gate="close"),
        NormActivation(),
        Inception(branches="1x1:64 | 1x1:96 > 3x3:128 | 1x1:16 > 5x5:32 | maxpool > 1x1:32"),
        Classifier(classes=1000, hidden=(512,)),
    ),
)

DIGITS = "Eight-by-eight digits in grey, three stages of {count} basic blocks{why}."


def digits(depth: int, why: str) -> Preset:
    """The networks of `cifar`, option B, on one channel of 8×8 pixels."""
    title = f"Digits, depth {depth}"
    return Preset(
        f"digits_resnet{depth}",
        title,
        DIGITS.format(count=(depth - 2) // 6, why=why),
        "Digits",
        f"After {cifar.SOURCE}",
        cifar.network(title, depth, "auto", Shape(1, 8, 8)),
        input_note="scikit-learn's digits, one channel.",
    )


PRESETS = (
    digits(20, ": trains in seconds"),
    digits(56, ": deep enough for its plain twin to fall behind"),
    Preset(
        "article",
        "The article's network",
        "The seven-layer stem, each of the five residual blocks, an Inception module and a classifier, with the "
        "article's readings: a basic block whose second convolution has half the filters of its first (mid_ratio 2), "
        "a bottleneck of three different widths (expand), a product with the fully connected layer (multiply), an "
        "identity mapping that adds where both inputs are close (gate close) and a classifier of two fully connected "
        "layers (hidden).",
        "Article",
        "禅与计算机程序设计艺术, the article on ResNet; §2.1, §2.2, §2.3, §3.4",
        ARTICLE,
    ),
)
