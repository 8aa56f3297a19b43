"""Pictures that people brought, as they were read: a file a set, named by its contents, so that a run can be repeated.

A set is made once (`explorer/pictures`), with its split, and never changed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Annotated, ClassVar, final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, uint8

from explorer.shape import Shape
from explorer.training.data import places
from explorer.training.data.dataset import DataSet, Facts
from explorer.training.data.source import Source

MOST_BYTES = 256 * 2**20  # of a set
MOST_TOGETHER = 4 * 2**30  # of all sets on this machine
MOST_CLASSES = 200
TENSORS = ("train_images", "train_labels", "test_images", "test_labels")
Text = Annotated[str, Field(max_length=120)]


class About(BaseModel):
    """What a set says of itself beside its pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    classes: tuple[Text, ...] = Field(min_length=2, max_length=MOST_CLASSES)
    left_out: tuple[Annotated[str, Field(max_length=400)], ...] = Field(default=(), max_length=200)  # and why
    left_out_count: Annotated[int, Field(ge=0)] = 0  # of them all, those that are not listed too


@final
class Own(Source):
    """A set of one's own."""

    kind: ClassVar[str] = "own"
    title: ClassVar[str] = "Pictures of one's own"

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]

    @property
    def path(self) -> Path:
        """Its file."""
        return _folder() / f"{self.id}.safetensors"

    def about(self) -> About:
        """What it says of itself; ValueError where it is not there."""
        return self._header()[0]

    def lacks(self) -> str:
        """What is wrong with its file."""
        try:
            self._header()
        except ValueError as error:
            return str(error)
        return ""

    def facts(self) -> Facts:
        """What is known from the file's header."""
        about, sizes = self._header()
        train, test = sizes["train_images"], sizes["test_images"]
        return Facts(
            name=self.name,
            title=f"{about.title} ({train[0] + test[0]:,} images of {train[2]}×{train[3]})",
            subject=about.title,
            classes=about.classes,
            shape=Shape(*train[1:]),
            train=train[0],
            test=test[0],
            note="Brought here by somebody; kept on this machine.",
        )

    def load(self) -> DataSet:
        """The images; ValueError where they are not there or not whole."""
        facts = self.facts()
        try:
            with safe_open(self.path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in TENSORS}
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{self.path.name} cannot be read: {error}") from None
        for part in ("train", "test"):
            if tensors[f"{part}_labels"].max() >= len(facts.classes):
                raise ValueError(f"{self.path.name} has labels that are no class of it")
        return DataSet(name=facts.name, title=facts.title, classes=facts.classes, **tensors)

    def _header(self) -> tuple[About, dict[str, list[int]]]:
        """What the file says of itself, and the sizes of its tensors, which agree with each other."""
        if not self.path.is_file():
            raise ValueError(
                f"the pictures {self.name} are not in {_folder()}; a folder or zip of them makes them again under the "
                "same name: `explorer data add FILE`"
            )
        try:
            if self.path.stat().st_size > MOST_BYTES + 2**20:
                raise ValueError(f"{self.path.name} has more than the {MOST_BYTES:,} bytes of a set")
            with safe_open(self.path, "pt") as file:
                about = About.model_validate_json((file.metadata() or {}).get("about", ""))
                slices = {name: file.get_slice(name) for name in TENSORS}
                sizes = {name: list(one.get_shape()) for name, one in slices.items()}
                kinds = {one.get_dtype() for one in slices.values()}
        except (SafetensorError, OSError, ValidationError) as error:
            raise ValueError(f"{self.path.name} is no set of pictures: {str(error).splitlines()[0]}") from None
        whole = all(
            len(sizes[f"{part}_images"]) == 4
            and sizes[f"{part}_labels"] == sizes[f"{part}_images"][:1]
            and sizes[f"{part}_images"][0] > 0
            for part in ("train", "test")
        )
        if kinds != {"U8"} or not whole or sizes["train_images"][1:] != sizes["test_images"][1:]:
            raise ValueError(f"{self.path.name} is no set of pictures: its tensors do not fit together")
        return about, sizes


def keep(about: About, tensors: Sequence[Tensor]) -> str:
    """Writes a set, four uint8 tensors in the order of `TENSORS`, and gives its name: always the same for the same.

    ValueError where it is too large, or where all sets together are.
    """
    assert all(one.dtype == uint8 for one in tensors)
    size = sum(one.nbytes for one in tensors)
    if size > MOST_BYTES:
        raise ValueError(f"the pictures take {size:,} bytes, more than the {MOST_BYTES:,} of a set; take smaller ones")
    digest = sha256("\0".join(about.classes).encode())
    for one in tensors:
        digest.update(f"{tuple(one.shape)}".encode())
        digest.update(one.contiguous().numpy().tobytes())
    found = Own(id=digest.hexdigest()[:16])
    if found.path.is_file():
        return found.name
    held = sum(path.stat().st_size for path in _files())
    if held + size > MOST_TOGETHER:
        raise ValueError(
            f"pictures of {held:,} bytes are kept here already, and {MOST_TOGETHER:,} may be; "
            f"`explorer data remove NAME` makes room, or a file of {_folder()} deleted"
        )
    named = dict(zip(TENSORS, tensors, strict=True))
    part = found.path.with_suffix(f".{os.getpid()}.part")
    try:
        _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_bytes(save(named, {"about": about.model_dump_json()}))
        os.replace(part, found.path)
    except OSError as error:
        raise ValueError(f"the pictures were not kept in {_folder()}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return found.name


def names() -> tuple[str, ...]:
    """The sets that are there, the latest first."""
    return tuple(Own(id=path.stem).name for path in _files())


def remove(name: str) -> None:
    """Deletes a set; ValueError where there is none of that name."""
    found = Own.of(name)
    assert isinstance(found, Own)
    try:
        found.path.unlink()
    except OSError as error:
        raise ValueError(f"{name} cannot be removed: {error.strerror}") from None


def _folder() -> Path:
    return places.own_folder() / "own"


def _files() -> list[Path]:
    """The files of sets, the latest first."""
    try:
        found = [path for path in _folder().iterdir() if path.suffix == ".safetensors" and len(path.stem) == 16]
        return sorted((path for path in found if set(path.stem) <= set("0123456789abcdef")), key=_age)
    except OSError:
        return []


def _age(path: Path) -> float:
    return -path.stat().st_mtime
