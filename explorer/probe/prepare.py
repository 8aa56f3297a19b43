"""A picture as a network takes it: cut to its shape, resized, and on the scale that its weights were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from explorer.network import Network
from explorer.probe.picture import Picture
from explorer.shape import Shape
from explorer.training import box, data
from explorer.weights import published_names

Scale = Literal["training", "imagenet", "signed", "unit"]
DIGITS = "digits"  # the set that the weights of the box and the networks of ten classes learned from
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of red, green and blue in 0…1, as torchvision and timm have them
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
SCALES: dict[Scale, str] = {
    "training": "as in training",
    "imagenet": "by ImageNet's mean and deviation",
    "signed": "from 0…255 to −1…1",
    "unit": "from 0…255 to 0…1",
}


@dataclass(frozen=True)
class Prepared:
    """What goes into a network, (1, C, H, W), the same as a person sees it, and how it was made."""

    images: Tensor
    seen: NDArray[np.uint8]  # (H, W), or (H, W, 3) where the network takes colours
    words: str


def scales(shape: Shape) -> tuple[Scale, ...]:
    """The scales that this input can be given on: ImageNet's are of three colours."""
    return tuple(scale for scale in SCALES if scale != "imagenet" or shape.channels == 3)


def scale_for(network: Network, random: bool, learned: str = "") -> Scale:
    """The scale that weights of this network were trained on, as far as it can be known from the network.

    `learned` is the data set that they are known to come from, empty where nobody knows. Networks of ten classes are
    trained here, on digits; those of a thousand are taken for ImageNet's. torchvision's GoogLeNet and Inception-v3
    bring their input to −1…1 themselves, which is no part of their weights.
    """
    if learned or box.find(network) is not None:
        return "training"
    classes = getattr(network.blocks[-1], "classes", None) if network.blocks else None
    if classes == 1000 and network.input.channels == 3:
        return "signed" if _inception(network) else "imagenet"
    return "signed" if random or classes != 10 else "training"


def _inception(network: Network) -> bool:
    """Whether the network is built like torchvision's GoogLeNet or Inception-v3."""
    try:
        names = published_names(network, network.skeleton().state_dict())
    except ValueError:
        return False
    return bool(names.ignored)


def prepare(picture: Picture, shape: Shape, scale: Scale, inverted: bool = False, learned: str = DIGITS) -> Prepared:
    """The middle of the picture in the input's proportions, resized to it, normalised; `learned` is the training's set.

    The order is that of training: normalised, then resized bilinearly, averaging where it shrinks. Raises ValueError
    where the set is no longer at hand.
    """
    pixels, cut = _middle(picture.pixels, shape)
    values = torch.from_numpy(pixels.astype(np.float32))
    values = values[None] if values.dim() == 2 else values.permute(2, 0, 1)
    colour = shape.channels == 3 and (scale != "training" or in_colour(learned))
    if not colour and values.shape[0] == 3:
        values = (values * torch.tensor(LUMINANCE)[:, None, None]).sum(0, keepdim=True)
    if colour and values.shape[0] == 1:
        values = values.expand(3, -1, -1)
    if inverted:
        values = 255 - values
    mean, deviation = _statistics(scale, learned)
    if not colour and isinstance(mean, Tensor) and isinstance(deviation, Tensor):
        mean, deviation = mean.mean().item(), deviation.mean().item()
    values = (values - mean) / deviation
    size = (shape.height, shape.width)
    if values.shape[1:] != size:
        shrinks = size[0] < values.shape[1] or size[1] < values.shape[2]
        values = functional.interpolate(values[None], size, mode="bilinear", align_corners=False, antialias=shrinks)[0]
    seen = (values * deviation + mean).round().clamp(0, 255).to(torch.uint8)
    images = values if values.shape[0] == shape.channels else values.expand(shape.channels, -1, -1)
    return Prepared(
        images[None].contiguous(),
        seen.permute(1, 2, 0).numpy() if colour else seen[0].numpy(),
        _words(picture, cut, shape, words_of(scale, learned), colour, inverted),
    )


def _middle(pixels: NDArray[np.uint8], shape: Shape) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The largest part of the picture that has the input's proportions, from its middle."""
    height, width = pixels.shape[:2]
    tall = max(1, min(height, round(width * shape.height / shape.width)))
    wide = max(1, min(width, round(height * shape.width / shape.height)))
    top, left = (height - tall) // 2, (width - wide) // 2
    return pixels[top : top + tall, left : left + wide], (tall, wide)


def in_colour(learned: str) -> bool:
    """Whether the images of this set have colours. Raises ValueError where it is no longer at hand."""
    return data.facts(learned).shape.channels == 3


def words_of(scale: Scale, learned: str) -> str:
    """How values are brought to a scale, in words."""
    return f"{SCALES[scale]} on {data.facts(learned).subject}" if scale == "training" else SCALES[scale]


def _statistics(scale: Scale, learned: str) -> tuple[Tensor | float, Tensor | float]:
    """Mean and deviation of pixels in 0…255."""
    if scale == "training":
        try:
            return data.load(learned).normalisation()
        except OSError as error:
            raise ValueError(f"the images of training cannot be read: {error.strerror or error}") from None
    if scale == "imagenet":
        mean, deviation = (torch.tensor(three)[:, None, None] * 255 for three in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        return mean, deviation
    return (127.5, 127.5) if scale == "signed" else (0.0, 255.0)


def _words(picture: Picture, cut: tuple[int, int], shape: Shape, scale: str, colour: bool, inverted: bool) -> str:
    height, width = picture.size
    kept = picture.pixels.shape[:2]
    words = f"{width:,}×{height:,} px"
    if kept != picture.size:
        words += f", made {kept[1]}×{kept[0]}"
    if cut != kept:
        words += f", its middle {cut[1]}×{cut[0]}"
    words += f", resized to {shape.width}×{shape.height}" if cut != tuple(shape[1:]) else " as it is"
    grey = "" if colour else ", by luminance" if picture.pixels.ndim == 3 else ""
    if not colour and shape.channels > 1:
        grey += f", the same in all {shape.channels:,} channels"
    return f"{words}{grey}{', inverted' if inverted else ''}; values {scale}."


def looks_inverted(picture: Picture) -> bool:
    """Whether it is ink on paper, dark on light, where the digits of training are light on dark: its rim is light."""
    pixels = picture.pixels if picture.pixels.ndim == 2 else picture.pixels.mean(2)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return bool(rim.mean() > 127.5)
