"""Memory along time: what autograd keeps from the forward of each block until a backward lets it go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from explorer.drawing.captions import card_name
from explorer.drawing.stages import counted, family
from explorer.report import Part, Report


@dataclass(slots=True)
class Life:
    """What one card keeps: at each of these times from now on so many bytes.

    Time 0 is before the forward, time k after the forward of block k, and with n blocks time 2n + 1 − k is after the
    backward of block k.
    """

    card: int
    name: str
    family: str
    changes: list[tuple[int, int]] = field(default_factory=list)

    @property
    def most(self) -> int:
        return max((held for _, held in self.changes), default=0)


@dataclass(frozen=True, slots=True)
class Kept:
    """The bytes of one block: its own, let go by its own backward, and its output, let go by that of `reader`."""

    card: int
    inner: int
    output: int
    reader: int  # the block, from 1, whose backward is the last to need the output


def kept(report: Report) -> list[Kept]:
    """One record a block, repeats written out, as far as the stack fits together; they add up to the saved bytes."""
    places = [(part, copy) for part in report.parts for copy in range(part.step.count)]
    made: list[Kept] = []
    following = _readers(places)
    for number, ((part, copy), reader) in enumerate(zip(places, following, strict=True), start=1):
        traced = part.step.record.trace
        total = part.saved(copy, report.batch)
        inner = traced.saved_bytes * report.batch + traced.saved_fixed
        made.append(Kept(part.step.card, inner, total - inner, number if traced.output_saved else reader))
    return made


def _readers(places: Sequence[tuple[Part, int]]) -> list[int]:
    """For each block the next that saves its input: the first in the forward is the last to be done with it."""
    found = [0] * len(places)
    nearest = 0  # the block behind that saves the map which arrives there
    for at in range(len(places) - 1, -1, -1):
        traced = places[at][0].step.record.trace
        found[at] = nearest or at + 1
        if traced.input_saved:
            nearest = at + 1
        elif not traced.output_is_input:
            nearest = 0
    return found


def lives(report: Report) -> list[Life]:
    """One life a card, in the order of the network; before the backward they hold all saved bytes together."""
    blocks = kept(report)
    whole = len(blocks)
    made = {card.index: Life(card.index, card_name(card), family(card)) for card in counted(report)}
    steps: dict[int, dict[int, int]] = {card: {} for card in made}
    for number, block in enumerate(blocks, start=1):
        for time, change in (
            (number, block.inner + block.output),
            (2 * whole + 1 - number, -block.inner),
            (2 * whole + 1 - block.reader, -block.output),
        ):
            own = steps[block.card]
            own[time] = own.get(time, 0) + change
    for card, own in steps.items():
        made[card].changes = list(_running(own))
    return list(made.values())


def _running(steps: dict[int, int]) -> Iterator[tuple[int, int]]:
    held = 0
    for time in sorted(steps):
        if steps[time]:
            held += steps[time]
            yield time, held


def total(report: Report) -> list[int]:
    """Bytes held at each time, all cards together."""
    end = 2 * sum(part.step.count for part in report.parts)
    change = [0] * (end + 1)
    for life in lives(report):
        before = 0
        for time, held in life.changes:
            change[time] += held - before
            before = held
    held, line = 0, []
    for each in change:
        held += each
        line.append(held)
    return line
