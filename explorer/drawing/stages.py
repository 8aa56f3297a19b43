"""What a network costs as a tree: stages, their blocks, and what these do; each level adds up to the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from explorer.block import KINDS
from explorer.drawing.captions import card_name
from explorer.report import Card, OperationRow, Report
from explorer.shape import show


@dataclass(frozen=True, slots=True)
class Item:
    """A stage, a card with all its copies, or an operation of all copies of one card."""

    name: str
    family: str
    cards: tuple[int, ...]
    path: str  # of an operation inside its copy; empty for a card and for a stage
    copies: int  # how many times the operation runs, or the block stands
    params: int
    macs: int
    saved_bytes: int

    @property
    def costs(self) -> tuple[int, int, int]:
        """Parameters, MACs per image, and bytes saved for backward by the batch."""
        return self.params, self.macs, self.saved_bytes


def family(card: Card) -> str:
    """The family of a card's kind, whose colour it has in every picture."""
    return KINDS[card.kind].family if card.kind in KINDS else "plain"


def counted(report: Report) -> Iterator[Card]:
    """The cards as far as the stack fits together."""
    return (card for card in report.cards if card.status == "ok")


def blocks(report: Report) -> list[Item]:
    """One item a card."""
    return [
        Item(card_name(card), family(card), (card.index,), "", card.repeat, card.params, card.macs, card.saved_bytes)
        for card in counted(report)
    ]


def stage_name(card: Card) -> str:
    """Cards that follow each other and have this in common are a stage: stem, head, or the size of the map."""
    role = KINDS[card.kind].role if card.kind in KINDS else "body"
    if role != "body":
        return {"stem": "Stem", "head": "Head"}[role]
    return show(card.output_shape[1:]) if len(card.output_shape) == 3 else show(card.output_shape)


def stages(report: Report) -> list[Item]:
    """One item a stage, in the order of the network; its colour is that of the family that stands there most."""
    made = []
    for name, group in groupby(counted(report), key=stage_name):
        cards = list(group)
        families = [family(card) for card in cards for _ in range(card.repeat)]
        made.append(
            Item(
                name,
                max(dict.fromkeys(families), key=families.count),
                tuple(card.index for card in cards),
                "",
                sum(card.repeat for card in cards),
                sum(card.params for card in cards),
                sum(card.macs for card in cards),
                sum(card.saved_bytes for card in cards),
            )
        )
    return made


def inner_path(row: OperationRow) -> str:
    """The module inside its copy: `conv1` of `2.0.conv1`; empty where the block's own forward computes."""
    parts = row.path.split(".")
    return ".".join(parts[2:] if len(parts) > 1 and parts[1] == str(row.copy) else parts[1:])


def operations(card: Card, rows: Iterable[OperationRow]) -> list[Item]:
    """One item an operation of this card, all copies together, in the order of the forward."""
    sums: dict[tuple[str, str, int], list[int]] = {}
    seen: dict[tuple[str, str], int] = {}
    copy = -1
    for row in rows:
        if row.card != card.index:
            continue
        if row.copy != copy:
            copy, seen = row.copy, {}
        name = inner_path(row), row.op
        seen[name] = seen.get(name, 0) + 1
        total = sums.setdefault((*name, seen[name]), [0, 0, 0, 0])
        for place, value in enumerate((1, row.params, row.macs, row.saved_bytes)):
            total[place] += value
    return [
        Item(f"{path} · {op}" if path else op, family(card), (card.index,), path, count, params, macs, saved)
        for (path, op, _), (count, params, macs, saved) in sums.items()
    ]


def sums(items: Sequence[Item]) -> tuple[int, int, int]:
    """Their costs together."""
    return (
        sum(item.params for item in items),
        sum(item.macs for item in items),
        sum(item.saved_bytes for item in items),
    )
