"""What stands in a figure, from the trace: each block once, equal copies as ×N, and its inside in words.

He et al. 2015 write a bottleneck as three lines, 1×1, 3×3, 1×1; so does a figure, and of an Inception module a line a
branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from explorer.block import KINDS, Family
from explorer.drawing.picture.graph import Graph, Node
from explorer.drawing.picture.network import Copies, NetworkBuilder
from explorer.drawing.picture.tree import Row, Split, Tangle, tree
from explorer.drawing.stages import stage_name
from explorer.report import Card, Report

WEIGHTY = ("conv", "dense", "pool", "resize")  # what a block's words name; a norm is named where nothing else is
NEXT = " › "
KIND_WORDS = {"identity": "identity", "project": "projection", "pad": "padding"}


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that a figure draws, and the copies of blocks that it stands for."""

    stands: tuple[tuple[int, int], ...]  # (card, copies)
    title: str
    family: Family
    shape: tuple[int, ...]  # of the map that leaves it
    lines: tuple[str, ...] = ()  # its inside
    notes: tuple[str, ...] = ()  # what is otherwise in its first copy
    times: int = 1
    graph: Graph | None = None  # of the copy that is drawn, where the unit is blocks of one card
    tooltip: str = ""

    @property
    def shortcut(self) -> str:
        """The kind of its shortcut; empty where it has none."""
        return self.graph.shortcut.kind if self.graph is not None and self.graph.shortcut is not None else ""


def units(report: Report, level: str) -> list[Unit]:
    """What a figure of this level draws, in order; of a stack that does not fit together, what comes before."""
    cards = [card for card in report.cards if card.status == "ok"]
    if level == "stages":
        return [_stage(name, list(group)) for name, group in groupby(cards, stage_name)]
    builder = NetworkBuilder(report, frozenset(), across=True)
    if level == "blocks":
        return [_card(builder, card) for card in cards]
    return [unit for card in cards for unit in _copies(builder, card)]


def _stage(name: str, cards: Sequence[Card]) -> Unit:
    """Cards that follow each other, those of one name a line."""
    lines, families = [], []
    for title, alike in groupby(cards, lambda card: card.title):
        count = sum(card.repeat for card in alike)
        lines.append(f"{title} ×{count}" if count > 1 else title)
    for card in cards:
        families += [KINDS[card.kind].family] * card.repeat
    most = max(dict.fromkeys(families), key=families.count)
    stands = tuple((card.index, card.repeat) for card in cards)
    shown = tuple(line for line in lines if line != name)
    return Unit(stands, name, most, cards[-1].output_shape, shown, tooltip=_tooltip(name, cards))


def _card(builder: NetworkBuilder, card: Card) -> Unit:
    """All copies of a card: the last of them, and what is otherwise in the first."""
    groups = builder.copies(card)
    first, steady = builder.graph(groups[0]), builder.graph(groups[-1])
    lines = inside(first if len(groups) > 2 else steady)
    notes = ["each copy wider"] if len(groups) > 2 else differences(first, steady)
    return Unit(
        ((card.index, card.repeat),),
        card.title,
        KINDS[card.kind].family,
        card.output_shape,
        tuple(lines),
        tuple(notes),
        card.repeat,
        steady,
        _tooltip(card.title, [card]),
    )


def _copies(builder: NetworkBuilder, card: Card) -> list[Unit]:
    """The copies of a card that look the same, each look once."""
    made: list[Unit] = []
    looks: list[object] = []
    for group in builder.copies(card):
        graph = builder.graph(group)
        look = tuple((node.role, node.lines, node.notes, node.inputs) for node in graph.nodes), graph.shortcut
        if made and look == looks[-1] and not group.grows:
            count = made[-1].times + group.count
            made[-1] = replace(made[-1], stands=((card.index, count),), times=count, shape=_leaves(group))
            continue
        made.append(
            Unit(
                ((card.index, group.count),),
                card.title,
                KINDS[card.kind].family,
                card.output_shape if group.grows else _leaves(group),
                tuple(inside(graph)),
                ("each copy wider",) if group.grows else (),
                group.count,
                graph,
                _tooltip(card.title, [card]),
            )
        )
        looks.append(look)
    return made


def _leaves(copies: Copies) -> tuple[int, ...]:
    return tuple(copies.step.record.out_shape)


def _tooltip(name: str, cards: Sequence[Card]) -> str:
    count = sum(card.repeat for card in cards)
    params, macs = sum(card.params for card in cards), sum(card.macs for card in cards)
    return f"{name}{f' ×{count}' if count > 1 else ''}\n{params:,} parameters · {macs:,} MACs"


# The inside in words


def inside(graph: Graph) -> list[str]:
    """What a copy does, a line a layer, and where branches lie side by side a line a branch."""
    lines = _lines(graph, tree(graph))
    return lines or [" ".join(node.lines) for node in graph.nodes if node.role != "join"]


def _lines(graph: Graph, row: Row) -> list[str]:
    lines: list[str] = []
    for part in row:
        if isinstance(part, int):
            lines += _words(graph.nodes[part])
        elif isinstance(part, Split) and len(part.branches) > 1:
            lines += [branch for branch in (_branch(graph, each) for each in part.branches) if branch]
        elif isinstance(part, Split):
            lines += _lines(graph, part.branches[0])
        elif isinstance(part, Tangle):
            aside = graph.shortcut.nodes if graph.shortcut is not None else frozenset()
            lines += [word for each in part.nodes if each not in aside for word in _words(graph.nodes[each])]
    return lines


def _branch(graph: Graph, row: Row) -> str:
    """A branch in one line; branches inside it stand in brackets."""
    said: list[str] = []
    for part in row:
        if isinstance(part, int):
            words = ", ".join(_words(graph.nodes[part]))
            said += [words] if words else []
        elif isinstance(part, Split):
            inner = [branch for branch in (_branch(graph, each) for each in part.branches) if branch]
            said += [f"({' | '.join(inner)})" if len(inner) > 1 else branch for branch in inner[:1]]
        elif isinstance(part, Tangle):
            said += [", ".join(_words(graph.nodes[each])) for each in part.nodes if _words(graph.nodes[each])]
    return NEXT.join(said)


def _words(node: Node) -> list[str]:
    return [node.lines[0], *node.notes] if node.role in WEIGHTY else []


def differences(first: Graph, steady: Graph) -> list[str]:
    """What is otherwise in the first copy: `first: /2, projection`; nothing where all copies are equal."""
    if first == steady:
        return []
    before, after = inside(first), inside(steady)
    found: list[str] = []
    for one, other in zip(before, after, strict=False):
        if one != other:
            found.append(one.removeprefix(other).strip())
    if len(before) != len(after):
        found = before
    kinds = [graph.shortcut.kind if graph.shortcut is not None else "" for graph in (first, steady)]
    if kinds[0] != kinds[1]:
        found.append(KIND_WORDS.get(kinds[0], "no shortcut"))
    return [f"first: {', '.join(dict.fromkeys(found))}"] if found else []
