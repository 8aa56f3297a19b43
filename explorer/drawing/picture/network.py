"""A whole network: a card after the other, each closed or opened to its copies and these to their operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from explorer.block import Block
from explorer.drawing.captions import card_name, choices, cost, settings
from explorer.drawing.picture.canvas import LARGE, Canvas
from explorer.drawing.picture.cards import (
    WAITING,
    CardPiece,
    EndPiece,
    FramePiece,
    Place,
    WithinPiece,
    Words,
    text_room,
    wrapped,
)
from explorer.drawing.picture.graph import Graph
from explorer.drawing.picture.layout import DASHES, TITLES, Arc, Builder, RowPiece, SplitPiece
from explorer.drawing.picture.memory import copy_graph, small
from explorer.drawing.picture.pieces import NodePiece, Piece, WirePiece, node_piece
from explorer.drawing.picture.scene import SMALL, Item, Path, Pen, Scene, Text
from explorer.drawing.picture.tangle import LargeStyle
from explorer.drawing.picture.widths import clipped, text_width
from explorer.network import Step, walk
from explorer.report import BlockRow, Card, Report
from explorer.shape import Shape, ShapeError, show

MARGIN = 10.0
CARD, SLIM = 330.0, 270.0  # the width of a card where the network runs down or across
COPY = 240.0
APART = 4  # groups of copies that are drawn one by one; growing copies after these are one
DRAWN = 60  # cards up to which each has its small drawing


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of a card that follow each other and look the same, or the many that go on growing."""

    first: int
    count: int
    step: Step
    grows: bool = False

    @property
    def title(self) -> str:
        if self.count == 1:
            return f"copy {self.first + 1}"
        last = self.first + self.count
        return f"copies {self.first + 1}–{last}" + (", each wider" if self.grows else ", each")


class NetworkBuilder:
    """One network while it is drawn."""

    def __init__(self, report: Report, opened: frozenset[str], across: bool) -> None:
        if report.network is None:
            raise ValueError("a module's report has no cards to draw")
        self.report, self.opened, self.across = report, opened, across
        self.blocks: Sequence[Block] = report.network.blocks
        self.steps: dict[int, list[Step]] = {}
        try:
            for step in walk(report.network):
                self.steps.setdefault(step.card, []).append(step)
        except ShapeError:
            pass  # the report says which card failed and why
        self.width = SLIM if across else CARD
        self.kinds: list[str] = []  # of shortcuts that are drawn
        self.rows: dict[tuple[int, int], BlockRow] = {}
        if any(path.partition(".")[0] in self.names for path in opened):
            self.rows = {(row.card, row.copy): row for row in report.blocks}

    @property
    def names(self) -> set[str]:
        return {str(index) for index in range(len(self.blocks))}

    def whole(self) -> RowPiece:
        """Everything in one row."""
        report = self.report
        pieces: list[Piece] = [EndPiece("input", self.across)]
        shape: tuple[int, ...] = report.input_shape
        for card in report.cards:
            pieces.append(self.wire(shape, card.status == "waiting"))
            pieces.append(self.card(card))
            shape = card.output_shape
        pieces.append(self.wire(shape, report.error is not None))
        pieces.append(EndPiece("output", self.across))
        return RowPiece(pieces)

    def wire(self, shape: tuple[int, ...] | None, waits: bool = False) -> WirePiece:
        return WirePiece(shape or None, self.across, True, 18.0, WAITING if waits else None)

    # Cards

    def card(self, card: Card) -> Piece:
        path = str(card.index)
        block = self.blocks[card.index]
        opens = card.status == "ok"
        place = Place(path, path, type(block).family, card.status, opens)
        if not opens:
            return self.closed(
                self.words(card, block), place, [], card.repeat > 1, None, CARD if not self.across else SLIM
            )
        groups = self.copies(card)
        if path not in self.opened:
            graphs = [self.graph(group) for group in groups[:2]]
            return self.closed(
                self.words(card, block),
                place,
                graphs,
                card.repeat > 1,
                small(block, groups[0].step.record.in_shape) if len(self.blocks) <= DRAWN else None,
                self.width,
            )
        row = self.operations(groups[0], place) if card.repeat == 1 else self.opened_copies(card, groups, place)
        return FramePiece(self.title(card, CARD), place, row, self.across, CARD)

    def title(self, card: Card, width: float) -> str:
        return clipped(card_name(card), width, 12.0, bold=True)

    def words(self, card: Card, block: Block) -> Words:
        """Name, settings, what `auto` chose, cost; or why it does not fit."""
        drawn = card.status == "ok" and len(self.blocks) <= DRAWN
        room = text_room(self.width, drawn)
        said = [(line, "muted") for line in wrapped([*settings(block), *choices(card)], room)]
        tooltip = card_name(card)
        if card.status == "ok":
            said += [(line, "muted") for line in wrapped(cost(card.params, card.macs).split(" · "), room)]
            tooltip += f"\n{card.params:,} parameters · {card.macs:,} MACs\noutput {show(card.output_shape)}"
        elif card.status == "error" and self.report.error is not None:
            said += [(line, "error") for line in wrapped([self.report.error.reason], room)]
            tooltip += f"\n{self.report.error.reason}"
        else:
            said = said[:1]
        return Words(self.title(card, room), tuple(line for line in said if line[0]), tooltip)

    def closed(
        self, words: Words, place: Place, graphs: Sequence[Graph], deep: bool, drawing: Scene | None, width: float
    ) -> Piece:
        """A card or a copy that is closed; with a shortcut also the arc around it and the node where they meet."""
        piece = CardPiece(words, place, self.across, width, drawing, deep)
        shortcut = graphs[0].shortcut if graphs else None
        if shortcut is None:
            return piece
        kinds = [graph.shortcut.kind for graph in graphs if graph.shortcut is not None]
        self.kinds += kinds[:1]
        words_of = {"identity": "identity", "project": "projection", "pad": "padding"}
        title = f"shortcut: {', then '.join(dict.fromkeys(words_of[kind] for kind in kinds))}"
        node = replace(graphs[0].nodes[shortcut.join], path="", title=title)
        join: NodePiece = node_piece(node, self.across)
        lane = RowPiece([WirePiece(None, self.across, True, 0.0), piece, WirePiece(None, self.across, True, 10.0)])
        arc = Arc([], DASHES[kinds[0]], kinds[0], True, LARGE.gap, title)
        return WithinPiece(RowPiece([SplitPiece([lane], [arc], join, LARGE), join]), place, place.path)

    # What is inside

    def copies(self, card: Card) -> list[Copies]:
        """The card's copies, those together that look the same."""
        steps = self.steps[card.index]
        groups = []
        for _, same in groupby(steps, key=lambda step: (step.first == 0, step.record.in_shape, step.record.out_shape)):
            alike = list(same)
            groups.append(Copies(alike[0].first, sum(step.count for step in alike), alike[0]))
        if len(groups) > APART:
            rest = groups[APART - 1 :]
            groups[APART - 1 :] = [replace(rest[0], count=sum(group.count for group in rest), grows=True)]
        return groups

    def graph(self, copies: Copies) -> Graph:
        found = copies.step.record
        return copy_graph(found.block, Shape(*found.in_shape), copies.first == 0)

    def prefix(self, copies: Copies) -> str:
        return copies.step.path(copies.first)

    def operations(self, copies: Copies, place: Place) -> RowPiece:
        """What one copy does, operation by operation."""
        graph = self.graph(copies)
        if graph.shortcut is not None:
            self.kinds.append(graph.shortcut.kind)
        row = Builder(graph, LargeStyle(self.across, ends=False)).whole()
        return RowPiece([WithinPiece(row, place, self.prefix(copies))])

    def opened_copies(self, card: Card, groups: Sequence[Copies], outer: Place) -> RowPiece:
        pieces: list[Piece] = []
        shape: tuple[int, ...] = card.input_shape
        for group in groups:
            found = group.step.record
            path = self.prefix(group)
            place = Place(outer.card, path, outer.family, "ok", opens=not group.grows)
            told = None if not pieces or tuple(shape) == tuple(card.input_shape) else shape
            pieces.append(WirePiece(told, self.across, True, LARGE.gap))
            if path in self.opened and not group.grows:
                row = self.operations(group, place)
                pieces.append(FramePiece(group.title, place, row, self.across, COPY))
            else:
                row_of = self.rows[card.index, group.first]
                tooltip = f"{group.title}\n{row_of.params:,} parameters · {row_of.macs:,} MACs"
                said = [(line, "muted") for line in [cost(row_of.params, row_of.macs)] if line]
                words = Words(group.title, tuple(said), tooltip)
                drawing = small(found.block, Shape(*found.in_shape), group.first == 0)
                width = max(COPY, text_width(said[0][0], 11.0) + 110 if said else 0.0)
                pieces.append(self.closed(words, place, [self.graph(group)], group.count > 1, drawing, width))
            shape = found.out_shape
        pieces.append(WirePiece(None, self.across, True, LARGE.gap))
        return RowPiece(pieces)


def network_scene(report: Report, opened: frozenset[str], selected: frozenset[str], across: bool) -> Scene:
    """The whole network, downwards or across."""
    builder = NetworkBuilder(report, opened, across)
    row = builder.whole()
    canvas = Canvas(across, "plain", selected=selected)
    row.draw(canvas, MARGIN, MARGIN + row.before)
    size = (row.length, row.before + row.after)
    width, height = size if across else (size[1], size[0])
    named, high = legend(builder.kinds, MARGIN, height + 2 * MARGIN)
    width = max(width, max((part.box[2] for part in named if isinstance(part, Text)), default=0.0) - MARGIN)
    cards = ", ".join(card_name(card) for card in report.cards[:40])
    label = f"{show(report.input_shape)} to {show(report.output_shape)}: {cards or 'an empty stack'}"
    return Scene(width + 2 * MARGIN, height + high + 2 * MARGIN, label, [*canvas.parts, *named])


def legend(kinds: Sequence[str], x: float, y: float) -> tuple[list[Item], float]:
    """What the kinds of shortcuts in a picture look like, in one line, and how high that is."""
    parts: list[Item] = []
    for kind in TITLES:
        if kind in kinds:
            words = {"identity": "identity", "project": "projection", "pad": "padding"}[kind]
            parts.append(Path([(x, y + 4), (x + 22, y + 4)], Pen("muted", 1.4, DASHES[kind])))
            parts.append(Text(x + 28, y + 7.2, words, "small", "muted", "start"))
            x += 28 + text_width(words, SMALL) + 16
    return parts, 14.0 if parts else 0.0
