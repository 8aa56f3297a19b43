"""Published sets fetched from where they are published, when somebody asked for that, and kept if the hashes agree."""

from __future__ import annotations

import hashlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

from explorer.training.data import cifar, places
from explorer.training.data.published import PUBLISHED, Published

PIECE = 256 * 1024  # bytes read at once
SILENCE = 30.0  # seconds without a byte after which a server is given up
SECONDS = 1800.0  # that a whole set may take
Tell = Callable[[int, int], None]  # bytes so far, and of all


def published(kind: str) -> type[Published]:
    """The published set of this kind; ValueError names those that there are."""
    found = next((one for one in PUBLISHED if one.kind == kind), None)
    if found is None:
        kinds = ", ".join(one.kind for one in PUBLISHED)
        raise ValueError(f"{kind!r} cannot be downloaded; what can be: {kinds}")
    return found


def untold(done: int, total: int) -> None:
    """Tells nobody."""


def download(kind: str, tell: Tell = untold, seconds: float = SECONDS) -> Path:
    """Fetches the files of a published set into the data folder and gives where it lies.

    A file that is there already with the right hash stays. ValueError, one sentence, where a file cannot be fetched, is
    not what was published, or cannot be written.
    """
    wanted = published(kind)
    folder = places.own_folder() / wanted.folder
    deadline = time.monotonic() + seconds
    most = 2 * wanted.megabytes * 10**6
    done = 0

    def told(size: int) -> None:
        tell(done + size, wanted.megabytes * 10**6)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in wanted.files.items():
            path = folder / name
            if not (path.is_file() and _hash(path, digest) == digest):
                _fetch(wanted.origin + name, path, digest, most, deadline, told)
            done += path.stat().st_size
        if cifar.ARCHIVE in wanted.files:
            _unpack(folder)
    except OSError as error:
        raise ValueError(f"{wanted.title} was not kept in {folder}: {error.strerror or error}") from None
    place = wanted.place()
    if place is None:
        raise ValueError(f"{wanted.title} is not whole in {folder}")
    return place


def _hash(path: Path, like: str) -> str:
    """The hash of a file, of the kind that `like` names."""
    kind = like.partition(":")[0]
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, kind).hexdigest()}"


def _fetch(url: str, path: Path, digest: str, most: int, deadline: float, tell: Callable[[int], None]) -> None:
    """One file, whole and as published, or none."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            for size in _stream(url, file.write, deadline):
                if size > most:
                    raise ValueError(f"the server sends more than the {most:,} bytes that were expected of {url}")
                tell(size)
        if _hash(part, digest) != digest:
            raise ValueError(f"something else than was published came from {url}: its hash is not {digest}")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _stream(url: str, write: Callable[[bytes], object], deadline: float) -> Iterator[int]:
    """Writes what an address sends, piece by piece, and gives the bytes so far."""
    size = 0
    try:
        with urllib.request.urlopen(url, timeout=SILENCE) as answer:
            while piece := answer.read(PIECE):
                if time.monotonic() > deadline:
                    raise ValueError(f"the download of {url} took too long: it was given up after {size:,} bytes")
                size += len(piece)
                write(piece)
                yield size
    except (HTTPException, TimeoutError) as error:
        raise ValueError(f"nothing comes from {url}: {error or 'it sends nothing'}") from None
    except urllib.error.URLError as error:
        raise ValueError(f"nothing comes from {url}: {error.reason}") from None


def _unpack(folder: Path) -> None:
    """The six batches out of CIFAR-10's archive; nothing else of it is written."""
    target = folder / cifar.FOLDER
    if cifar.is_whole(target):
        return
    target.mkdir(exist_ok=True)
    for name, data in cifar.batches(folder / cifar.ARCHIVE):
        (target / name).write_bytes(data)
