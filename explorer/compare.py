"""Networks beside each other: which cards are the same, changed, replaced, added or removed, and what that costs.

Each network is aligned with the first one card by card (Needleman and Wunsch 1970): of all alignments the one with the
fewest edits, and of those the one whose cards are most alike. A card that stands several times is one card, and ×N is
one of its settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.block import Block
from explorer.depth import longest
from explorer.fit import written
from explorer.network import Network
from explorer.report import BlockRow, Card, Report

State = Literal["same", "changed", "replaced", "added", "removed"]
EDITS: dict[State, int] = {"same": 0, "changed": 1, "replaced": 2, "added": 1, "removed": 1}

# Costs of an alignment: edits first, then how unlike its cards are, which 2,048 cards cannot raise to one edit more.
EDIT = 10**6
APART = 100  # a card that has none beside it
LEAST, MOST = 10, 90  # a card of the same kind, by the share of its settings that differ
RENAMED = 1  # a card that differs in its name or in ×N alone
REPLACED, OTHER_ROLE, OTHER_FAMILY, OTHER_VALUES = 110, 40, 20, 25  # a card of another kind: never as much as 2 × APART
QUIET = frozenset({"label", "repeat"})
LONG = 24  # characters of a setting that is not written out


class Change(NamedTuple):
    """A setting in which two cards of one kind differ."""

    field: str
    title: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """`channels 64 → 128`, `×9 → ×10`; of what is long that it has changed."""
        if self.field == "repeat":
            return f"×{self.old} → ×{self.new}"
        old, new = (_said(value) for value in (self.old, self.new))
        if max(len(old), len(new)) > LONG:
            return f"other {self.title.lower()}"
        return f"{self.title.lower()} {old} → {new}"


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (f"{value:g}" if isinstance(value, float) else written(value)) or "none"


@dataclass(frozen=True, slots=True)
class Pair:
    """A card of the first network beside one of the second; None where there is none beside it."""

    first: int | None
    second: int | None
    state: State
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Alignment:
    """All cards of two networks, each once, in the order of both."""

    first: Network
    second: Network
    pairs: tuple[Pair, ...]

    @property
    def count(self) -> int:
        """Edits of cards that make the second network of the first; a replaced card is removed and added."""
        return sum(EDITS[pair.state] for pair in self.pairs)

    def states(self, of_first: bool = False) -> dict[int, State]:
        """What each card of the second network is beside the first, or what became of each of the first."""
        pairs = ((pair.first if of_first else pair.second, pair.state) for pair in self.pairs)
        return {card: state for card, state in pairs if card is not None}

    def edits(self) -> Iterator[dict[str, Any]]:
        """The edits, in the protocol of `Network.apply`, that make the second network of the first.

        Cards go before others come, so that no network on the way is larger than the larger of both.
        """
        if self.first.name != self.second.name:
            yield {"op": "name", "name": self.second.name}
        if self.first.input != self.second.input:
            yield {"op": "input", "shape": list(self.second.input)}
        for pair in reversed(self.pairs):
            if pair.state == "removed":
                yield {"op": "remove", "at": pair.first}
        for pair in self.pairs:
            if pair.second is None:
                continue
            place = {"at": pair.second}
            block = self.second.blocks[pair.second]
            if pair.state == "changed":
                yield {"op": "set", **place, "fields": {change.field: change.new for change in pair.changes}}
            elif pair.state in ("added", "replaced"):
                op = "insert" if pair.state == "added" else "replace"
                yield {"op": op, **place, "block": block.model_dump(mode="json")}


def align(first: Network, second: Network) -> Alignment:
    """The cards of `second` beside those of `first`: the fewest edits, and of equals the most alike."""
    one, two = first.blocks, second.blocks
    head = _alike(one, two)
    tail = _alike(one[head:][::-1], two[head:][::-1])
    middle = one[head : len(one) - tail], two[head : len(two) - tail]
    pairs = [Pair(at, at, "same") for at in range(head)]
    for left, right in _path(*middle):
        pairs.append(_pair(one, two, None if left is None else left + head, None if right is None else right + head))
    pairs += [Pair(len(one) - back, len(two) - back, "same") for back in range(tail, 0, -1)]
    return Alignment(first, second, tuple(pairs))


def _alike(one: Sequence[Block], two: Sequence[Block]) -> int:
    """How many blocks both begin with in common."""
    pairs = zip(one, two, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(two)))


def _pair(one: Sequence[Block], two: Sequence[Block], left: int | None, right: int | None) -> Pair:
    if left is None:
        return Pair(None, right, "added")
    if right is None:
        return Pair(left, None, "removed")
    old, new = one[left], two[right]
    if old == new:
        return Pair(left, right, "same")
    if type(old) is not type(new):
        return Pair(left, right, "replaced")
    return Pair(left, right, "changed", changes(old, new))


def changes(old: Block, new: Block) -> tuple[Change, ...]:
    """The settings in which two blocks of one kind differ, ×N last and a card's own name behind it."""
    fields = {name: field for name, field in type(old).model_fields.items() if name not in QUIET}
    fields |= {name: type(old).model_fields[name] for name in ("repeat", "label") if name in type(old).model_fields}
    pairs = ((name, field, getattr(old, name), getattr(new, name)) for name, field in fields.items())
    return tuple(Change(name, field.title or name, was, now) for name, field, was, now in pairs if was != now)


def _path(one: Sequence[Block], two: Sequence[Block]) -> list[tuple[int | None, int | None]]:
    """The cheapest way through: pairs of positions, None where a card has none beside it."""
    if not one or not two:
        return [(at, None) for at in range(len(one))] + [(None, at) for at in range(len(two))]
    beside = _costs(one, two)
    alone = EDIT + APART
    steps = alone * np.arange(len(two) + 1)
    best = np.empty((len(one) + 1, len(two) + 1), dtype=np.int64)
    best[0] = steps
    for row in range(1, len(one) + 1):
        reached = best[row - 1] + alone
        reached[1:] = np.minimum(reached[1:], best[row - 1, :-1] + beside[row - 1])
        best[row] = np.minimum.accumulate(reached - steps) + steps  # any number of cards of the second alone
    path: list[tuple[int | None, int | None]] = []
    row, column = len(one), len(two)
    while row or column:
        here = best[row, column]
        if row and column and here == best[row - 1, column - 1] + beside[row - 1, column - 1]:
            row, column = row - 1, column - 1
            path.append((row, column))
        elif column and here == best[row, column - 1] + alone:  # backwards, so what is removed comes before it
            column -= 1
            path.append((None, column))
        else:
            row -= 1
            path.append((row, None))
    return path[::-1]


def _costs(one: Sequence[Block], two: Sequence[Block]) -> NDArray[np.int64]:
    """What each card of the one costs beside each of the other."""
    rows, columns = (list(dict.fromkeys(blocks)) for blocks in (one, two))  # equal cards are compared once
    costs = np.zeros((len(rows), len(columns)), dtype=np.int64)
    kinds = {type(block) for block in (*rows, *columns)}
    for old in kinds:
        lines = [at for at, block in enumerate(rows) if type(block) is old]
        for new in kinds:
            places = [at for at, block in enumerate(columns) if type(block) is new]
            if lines and places:
                between = _between([rows[at] for at in lines], [columns[at] for at in places])
                costs[np.ix_(lines, places)] = between
    at_row = {block: at for at, block in enumerate(rows)}
    at_column = {block: at for at, block in enumerate(columns)}
    return costs[np.ix_([at_row[block] for block in one], [at_column[block] for block in two])]


def _between(one: Sequence[Block], two: Sequence[Block]) -> NDArray[np.int64]:
    """The same for blocks of one kind beside blocks of one kind."""
    old, new = type(one[0]), type(two[0])
    names = [name for name in old.model_fields if name in new.model_fields and name not in QUIET and name != "kind"]
    unlike = np.zeros((len(one), len(two)), dtype=np.int64)
    for name in names:
        unlike += _differ(name, one, two)
    if old is not new:
        apart = REPLACED + OTHER_ROLE * (old.role != new.role) + OTHER_FAMILY * (old.family != new.family)
        return 2 * EDIT + apart + OTHER_VALUES * unlike // max(1, len(names))
    quiet = np.zeros_like(unlike)
    for name in QUIET & old.model_fields.keys():
        quiet += _differ(name, one, two)
    loud = (unlike > 0) * (LEAST + (MOST - LEAST) * unlike // max(1, len(names)))
    changed = (unlike > 0) | (quiet > 0)
    return changed * EDIT + loud + RENAMED * quiet


def _differ(name: str, one: Sequence[Block], two: Sequence[Block]) -> NDArray[np.int64]:
    """1 where a field of the one differs from that of the other."""
    numbers: dict[object, int] = {}
    old, new = (
        np.array([numbers.setdefault(getattr(block, name), len(numbers)) for block in blocks]) for blocks in (one, two)
    )
    return (old[:, None] != new[None, :]).astype(np.int64)


# Several networks


@dataclass(frozen=True, slots=True)
class Line:
    """What stands beside each other in several networks: the card of each, and what it is beside the first one's."""

    pairs: tuple[Pair | None, ...]  # of each network with the first, whose own comes first; None where it has no card

    @property
    def cards(self) -> tuple[int | None, ...]:
        """The card of each network, None where it has none here."""
        return tuple(None if pair is None else pair.second for pair in self.pairs)

    @property
    def same(self) -> bool:
        """Whether all have the same card here."""
        return all(pair is not None and pair.state == "same" for pair in self.pairs)


def side_by_side(alignments: Sequence[Alignment]) -> tuple[Line, ...]:
    """All cards of several networks in lines; each alignment is with the same first network, the first with itself.

    What several networks have added at one place stands in the same lines, in order.
    """
    count = len(alignments[0].first.blocks)
    added: list[list[list[Pair]]] = []  # by network and by the card of the first that follows
    beside: list[dict[int, Pair]] = []
    for alignment in alignments:
        slots: list[list[Pair]] = [[] for _ in range(count + 1)]
        own: dict[int, Pair] = {}
        at = 0
        for pair in alignment.pairs:
            if pair.first is None:
                slots[at].append(pair)
            else:
                own[pair.first] = pair
                at = pair.first + 1
        added.append(slots)
        beside.append(own)
    lines: list[Line] = []
    for at in range(count + 1):
        for number in range(max(len(slots[at]) for slots in added)):
            lines.append(Line(tuple(slots[at][number] if number < len(slots[at]) else None for slots in added)))
        if at < count:
            lines.append(Line(tuple(own[at] for own in beside)))
    return tuple(lines)


# Numbers


class Costs(NamedTuple):
    """What a network, a card or a copy costs, exactly."""

    params: int
    macs: int  # per image
    saved: int  # bytes that autograd keeps for backward, for the batch
    memory: int  # bytes of training: weights, gradients, the optimiser's state and what is saved
    depth: int  # convolutions and linear layers on the longest way
    field: int | None  # pixels of the receptive field, of its output
    output: tuple[int, ...]

    @property
    def flops(self) -> int:
        """Floating-point operations per image: 2 × MACs."""
        return 2 * self.macs


class Measure(NamedTuple):
    """A number that is compared."""

    name: str
    title: str
    unit: str


MEASURES = (
    Measure("params", "Parameters", ""),
    Measure("macs", "MACs", ""),
    Measure("flops", "FLOPs", ""),
    Measure("memory", "Training memory", "B"),
    Measure("saved", "Saved for backward", "B"),
    Measure("field", "Receptive field", "px"),
    Measure("depth", "Depth", ""),
)


class Difference(NamedTuple):
    """How far a number is from the first one's."""

    absolute: int
    relative: Fraction | None  # of the first; None where that is 0


def difference(first: int | None, other: int | None) -> Difference | None:
    """The difference of two numbers, or None where one is not known."""
    if first is None or other is None:
        return None
    return Difference(other - first, Fraction(other - first, first) if first else None)


def whole(report: Report, optimizer: Literal["sgd", "adamw"] = "sgd") -> Costs:
    """The totals of a report."""
    field = report.receptive_field
    return Costs(
        report.params,
        report.macs,
        report.saved_bytes,
        report.memory(optimizer).total,
        sum(part.step.count * longest(part.step.record.trace) for part in report.parts),
        field.size if field else None,
        report.output_shape,
    )


def by_card(report: Report, optimizer: Literal["sgd", "adamw"] = "sgd") -> dict[int, Costs]:
    """What each card costs with all its copies, by its index; a card that does not fit, or waits, has nothing."""
    depths: dict[int, int] = {}
    for part in report.parts:
        depths[part.step.card] = depths.get(part.step.card, 0) + part.step.count * longest(part.step.record.trace)
    return {
        card.index: _costs_of(card, depths.get(card.index, 0), optimizer)
        for card in report.cards
        if card.status == "ok"
    }


def by_copy(report: Report, optimizer: Literal["sgd", "adamw"] = "sgd") -> dict[tuple[int, int], Costs]:
    """What each copy costs, by its card's index and its own number."""
    depths = _depths(report)
    return {
        (row.card, row.copy): _costs_of(row, depth, optimizer) for row, depth in zip(report.blocks, depths, strict=True)
    }


def _costs_of(row: Card | BlockRow, depth: int, optimizer: Literal["sgd", "adamw"]) -> Costs:
    field = row.receptive_field
    weights = 4 * row.params * (4 if optimizer == "adamw" else 3)
    size = field.size if field else None
    return Costs(row.params, row.macs, row.saved_bytes, weights + row.saved_bytes, depth, size, row.output_shape)


def _depths(report: Report) -> list[int]:
    """Weighted layers on the longest way through each block, repeats written out."""
    return [depth for part in report.parts for depth in [longest(part.step.record.trace)] * part.step.count]


@dataclass(frozen=True)
class Profile:
    """How a network grows along its depth: an entry for the input, then one after each block."""

    names: tuple[str, ...]
    layers: tuple[int, ...]  # weighted layers up to here
    params: tuple[int, ...]  # up to here, as MACs and saved bytes are
    macs: tuple[int, ...]
    saved: tuple[int, ...]
    channels: tuple[int, ...]
    sizes: tuple[int | None, ...]  # the shorter side of the map; None of a vector
    fields: tuple[int | None, ...]
    shapes: tuple[tuple[int, ...], ...]


def profile(report: Report) -> Profile:
    """The profile of a network, as far as it fits together."""
    rows = report.blocks
    shapes = (tuple(report.input_shape), *(tuple(row.output_shape) for row in rows))
    return Profile(
        ("input", *(f"{row.name} {row.title}" for row in rows)),
        (0, *accumulate(_depths(report))),
        (0, *accumulate(row.params for row in rows)),
        (0, *accumulate(row.macs for row in rows)),
        (0, *accumulate(row.saved_bytes for row in rows)),
        tuple(shape[0] for shape in shapes),
        tuple(min(shape[1:]) if len(shape) == 3 else None for shape in shapes),
        (1, *(row.receptive_field.size if row.receptive_field else None for row in rows)),
        shapes,
    )
