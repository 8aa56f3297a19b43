"""MNIST's file format: two zeros, the type of the numbers, the count of sizes, the sizes, then the numbers."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path

import torch
from torch import Tensor

BYTES = 8  # the type of the only numbers that images and labels are kept in
MOST = 512 * 2**20  # bytes


def read(path: Path, sizes: int) -> Tensor:
    """The uint8 numbers of a file, plain or gzip, which has so many `sizes`; ValueError where it is no such file.

    No more is unpacked than the header, once it was found to be within bounds, says that there is.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * sizes)
            if len(header) < 4 + 4 * sizes or header[:4] != bytes((0, 0, BYTES, sizes)):
                raise ValueError(f"{path.name} is no idx file of bytes with {sizes} sizes")
            shape = [int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4)]
            count = prod(shape)
            if not 0 < count <= MOST:
                raise ValueError(f"{path.name} says that it holds {count:,} bytes; from 1 to {MOST:,} are read")
            numbers = file.read(count)
            if len(numbers) < count or file.read(1):
                raise ValueError(f"{path.name} holds fewer or more than the {count:,} bytes that it says")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    return torch.frombuffer(bytearray(numbers), dtype=torch.uint8).reshape(shape)
