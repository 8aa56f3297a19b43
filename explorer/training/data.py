"""Real images to train on, kept as one pair of uint8 tensors that serves a laptop and a GPU alike."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy
import torch
from torch import Tensor
from torch.nn import functional

from explorer.shape import Shape

SPLIT_SEED = 0  # the split is part of the data set, so every run of every seed is measured on the same images


@dataclass(frozen=True)
class DataSet:
    """Images (N, C, H, W) and labels (N,) as uint8, already split; the test images are only ever predicted."""

    name: str
    title: str
    classes: tuple[str, ...]
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor

    @property
    def shape(self) -> Shape:
        """The size the images were made in."""
        return Shape(*self.train_images.shape[1:])

    def normalisation(self) -> tuple[float, float]:
        """Mean and deviation of the training pixels in 0…255; the test images have no say in it."""
        pixels = self.train_images.float()
        return pixels.mean().item(), pixels.std().item()


class Prepared:
    """A data set on one device, handed out in batches of the size and channels that a network takes."""

    def __init__(self, data: DataSet, shape: Shape, device: torch.device) -> None:
        self.shape = shape
        self.classes = len(data.classes)
        self.mean, self.deviation = data.normalisation()
        self.train_images, self.test_images = data.train_images.to(device), data.test_images.to(device)
        self.train_labels, self.test_labels = data.train_labels.to(device).long(), data.test_labels.to(device).long()

    def images(self, pixels: Tensor) -> Tensor:
        """What the network takes of these pixels."""
        return as_images(pixels, self.mean, self.deviation, self.shape)

    def train_batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Images and labels of the training images at `indices`."""
        return self.images(self.train_images[indices]), self.train_labels[indices]

    def test_batch(self, start: int, size: int) -> tuple[Tensor, Tensor]:
        """Images and labels of `size` test images from `start` on."""
        part = slice(start, start + size)
        return self.images(self.test_images[part]), self.test_labels[part]


def as_images(pixels: Tensor, mean: float, deviation: float, shape: tuple[int, int, int]) -> Tensor:
    """Normalised float images (N, C, H, W) from uint8 pixels: resized bilinearly, the grey channel repeated."""
    channels, height, width = shape
    images = (pixels.float() - mean) / deviation
    size = (height, width)
    if images.shape[-2:] != size:
        shrinks = height < images.shape[-2] or width < images.shape[-1]
        images = functional.interpolate(images, size, mode="bilinear", align_corners=False, antialias=shrinks)
    if images.shape[1] == channels:
        return images
    return images.mean(1, keepdim=True).expand(-1, channels, -1, -1)


def stratified_split(labels: Tensor, test_size: int, seed: int = SPLIT_SEED) -> tuple[Tensor, Tensor]:
    """Indices (train, test), sorted: `test_size` images in all, each class in the share it has in the whole."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.bincount(labels.long())
    shares = counts.double() * test_size / len(labels)
    quota = shares.floor().long()
    quota[(shares - quota).argsort(descending=True, stable=True)[: test_size - int(quota.sum())]] += 1
    test = []
    for label, size in enumerate(quota.tolist()):
        members = (labels == label).nonzero().flatten()
        test.append(members[torch.randperm(len(members), generator=generator)[:size]])
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    held_out[torch.cat(test)] = True
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()


def batch_order(seed: int, epoch: int, size: int) -> Tensor:
    """The order of the training images in one epoch: a function of seed and epoch alone, the same on any device."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def batch_indices(seed: int, step: int, size: int, batch: int) -> Tensor:
    """Which training images step `step` (from 0) sees. A last incomplete batch of an epoch is left out."""
    batch = min(batch, size)
    epoch, place = divmod(step, size // batch)
    return batch_order(seed, epoch, size)[place * batch : (place + 1) * batch]


def digits_table() -> Tensor:
    """scikit-learn's digits as (1797, 65): 64 pixels of 0…16, then the digit.

    Read from the file in the installed package, since importing scikit-learn costs 1.4 s, a third of a worker's start.
    """
    found = find_spec("sklearn")
    path = Path(found.origin).parent / "datasets/data/digits.csv.gz" if found and found.origin else Path()
    if not path.is_file():
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return torch.cat((torch.from_numpy(bunch.data), torch.from_numpy(bunch.target)[:, None]), 1)
    with gzip.open(path, "rt") as file:
        return torch.from_numpy(numpy.loadtxt(file, delimiter=","))


def _digits() -> DataSet:
    table = digits_table()
    images = (table[:, :64] * 255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
    labels = table[:, 64].to(torch.uint8)
    train, test = stratified_split(labels, 360)
    return DataSet(
        name="digits",
        title="Handwritten digits (scikit-learn, 1,797 images of 8×8)",
        classes=tuple("0123456789"),
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
    )


SETS: dict[str, Callable[[], DataSet]] = {"digits": _digits}


def available() -> tuple[str, ...]:
    """The data sets that can be trained on now, without any download."""
    return tuple(SETS)


@lru_cache(maxsize=4)
def load(name: str = "digits") -> DataSet:
    """A data set by name; ValueError names those that there are."""
    if name not in SETS:
        raise ValueError(f"no data set is called {name!r}; there are: {', '.join(available())}")
    return SETS[name]()
