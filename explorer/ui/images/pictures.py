"""Images of a set as addresses of PNGs: strips of several, drawn once and kept."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import streamlit as st
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from explorer.shape import Shape
from explorer.training import data
from explorer.training.augment import Augmentation

COLUMNS = 5  # of the picture of all classes
CLASSES = 10  # that it shows
SAMPLES = 10  # of a class, side by side
THUMB = 48  # pixels that an image of a strip has at most
CHANGED = 8  # images before and after


@st.cache_data(max_entries=64, show_spinner=False)
def first_of_each(name: str) -> tuple[str, str]:
    """One training image of each class in rows, and what they are, in words. ValueError or OSError without images."""
    images = data.load(name)
    classes = [cls for cls in range(len(images.classes)) if (images.train_labels == cls).any()][:CLASSES]
    first = torch.stack([images.train_images[(images.train_labels == cls).nonzero()[0, 0]] for cls in classes])
    said = ", ".join(images.classes[cls] for cls in classes)
    more = f" and {len(images.classes) - len(classes)} more" if len(images.classes) > len(classes) else ""
    return sheet(first, COLUMNS, images.light_on_dark()), f"One image of each class: {said}{more}"


@st.cache_data(max_entries=32, show_spinner=False)
def strips(name: str, part: str, most: int) -> tuple[tuple[str, int], ...]:
    """Of each class, up to `most` of them, images side by side and how many there are in this part."""
    images = data.load(name)
    pixels, labels = (getattr(images, f"{part}_{what}") for what in ("images", "labels"))
    found = []
    for cls in range(min(most, len(images.classes))):
        members = (labels == cls).nonzero().flatten()
        some = pixels[members[:SAMPLES]]
        found.append((sheet(some, SAMPLES, images.light_on_dark()) if len(some) else "", len(members)))
    return tuple(found)


@st.cache_data(max_entries=64, show_spinner=False)
def statistics(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the training pixels, each channel's own, in 0…255."""
    mean, deviation = (torch.as_tensor(one).flatten().tolist() for one in data.load(name).normalisation())
    return tuple(mean), tuple(deviation)


@st.cache_data(max_entries=64, show_spinner=False)
def changed(name: str, shape: tuple[int, int, int], augmentation: Augmentation, seed: int) -> tuple[str, str, str]:
    """Some training images as the network takes them, and the same as the first and second epoch change them."""
    images = data.load(name)
    taken = data.Prepared(images, Shape(*shape), torch.device("cpu"))
    size = len(images.train_labels)
    some = torch.linspace(0, size - 1, min(CHANGED, size)).long()
    inputs, _ = taken.train_batch(some)
    rows = [inputs]
    for epoch in range(2):
        drawn = augmentation.draw(seed, epoch, size, *shape[1:])[some]
        rows.append(augmentation.apply(inputs, drawn))
    back = [as_pixels(row, taken) for row in rows]
    first, second, third = (sheet(row, CHANGED, images.light_on_dark()) for row in back)
    return first, second, third


def as_pixels(inputs: Tensor, taken: data.Prepared) -> Tensor:
    """What a network was given, as uint8 pixels again, in one channel or three."""
    mean, deviation = taken.mean, taken.deviation
    if isinstance(mean, Tensor) and len(mean) != inputs.shape[1]:  # made grey: on the scale of all channels together
        mean, deviation = mean.mean(), torch.as_tensor(deviation).mean()
    pixels = (inputs * deviation + mean).round().clamp(0, 255).to(torch.uint8)
    return pixels if pixels.shape[1] == 3 else pixels[:, :1]


def sheet(pixels: Tensor, columns: int, inverted: bool) -> str:
    """Images (N, C, H, W) in rows as the address of a PNG; those that lack to a whole row are empty."""
    if max(pixels.shape[2:]) > THUMB:
        scale = THUMB / max(pixels.shape[2:])
        size = [max(1, round(side * scale)) for side in pixels.shape[2:]]
        small = functional.interpolate(pixels.float(), size, mode="bilinear", antialias=True, align_corners=False)
        pixels = small.round().clamp(0, 255).to(torch.uint8)
    factor = max(1, THUMB // max(pixels.shape[2:]))  # gaps are as wide between small images as between large ones
    pixels = pixels.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    if inverted:
        pixels = 255 - pixels
    count, channels, height, width = pixels.shape
    rows = -(-count // columns)
    gap = 2
    across, down = columns * (width + gap) - gap, rows * (height + gap) - gap
    canvas = torch.zeros(down, across, 4, dtype=torch.uint8)
    shown = pixels[:, :3] if channels >= 3 else pixels[:, :1].expand(-1, 3, -1, -1)
    for at, image in enumerate(shown.permute(0, 2, 3, 1)):
        top, left = at // columns * (height + gap), at % columns * (width + gap)
        canvas[top : top + height, left : left + width, :3] = image
        canvas[top : top + height, left : left + width, 3] = 255
    file = BytesIO()
    Image.fromarray(canvas.numpy()).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
