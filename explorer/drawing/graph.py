"""The network as a graph in DOT: a node a card, shortcuts as arcs, ×N folded; an opened card shows the real trace."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import graphviz

from explorer.block import Block
from explorer.drawing.captions import card_name, choices, cost, lines, settings
from explorer.drawing.palette import Palette, palette
from explorer.report import Card, OperationRow, Report
from explorer.shape import Shape, show

MAX_NODES = 400  # more take the browser seconds to lay out, and nobody can read them
FONT = "Arial"  # graphviz knows its widths; the page shows Inter, which is hardly wider
LINE, SHORT_LINE = 46, 27  # characters of settings on a line, in a graph that runs down or across
STYLES = {"identity": "solid", "project": "dashed", "pad": "dotted"}


class TooLargeToDraw(ValueError):
    """A graph that nobody could read: one sentence with its size and the limit."""


@dataclass(frozen=True)
class Side:
    """The shortcut of one copy: how it is drawn, and what of the trace lies on it."""

    kind: str
    join: int  # the operation where it meets the branch
    operations: frozenset[int]  # between the fork and the join
    entries: frozenset[int]  # what the join reads by way of the shortcut


def dot(
    report: Report,
    expanded: frozenset[int] = frozenset(),
    dark: bool = False,
    selected: int | None = None,
    across: bool = False,
) -> str:
    """DOT text of a report's network; cards in `expanded` show every operation of every copy.

    `across` runs it from left to right. A stack that does not fit together is drawn whole: the failing card red, those
    that wait behind it grey. Raises TooLargeToDraw.
    """
    return _Drawing(report, expanded, palette(dark), selected, across).source()


def count_nodes(report: Report, expanded: frozenset[int] = frozenset()) -> int:
    """The nodes that `dot` would draw."""
    inside: dict[int, int] = {}
    if expanded:
        for row in report.operations:
            inside[row.card] = inside.get(row.card, 0) + 1
    blocks = report.network.blocks if report.network else ()
    folded = (2 if block.has_shortcut() else 1 for index, block in enumerate(blocks) if index not in expanded)
    return 2 + sum(folded) + sum(inside.get(index, 1) for index in expanded if index < len(blocks))


def shortcut_kinds(block: Block, card: Card) -> tuple[str, ...]:
    """What the shortcut is: of the first copy and, where they differ, of those after it; () where there is none."""
    if card.status != "ok" or not block.has_shortcut():
        return ()
    own = str(getattr(block, "shortcut", "identity"))
    first = block.resolve(Shape(*card.input_shape), True).get("shortcut", own)
    if first == "pad" and card.input_shape == card.output_shape:
        first = "identity"  # nothing is left to pad
    if card.repeat == 1:
        return (first,)
    later = block.resolve(Shape(*card.output_shape), False).get("shortcut", own)
    if later == "pad":
        later = "identity"
    return (first,) if later == first else (first, later)


def find_side(rows: Sequence[OperationRow], start: int, kind: str) -> Side | None:
    """The shortcut within one copy's operations, which begin at index `start` of the whole trace.

    It meets the branch at the last operation that reads several maps; the branch is the longest way there.
    """
    depth: list[int] = []
    for row in rows:
        depth.append(1 + max((depth[s - start] for s in row.sources if s >= start), default=0))
    joins = [place for place, row in enumerate(rows) if len(set(row.sources)) > 1]
    if not joins:
        return None
    join = joins[-1]
    sources = list(dict.fromkeys(rows[join].sources))
    branch = max(sources, key=lambda source: depth[source - start] if source >= start else 0)
    main = _ancestors(rows, start, [branch])
    entries = frozenset(sources) - {branch}
    aside = _ancestors(rows, start, [source for source in entries if source >= start]) - main
    return Side(kind, join + start, frozenset(aside), entries)


def _ancestors(rows: Sequence[OperationRow], start: int, waiting: list[int]) -> set[int]:
    found: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index >= start and index not in found:
            found.add(index)
            waiting.extend(rows[index - start].sources)
    return found


class _Drawing:
    """One graph while it is drawn."""

    def __init__(
        self, report: Report, expanded: frozenset[int], colours: Palette, selected: int | None, across: bool
    ) -> None:
        if report.network is None:
            raise ValueError("a module's report has no cards to draw")
        nodes = count_nodes(report, expanded)
        if nodes > MAX_NODES:
            hint = "open fewer cards" if expanded else "the table shows all of it"
            raise TooLargeToDraw(f"This graph has {nodes:,} nodes, more than the {MAX_NODES} that can be read; {hint}.")
        self.report = report
        self.blocks = report.network.blocks
        self.expanded = expanded
        self.colours = colours
        self.selected = selected
        self.line = SHORT_LINE if across else LINE
        self.operations: dict[int, list[tuple[int, OperationRow]]] = {}  # of each card, with their indices
        for index, row in enumerate(report.operations):
            self.operations.setdefault(row.card, []).append((index, row))
        self.exits: dict[int, str] = {-1: "input"}  # the node that shows each operation's result
        self.entry = -1  # the operation whose result enters the next card
        self.graph = graphviz.Digraph(
            "network",
            graph_attr={
                "rankdir": "LR" if across else "TB",
                "bgcolor": "transparent",
                "fontname": FONT,
                "fontsize": "11",
                "fontcolor": colours.muted,
                "color": colours.line,
                "labeljust": "l",
                "nodesep": "0.3",
                "ranksep": "0.32",
                "pad": "0.1",
            },
            node_attr={
                "shape": "box",
                "style": "rounded,filled",
                "fontname": FONT,
                "fontsize": "13",
                "fontcolor": colours.text,
                "color": colours.strong_line,
                "fillcolor": colours.surface,
                "margin": "0.16,0.08",
                "height": "0.3",
            },
            edge_attr={
                "fontname": FONT,
                "fontsize": "11",
                "fontcolor": colours.muted,
                "color": colours.faint,
                "arrowsize": "0.6",
            },
        )

    def source(self) -> str:
        """The whole graph."""
        report, colours = self.report, self.colours
        assert report.network is not None
        self.graph.node("input", "input", shape="plaintext", style="")
        last, shape = "input", tuple(report.network.input)
        for card in report.cards:
            own = self.operations.get(card.index, [])
            if card.index in self.expanded and own:
                self._opened(card, own)
                last = self.exits[own[-1][0]]
            else:
                last = self._folded(card, last, shape)
                # What the next card reads comes out of this node, even where the card does nothing.
                self.exits.update(dict.fromkeys([index for index, _ in own] or [self.entry], last))
            if own:
                self.entry = own[-1][0]
            shape = card.output_shape
        whole = report.error is None
        self.graph.node(
            "output", "output", shape="plaintext", style="", fontcolor=colours.text if whole else colours.muted
        )
        self._edge(last, "output", shape, waiting=not whole)
        return str(self.graph.source)

    def _edge(self, tail: str, head: str, shape: Sequence[int], waiting: bool = False) -> None:
        style = {"style": "dotted", "color": self.colours.strong_line} if waiting else {}
        self.graph.edge(tail, head, label=f" {show(shape)} " if shape else "", **style)

    def _folded(self, card: Card, last: str, shape: Sequence[int]) -> str:
        """One node for all copies; with a shortcut also the arc around it and the node where they meet."""
        block, name = self.blocks[card.index], f"card{card.index}"
        self.graph.node(name, _text(self._lines(card, block)), id=name, **self._frame(card, block))
        self._edge(last, name, shape, waiting=card.status == "waiting")
        kinds = shortcut_kinds(block, card)
        if not kinds:
            return name
        join = f"join{card.index}"
        colour = self.colours.family(type(block).family)
        self._join(self.graph, join, self._appends(card.index), colour)
        self.graph.edge(name, join, **self._arrow(colour, "solid"))
        words = ", then ".join(kinds) + (f" ×{card.repeat}" if card.repeat > 1 and len(kinds) == 1 else "")
        self.graph.edge(last, join, label=f" {words} ", **self._arrow(colour, STYLES[kinds[0]]))
        return join

    def _lines(self, card: Card, block: Block) -> list[tuple[str, str]]:
        """Title with ×N, settings, what `auto` chose, cost; each with its colour."""
        muted = self.colours.muted
        made = [(card_name(card, "  "), "")]
        made += [(line, muted) for line in lines([*settings(block), *choices(card)], self.line)]
        if card.status == "ok":
            made.append((cost(card.params, card.macs), muted))
        elif card.status == "error" and self.report.error is not None:
            made += [(line, self.colours.error) for line in textwrap.wrap(self.report.error.reason, self.line)]
        return [line for line in made if line[0]]

    def _frame(self, card: Card, block: Block) -> dict[str, str]:
        colours = self.colours
        frame = {"color": colours.family(type(block).family), "penwidth": "1.3"}
        if card.status == "waiting":
            frame = {"color": colours.strong_line, "fontcolor": colours.muted, "style": "rounded,filled,dashed"}
        elif card.status == "error":
            frame = {"color": colours.error, "fillcolor": colours.error_soft, "penwidth": "1.6"}
        if card.index == self.selected:
            frame |= {"penwidth": "2.6"} if card.status == "error" else {"color": colours.accent, "penwidth": "2.6"}
        return frame

    def _join(self, graph: graphviz.Digraph, name: str, appends: bool, colour: str) -> None:
        """Where shortcut and branch meet: a plus, or a box where the input is appended."""
        if appends:
            graph.node(name, "concat", color=colour, id=name)
        else:
            size = {"fixedsize": "true", "width": "0.26", "height": "0.26", "margin": "0"}
            graph.node(name, "+", shape="circle", color=colour, id=name, **size)

    def _appends(self, index: int) -> bool:
        """Whether the card's shortcut is appended instead of added: the trace says it."""
        own = self.operations.get(index, [])
        meeting = [row.op for _, row in own if row.copy == 0 and len(row.input_shapes) > 1]
        return bool(meeting) and meeting[-1] == "cat"

    def _arrow(self, colour: str, style: str) -> dict[str, str]:
        return {"color": colour, "style": style, "penwidth": "1.4"}

    def _opened(self, card: Card, operations: Sequence[tuple[int, OperationRow]]) -> None:
        """A cluster for the card, in it one for each copy, in these the operations as they were traced."""
        block = self.blocks[card.index]
        colour = self.colours.family(type(block).family)
        kinds = shortcut_kinds(block, card)
        with self.graph.subgraph(name=f"cluster_card{card.index}") as outer:
            chosen = card.index == self.selected
            outer.attr(
                label=_text([(card_name(card, "  "), colour)]),
                color=self.colours.accent if chosen else colour,
                style="rounded",
                penwidth="2.6" if chosen else "1.3",
                margin="10",
            )
            for copy, rows in _grouped(operations):
                start = rows[0][0]
                kind = kinds[min(copy, len(kinds) - 1)] if kinds else ""
                side = find_side([row for _, row in rows], start, kind) if kind else None
                if card.repeat == 1:
                    self._copy(outer, rows, side, colour)
                    continue
                with outer.subgraph(name=f"cluster_card{card.index}_{copy}") as inner:
                    words = f"copy {copy + 1} of {card.repeat}"
                    inner.attr(label=_text([(words, self.colours.muted)]), color=self.colours.line, penwidth="1")
                    self._copy(inner, rows, side, colour)

    def _copy(
        self, graph: graphviz.Digraph, rows: Sequence[tuple[int, OperationRow]], side: Side | None, colour: str
    ) -> None:
        for index, row in rows:
            name = f"op{index}"
            self.exits[index] = name
            if side is not None and index == side.join:
                self._join(graph, name, row.op == "cat", colour)
            else:
                graph.node(
                    name, _text([(row.op, ""), *self._details(row)]), id=name, **({"color": colour} if row.macs else {})
                )
            for source in row.sources:
                self._traced_edge(source, index, row, side, colour)

    def _details(self, row: OperationRow) -> Iterator[tuple[str, str]]:
        yield row.path, self.colours.muted
        if row.params or row.macs:
            yield cost(row.params, row.macs), self.colours.muted
        if not row.counted:
            yield "not counted", self.colours.error

    def _traced_edge(self, source: int, target: int, row: OperationRow, side: Side | None, colour: str) -> None:
        inner = source if source < 0 else self.report.operations[source].output_shape
        shape = self.report.input_shape if isinstance(inner, int) else inner
        attributes = {}
        if side is not None:
            around = target in side.operations or (target == side.join and source in side.entries)
            if around:
                attributes = self._arrow(colour, STYLES[side.kind])
            elif target == side.join:
                attributes = self._arrow(colour, "solid")
        # Edges belong to the whole graph: an edge named inside a cluster would draw its tail into it.
        self.graph.edge(self.exits[source], f"op{target}", label=f" {show(shape)} ", **attributes)


def _grouped(
    operations: Sequence[tuple[int, OperationRow]],
) -> Iterator[tuple[int, list[tuple[int, OperationRow]]]]:
    """The operations copy by copy."""
    copies: dict[int, list[tuple[int, OperationRow]]] = {}
    for index, row in operations:
        copies.setdefault(row.copy, []).append((index, row))
    yield from copies.items()


def _text(parts: Sequence[tuple[str, str]]) -> str:
    """An HTML-like label: the first line bold, the others smaller; colours where they are named.

    Flush left, since no program's guess of a font's widths is good enough to centre by. Everything shown is escaped;
    what XML cannot hold becomes a space.
    """
    written = []
    for number, (line, colour) in enumerate(parts):
        clean = html.escape("".join(sign if sign.isprintable() else " " for sign in line))
        words = f"<b>{clean}</b>" if number == 0 and len(parts) > 1 else clean
        attributes = (f' color="{colour}"' if colour else "") + (' point-size="11"' if number else "")
        written.append(f"<font{attributes}>{words}</font>" if attributes else words)
    return "<" + "".join(f'{line}<br align="left"/>' for line in written) + ">"
