"""Weights at hand for a network: drawn from a seed, trained in the box or by a run, or out of a file that was opened.

Opened weights are kept as `.safetensors` files in a folder of the run store, named by their network and their content,
so that a reload and the next session find them again; the oldest make room. A key is all that a session has to keep.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from safetensors import torch as safetensors
from torch import Tensor

from explorer import checkpoint
from explorer.network import Network
from explorer.runs import Run, manager
from explorer.runs.store import RUN_ID, network_digest
from explorer.training import box
from explorer.weights import fitted

KEPT_FILES = 12
KEPT_BYTES = 2 * 2**30
LONGEST = 60  # characters of a title
FILE_KEY = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Weights:
    """Weights that a network can have: a key for `load`, what they are called, the data set they are known to be of."""

    key: str
    title: str
    random: bool = False
    learned: str = ""


def at_hand(network: Network) -> list[Weights]:
    """All there are for exactly this network, whatever it is called: those opened last first, random ones last."""
    found = [Weights(f"file:{_content(path)}", _title(path)) for path in _kept(network)]
    found += [Weights(f"run:{run.id}", _run_title(run), learned=run.recipe.data) for run in _runs(network)]
    boxed = box.find(network)
    if boxed is not None:
        record = box.records()[boxed]
        title = f"Trained on digits, {record.test_accuracy:.1%} (comes with the app)"
        found.append(Weights(f"box:{boxed}", title, learned=record.recipe.data))
    return [*found, Weights("random:0", "Random weights, seed 0", random=True)]


def load(network: Network, key: str) -> dict[str, Tensor]:
    """The state dict of `network.build()` under this key; ValueError where there is none, or none of this network.

    `random:7` gives the weights of seed 7.
    """
    kind, _, name = key.partition(":")
    if kind == "random" and re.fullmatch(r"\d{1,9}", name, re.ASCII):
        return dict(network.build(seed=int(name)).state_dict())
    if kind == "box" and name in box.records():
        return fitted(network, box.load(name)[1])
    if kind == "run" and RUN_ID.fullmatch(name):
        run = manager().read(name)
        if run is None or not run.checkpoint.is_file():
            raise ValueError("the weights of this run are gone; only the latest runs keep theirs")
        return fitted(network, checkpoint.read(run.checkpoint, "the run's file"))
    if kind == "file" and FILE_KEY.fullmatch(name):
        path = next((path for path in _kept(network) if _content(path) == name), None)
        if path is None:
            raise ValueError("these weights are no longer kept; open their file again")
        return fitted(network, checkpoint.read(path, _title(path)))
    raise ValueError("there are no weights of that name")


def keep(network: Network, state: Mapping[str, Tensor], title: str) -> str:
    """Keeps weights of `network.build()` under their file's title; their key. ValueError where they do not fit."""
    state = fitted(network, state)
    content = _digest(state)
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{network_digest(network)}-{content}.safetensors"
    part = folder / f"{secrets.token_hex(8)}.part"
    words = {"title": _brief(title)}
    try:
        safetensors.save_file({key: value.contiguous() for key, value in state.items()}, part, metadata=words)
        os.utime(part, ns=(time.time_ns(),) * 2)  # a file system's own clock ticks too coarsely to order by
        os.replace(part, path)
    except OSError as error:
        raise ValueError(f"these weights cannot be kept in {folder}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    _make_room(path)
    return f"file:{content}"


def _runs(network: Network) -> Iterator[Run]:
    """Finished runs of this network whose weights are still there, the latest first."""
    store = manager().store
    for run_id in store.of_network(network):
        run = store.read(run_id)
        if run is not None and run.finished is not None and run.checkpoint.is_file():
            yield run


def _run_title(run: Run) -> str:
    assert run.finished is not None
    when = time.localtime(run.created)
    return f"Run of {when.tm_mday} {time.strftime('%b %H:%M', when)}, test {run.finished.test_accuracy:.1%}"


def _folder() -> Path:
    return manager().store.directory / "weights"


def _kept(network: Network) -> list[Path]:
    """The files of this network, those kept last first."""
    return sorted(_folder().glob(f"{network_digest(network)}-*.safetensors"), key=_kept_at, reverse=True)


def _kept_at(path: Path) -> int:
    with suppress(OSError):  # removed meanwhile
        return path.stat().st_mtime_ns
    return 0


def _content(path: Path) -> str:
    return path.stem.rpartition("-")[2]


def _title(path: Path) -> str:
    """What the file was called when it was opened, as its header says."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, struct.error), path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        title = json.loads(file.read(min(length, checkpoint.MAX_HEADER)))["__metadata__"]["title"]
        return _brief(title) or "Opened weights"
    return "Opened weights"


def _brief(title: str) -> str:
    text = re.sub(r"\s+", " ", title).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _digest(state: Mapping[str, Tensor]) -> str:
    total = sha256()
    for key, value in state.items():
        total.update(key.encode())
        total.update(value.contiguous().numpy().data)
    return total.hexdigest()[:16]


def _make_room(new: Path) -> None:
    """Lets the files go that were kept longest ago, beyond the number and size that are kept; `new` stays."""
    size = 0
    files = sorted(_folder().glob("*.safetensors"), key=_kept_at, reverse=True)
    for place, path in enumerate(sorted(files, key=lambda path: path != new)):
        with suppress(OSError):
            size += path.stat().st_size
            if path != new and (place >= KEPT_FILES or size > KEPT_BYTES):
                path.unlink()
