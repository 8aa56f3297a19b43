"""What is known about a preset besides its blocks."""

from dataclasses import dataclass

from explorer.network import Network

Affine = tuple[tuple[float, float], ...]  # a scale and a shift for each input channel


@dataclass(frozen=True)
class Accuracy:
    """A published top-1 accuracy in percent, and where it stands."""

    top1: float
    data: str
    source: str


@dataclass(frozen=True)
class Preset:
    """A network with its name, its origin and what its input has to be.

    `input_affine` is applied by torchvision, before its first layer, to images normalised for its other networks; the
    network itself has no such layer, so whoever loads those weights applies it to the input. `notes` explain a network
    block by block, or not at all.
    """

    name: str
    title: str
    summary: str
    group: str
    source: str
    network: Network
    input_note: str = ""
    input_affine: Affine | None = None
    accuracies: tuple[Accuracy, ...] = ()
    notes: tuple[str, ...] = ()


IMAGENET_INPUT = (
    "Published weights expect RGB between 0 and 1, less the mean (0.485, 0.456, 0.406), "
    "divided by the deviation (0.229, 0.224, 0.225)."
)


def torchvision_accuracy(top1: float, weights: str = "IMAGENET1K_V1") -> Accuracy:
    """One of the accuracies that torchvision documents for its weights."""
    return Accuracy(top1, "ImageNet-1K", f"torchvision 0.29.1, weights {weights}, single crop")
