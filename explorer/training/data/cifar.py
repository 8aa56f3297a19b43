"""CIFAR-10's archive: six pickles of Python 2, read as the bytes and numbers that they hold, and nothing called.

Whatever else a pickle asks for is refused. The pixels of a batch are one string of bytes inside it.
"""

from __future__ import annotations

import pickle
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from explorer.pickled import DAMAGED, Name, Reader

ARCHIVE, FOLDER = "cifar-10-python.tar.gz", "cifar-10-batches-py"
TRAIN, TEST = tuple(f"data_batch_{number}" for number in range(1, 6)), ("test_batch",)
PIXELS = 3 * 32 * 32
MOST_IMAGES = 10_000  # in a batch
MOST_BYTES = 48 * 2**20  # of a batch; the published ones have 31 MB
MOST_MEMBERS = 100  # of the archive

ARRAY, EMPTY, KIND = "numpy.ndarray", "numpy.core.multiarray._reconstruct", "numpy.dtype"


def is_whole(place: Path) -> bool:
    """Whether the archive, or all six files of the unpacked folder, are there."""
    if place.name == ARCHIVE:
        return place.is_file()
    return all((place / name).is_file() for name in TRAIN + TEST)


def read(place: Path) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images (N, 3, 32, 32) and labels (N,) to train on and to test with; ValueError where the files are no such."""
    found = {name: batch(file, name) for name, file in batches(place)}
    missing = [name for name in TRAIN + TEST if name not in found]
    if missing:
        raise ValueError(f"{place.name} has no {', '.join(missing)}")

    def together(names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        images, labels = zip(*(found[name] for name in names), strict=True)
        return torch.cat(images), torch.cat(labels)

    return together(TRAIN), together(TEST)


def batches(place: Path) -> Iterator[tuple[str, bytes]]:
    """The batches by name: of the folder, or of the archive, of which nothing is written anywhere."""
    if place.name != ARCHIVE:
        for name in TRAIN + TEST:
            with (place / name).open("rb") as file:
                yield name, file.read(MOST_BYTES + 1)
        return
    try:
        with tarfile.open(place, "r|gz") as archive:
            for number, member in enumerate(archive):
                folder, _, name = member.name.rpartition("/")
                if number >= MOST_MEMBERS or member.size > MOST_BYTES:
                    raise ValueError(f"{place.name} is not the published archive: {member.name[:80]} is too much")
                taken = archive.extractfile(member) if member.isreg() else None
                if taken is not None and folder == FOLDER and name in TRAIN + TEST:
                    yield name, taken.read(MOST_BYTES + 1)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(f"{place.name} is damaged: {error}") from None


def batch(data: bytes, name: str) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 32, 32) and labels (N,) of one file, as uint8."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"{name} has more than the {MOST_BYTES:,} bytes of a batch")
    try:
        held = _Batch(BytesIO(data)).value()
    except DAMAGED:
        raise ValueError(f"{name} is damaged") from None
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
    pixels, labels = (held.get("data"), held.get("labels")) if isinstance(held, dict) else (None, None)
    if not isinstance(pixels, _Array) or not isinstance(labels, list):
        raise ValueError(f"{name} holds no data with labels")
    if pixels.shape != (len(labels), PIXELS) or not 0 < len(labels) <= MOST_IMAGES:
        raise ValueError(f"{name} holds {pixels.shape} numbers for {len(labels)} labels")
    if len(pixels.data) != len(labels) * PIXELS:
        raise ValueError(f"{name} holds {len(pixels.data):,} bytes where its shape says {len(labels) * PIXELS:,}")
    if any(type(label) is not int or not 0 <= label < 10 for label in labels):
        raise ValueError(f"{name} has labels other than 0 to 9")
    images = torch.frombuffer(bytearray(pixels.data), dtype=torch.uint8)
    images = images.reshape(PIXELS, -1).t() if pixels.by_columns else images
    return images.reshape(-1, 3, 32, 32).contiguous(), torch.tensor(labels, dtype=torch.uint8)


@dataclass(frozen=True)
class _Kind:
    """A kind of numbers; only unsigned bytes are known."""


@dataclass(frozen=True)
class _Array:
    """An array as it is described: first empty, then with its shape and bytes."""

    shape: tuple[int, ...] = ()
    data: bytes = b""
    by_columns: bool = False


@final
class _Batch(Reader):
    """A dictionary with an array of unsigned bytes, and lists of numbers and names."""

    def follow(self, step: bytes) -> None:
        """Long strings of Python 2 are the pixels; all else is as in other pickles."""
        if step != pickle.BINSTRING:
            super().follow(step)
            return
        count = self.number("<i", 4)
        data = self.file.read(count) if 0 <= count <= MOST_BYTES else b""
        if len(data) != count:
            raise ValueError("is cut short or damaged")
        self.stack.append(data)

    def known(self, name: str) -> Name:
        """The three names of numpy that an array takes."""
        if name not in (ARRAY, EMPTY, KIND):
            raise ValueError(f"asks for {name[:80]}, which no batch of images does")
        return Name(name)

    def made(self, name: object, given: object) -> Any:
        """An empty array, or the kind of unsigned bytes."""
        if isinstance(name, Name) and isinstance(given, tuple):
            if name == EMPTY and given[:1] == (ARRAY,) and isinstance(given[0], Name):
                return _Array()
            if name == KIND and given[:1] == ("u1",):
                return _Kind()
        raise ValueError("holds more than images of bytes and their labels")

    def built(self, value: object, state: object) -> Any:
        """An array by `(version, shape, kind, by columns, bytes)`; the kind as it is."""
        if isinstance(value, _Kind):
            return value
        if isinstance(value, _Array) and isinstance(state, tuple) and len(state) == 5:
            _, shape, kind, by_columns, data = state
            described = isinstance(kind, _Kind) and isinstance(data, bytes) and isinstance(by_columns, bool)
            if described and isinstance(shape, tuple) and all(type(one) is int for one in shape):
                return _Array(shape, data, by_columns)
        raise ValueError("holds more than images of bytes and their labels")

    def outside(self, given: object) -> Any:
        """Nothing lies elsewhere."""
        raise ValueError("refers to another file")
