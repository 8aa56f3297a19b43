"""Receptive fields along a stack: how the field of a block's input and the block itself give that of its output.

Where every position of a map sees the same window, a field is three numbers an axis and fields compose. Nearest
upsampling ends that: two neighbours share a window, so odd positions look further back than even ones. From there on
a field keeps the windows of even and of odd positions apart, until a stride of 2 leaves only even ones. Without that,
two blocks in a row that go down and up again would seem to see a pixel more than they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from explorer.trace import Operation, Trace

Window = tuple[int, int]  # first and last position, relative to one position
Extents = tuple[int, int, int, int, int, int]  # jump, first, last pixel along the height, then along the width


class ReceptiveField(NamedTuple):
    """The input pixels that one value of a map can see, in theory: size, stride and first pixel of output 0.

    Along the height, then along the width.
    """

    size: int
    stride: int
    start: int
    width_size: int
    width_stride: int
    width_start: int


class Reach(NamedTuple):
    """One axis of a map: pixels between neighbours, and the window of even and of odd positions, from their own."""

    jump: int
    even: Window
    odd: Window


class Field(NamedTuple):
    """Both axes of a map."""

    height: Reach
    width: Reach

    def stated(self) -> ReceptiveField:
        """As people state it: the window that holds those of all positions."""
        (first, last), (left, right) = (
            (min(axis.even[0], axis.odd[0]), max(axis.even[1], axis.odd[1])) for axis in self
        )
        return ReceptiveField(last - first + 1, self.height.jump, first, right - left + 1, self.width.jump, left)


START = Field(Reach(1, (0, 0), (0, 0)), Reach(1, (0, 0), (0, 0)))


def after(field: Field | None, extents: Extents | None, uneven: tuple[Sequence[Operation], int] | None) -> Field | None:
    """The field behind a block, from that of its input and the block's own `extents`.

    `uneven`: the block's operations and the one in question, where they upsample; None where they do not.
    """
    if field is None or extents is None:
        return None
    (down, rows, odd_rows), (along, columns, odd_columns) = field
    if uneven is None and rows == odd_rows and columns == odd_columns:
        y_jump, top, bottom, x_jump, left, right = extents
        y = (rows[0] + down * top, rows[1] + down * bottom)
        x = (columns[0] + along * left, columns[1] + along * right)
        return Field(Reach(down * y_jump, y, y), Reach(along * x_jump, x, x))
    return Field(_axis_after(field.height, extents, uneven, 0), _axis_after(field.width, extents, uneven, 1))


def _axis_after(before: Reach, extents: Extents, uneven: tuple[Sequence[Operation], int] | None, axis: int) -> Reach:
    own_jump, low, high = extents[3 * axis : 3 * axis + 3]
    jump = before.jump * own_jump
    windows = []
    for position in (0, 1):
        if uneven is None:
            first, last = position * own_jump + low, position * own_jump + high
        else:
            first, last = positions_read(*uneven, position, axis)
        kinds = (before.even, before.odd)
        ends = {first, min(first + 1, last), max(last - 1, first), last}  # the outermost of each parity
        lows = [end * before.jump + kinds[end % 2][0] for end in ends]
        highs = [end * before.jump + kinds[end % 2][1] for end in ends]
        windows.append((min(lows) - position * jump, max(highs) - position * jump))
    return Reach(jump, windows[0], windows[1])


def is_uneven(traced: Trace) -> bool:
    """Whether an operation of the trace comes back to a finer grid than it reads."""
    return any(operation.op == "interpolate" for operation in traced.operations)


def positions_read(operations: Sequence[Operation], target: int, position: int, axis: int) -> Window:
    """The block's input positions that `position` of operation `target` reads, found backward, step by step."""
    needed: dict[int, Window] = {target: (position, position)}
    for index in range(target, -1, -1):
        if index not in needed:
            continue
        first, last = needed.pop(index)
        operation = operations[index]
        for source in operation.inputs:
            read = _read_by(operation, operations[source] if source >= 0 else None, first, last, axis)
            known = needed.get(source, read)
            needed[source] = (min(known[0], read[0]), max(known[1], read[1]))
    return needed[-1]


def _read_by(operation: Operation, source: Operation | None, first: int, last: int, axis: int) -> Window:
    """The positions of `source` under positions `first` to `last` of `operation`; both have a field."""
    own = operation.field
    read = source.field if source is not None else (1, 0, 0, 1, 0, 0)
    assert own is not None and read is not None, "only maps are followed"
    jump, low, high = own[3 * axis : 3 * axis + 3]
    source_jump, source_low, source_high = read[3 * axis : 3 * axis + 3]
    if jump < source_jump:
        factor = source_jump // jump
        return first // factor, last // factor
    if len(operation.inputs) > 1:  # an addition or a concatenation reads each input where it stands
        return first, last
    stride = jump // source_jump
    return (
        first * stride + (low - source_low) // source_jump,
        last * stride + (high - source_high) // source_jump,
    )
