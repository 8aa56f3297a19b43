"""A sample picture in the size that a network takes, as the address of an image: a digit, or a flower."""

from __future__ import annotations

import base64
import gzip
import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 640  # pixels of the longer side that are sent; a larger picture is shown in this size


class Sample(NamedTuple):
    """A picture and what it is."""

    address: str  # data:image/…
    note: str


@lru_cache(maxsize=8)
def sample(channels: int, height: int, width: int) -> Sample:
    """A sample in this size: in colour for three channels, else in grey."""
    if channels == 1:
        whole, name = _digit(), "a digit, from scikit-learn"
    else:
        whole, name = _flower(), "a flower, from scikit-learn (CC BY 2.0)"
    if channels not in (1, 3):
        whole, name = whole.convert("L"), f"{name}, in grey for {channels:,} channels"
    picture = _fitted(whole, height, width)
    out = io.BytesIO()
    if max(height, width) <= 64:
        picture.save(out, "PNG")
        kind = "png"
    else:
        picture.convert("RGB").save(out, "JPEG", quality=84)
        kind = "jpeg"
    return Sample(f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}", name)


def _fitted(whole: Image.Image, height: int, width: int) -> Image.Image:
    """Its middle in these proportions, in this size or, where that is large, in less."""
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    wide, high = whole.size
    factor = min(wide / width, high / height)
    across, down = max(1.0, width * factor), max(1.0, height * factor)
    left, top = (wide - across) / 2, (high - down) / 2
    return whole.resize(size, Image.Resampling.BOX, box=(left, top, left + across, top + down))


@lru_cache(maxsize=1)
def _digit() -> Image.Image:
    """The first of its 8×8 digits, a nought."""
    with gzip.open(_folder() / "data" / "digits.csv.gz", "rt") as lines:
        values = np.array(lines.readline().split(",")[:64], dtype=float).reshape(8, 8)
    return Image.fromarray((values * 255 / 16).round().astype(np.uint8))


@lru_cache(maxsize=1)
def _flower() -> Image.Image:
    with Image.open(_folder() / "images" / "flower.jpg") as picture:
        return picture.convert("RGB")


def _folder() -> Path:
    """Where scikit-learn keeps its data, which are read from there since importing it takes a second."""
    found = find_spec("sklearn")
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "datasets"
