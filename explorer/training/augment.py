"""Random changes of training images: flip, crop and cutout of a whole batch at once, on its device.

What happens to an image is drawn an epoch at a time from seed and epoch alone, on the CPU: twins see the same pictures,
a resumed run goes on with the same ones, and no step waits for random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from explorer.training.recipe import Recipe

STREAM = 0x5EED  # keeps these numbers apart from those of the order of the images


@dataclass(frozen=True)
class Augmentation:
    """Which changes, and how large; sizes in pixels of the image that the network receives."""

    flip: bool = False
    crop: int = 0
    cutout: int = 0

    @classmethod
    def of(cls, recipe: Recipe) -> Augmentation:
        """What a recipe asks for."""
        return cls(recipe.flip, recipe.crop, recipe.cutout)

    def __bool__(self) -> bool:
        return self.flip or self.crop > 0 or self.cutout > 0

    def draw(self, seed: int, epoch: int, images: int, height: int, width: int) -> Tensor:
        """What becomes of each image of an epoch: (images, 5) of mirrored, and row and column of crop and cutout."""
        generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) * 65_537 + STREAM)
        highest = torch.tensor([2, 2 * self.crop + 1, 2 * self.crop + 1, height, width])
        return (torch.rand(images, 5, generator=generator) * highest).long().clamp(max=highest - 1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """The images (N, C, H, W) changed as drawn (N, 5); what comes in from outside is 0, the mean."""
        mirrored, top, left, row, column = drawn.unbind(1)
        height, width = images.shape[-2:]
        if self.flip:
            images = torch.where(mirrored.bool()[:, None, None, None], images.flip(3), images)
        if self.crop:
            padded = functional.pad(images, (self.crop,) * 4)
            windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: (N, C, 2·crop + 1, 2·crop + 1, H, W)
            images = windows[torch.arange(len(images), device=images.device), :, top, left]
        if self.cutout:
            ys, xs = (torch.arange(size, device=images.device) for size in (height, width))
            hidden = _near(ys, row, self.cutout)[:, :, None] & _near(xs, column, self.cutout)[:, None, :]
            images = images.masked_fill(hidden[:, None], 0.0)
        return images


def _near(places: Tensor, centre: Tensor, side: int) -> Tensor:
    """Which places (N, size) lie in a window of `side` around the centre; the border may cut it off."""
    first = centre[:, None] - side // 2
    return (places >= first) & (places < first + side)
