"""A folder or zip of pictures, a folder a class, made into a data set: read once, within bounds, and kept by digest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explorer.pictures.files import File, files_of
from explorer.probe.picture import PictureError, read
from explorer.training.data import own
from explorer.training.data.dataset import stratified_split

MOST_PICTURES = 20_000
SIDES = (16, 32, 64, 96, 128)  # pixels that pictures can be made
TEST_SHARE = 0.2
TRAIN_NAMES, TEST_NAMES = ("train", "training"), ("test", "testing", "val", "valid", "validation")
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif")
LISTED = 100  # files that were left out, by name and reason
Tell = Callable[[int, int], None]  # files read so far, and of all


@dataclass
class _Gathered:
    """What has been read so far."""

    side: int
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)  # (side, side, 3)
    classes: list[str] = field(default_factory=list)
    tests: list[bool] = field(default_factory=list)
    seen: dict[bytes, str] = field(default_factory=dict)  # digests of pictures, and the file each was in
    left_out: list[str] = field(default_factory=list)
    left_out_count: int = 0

    def leave_out(self, name: str, why: str) -> None:
        """Lists a file that is not taken."""
        self.left_out_count += 1
        if len(self.left_out) < LISTED:
            self.left_out.append(f"{_plain(name, 100)}: {why}"[:400])


def bring(source: Path, side: int, title: str = "", tell: Tell = lambda done, total: None) -> str:
    """Makes the data set of a folder or zip file and gives its name.

    Pictures lie in a folder a class, which may lie in `train` and `test`; where they do not, a fifth of each class is
    set apart to test with, always the same. The middle square of each picture is taken, made `side` pixels. Files that
    are no pictures, are broken, or show the same as another are left out and listed. ValueError, one sentence, where no
    set can be made of it.
    """
    if side not in SIDES:
        raise ValueError(f"pictures are made {', '.join(map(str, SIDES))} pixels wide, not {side}")
    name = source.name
    with files_of(source) as files:
        gathered = _Gathered(side)
        for refused, why in files.refused:
            gathered.leave_out(refused, why)
        chosen = [file for file in files.taken if _is_picture(file, gathered)]
        if len(chosen) > MOST_PICTURES:
            raise ValueError(f"{name} has {len(chosen):,} pictures, and a set may have {MOST_PICTURES:,}")
        if len(chosen) * 3 * side * side > own.MOST_BYTES:
            most = own.MOST_BYTES // (3 * side * side)
            raise ValueError(f"{name} has {len(chosen):,} pictures, and {most:,} of {side}×{side} are kept")
        for done, (file, cls, test) in enumerate(_placed(chosen, gathered)):
            tell(done, len(chosen))
            _take(gathered, file, cls, test)
    return _keep(gathered, name, title or name.removesuffix(".zip"))


def _is_picture(file: File, gathered: _Gathered) -> bool:
    """Whether it may be one by its name; what systems leave in folders is passed over in silence."""
    if any(part.startswith((".", "__MACOSX")) for part in file.parts) or file.parts[-1] in ("Thumbs.db", "desktop.ini"):
        return False
    if file.parts[-1].lower().endswith(ENDINGS):
        return True
    gathered.leave_out(file.name, "no PNG, JPEG, WebP or GIF picture")
    return False


def _placed(files: list[File], gathered: _Gathered) -> Iterable[tuple[File, str, bool | None]]:
    """Each picture with its class, and whether it is to test with; None where the folders do not say."""
    deep = [file for file in files if len(file.parts) > 1]
    top = 0
    while deep and min(len(file.parts) for file in deep) > top + 2 and len({file.parts[top] for file in deep}) == 1:
        top += 1  # a folder round everything
    firsts = {file.parts[top].lower() for file in deep}
    split = bool(firsts & {*TRAIN_NAMES}) and bool(firsts & {*TEST_NAMES}) and firsts <= {*TRAIN_NAMES, *TEST_NAMES}
    tests = (
        "test" if {"test", "testing"} & firsts else "val"
    )  # where there are both, the pictures of val are learnt from
    for file in files:
        parts = file.parts[top:-1] if len(file.parts) > top + 1 else ()
        first = parts[0].lower() if parts else ""
        if split:
            parts = parts[1:]
        if not parts:
            gathered.leave_out(file.name, "it lies in no folder of a class")
            continue
        yield file, parts[0], first.startswith(tests) if split else None


def _take(gathered: _Gathered, file: File, cls: str, test: bool | None) -> None:
    """Reads one picture, or lists it."""
    try:
        pixels = _square(read(file.read()).pixels, gathered.side)
    except (PictureError, ValueError, OSError) as error:
        gathered.leave_out(file.name, str(error)[:1].lower() + str(error)[1:].rstrip("."))
        return
    digest = sha256(pixels.tobytes()).digest()
    if digest in gathered.seen:
        gathered.leave_out(file.name, f"shows the same as {_plain(gathered.seen[digest], 100)}")
        return
    gathered.seen[digest] = file.name
    gathered.pictures.append(pixels)
    gathered.classes.append(_plain(cls, 60) or "unnamed")
    gathered.tests.append(bool(test))


def _square(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle square in colour, `side` pixels wide."""
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    image = Image.fromarray(pixels[top : top + edge, left : left + edge]).convert("RGB")
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _keep(gathered: _Gathered, name: str, title: str) -> str:
    """Splits what was read and keeps it."""
    classes = sorted(set(gathered.classes))
    if not 2 <= len(classes) <= own.MOST_CLASSES:
        found = f"only {classes[0]!r}" if len(classes) == 1 else f"{len(classes):,} of them"
        raise ValueError(
            f"{name} needs pictures in 2 to {own.MOST_CLASSES} folders, one a class: {found if classes else 'none'} "
            f"{'was' if len(classes) == 1 else 'were'} found{_reasons(gathered)}"
        )
    labels = torch.tensor([classes.index(cls) for cls in gathered.classes], dtype=torch.uint8)
    if any(gathered.tests):
        tests = torch.tensor(gathered.tests)
        train, test = (~tests).nonzero().flatten(), tests.nonzero().flatten()
    else:
        train, test = stratified_split(labels, max(1, round(TEST_SHARE * len(labels))))
    if len(train) < 2 or len(set(labels[train].tolist())) < len(classes):
        raise ValueError(f"{name} has too few pictures: every class needs one to learn from{_reasons(gathered)}")
    images = _tensor(gathered.pictures)
    about = own.About(
        title=_plain(title, 80) or "Pictures",
        classes=tuple(classes),
        left_out=tuple(gathered.left_out),
        left_out_count=gathered.left_out_count,
    )
    return own.keep(about, (images[train], labels[train], images[test], labels[test]))


def _tensor(pictures: list[NDArray[np.uint8]]) -> Tensor:
    """The pictures (N, C, H, W), in one channel where none of them has colours."""
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    grey = all(torch.equal(part[:, :1].expand_as(part), part) for part in images.split(256))
    return (images[:, :1] if grey else images).contiguous()


def _reasons(gathered: _Gathered) -> str:
    """The first files that were left out, for a sentence."""
    if not gathered.left_out:
        return ""
    return f". Left out: {'; '.join(gathered.left_out[:3])}{' …' if gathered.left_out_count > 3 else ''}"


def _plain(text: str, most: int) -> str:
    """A name out of a file as it can stand in a line."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:most].strip()
