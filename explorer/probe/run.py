"""A network run on one picture: a line for every block, and the maps of those that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from explorer.branches import joined
from explorer.network import Network, walk
from explorer.probe.maps import LARGEST, PART, SHOWN, Filters, Maps, by_energy, filters, maps
from explorer.probe.watch import Seen, norm, watching
from explorer.record import Record
from explorer.report import Report

MEMORY = 2**30  # bytes that weights and maps of one run may take
WORK = 50 * 10**9  # MACs that one run may take, some ten seconds of a processor core
WINDOW = 8 * 2**20  # bytes of kept maps that one run records
TOP = 5


class TooMuchError(ValueError):
    """A network that is not run on a page: one sentence with its size and the bound."""


@dataclass(frozen=True)
class Inside:
    """A residual block: what its shortcut carries, what it learned, and their sum or concatenation."""

    how: str  # "add" or "cat"
    input: Maps
    carried: Maps | None  # None where the shortcut carries the input itself
    learned: Maps
    total: Maps
    follows: tuple[str, ...]  # what comes between that and the output: ("relu",)


@dataclass(frozen=True)
class Detail:
    """The maps of one block."""

    output: Maps | None  # None where the block gives a vector
    inside: Inside | None
    branches: tuple[tuple[str, Maps], ...]  # each with the line that writes it


@dataclass(frozen=True)
class Line:
    """What is known of every block."""

    path: str
    card: int
    copy: int
    title: str
    strength: float | None  # root of the mean square of its output; None where that is no number
    ratio: float | None  # ‖F(x)‖ / ‖what the shortcut carries‖; None where there is no shortcut or no number
    has_shortcut: bool


@dataclass(frozen=True)
class Look:
    """One run: every block's line, the maps of some, and the likeliest classes."""

    lines: tuple[Line, ...]
    details: Mapping[str, Detail]
    logits: NDArray[np.float32] | None  # (classes,); None where the network ends in a map
    filters: Filters | None  # of the first layer, where that is a convolution

    @property
    def top(self) -> tuple[tuple[int, float], ...]:
        """The likeliest classes with their softmax; () where nothing classifies, or where the logits are no numbers."""
        if self.logits is None or not np.isfinite(self.logits).all():
            return ()
        shares = np.exp(self.logits - self.logits.max(), dtype=np.float64)
        order = np.argsort(-shares, kind="stable")[:TOP]
        return tuple((int(one), float(shares[one] / shares.sum())) for one in order)


def fitting(report: Report) -> Network | None:
    """The part of the report's network that fits together, or None where that is no block at all."""
    network = report.network
    assert network is not None
    if report.error is not None:
        network = network.model_copy(update={"blocks": network.blocks[: report.error.index or 0]})
    return network if network.blocks else None


def check(report: Report) -> None:
    """Refuses a network whose weights and maps take too much memory, or whose forward takes too long."""
    weights = 4 * sum(part.step.count * part.step.record.trace.params for part in report.parts)
    live = max((_live(part.step.record) for part in report.parts), default=0)
    if weights + live > MEMORY:
        raise TooMuchError(
            f"Running this network takes {(weights + live) / 2**30:,.1f} GiB ({weights / 2**30:,.2f} GiB of weights, "
            f"{live / 2**30:,.2f} GiB of maps), more than the {MEMORY / 2**30:,.0f} GiB for one picture; fewer "
            "channels or a smaller input bring it down."
        )
    if report.macs > WORK:
        raise TooMuchError(
            f"One picture takes {report.macs / 1e9:,.0f} G MACs in this network, more than the {WORK / 1e9:,.0f} G "
            "that a page waits for; fewer channels or a smaller input bring it down."
        )


def _live(found: Record) -> int:
    """Bytes of the maps that one block holds at once, at most."""
    return 4 * (prod(found.in_shape) + sum(prod(operation.output_shape) for operation in found.trace.operations))


def windows(report: Report) -> list[tuple[str, ...]]:
    """The paths of all blocks in depth, in as few runs as keep what each records below `WINDOW` bytes."""
    made: list[tuple[str, ...]] = []
    open_paths: list[str] = []
    size = 0
    for row in report.blocks:
        block = report.network.blocks[row.card] if report.network else None
        kept = _kept(row.output_shape, SHOWN)
        if block is not None and block.has_shortcut():
            kept += _kept(row.input_shape, PART) + 3 * _kept(row.output_shape, PART)
        if block is not None and (rows := block.chips()) is not None:
            kept += len(rows) * _kept(row.output_shape, PART)
        if open_paths and size + kept > WINDOW:
            made.append(tuple(open_paths))
            open_paths, size = [], 0
        open_paths.append(row.name)
        size += kept
    return [*made, tuple(open_paths)] if open_paths else made


def _kept(shape: Sequence[int], most: int) -> int:
    if len(shape) != 3:
        return 0
    return min(shape[0], most) * min(shape[1], LARGEST) * min(shape[2], LARGEST)


def run(
    network: Network,
    images: Tensor,
    state: Mapping[str, Tensor] | None = None,
    seed: int = 0,
    wanted: Sequence[str] = (),
) -> Look:
    """Runs `network` on one picture (1, C, H, W) with the weights of `state`, or of `seed` where it is None.

    Every block gets a line; those whose paths are `wanted` get their maps. It takes one core: sessions share the cores,
    and the small maps of a deep network are slower on several, by far where these are busy.
    """
    with threadpool_limits(1, user_api="openmp"):  # of this thread alone
        return _run(network, images, state, seed, frozenset(wanted))


def _run(network: Network, images: Tensor, state: Mapping[str, Tensor] | None, seed: int, keep: frozenset[str]) -> Look:
    if state is None:
        model = network.build(seed)
    else:  # without first weights, which would be drawn for nothing, and a second copy of them
        model = network.skeleton()
        model.load_state_dict(dict(state), assign=True)
    model.eval()
    places = {path: (card, copy) for path, card, copy in paths(network)}
    lines: dict[str, Line] = {}
    details: dict[str, Detail] = {}

    def see(path: str, seen: Seen) -> None:
        card, copy = places[path]
        block = network.blocks[card]
        strength = norm(seen.output) / seen.output.numel() ** 0.5
        ratio = seen.residual.strength if seen.residual and block.has_shortcut() else None
        lines[path] = Line(
            path, card, copy, block.name, strength if strength < float("inf") else None, ratio, block.has_shortcut()
        )
        if path in keep:
            details[path] = _detail(network, card, seen)

    with torch.no_grad(), watching({path: model.get_submodule(path) for path in places}, see):
        output = model(images)
    first = first_convolution(network)
    return Look(
        tuple(lines.values()),
        details,
        output[0].numpy() if output.dim() == 2 else None,
        None if first is None else filters(model.get_parameter(f"{first}.weight")),
    )


def _detail(network: Network, card: int, seen: Seen) -> Detail:
    block = network.blocks[card]
    output = maps(seen.output[0], SHOWN) if seen.output.dim() == 4 else None
    inside = None
    if block.has_shortcut() and seen.residual is not None:
        found = seen.residual
        order = by_energy(found.total[0])
        inside = Inside(
            found.how,
            maps(seen.input[0], PART, order if found.carries_input and found.how == "add" else None),
            None if found.carries_input else maps(found.carried[0], PART, order),
            maps(found.learned[0], PART, order if found.how == "add" else None),
            maps(found.total[0], PART, order),
            found.follows,
        )
    rows = block.chips() or []
    parts = seen.branches if len(seen.branches) == len(rows) else ()
    branches = tuple((joined([row]), maps(part[0], PART)) for row, part in zip(rows, parts, strict=False))
    return Detail(output, inside, branches)


def first_convolution(network: Network) -> str | None:
    """The path of the network's first layer with weights, or None where that is no convolution."""
    for step in walk(network):
        for operation in step.record.trace.operations:
            if operation.macs:
                path = f"{step.path(step.first)}.{operation.path}".rstrip(".")
                return path if operation.op == "conv2d" else None
    return None


def paths(network: Network) -> Iterator[tuple[str, int, int]]:
    """The module path, card and copy of every block. Raises ShapeError."""
    for step in walk(network):
        for copy in range(step.first, step.first + step.count):
            yield step.path(copy), step.card, copy
