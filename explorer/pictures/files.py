"""The files of a folder or of a zip, each to be read within bounds; nothing of a zip is ever written to disk."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from explorer.probe.picture import MAX_BYTES

MOST_FILES = 50_000
MOST_ARCHIVE = 512 * 2**20  # bytes of a zip
MOST_DIRECTORY = 16 * 2**20  # bytes of its list of files
MOST_UNPACKED = 2 * 2**30  # bytes of all its files
INFLATED = 100  # times that one of its files may grow; pictures are packed already
MOST_DEPTH = 16  # folders in folders
END = b"PK\x05\x06"


@dataclass(frozen=True)
class File:
    """A file by the folders that it lies in."""

    parts: tuple[str, ...]
    read: Callable[[], bytes]  # ValueError or OSError where it cannot be

    @property
    def name(self) -> str:
        """As a path."""
        return "/".join(self.parts)


@dataclass(frozen=True)
class Files:
    """What can be read, in the order of names, and what is refused: names and reasons."""

    taken: list[File]
    refused: list[tuple[str, str]]


@contextmanager
def files_of(source: Path) -> Iterator[Files]:
    """The files of a folder or a zip; ValueError where it is neither, or has more than is read."""
    if source.is_dir():
        yield _folder(source)
        return
    try:
        if source.stat().st_size > MOST_ARCHIVE:
            raise ValueError(f"{source.name} has more than the {MOST_ARCHIVE:,} bytes that are read of a zip")
        _check_directory(source)
        with zipfile.ZipFile(source) as archive:
            yield _zip(archive, source.name)
    except OSError as error:
        raise ValueError(f"{source} cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, NotImplementedError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"{source.name} is no zip file, or a damaged one: {error}") from None


def _folder(source: Path) -> Files:
    """The files below a folder; links are not followed, so that nothing outside is read."""
    taken: list[File] = []
    refused: list[tuple[str, str]] = []
    for folder, folders, names in os.walk(source):
        here = Path(folder)
        if len(here.relative_to(source).parts) >= MOST_DEPTH:
            folders.clear()
        for name in [name for name in folders if (here / name).is_symlink()]:
            folders.remove(name)
            refused.append((str((here / name).relative_to(source)), "a link"))
        folders.sort()
        for name in sorted(names):
            path = here / name
            parts = path.relative_to(source).parts
            if not stat.S_ISREG(path.lstat().st_mode):
                refused.append(("/".join(parts), "no plain file, but a link or a device"))
                continue
            taken.append(File(parts, partial(_read, path)))
            if len(taken) > MOST_FILES:
                raise ValueError(f"{source.name} has more than the {MOST_FILES:,} files that are looked at")
    return Files(taken, refused)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)  # one more than a picture may have, so that it is refused


def _check_directory(source: Path) -> None:
    """A list of files that is short enough to be read, before the library reads it."""
    with source.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65_557))  # the end, with the longest comment
        tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < 22:
        raise ValueError(f"{source.name} is no zip file, or cut short")
    count, length = struct.unpack("<HI", tail[at + 10 : at + 16])
    if length == 0xFFFFFFFF or length > MOST_DIRECTORY or (count != 0xFFFF and count > MOST_FILES):
        raise ValueError(f"{source.name} lists more than the {MOST_FILES:,} files that are looked at")


def _zip(archive: zipfile.ZipFile, name: str) -> Files:
    """The files of an archive, as its list has them; what they really are is held to that when they are read."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise ValueError(f"{name} has {len(entries):,} files, and {MOST_FILES:,} are looked at")
    whole = sum(entry.file_size for entry in entries)
    if whole > MOST_UNPACKED:
        raise ValueError(f"{name} unpacks to {whole:,} bytes, more than the {MOST_UNPACKED:,} that are read")
    taken: list[File] = []
    refused: list[tuple[str, str]] = []
    for entry in sorted(entries, key=lambda entry: entry.filename):
        why = _refusal(entry)
        if why:
            refused.append((entry.filename, why))
        else:
            taken.append(File(tuple(entry.filename.split("/")), partial(_unpacked, archive, entry)))
    return Files(taken, refused)


def _refusal(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not read; empty where it is."""
    parts = entry.filename.split("/")
    if "\\" in entry.filename or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
        return "its name leads out of the archive"
    if len(parts) > MOST_DEPTH:
        return f"it lies more than {MOST_DEPTH} folders deep"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a link"
    if entry.flag_bits & 1:
        return "it is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in a way that is not read here; deflate is"
    if entry.file_size > MAX_BYTES:
        return f"it has {entry.file_size:,} bytes, more than the {MAX_BYTES:,} of a picture"
    if entry.file_size > INFLATED * max(entry.compress_size, 1024):
        return f"it grows by more than {INFLATED} times, as no picture does"
    return ""


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One file, no longer than its entry says."""
    try:
        with archive.open(entry) as file:
            data = file.read(entry.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is damaged ({error})"[:200]) from None
    if len(data) != entry.file_size:
        raise ValueError("it is cut short")
    return data
