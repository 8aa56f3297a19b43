"""Feature maps as small pictures: the strongest channels of a map, kept as bytes, and a grid of them as one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

SHOWN = 64  # channels of a block's output
PART = 36  # channels of each map inside a block
LARGEST = 56  # pixels that a kept map has at most on a side; larger ones are averaged down
GAP = 2  # pixels between the maps of a grid

# Ten colours of viridis (Smith and van der Walt 2015, CC0): lightness rises evenly, for colour-blind eyes too.
VIRIDIS = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
)  # fmt: skip


@dataclass(frozen=True)
class Maps:
    """The strongest channels of one map, each on a scale of its own: 0 is its least value and 255 its greatest."""

    pixels: NDArray[np.uint8]  # (channels, height, width)
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    channels: tuple[int, ...]  # their numbers in the whole map, the strongest first
    shape: tuple[int, int, int]  # of the whole map
    finite: bool  # whether every value of these channels is a number

    @property
    def low(self) -> float:
        """The least value shown."""
        return min(self.lows)

    @property
    def high(self) -> float:
        """The greatest value shown."""
        return max(self.highs)

    @property
    def kept_whole(self) -> bool:
        """Whether a pixel here is a value of the map, and no average of several."""
        return self.pixels.shape[1:] == self.shape[1:]


def by_energy(tensor: Tensor) -> list[int]:
    """The channels of a map (C, H, W), the one with the greatest mean square first; equal ones in their order."""
    energy = tensor.double().square().mean((1, 2)).nan_to_num(torch.inf, torch.inf, torch.inf)
    order: list[int] = energy.argsort(descending=True, stable=True).tolist()
    return order


def maps(tensor: Tensor, most: int, order: Sequence[int] | None = None) -> Maps:
    """The first `most` channels of a map (C, H, W) in this order, by energy where none is given."""
    shape = (int(tensor.shape[0]), int(tensor.shape[1]), int(tensor.shape[2]))
    chosen = [channel for channel in (by_energy(tensor) if order is None else order) if channel < shape[0]][:most]
    values = tensor[chosen].float()
    finite = bool(values.isfinite().all())
    values = values.nan_to_num(0.0, 0.0, 0.0)
    size = (min(shape[1], LARGEST), min(shape[2], LARGEST))
    if size != shape[1:]:
        values = functional.adaptive_avg_pool2d(values, size)
    array = values.numpy()
    lows, highs = array.min((1, 2)), array.max((1, 2))
    spans = np.where(highs > lows, highs.astype(np.float64) - lows, 1.0)
    scaled = (array - lows.astype(np.float64)[:, None, None]) / spans[:, None, None] * 255
    return Maps(
        np.rint(scaled).astype(np.uint8), tuple(lows.tolist()), tuple(highs.tolist()), tuple(chosen), shape, finite
    )


def on_one_scale(shown: Maps, low: float, high: float) -> NDArray[np.uint8]:
    """The channels of `shown` with 0 for `low` and 255 for `high`."""
    span = high - low or 1.0
    lows, highs = np.array(shown.lows)[:, None, None], np.array(shown.highs)[:, None, None]
    values = lows + shown.pixels / 255 * (highs - lows)
    return np.rint(((values - low) / span * 255).clip(0, 255)).astype(np.uint8)


def colours() -> NDArray[np.uint8]:
    """The 255 colours of the scale (255, 3), between the ten by straight lines."""
    ends = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in VIRIDIS])
    places = np.linspace(0, len(VIRIDIS) - 1, 255)
    channels = [np.interp(places, np.arange(len(VIRIDIS)), ends[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, 1)).astype(np.uint8)


def grid(pixels: NDArray[np.uint8], across: int, tile: int) -> NDArray[np.uint8]:
    """The maps (N, h, w) as one picture (H, W), `across` in a row: 0 between them, 1 for the least value, 255 the most.

    Each is enlarged by the greatest whole number that keeps it within `tile` pixels, and no pixel is mixed.
    """
    count, height, width = pixels.shape
    factor = max(1, tile // max(height, width))
    height, width = height * factor, width * factor
    rows = ceil(count / across)
    picture = np.zeros((rows * (height + GAP) - GAP, across * (width + GAP) - GAP), np.uint8)
    for number, one in enumerate(1 + np.rint(pixels * (254 / 255)).astype(np.uint8)):
        top, left = number // across * (height + GAP), number % across * (width + GAP)
        picture[top : top + height, left : left + width] = one.repeat(factor, 0).repeat(factor, 1)
    return picture


def coloured(picture: NDArray[np.uint8]) -> bytes:
    """A grid as a PNG file in the colours of the scale, transparent between the maps."""
    image = Image.fromarray(picture)
    image.putpalette(b"\0\0\0" + colours().tobytes())
    return _file(image, transparency=0)


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture (H, W) or (H, W, 3) as a PNG file."""
    return _file(Image.fromarray(picture))


def _file(image: Image.Image, **options: int) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


@dataclass(frozen=True)
class Filters:
    """The filters of the first convolution."""

    pixels: NDArray[np.uint8]  # (N, h, w), or (N, h, w, 3) where they take three channels; 128 stands for 0
    greatest: float  # what 255 stands for, and its negative 0
    shape: tuple[int, int, int, int]  # filters, channels of each, height, width


def filters(weight: Tensor, most: int = SHOWN) -> Filters:
    """The first filters (O, C, h, w); where they take neither one channel nor three, the mean over their channels."""
    chosen = weight.detach()[:most].float().nan_to_num(0.0, 0.0, 0.0)
    shown = chosen.permute(0, 2, 3, 1) if chosen.shape[1] == 3 else chosen.mean(1)
    greatest = float(shown.abs().max())
    pixels = (127.5 + shown / (greatest or 1.0) * 127.5).round().to(torch.uint8).numpy()
    return Filters(pixels, greatest, (weight.shape[0], weight.shape[1], weight.shape[2], weight.shape[3]))
