"""Images to train on: digits, drawn shapes, published sets where they are at hand, and pictures that people bring."""

from __future__ import annotations

from functools import lru_cache

from explorer.training.data import own
from explorer.training.data.dataset import (
    DataSet,
    Facts,
    Prepared,
    as_images,
    batch_indices,
    batch_order,
    stratified_split,
)
from explorer.training.data.digits import Digits, digits_table
from explorer.training.data.own import Own
from explorer.training.data.published import PUBLISHED
from explorer.training.data.shapes import Shapes
from explorer.training.data.source import Source

__all__ = [
    "SETS", "DataSet", "Facts", "Prepared", "as_images", "available", "batch_indices", "batch_order", "digits_table",
    "facts", "lacks", "load", "source_of", "stratified_split",
]  # fmt: skip

KINDS: tuple[type[Source], ...] = (Digits, Shapes, *PUBLISHED, Own)
SETS = {kind.kind: kind for kind in KINDS}


def available() -> tuple[str, ...]:
    """The data sets that can be trained on now, without any download: nothing but files on disk is looked at."""
    at_hand = [kind.kind for kind in PUBLISHED if kind.place() is not None]
    return (Digits.kind, Shapes.kind, *at_hand, *own.names())


def source_of(name: str) -> Source:
    """The kind and the parameters that a name means; ValueError names the sets that there are."""
    kind = name.partition(":")[0]
    if kind not in SETS:
        raise ValueError(f"no data set is called {name!r}; there are: {', '.join(available())}")
    return SETS[kind].of(name)


def facts(name: str) -> Facts:
    """What is known of a data set without reading its images; ValueError where it cannot be."""
    return source_of(name).facts()


def lacks(name: str) -> str:
    """Why a data set cannot be loaded, from a look at the disk; empty where it can be."""
    try:
        return source_of(name).lacks()
    except ValueError as error:
        return str(error)


@lru_cache(maxsize=3)
def load(name: str = "digits") -> DataSet:
    """A data set by name; ValueError or OSError, a sentence, where it is not at hand."""
    return source_of(name).load()
