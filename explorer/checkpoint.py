"""Weights from files that people bring: `.pth` and `.pt` of torch, `.safetensors`. Nothing in them is ever run.

A file's own account of itself is checked before a number is read: how much it holds, that all of it is there, and that
it is nothing but dense tensors under names. Then torch and safetensors read it.
"""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from explorer.pickled import Described, Storage, describe

LIMIT = 600 * 2**20  # bytes, of the file and of what it holds; the largest ResNet of torchvision has 508 MB
MAX_HEADER = 4 * 2**20  # bytes that may describe the weights
MAX_ENTRIES = 20_000
INFLATED = 10  # times that an archive may grow; trained weights hardly compress

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")  # under which training scripts save
PREFIXES = ("module.", "_orig_mod.", "model.", "net.")  # that DataParallel, torch.compile and scripts put first
MAGIC = 0x1950A86A20F9469CFC6C  # that torch's files before version 1.6 begin with
END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"

SAFE_KINDS = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


def read(source: Path | BinaryIO | bytes, name: str = "", limit: int = LIMIT) -> dict[str, Tensor]:
    """The state dict in a file: dense tensors by name, without what scripts wrap around it.

    A file on disk is mapped, not copied, where its form allows. ValueError in one sentence, which begins with `name`,
    for everything else: what cannot be read, is more than weights, or more than `limit` bytes of them.
    """
    title = name or (source.name if isinstance(source, Path) else "") or "the file"
    path = source if isinstance(source, Path) else None
    try:
        file = source.open("rb") if isinstance(source, Path) else _opened(source)
    except OSError as error:
        raise ValueError(f"{title} cannot be read: {error.strerror}") from None
    try:
        return named(_entries(file, path, limit))
    except OSError as error:
        raise ValueError(f"{title} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{title} {error}") from None
    finally:
        if path is not None:
            file.close()


def write(state: Mapping[str, Tensor]) -> bytes:
    """The state dict as a `.safetensors` file."""
    return safetensors.save({key: value.detach().contiguous() for key, value in state.items()})


def named(found: object) -> dict[str, Tensor]:
    """The tensors of what a file holds, out of the usual wrappings; ValueError, to be read after a file's name."""
    entries = _unwrapped(found)
    state = {
        key: value.detach() for key, value in entries.items() if isinstance(key, str) and isinstance(value, Tensor)
    }
    if not state:
        raise ValueError("holds no tensors under names, so it is not a state dict")
    for key, value in state.items():
        if value.layout != torch.strided or value.is_meta or value.is_quantized:
            raise ValueError(f"holds {key[:80]!r}, which is not a dense tensor")
    while prefix := next((one for one in PREFIXES if all(key.startswith(one) for key in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _unwrapped(found: object, depth: int = 3) -> Mapping[Any, Any]:
    """The mapping that scripts put into others, with an epoch and the like beside it."""
    if not isinstance(found, Mapping):
        raise ValueError(f"holds {_kind(found)}, not a state dict: names with tensors")
    inner = next((found[key] for key in WRAPPERS if isinstance(found.get(key), Mapping)), None)
    return found if inner is None or depth == 0 else _unwrapped(inner, depth - 1)


def _kind(found: object) -> str:
    return "a single tensor" if isinstance(found, Tensor) else f"a {type(found).__name__}"


def _opened(source: BinaryIO | bytes) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)  # shares the bytes
    source.seek(0)
    return source


def _entries(file: BinaryIO, path: Path | None, limit: int) -> object:
    """Whatever is in the file, once it was found to be harmless."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise ValueError("is empty")
    if size > limit:
        raise ValueError(f"is too large: {_megabytes(size)}, and {_megabytes(limit)} is the most that is read here")
    file.seek(0)
    start = file.read(9)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        stored = _check_archive(file, size, limit)
        return _load(file, path if stored else None)
    if start[8:] == b"{":  # before it a number, whose first byte can be any
        _check_safetensors(file, size)
        return _load_safetensors(file, path)
    if start.startswith(b"\x80"):
        _check_legacy(file, size, limit)
        return _load(file, None)
    raise ValueError("is neither a checkpoint of torch (.pth, .pt) nor a .safetensors file")


def _load(file: BinaryIO, mapped: Path | None) -> object:
    """What torch reads, which runs nothing of it."""
    file.seek(0)
    try:
        if mapped is not None and mapped.suffix != ".safetensors":  # torch believes this ending more than the file
            return torch.load(mapped, map_location="cpu", weights_only=True, mmap=True)
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # torch raises many kinds; the checks above have named what a person can do something about
        raise ValueError("is damaged: torch cannot read it") from None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size < 10e9 else f"{size / 1e9:,.0f} GB"


def _check_held(size: int, limit: int) -> None:
    if size > limit:
        raise ValueError(f"holds {_megabytes(size)} of weights, and {_megabytes(limit)} is the most that is read here")


def _check_tensors(value: object, limit: int) -> None:
    """Bounds what the tensors would be, were each copied: many may look at the same numbers."""
    total, waiting, seen = 0, [value], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, Described):
            total += one.size
        elif isinstance(one, dict | list | tuple) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(one.values() if isinstance(one, dict) else one)
    _check_held(total, limit)


# Archives: torch's files since version 1.6.


def _check_archive(file: BinaryIO, size: int, limit: int) -> bool:
    """Whether all entries lie there as they are, so that the file can be mapped."""
    _check_directory(file, size)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if len(entries) < len(archive.infolist()):
                raise ValueError("is damaged: two of its entries have one name")
            if any(
                entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1
                for entry in entries.values()
            ):
                raise ValueError("is packed in a way that torch never uses")
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries.values())
            held = sum(entry.file_size for entry in entries.values())
            _check_held(held, limit if stored else min(limit, max(INFLATED * size, 2**24)))
            folders = {name.partition("/")[0] for name in entries}
            [folder] = folders if len(folders) == 1 else [""]
            if f"{folder}/data.pkl" not in entries:
                raise ValueError("is an archive, but not one of torch's")
            if f"{folder}/constants.pkl" in entries:
                raise ValueError("holds a TorchScript program, not weights alone; save model.state_dict()")
            if entries[f"{folder}/data.pkl"].file_size > MAX_HEADER:
                raise ValueError("needs more space to describe its weights than any state dict of a network does")
            if f"{folder}/byteorder" in entries and archive.read(f"{folder}/byteorder") != b"little":
                raise ValueError("was written on a machine with another order of bytes")
            storages: dict[str, Storage] = {}
            value = describe(BytesIO(archive.read(f"{folder}/data.pkl")), storages)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        struct.error,
        zlib.error,
    ):
        raise ValueError("is damaged or cut short") from None
    for key, storage in storages.items():
        entry = entries.get(f"{folder}/data/{key}")
        if entry is None or entry.file_size != storage.size:
            raise ValueError("is damaged: not all of the weights that it describes are there")
    _check_tensors(value, limit)
    return stored


def _check_directory(file: BinaryIO, size: int) -> None:
    """The list of entries lies right before the end and is short, as torch writes it, so that all readers agree."""
    tail_size = min(size, 98)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    if len(tail) < 22 or tail[-22:-18] != END or tail[-2:] != b"\0\0":
        raise ValueError("is damaged or cut short")
    count, length, start = struct.unpack("<HII", tail[-12:-2])
    end = size - 22
    if len(tail) >= 98 and tail[-42:-38] == LOCATOR_64:
        end = size - 98
        if struct.unpack("<Q", tail[-34:-26])[0] != end or tail[:4] != END_64:
            raise ValueError("is damaged")
        count, length, start = struct.unpack("<QQQ", tail[32:56])
    if start + length != end or length > MAX_HEADER or count > MAX_ENTRIES:
        raise ValueError("is damaged, or an archive of far more entries than a state dict has")
    file.seek(0)


# Torch's files before version 1.6: pickles, then the numbers.


def _check_legacy(file: BinaryIO, size: int, limit: int) -> None:
    storages: dict[str, Storage] = {}
    nothing: dict[str, Storage] = {}
    if describe(file, nothing) != MAGIC:
        raise ValueError("is a pickle, but not one of torch's")
    describe(file, nothing)  # the version of the form
    machine = describe(file, nothing)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError("was written on a machine with another order of bytes")
    value = describe(file, storages)
    keys = describe(file, nothing)
    if nothing or not isinstance(keys, list) or sorted(map(str, keys)) != sorted(storages):
        raise ValueError("is damaged")
    at = file.tell()
    for key in keys:
        file.seek(at)
        if file.read(8) != struct.pack("<q", storages[key].count):
            raise ValueError("is damaged or cut short")
        at += 8 + storages[key].size
    if at > size:
        raise ValueError("is cut short")
    _check_tensors(value, limit)


# Safetensors: the length of a JSON header, the header, the numbers.


def _check_safetensors(file: BinaryIO, size: int) -> None:
    length = struct.unpack("<Q", file.read(8))[0]
    if length > MAX_HEADER or 8 + length > size:
        raise ValueError(f"is damaged: its header claims {length:,} bytes")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise ValueError("is damaged: its header is not JSON") from None
    if not isinstance(header, dict) or len(header) > MAX_ENTRIES:
        raise ValueError("is damaged: its header lists no tensors")
    spans = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            kind, shape, (start, end) = SAFE_KINDS.get(entry["dtype"]), entry["shape"], entry["data_offsets"]
            fits = all(type(one) is int and 0 <= one < 2**48 for one in (*shape, start, end)) and len(shape) <= 16
        except (TypeError, KeyError, ValueError):
            raise ValueError("is damaged: its header is not that of a .safetensors file") from None
        if kind is None:
            raise ValueError(f"holds {name[:80]!r} of type {str(entry['dtype'])[:20]}, which is not read here")
        if not fits or end - start != prod(shape) * kind.itemsize:
            raise ValueError(f"is damaged: {name[:80]!r} is not as large as its header says")
        spans.append((start, end))
    spans.sort()
    if [start for start, _ in spans] != [0, *(end for _, end in spans)][: len(spans)]:
        raise ValueError("is damaged: its tensors overlap or leave gaps")
    if 8 + length + (spans[-1][1] if spans else 0) != size:
        raise ValueError("is cut short, or longer than its header says")


def _load_safetensors(file: BinaryIO, path: Path | None) -> dict[str, Tensor]:
    with suppress(SafetensorError):
        if path is not None:
            return safetensors.load_file(path)
        file.seek(0)
        return safetensors.load(file.read())
    raise ValueError("is damaged: its header is not that of a .safetensors file")
