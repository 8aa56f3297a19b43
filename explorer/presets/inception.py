"""GoogLeNet and Inception-v3, branch by branch, and a small stack of residual Inception modules."""

from explorer.blocks.classifier import Classifier
from explorer.blocks.conv import Conv
from explorer.blocks.inception import Inception
from explorer.blocks.pool import Pool
from explorer.blocks.stem import Stem
from explorer.network import Network
from explorer.presets.preset import IMAGENET_INPUT, Affine, Preset, torchvision_accuracy
from explorer.shape import Shape

GROUP = "Inception"
EPS = 1e-3  # of both published networks' norms

# torchvision's `transform_input`, to the letter: per channel x · scale + shift.
AFFINE: Affine = (
    (0.229 / 0.5, (0.485 - 0.5) / 0.5),
    (0.224 / 0.5, (0.456 - 0.5) / 0.5),
    (0.225 / 0.5, (0.406 - 0.5) / 0.5),
)
INPUT = (
    f"{IMAGENET_INPUT} torchvision then applies, with transform_input=True as it does for published weights, "
    "R·(0.229/0.5) + (0.485 − 0.5)/0.5, G·(0.224/0.5) + (0.456 − 0.5)/0.5, B·(0.225/0.5) + (0.406 − 0.5)/0.5, "
    "which comes to (pixel − 0.5)/0.5. This network has no such layer (transform_input=False): apply it to the input."
)


def module(line: str) -> Inception:
    """One Inception module with the epsilon of the published networks."""
    return Inception(branches=line, norm_eps=EPS)


# GoogLeNet.


def google_module(one: int, three_in: int, three: int, five_in: int, five: int, pool: int, kernel: int) -> Inception:
    """Szegedy et al. 2014, table 1: a row of widths; `kernel` is that of the third branch."""
    return module(
        f"1x1:{one} | 1x1:{three_in} > 3x3:{three} | 1x1:{five_in} > {kernel}x{kernel}:{five} | maxpool > 1x1:{pool}"
    )


def googlenet(title: str, kernel: int) -> Network:
    """Nine modules between a stem and a classifier; its pools pad nothing and round up."""
    blocks = (
        Stem(form="googlenet", channels=64, norm_eps=EPS),
        google_module(64, 96, 128, 16, 32, 32, kernel),
        google_module(128, 128, 192, 32, 96, 64, kernel),
        Pool(mode="max", kernel=3, stride=2, padding=0, ceil_mode=True),
        google_module(192, 96, 208, 16, 48, 64, kernel),
        google_module(160, 112, 224, 24, 64, 64, kernel),
        google_module(128, 128, 256, 24, 64, 64, kernel),
        google_module(112, 144, 288, 32, 64, 64, kernel),
        google_module(256, 160, 320, 32, 128, 128, kernel),
        Pool(mode="max", kernel=2, stride=2, padding=0, ceil_mode=True),
        google_module(256, 160, 320, 32, 128, 128, kernel),
        google_module(384, 192, 384, 48, 128, 128, kernel),
        Classifier(classes=1000, dropout=0.2),
    )
    return Network(name=title, input=Shape(3, 224, 224), blocks=blocks)


# Inception-v3. Letters are those of torchvision's classes.


def v3_conv(channels: int, kernel: int, stride: int = 1, padding: str = "valid") -> Conv:
    """One convolution of the opening."""
    return Conv(channels=channels, kernel=kernel, stride=stride, padding=padding, norm_eps=EPS)


def v3_pool() -> Pool:
    """A pool that pads nothing."""
    return Pool(mode="max", kernel=3, stride=2, padding=0)


def module_a(pool: int) -> Inception:
    """5×5 as it is, and as two 3×3."""
    return module(f"1x1:64 | 1x1:48 > 5x5:64 | 1x1:64 > 3x3:96 > 3x3:96 | avgpool > 1x1:{pool}")


def module_c(width: int) -> Inception:
    """7×7 taken apart into 1×7 and 7×1."""
    return module(
        f"1x1:192 | 1x1:{width} > 1x7:{width} > 7x1:192 | "
        f"1x1:{width} > 7x1:{width} > 1x7:{width} > 7x1:{width} > 1x7:192 | avgpool > 1x1:192"
    )


MODULE_B = "3x3:384/2v | 1x1:64 > 3x3:96 > 3x3:96/2v | maxpool/2v"
MODULE_D = "1x1:192 > 3x3:320/2v | 1x1:192 > 1x7:192 > 7x1:192 > 3x3:192/2v | maxpool/2v"
MODULE_E = "1x1:320 | 1x1:384 > (1x3:384 | 3x1:384) | 1x1:448 > 3x3:384 > (1x3:384 | 3x1:384) | avgpool > 1x1:192"

INCEPTION_V3 = Network(
    name="Inception-v3",
    input=Shape(3, 299, 299),
    blocks=(
        v3_conv(32, 3, stride=2),
        v3_conv(32, 3),
        v3_conv(64, 3, padding="same"),
        v3_pool(),
        v3_conv(80, 1),
        v3_conv(192, 3),
        v3_pool(),
        module_a(32),
        module_a(64),
        module_a(64),
        module(MODULE_B),
        module_c(128),
        module_c(160),
        module_c(160),
        module_c(192),
        module(MODULE_D),
        module(MODULE_E),
        module(MODULE_E),
        Classifier(classes=1000, dropout=0.5),
    ),
)

# Szegedy et al. 2016: modules of three sizes of map, each repeated, with a reducing module between them.

SMALL = Network(
    name="Inception-ResNet, small",
    input=Shape(3, 96, 96),
    blocks=(
        Stem(form="deep", channels=64),
        Inception(branches="1x1:16 | 1x1:16 > 3x3:16 | 1x1:16 > 3x3:24 > 3x3:32", residual=True, repeat=3),
        Inception(branches="3x3:96/2v | 1x1:48 > 3x3:48 > 3x3:64/2v | maxpool/2v"),
        Inception(branches="1x1:48 | 1x1:32 > 1x7:40 > 7x1:48", residual=True, repeat=4),
        Inception(branches="1x1:64 > 3x3:96/2v | 1x1:64 > 3x3:72 > 3x3:80/2v | maxpool/2v"),
        Inception(branches="1x1:64 | 1x1:64 > 1x3:72 > 3x1:80", residual=True, repeat=2),
        Classifier(classes=10, dropout=0.2),
    ),
)

GOING_DEEPER = "Szegedy et al., Going Deeper with Convolutions, 2014, arXiv:1409.4842"

PRESETS = (
    Preset(
        "googlenet",
        "GoogLeNet",
        "Nine Inception modules with batch norm and no auxiliary heads; as in torchvision, the third branch is 3×3.",
        GROUP,
        GOING_DEEPER,
        googlenet("GoogLeNet", kernel=3),
        input_note=INPUT,
        input_affine=AFFINE,
        accuracies=(torchvision_accuracy(69.778),),
    ),
    Preset(
        "googlenet_5x5",
        "GoogLeNet, 5×5",
        "GoogLeNet with batch norm and, as in the paper, a true 5×5 convolution in the third branch.",
        GROUP,
        GOING_DEEPER,
        googlenet("GoogLeNet, 5×5", kernel=5),
    ),
    Preset(
        "inception_v3",
        "Inception-v3",
        "Large filters taken apart into small and one-sided ones, 299 pixels, no auxiliary head.",
        GROUP,
        "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015, arXiv:1512.00567",
        INCEPTION_V3,
        input_note=INPUT,
        input_affine=AFFINE,
        accuracies=(torchvision_accuracy(77.294),),
    ),
    Preset(
        "inception_resnet_small",
        "Inception-ResNet, small",
        "Inception modules with shortcuts at three sizes of map, after Inception-ResNet but far smaller.",
        GROUP,
        "After Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections, 2016, "
        "arXiv:1602.07261",
        SMALL,
    ),
)
