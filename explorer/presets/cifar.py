"""He et al. 2015, section 4.2: residual networks of depth 6n + 2 for 32 pixels, and their plain twins."""

from explorer.blocks.basic import Basic
from explorer.blocks.classifier import Classifier
from explorer.blocks.stem import Stem
from explorer.network import Network
from explorer.presets.preset import Accuracy, Preset
from explorer.shape import Shape

SOURCE = "He et al., Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385, section 4.2"
INPUT = "32×32 pixels less the per-pixel mean of the training set."
ERRORS = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}  # table 6, in percent
STAGES = ((16, 1), (32, 2), (64, 2))


def network(title: str, depth: int, shortcut: str, image: Shape) -> Network:
    """Three stages of (depth − 2) / 6 basic blocks each, ten classes."""
    stages = [
        Basic(channels=width, stride=stride, repeat=(depth - 2) // 6, shortcut=shortcut) for width, stride in STAGES
    ]
    return Network(name=title, input=image, blocks=(Stem(form="cifar", channels=16), *stages, Classifier(classes=10)))


def preset(depth: int, suffix: str, shortcut: str, title: str, summary: str) -> Preset:
    """One network for CIFAR-10."""
    title = title.format(depth=depth)
    published = shortcut == "pad"  # the table of errors is of option A
    best = ": the best of five runs, whose mean error is 6.61" if depth == 110 else ""
    accuracy = Accuracy(round(100 - ERRORS[depth], 2), "CIFAR-10", f"He et al. 2015, table 6{best}")
    return Preset(
        f"cifar_resnet{depth}{suffix}",
        title,
        summary,
        "CIFAR",
        SOURCE,
        network(title, depth, shortcut, Shape(3, 32, 32)),
        input_note=INPUT,
        accuracies=(accuracy,) if published else (),
    )


PRESETS = tuple(
    preset(depth, *form)
    for form in (
        ("", "pad", "CIFAR ResNet-{depth}", "Shortcuts without parameters: zeros are appended where width grows."),
        ("_b", "auto", "CIFAR ResNet-{depth}, option B", "A 1×1 convolution on the shortcut where width grows."),
        ("_plain", "none", "CIFAR plain-{depth}", "The same convolutions without their shortcuts."),
    )
    for depth in ERRORS
)
