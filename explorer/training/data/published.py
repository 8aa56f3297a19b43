"""Published data sets, where they are at hand: Fashion-MNIST, MNIST, and CIFAR-10, in the layouts of torchvision.

They are looked for in the folders of `places`, and come there by Debian's package, by torchvision, by hand, or by a
download that somebody asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, ClassVar, final

from pydantic import Field
from torch import Tensor

from explorer.shape import Shape
from explorer.training.data import cifar, idx, places
from explorer.training.data.dataset import DataSet, Facts, Pair, stratified_split
from explorer.training.data.source import Source


class Published(Source):
    """A set that is published with its own split; fewer images of it are taken class by class in their shares."""

    shape: ClassVar[Shape]
    sizes: ClassVar[tuple[int, int]]  # images to train on and to test with
    classes: ClassVar[tuple[str, ...]]
    note: ClassVar[str]
    origin: ClassVar[str]  # where it is downloaded from
    files: ClassVar[dict[str, str]]  # and which files, with the hash that they are published with
    folder: ClassVar[str]  # where they go, in the data folder
    megabytes: ClassVar[int]  # of the download

    train: Annotated[
        int | None,
        Field(
            ge=100,
            le=60_000,
            title="Training",
            description="Images to learn from, in their shares of the classes.",
            json_schema_extra={"empty": "all"},
        ),
    ] = None
    test: Annotated[
        int | None,
        Field(
            ge=100,
            le=10_000,
            title="Test",
            description="Images to test with; fewer are predicted sooner.",
            json_schema_extra={"empty": "all"},
        ),
    ] = None

    @classmethod
    @abstractmethod
    def place(cls) -> Path | None:
        """The file or folder it is read from; None where it is not at hand."""

    @classmethod
    @abstractmethod
    def parts(cls, place: Path) -> tuple[Pair, Pair]:
        """What to train on and what to test with, whole."""

    def facts(self) -> Facts:
        """What is known without reading an image."""
        train, test = (
            min(asked or all_, all_) for asked, all_ in zip((self.train, self.test), self.sizes, strict=True)
        )
        return Facts(
            name=self.name,
            title=f"{self.title} ({train + test:,} images of {self.shape.height}×{self.shape.width})",
            subject=self.title,
            classes=self.classes,
            shape=self.shape,
            train=train,
            test=test,
            note=self.note,
        )

    def lacks(self) -> str:
        """What would bring it here, where it is not."""
        if self.place() is not None:
            return ""
        return (
            f"{self.title} is not on this machine; the Train page and `explorer data download {self.kind}` fetch it "
            f"({self.megabytes} MB)"
        )

    def load(self) -> DataSet:
        """The images; ValueError where they are not at hand or others."""
        place, facts = self.place(), self.facts()
        if place is None:
            raise ValueError(self.lacks())
        train, test = self.parts(place)
        for (images, labels), size in zip((train, test), self.sizes, strict=True):
            if images.shape != (size, *self.shape) or labels.shape != (size,) or labels.max() >= len(self.classes):
                raise ValueError(f"{place} does not hold {self.title}: {size:,} images of {self.shape} with labels")
        return DataSet.of(facts, _some(train, facts.train), _some(test, facts.test))


def _some(pair: Pair, count: int) -> Pair:
    """So many of the images, always the same."""
    images, labels = pair
    if count == len(labels):
        return pair
    _, chosen = stratified_split(labels, count)
    return images[chosen], labels[chosen]


class IdxFiles(Published):
    """Four files of one format in a folder, each plain or gzip."""

    shape: ClassVar[Shape] = Shape(1, 28, 28)
    sizes: ClassVar[tuple[int, int]] = (60_000, 10_000)
    folders: ClassVar[tuple[str, ...]]  # where they may lie

    @classmethod
    def place(cls) -> Path | None:
        """The first folder that has all four files."""
        for folder in (root / name for root in places.folders() for name in cls.folders):
            whats = ("images-idx3", "labels-idx1")
            if all(cls._file(folder, part, what) for part in ("train", "t10k") for what in whats):
                return folder
        return None

    @classmethod
    def parts(cls, place: Path) -> tuple[Pair, Pair]:
        """Both parts."""

        def read(part: str, what: str, sizes: int) -> Tensor:
            path = cls._file(place, part, what)
            if path is None:
                raise ValueError(f"{place} has no {part}-{what}-ubyte")
            return idx.read(path, sizes)

        train, test = (
            (read(part, "images-idx3", 3)[:, None], read(part, "labels-idx1", 1)) for part in ("train", "t10k")
        )
        return train, test

    @staticmethod
    def _file(folder: Path, part: str, what: str) -> Path | None:
        """The file in one of its spellings."""
        spelt = [f"{part}-{what}-ubyte", f"{part}-{what}-ubyte.gz", f"{part}-{what.replace('-', '.')}-ubyte"]
        return next((folder / name for name in spelt if (folder / name).is_file()), None)


@final
class FashionMnist(IdxFiles):
    """Zalando's clothes."""

    kind: ClassVar[str] = "fashion-mnist"
    title: ClassVar[str] = "Fashion-MNIST"
    classes: ClassVar[tuple[str, ...]] = (
        "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    )  # fmt: skip
    note: ClassVar[str] = "Xiao, Rasul and Vollgraf 2017, Zalando, MIT licence."
    origin: ClassVar[str] = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"  # no TLS there; hashes decide
    files: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
    }
    folder: ClassVar[str] = "FashionMNIST/raw"
    folders: ClassVar[tuple[str, ...]] = (
        "FashionMNIST/raw",
        "FashionMNIST",
        "fashion-mnist",
    )  # torchvision's and Debian's
    megabytes: ClassVar[int] = 31


@final
class Mnist(IdxFiles):
    """LeCun's digits."""

    kind: ClassVar[str] = "mnist"
    title: ClassVar[str] = "MNIST"
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    note: ClassVar[str] = "LeCun, Cortes and Burges 1998, CC BY-SA 3.0."
    origin: ClassVar[str] = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    files: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    }
    folder: ClassVar[str] = "MNIST/raw"
    folders: ClassVar[tuple[str, ...]] = ("MNIST/raw", "MNIST", "mnist")
    megabytes: ClassVar[int] = 12


@final
class Cifar10(Published):
    """Krizhevsky's tiny photographs."""

    kind: ClassVar[str] = "cifar10"
    title: ClassVar[str] = "CIFAR-10"
    shape: ClassVar[Shape] = Shape(3, 32, 32)
    sizes: ClassVar[tuple[int, int]] = (50_000, 10_000)
    classes: ClassVar[tuple[str, ...]] = (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    )  # fmt: skip
    note: ClassVar[str] = "Krizhevsky 2009; its pictures are from the web, and no licence is stated."
    origin: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/"
    files: ClassVar[dict[str, str]] = {
        cifar.ARCHIVE: "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    }
    folder: ClassVar[str] = ""
    megabytes: ClassVar[int] = 170

    @classmethod
    def place(cls) -> Path | None:
        """The unpacked folder, else the archive."""
        found = (root / name for root in places.folders() for name in (cifar.FOLDER, cifar.ARCHIVE))
        return next((one for one in found if cifar.is_whole(one)), None)

    @classmethod
    def parts(cls, place: Path) -> tuple[Pair, Pair]:
        """Both parts."""
        return cifar.read(place)


PUBLISHED: tuple[type[Published], ...] = (FashionMnist, Mnist, Cifar10)
