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

# One a block: what it is in the article, where its numbers come from, and where the literature differs.
NOTES = (
    "§2.3, §3.3: seven convolutions. 7×7 and three 3×3 of stride 2, a 3×3, two 1×1: 224 px become 14. The article "
    "also calls the first five 3×3 of stride 1; here only the fifth is. He et al. 2015: one 7×7, one pool.",
    "§2.1 BB: two 3×3 convolutions whose result is added to the input. The second has half the filters of the first: "
    "128, then 64, by middle ratio 2. In He et al. 2015 both have 64.",
    "§2.1 BiB, §3.2.1: 1×1 compresses to 32, 3×3 expands to 64, 1×1 restores to 128; three widths, as the article "
    "asks, which names none. In He et al. 2015 the first two are equal: a quarter of the last.",
    "§2.1 DRB, §3.2.2: a 1×1 of stride 2 halves the map first, 14 to 7 px; then f(X_ds, W) + X_ds. The article lets "
    "such blocks share W. In He et al. 2015 the stride is inside the block.",
    "§2.1 LPRB, §3.2.3: a fully connected layer over the channels, Z, is multiplied with both convolutions' outputs. "
    "§2.1 then says concatenated: merge concat. In He et al. 2015 a linear projection is a shortcut.",
    "§2.1 IMRB, §3.2.4: “close enough” inputs are added directly, else one passes a 1×1. The article says not how "
    "close: mean |F(x) − x| ≤ 1.25 · mean |x| is this app's reading. He et al. 2016 always add.",
    "Not in the article. Nothing follows the addition of an identity mapping, so one norm and activation end the run "
    "of them, as in He et al. 2016.",
    "§2.2: 1×1, 3×3, 5×5 and a pool side by side, 64 + 128 + 32 + 32 = 256 channels: the first module of Szegedy et "
    "al. 2015, as the article names no widths. It counts the module as a part of ResNet; the paper has none.",
    "§2.4, §2.5, §3.4, §3.5: global pooling (§2.2), two fully connected layers, softmax. The first one's 512 is this "
    "app's choice; 1,000 classes are ImageNet's. He et al. 2015 have one fully connected layer.",
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
        notes=NOTES,
    ),
)
