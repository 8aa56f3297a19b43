"""Images to train on, as one pair of uint8 tensors that serves a laptop and a GPU alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from explorer.shape import Shape

Pair = tuple[Tensor, Tensor]  # images (N, C, H, W) and labels (N,)
SPLIT_SEED = 0  # the split is part of the data set, so every run of every seed is measured on the same images


@dataclass(frozen=True)
class Facts:
    """What is known of a data set before a pixel of it is read or drawn."""

    name: str  # as recipes have it
    title: str
    subject: str  # what one trains on, in a sentence
    classes: tuple[str, ...]
    shape: Shape
    train: int  # images to learn from
    test: int
    note: str = ""  # where they come from, and on what terms


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

    @classmethod
    def of(cls, facts: Facts, train: Pair, test: Pair) -> Self:
        """What these facts are of."""
        return cls(facts.name, facts.title, facts.classes, *train, *test)

    @property
    def shape(self) -> Shape:
        """The size the images were made in."""
        return Shape(*self.train_images.shape[1:])

    def light_on_dark(self) -> bool:
        """Whether it is light strokes on a dark ground, which print shows the other way round: corners are dark."""
        corners = self.train_images[:256, :, :: max(1, self.shape.height - 1), :: max(1, self.shape.width - 1)]
        return self.shape.channels == 1 and bool(corners.float().mean((0, 1)).max() < 32)

    def normalisation(self) -> tuple[float | Tensor, float | Tensor]:
        """Mean and deviation of the training pixels in 0…255; the test images have no say in it.

        Of colours they are tensors (C, 1, 1), counted by levels: as float32 a large set would take four times its size.
        """
        if self.shape.channels == 1:
            pixels = self.train_images.float()
            return pixels.mean().item(), pixels.std().item() or 1.0
        counts = torch.stack([torch.bincount(one.flatten(), minlength=256) for one in self.train_images.unbind(1)])
        levels, total = torch.arange(256).double(), counts[0].sum()
        mean = (counts * levels).sum(1) / total
        deviation = ((counts * (levels - mean[:, None]) ** 2).sum(1) / (total - 1)).sqrt()
        deviation[deviation == 0] = 1.0
        return mean.float()[:, None, None], deviation.float()[:, None, None]


class Prepared:
    """A data set on one device, handed out in batches of the size and channels that a network takes."""

    def __init__(self, data: DataSet, shape: Shape, device: torch.device) -> None:
        self.shape = shape
        self.classes = len(data.classes)
        self.mean, self.deviation = (one.to(device) if isinstance(one, Tensor) else one for one in data.normalisation())
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


def as_images(pixels: Tensor, mean: float | Tensor, deviation: float | Tensor, shape: tuple[int, int, int]) -> Tensor:
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
