"""A trace as rows: per card, per block and per operation, with totals. Every table and picture reads these rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal, NamedTuple

from torch import nn

from explorer.network import Network, Step, walk
from explorer.reach import START, Field, ReceptiveField, after
from explorer.record import Find, forget, record
from explorer.shape import ShapeError
from explorer.trace import trace


class Memory(NamedTuple):
    """Bytes that training holds, float32."""

    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        return sum(self)


class Choice(NamedTuple):
    """What a field that says `auto` chose, and what it costs in parameters."""

    field: str
    chosen: str
    params: int


@dataclass(frozen=True, slots=True)
class Card:
    """One card of the stack: all copies of one block together."""

    index: int
    kind: str
    title: str
    repeat: int
    status: Literal["ok", "error", "waiting"]
    input_shape: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()
    params: int = 0
    macs: int = 0  # per image
    elements: int = 0  # per image, of elementwise and pooling operations
    saved_bytes: int = 0  # for the batch
    receptive_field: ReceptiveField | None = None  # of its output
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One block, repeats written out."""

    name: str  # the module's path, "2.0"
    kind: str
    title: str
    card: int
    copy: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    params: int
    macs: int
    elements: int
    saved_bytes: int
    receptive_field: ReceptiveField | None


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation."""

    path: str
    op: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    params: int
    macs: int
    elements: int
    saved_bytes: int
    receptive_field: ReceptiveField | None
    card: int
    copy: int
    counted: bool  # False: no rule is known, so its work is not in any total
    sources: tuple[int, ...]  # the operations that it reads, -1 for the network's input


class Report:
    """Everything counted of one network for one batch size; rows are made when they are read."""

    def __init__(
        self,
        *,
        network: Network | None,
        batch: int,
        error: ShapeError | None,
        input_shape: tuple[int, ...],
        output_shape: tuple[int, ...],
        params: int,
        macs: int,
        elements: int,
        saved_bytes: int,
        field: Field | None,
        parts: Sequence[Part] = (),
        cards: Callable[[], tuple[Card, ...]],
        blocks: Callable[[], Sequence[BlockRow]],
        operations: Callable[[], Sequence[OperationRow]],
    ) -> None:
        self.network = network
        self.batch = batch
        self.error = error  # why the count stops before the end; None where it does not
        self.input_shape = input_shape
        self.output_shape = output_shape
        self.params = params  # a shared tensor counted once
        self.macs = macs  # per image: multiply-accumulates of convolution, linear and matmul, bias not counted
        self.elements = elements  # per image, of elementwise and pooling operations; never part of the MACs
        self.saved_bytes = saved_bytes  # what autograd keeps for backward, for the batch, float32
        self.receptive_field = _stated(field)  # of the last map before global pooling
        self.parts = parts  # of a network, as far as it fits together
        self._cards = cards
        self._blocks = blocks
        self._operations = operations

    @property
    def flops(self) -> int:
        """Floating-point operations per image: 2 × MACs."""
        return 2 * self.macs

    def memory(self, optimizer: Literal["sgd", "adamw"] = "sgd") -> Memory:
        """Bytes for training at the report's batch: SGD with momentum keeps one more copy of the weights, AdamW two."""
        weights = 4 * self.params
        return Memory(weights, weights, weights * (2 if optimizer == "adamw" else 1), self.saved_bytes)

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """One row a card; after an error the failing card and those that wait behind it."""
        return self._cards()

    def card(self, index: int) -> Card:
        """The row of one card of a network, without making the others."""
        assert self.network is not None
        own = [part for part in self.parts if part.step.card == index]
        return _card(self.network, index, own, self.batch, self.error)

    @cached_property
    def blocks(self) -> Sequence[BlockRow]:
        """One row a block, repeats written out; of a module, one row a child."""
        return self._blocks()

    @cached_property
    def operations(self) -> Sequence[OperationRow]:
        """One row an operation, in the order of the forward."""
        return self._operations()

    @cached_property
    def edges(self) -> Sequence[tuple[int, int]]:
        """(source, target) among the operations; -1 is the input."""
        return tuple((source, target) for target, row in enumerate(self.operations) for source in row.sources)

    @cached_property
    def uncounted(self) -> tuple[str, ...]:
        """Names of the operations that no rule counts, each once."""
        return tuple(dict.fromkeys(row.op for row in self.operations if not row.counted))


@dataclass
class Part:
    """Equal copies in a row, placed in the network."""

    step: Step
    fields: Sequence[Field | None]  # of its input, then after each of its copies, in the network's pixels
    params: int  # of its first copy
    later_params: int  # of each further copy: less where weights are shared
    between_saved: bool = False  # whether the map between two of its copies is saved
    last_saved: bool = False  # whether the last copy's output is saved

    def saved(self, copy: int, batch: int) -> int:
        """Bytes saved for backward by the part's copy number `copy`, its output included."""
        traced = self.step.record.trace
        keeps = self.last_saved if copy == self.step.count - 1 else self.between_saved
        return (traced.saved_bytes + keeps * traced.output_bytes) * batch + traced.saved_fixed

    def total_saved(self, batch: int) -> int:
        """The same for all its copies."""
        between = self.step.count - 1
        return (self.saved(0, batch) * between if between else 0) + self.saved(between, batch)

    @property
    def total_params(self) -> int:
        return self.params + self.later_params * (self.step.count - 1)

    def field_at(self, before: Field | None, operation: int) -> Field | None:
        """The field after one operation of a copy, from the field of the copy's input."""
        found = self.step.record
        own = found.trace.operations[operation].field
        return after(before, own, (found.trace.operations, operation) if found.uneven else None)


def analyze(
    network: Network, batch: int = 1, partial: bool = False, find: Find = record, like: Report | None = None
) -> Report:
    """Counts `network` exactly, by running each distinct block's own forward on symbols.

    Raises ShapeError where the stack does not fit together; with `partial` the report stops before the failing block
    and carries the error. `analyze.cache_clear()` forgets what is remembered of blocks; `find` is where they come from.
    `like` is the report of another network: the cards that both begin with are not walked again.
    """
    parts = _in_common(network, like)
    field = parts[-1].fields[-1] if parts else START
    owned = {(part.step.record.block.shared_name, place) for part in parts for place in part.step.record.shared}
    error: ShapeError | None = None
    steps = walk(network, find, [part.step for part in parts])
    while True:
        try:
            step = next(steps, None)
        except ShapeError as refused:
            if not partial:
                raise
            error = refused
            break
        if step is None:
            break
        part = _place(step, field, owned)
        parts.append(part)
        field = part.fields[-1]
    _settle_borders(parts, complete=error is None)
    if error is not None:  # a failing card counts as a whole or not at all
        parts = [part for part in parts if part.step.card != error.index]
    counted = [(part, part.step.record.trace) for part in parts]
    return Report(
        network=network,
        batch=batch,
        error=error,
        input_shape=network.input,
        output_shape=parts[-1].step.record.out_shape if parts else network.input,
        params=sum(part.total_params for part in parts),
        macs=sum(traced.macs * part.step.count for part, traced in counted),
        elements=sum(traced.elements * part.step.count for part, traced in counted),
        saved_bytes=sum(part.total_saved(batch) for part in parts),
        field=_last_field(parts),
        parts=parts,
        cards=lambda: _cards(network, parts, batch, error),
        blocks=lambda: tuple(_block_rows(network, parts, batch)),
        operations=lambda: tuple(_operation_rows(parts, batch)),
    )


analyze.cache_clear = forget  # type: ignore[attr-defined]  # part of the public API


def _in_common(network: Network, like: Report | None) -> list[Part]:
    """The parts of the cards that `network` begins with as that of `like` does."""
    other = like.network if like is not None else None
    if like is None or other is None or other.input != network.input:
        return []
    pairs = zip(network.blocks, other.blocks, strict=False)
    shorter = min(len(network.blocks), len(other.blocks))
    alike = next((card for card, (one, two) in enumerate(pairs) if one is not two and one != two), shorter)
    known = (part for part in like.parts if part.step.card < alike)
    return [Part(part.step, part.fields, part.params, part.later_params) for part in known]


def _place(step: Step, field: Field | None, owned: set[tuple[str, str]]) -> Part:
    """A step with its own parameters: shared ones are counted where they are first used."""
    found = step.record
    uneven = (found.trace.operations, found.trace.output) if found.uneven else None
    fields = [field]
    for _ in range(step.count):
        fields.append(after(fields[-1], found.trace.field, uneven))
    params = later = found.trace.params
    name = found.block.shared_name
    for place, shapes in found.shared.items():
        size = sum(prod(shape) for shape in shapes)
        later -= size
        if (name, place) in owned:
            params -= size
        owned.add((name, place))
    return Part(step, fields, params, later)


def _settle_borders(parts: Sequence[Part], complete: bool) -> None:
    """A map between two blocks is saved if either side saves it, and counted once, where it was written."""
    writer: Part | None = None  # None: the input, which is never counted
    for part in parts:
        traced = part.step.record.trace
        if traced.input_saved and writer is not None:
            writer.last_saved = True
        if not traced.output_is_input:
            part.between_saved = traced.output_saved or traced.input_saved
            part.last_saved = traced.output_saved
            writer = part
    if complete and writer is not None:
        writer.last_saved = False  # the network's output


def _last_field(parts: Sequence[Part]) -> Field | None:
    """The field of the last map before global pooling."""
    for part in reversed(parts):
        if part.fields[-1] is not None:
            return part.fields[-1]
        last = part.step.record.trace.last_field
        if last is not None:
            return after(part.fields[-2], last, None)
    return START


def _cards(network: Network, parts: Sequence[Part], batch: int, error: ShapeError | None) -> tuple[Card, ...]:
    by_card: list[list[Part]] = [[] for _ in network.blocks]
    for part in parts:
        by_card[part.step.card].append(part)
    return tuple(_card(network, index, own, batch, error) for index, own in enumerate(by_card))


def _card(network: Network, index: int, own: Sequence[Part], batch: int, error: ShapeError | None) -> Card:
    """The row of a card from its own parts; without parts it fails or waits."""
    block = network.blocks[index]
    if not own:
        failing = error is not None and error.index == index
        return Card(index, block.kind, block.name, block.copies, "error" if failing else "waiting")
    head, last = own[0].step.record, own[-1].step.record
    choices = tuple(
        Choice(name, chosen, head.shortcut_params if name == "shortcut" else 0)
        for name, chosen in head.chosen.items()
        if getattr(block, name) == "auto"
    )
    return Card(
        index,
        block.kind,
        block.name,
        block.copies,
        "ok",
        head.in_shape,
        last.out_shape,
        sum(part.total_params for part in own),
        sum(part.step.record.trace.macs * part.step.count for part in own),
        sum(part.step.record.trace.elements * part.step.count for part in own),
        sum(part.total_saved(batch) for part in own),
        _stated(own[-1].fields[-1]),
        choices,
    )


def _copies(parts: Sequence[Part]) -> Iterator[tuple[Part, int, str]]:
    """Each copy of each part with its module path."""
    for part in parts:
        for copy in range(part.step.count):
            yield part, copy, part.step.path(part.step.first + copy)


def _block_rows(network: Network, parts: Sequence[Part], batch: int) -> Iterator[BlockRow]:
    for part, copy, path in _copies(parts):
        found = part.step.record
        yield BlockRow(
            path,
            found.block.kind,
            network.blocks[part.step.card].name,
            part.step.card,
            part.step.first + copy,
            found.in_shape,
            found.out_shape,
            part.later_params if copy else part.params,
            found.trace.macs,
            found.trace.elements,
            part.saved(copy, batch),
            _stated(part.fields[copy + 1]),
        )


def _operation_rows(parts: Sequence[Part], batch: int) -> Iterator[OperationRow]:
    entry = -1  # the operation whose result enters the next block
    offset = 0
    owned: set[tuple[str, str]] = set()
    for part, copy, path in _copies(parts):
        found = part.step.record
        traced = found.trace
        name = found.block.shared_name
        repeated = {place for place in found.shared if (name, place) in owned}
        owned.update((name, place) for place in found.shared)
        field = part.fields[copy]
        keeps_output = part.last_saved if copy == part.step.count - 1 else part.between_saved
        for index, operation in enumerate(traced.operations):
            saved = operation.saved
            if keeps_output and index == traced.output_storage:
                saved += traced.output_bytes
            yield OperationRow(
                f"{path}.{operation.path}" if operation.path else path,
                operation.op,
                operation.input_shapes,
                operation.output_shape,
                0 if operation.path in repeated else operation.params,
                operation.macs,
                operation.elements,
                saved * batch + operation.saved_fixed,
                _stated(part.field_at(field, index)),
                part.step.card,
                part.step.first + copy,
                operation.counted,
                tuple(source + offset if source >= 0 else entry for source in operation.inputs),
            )
        entry = traced.output + offset if traced.output >= 0 else entry
        offset += len(traced.operations)


def _stated(field: Field | None) -> ReceptiveField | None:
    return None if field is None else field.stated()


def analyze_module(module: nn.Module, shape: tuple[int, ...], batch: int = 1) -> Report:
    """The same report for any module: `shape` is one image's, its children are the blocks.

    The module is read in evaluation mode and not touched; memory is counted as in training. Operations that belong to
    no child stand in a row named "forward". Raises TraceError where the forward depends on values.
    """
    traced = trace(module, tuple(shape), requires_grad=False)
    names = dict.fromkeys(operation.path.partition(".")[0] or "forward" for operation in traced.operations)
    order = {name: position for position, name in enumerate(names)}
    children = dict(module.named_children())

    def operations() -> tuple[OperationRow, ...]:
        return tuple(
            OperationRow(
                operation.path or "forward",
                operation.op,
                operation.input_shapes,
                operation.output_shape,
                operation.params,
                operation.macs,
                operation.elements,
                operation.saved * batch + operation.saved_fixed,
                _stated(after(START, operation.field, None)),
                order[operation.path.partition(".")[0] or "forward"],
                0,
                operation.counted,
                operation.inputs,
            )
            for operation in traced.operations
        )

    def blocks() -> tuple[BlockRow, ...]:
        grouped: dict[str, list[OperationRow]] = {name: [] for name in order}
        for row in operations():
            grouped[row.path.partition(".")[0]].append(row)
        return tuple(
            BlockRow(
                name,
                type(children[name]).__name__ if name in children else "forward",
                type(children[name]).__name__ if name in children else "forward",
                order[name],
                0,
                rows[0].input_shapes[0] if rows[0].input_shapes else (),
                rows[-1].output_shape,
                sum(row.params for row in rows),
                sum(row.macs for row in rows),
                sum(row.elements for row in rows),
                sum(row.saved_bytes for row in rows),
                rows[-1].receptive_field,
            )
            for name, rows in grouped.items()
        )

    return Report(
        network=None,
        batch=batch,
        error=None,
        input_shape=tuple(shape),
        output_shape=traced.output_shape,
        params=traced.params,
        macs=traced.macs,
        elements=traced.elements,
        saved_bytes=traced.saved_bytes * batch + traced.saved_fixed,
        field=after(START, traced.last_field, None),
        cards=tuple,
        blocks=blocks,
        operations=operations,
    )
