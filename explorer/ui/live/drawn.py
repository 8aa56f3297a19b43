"""What a person draws or brings, as a trained network takes it: made like the images that it learned from."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from explorer.probe.picture import Picture
from explorer.probe.prepare import LUMINANCE
from explorer.shape import Shape
from explorer.training import data

SIDE = 56  # pixels of a drawing
FAINT = 24  # of 255: what a stroke has at least

Pixels = NDArray[np.uint8]


def read(sent: object) -> Pixels | None:
    """The drawing in a message of the page (56, 56), light on dark; None where there is none, or nothing on it.

    Whatever arrives is hostile: only so many bytes in base64 are taken.
    """
    text = sent.get("pixels") if isinstance(sent, dict) else None
    if not isinstance(text, str) or len(text) != 4 * -(-(SIDE**2) // 3):
        return None
    try:
        raw = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return None
    if len(raw) != SIDE**2:
        return None
    pixels = np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE)
    return pixels if pixels.max() >= FAINT else None


def framed(pixels: Pixels) -> Pixels:
    """The strokes alone, in the middle of a square that they fill, as the digits of training fill theirs."""
    rows, columns = np.nonzero(pixels >= FAINT)
    part = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = max(part.shape)
    made = np.zeros((side, side), np.uint8)
    top, left = (side - part.shape[0]) // 2, (side - part.shape[1]) // 2
    made[top : top + part.shape[0], left : left + part.shape[1]] = part
    return made


def of_picture(picture: Picture, colours: int, inverted: bool) -> Pixels:
    """The middle square of a picture, (H, W) or (H, W, 3) by the colours of the data."""
    pixels = picture.pixels
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    pixels = pixels[top : top + side, left : left + side]
    if colours == 1 and pixels.ndim == 3:
        pixels = (pixels @ np.array(LUMINANCE)).round().astype(np.uint8)
    if colours == 3 and pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, 2)
    return 255 - pixels if inverted else pixels


def images(pixels: Pixels, name: str, shape: Shape) -> tuple[Tensor, Pixels]:
    """What a network with this input takes (1, C, H, W), and the same pixels in the size of the data's own images.

    The way is that of training: first the size of the data, then normalised, then the size of the input. Raises
    ValueError or OSError where the data are not at hand.
    """
    own, prepared = _prepared(name, shape)
    values = torch.from_numpy(np.ascontiguousarray(pixels)).float()
    values = values[None] if values.dim() == 2 else values.permute(2, 0, 1)
    if values.shape[0] != own.channels:
        values = values.mean(0, keepdim=True).expand(own.channels, -1, -1)
    size = (own.height, own.width)
    values = functional.interpolate(values[None], size, mode="bilinear", align_corners=False, antialias=True)
    small = values.round().clamp(0, 255).to(torch.uint8)
    seen = small[0].permute(1, 2, 0).numpy() if own.channels == 3 else small[0, 0].numpy()
    return prepared.images(small).contiguous(), np.ascontiguousarray(seen)


@lru_cache(maxsize=4)
def _prepared(name: str, shape: Shape) -> tuple[Shape, data.Prepared]:
    """The shape of a data set, and its normalisation, which is counted over all its images."""
    found = data.load(name)
    return found.shape, data.Prepared(found, shape, torch.device("cpu"))
