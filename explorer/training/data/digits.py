"""scikit-learn's handwritten digits: real, small, and there without a network."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, final

import numpy
import torch
from torch import Tensor

from explorer.shape import Shape
from explorer.training.data.dataset import DataSet, Facts, stratified_split
from explorer.training.data.source import Source

IMAGES, TEST_IMAGES = 1797, 360


@final
class Digits(Source):
    """1,797 digits of 8×8, a fifth of them to test with."""

    kind: ClassVar[str] = "digits"
    title: ClassVar[str] = "Handwritten digits"

    def facts(self) -> Facts:
        """What is known without reading an image."""
        return Facts(
            name=self.name,
            title="Handwritten digits (scikit-learn, 1,797 images of 8×8)",
            subject="handwritten digits",
            classes=tuple("0123456789"),
            shape=Shape(1, 8, 8),
            train=IMAGES - TEST_IMAGES,
            test=TEST_IMAGES,
            note="UCI digits, with scikit-learn, CC BY 4.0.",
        )

    def load(self) -> DataSet:
        """The images."""
        table = digits_table()
        images = (table[:, :64] * 255 / 16).round().to(torch.uint8).reshape(-1, 1, 8, 8)
        labels = table[:, 64].to(torch.uint8)
        train, test = stratified_split(labels, TEST_IMAGES)
        return DataSet.of(self.facts(), (images[train], labels[train]), (images[test], labels[test]))


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
