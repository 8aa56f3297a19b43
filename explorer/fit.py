"""Fitting a network to a budget: widths and depths of a stated grid, each counted exactly.

The grid is every width factor times every depth factor. A width factor goes to every card (`Block.widened`), a depth
factor to every card that stands more than once. What no longer fits together is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from pydantic import ValidationError

from explorer.block import MAX_REPEAT, Block
from explorer.network import Network
from explorer.record import apart
from explorer.report import analyze
from explorer.shape import ShapeError

Quantity = Literal["params", "macs", "memory"]
Optimizer = Literal["sgd", "adamw"]

EIGHTHS = range(2, 17)
GRID = "Widths ×0.25 to ×2 by depths ×0.25 to ×2, in steps of 0.125"
REMEMBERED = 1024  # records, of one width after another
LONG = 24  # characters of a setting that is not written out


@dataclass(frozen=True, slots=True)
class Point:
    """One network of the grid, counted. Factors are in eighths."""

    width: int
    depth: int
    params: int
    macs: int  # per image
    memory: int  # bytes of training, for the batch

    def rank(self, quantity: Quantity, target: int) -> tuple[bool, int, Fraction, int, int]:
        """What comes first meets the target best: from below before from above, then nearer, then changed less."""
        value: int = getattr(self, quantity)
        return value > target, abs(value - target), change(self.width) * change(self.depth), self.width, self.depth


@dataclass(frozen=True)
class Proposal:
    """A network near the target, and what makes it of the one on hand."""

    width: float
    depth: float
    network: Network
    params: int
    macs: int
    memory: int
    difference: int  # of the quantity to the target; negative: below
    changes: tuple[str, ...]  # a line for each card that changes

    @property
    def label(self) -> str:
        """`width ×0.75, depth ×1`."""
        return f"width ×{self.width:g}, depth ×{self.depth:g}"

    @property
    def meets(self) -> bool:
        """Whether it does not exceed the target."""
        return self.difference <= 0


@dataclass(frozen=True)
class Fit:
    """The proposals for a target, at most four, all different: the best of the grid comes first."""

    quantity: Quantity
    target: int
    batch: int
    optimizer: Optimizer
    proposals: tuple[Proposal, ...]
    grid: str = GRID


def fit(network: Network, quantity: Quantity, target: int, batch: int = 1, optimizer: Optimizer = "sgd") -> Fit:
    """The networks of the grid that meet `target` best in parameters, MACs per image or bytes of training memory.

    Best is the largest that does not exceed it, else the smallest; of equals the one changed least. Proposed are the
    best of all, the best by width alone and by depth alone, and the next best. Raises ShapeError where `network` does
    not fit together, ValueError for a target below 1.
    """
    if target < 1:
        raise ValueError(f"a target has to be at least 1, and this one is {target}")
    analyze(network)
    ranked = sorted(points(network, batch, optimizer), key=lambda point: point.rank(quantity, target))
    by_width = [point for point in ranked if point.depth == 8 and point.width != 8]
    by_depth = [point for point in ranked if point.width == 8 and point.depth != 8]
    others = [point for point in ranked if (point.width, point.depth) != (8, 8)]
    chosen = list(dict.fromkeys([*ranked[:1], *by_width[:1], *by_depth[:1]]))
    chosen += [point for point in others if point not in chosen][:1]
    proposals = []
    for point in chosen:
        made = at(network, point.width, point.depth)
        difference = getattr(point, quantity) - target
        costs = (point.params, point.macs, point.memory)
        changes = changes_between(network, made, point.width)
        proposals.append(Proposal(point.width / 8, point.depth / 8, made, *costs, difference, changes))
    return Fit(quantity, target, batch, optimizer, tuple(proposals))


def points(network: Network, batch: int = 1, optimizer: Optimizer = "sgd") -> Iterator[Point]:
    """Every different network of the grid that fits together, under the factors nearest to 1 that give it."""
    find = apart(REMEMBERED)
    for width, blocks in widths(network).items():
        for depth, repeats in depths(network).items():
            try:
                report = analyze(stacked(network, blocks, repeats), batch, find=find)
            except ShapeError:
                continue
            yield Point(width, depth, report.params, report.macs, report.memory(optimizer).total)


def at(network: Network, width: int, depth: int) -> Network:
    """The network of the grid at these factors, in eighths."""
    blocks = tuple(block.widened(width / 8) for block in network.blocks)
    return stacked(network, blocks, tuple(repeated(block, depth) for block in network.blocks))


def stacked(network: Network, blocks: Sequence[Block], repeats: Sequence[int]) -> Network:
    """The network of these blocks, each so many times."""
    placed = (
        block if block.copies == repeat else block.with_fields(repeat=repeat)
        for block, repeat in zip(blocks, repeats, strict=True)
    )
    return Network(name=network.name, input=network.input, blocks=tuple(placed))


def widths(network: Network) -> dict[int, tuple[Block, ...]]:
    """The widened blocks by factor; of factors that give the same ones, the nearest to 1."""
    found: dict[tuple[Block, ...], int] = {}
    for width in sorted(EIGHTHS, key=change):
        try:
            found.setdefault(tuple(block.widened(width / 8) for block in network.blocks), width)
        except ValidationError:
            continue  # a line of branches that has no room for longer numbers
    return {width: blocks for blocks, width in found.items()}


def depths(network: Network) -> dict[int, tuple[int, ...]]:
    """How often each card stands, by factor; of factors that give the same, the nearest to 1."""
    found: dict[tuple[int, ...], int] = {}
    for depth in sorted(EIGHTHS, key=change):
        found.setdefault(tuple(repeated(block, depth) for block in network.blocks), depth)
    return {depth: repeats for repeats, depth in found.items()}


def repeated(block: Block, depth: int) -> int:
    """How often a card stands at a depth of so many eighths: rounded, halves up, and within its bounds."""
    if block.copies == 1:
        return 1
    return max(1, min((block.copies * depth + 4) // 8, MAX_REPEAT))


def change(eighths: int) -> Fraction:
    """How far a factor is from 1, the same for twice and for half."""
    return Fraction(max(eighths, 8), min(eighths, 8))


def changes_between(before: Network, after: Network, width: int) -> tuple[str, ...]:
    """A line for each card that differs: `2 Basic block: channels 16 → 12, ×9 → ×7`."""
    lines = []
    for number, (old, new) in enumerate(zip(before.blocks, after.blocks, strict=True), start=1):
        words = []
        for name, field in type(old).model_fields.items():
            was, now = getattr(old, name), getattr(new, name)
            if was == now:
                continue
            title = (field.title or name).lower()
            if name == "repeat":
                words.append(f"×{was} → ×{now}")
            elif len(written(was)) > LONG:
                words.append(f"{title} ×{width / 8:g}")
            else:
                words.append(f"{title} {written(was)} → {written(now)}")
        if words:
            lines.append(f"{number} {old.name}: {', '.join(words)}")
    return tuple(lines)


def written(value: object) -> str:
    """A setting as the lines of changes have it."""
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return ", ".join(written(part) for part in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
