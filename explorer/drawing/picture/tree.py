"""A graph as rows and splits: what comes one after the other, and what lies side by side between two nodes.

Nodes that every path passes cut a graph into stretches; what lies between two such nodes falls apart into branches,
and each branch is cut again. A stretch that neither falls apart nor can be cut is a tangle, laid out by ranks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from explorer.drawing.picture.graph import INPUT, Graph


@dataclass(frozen=True, slots=True)
class Wire:
    """A line from a node, or the input, to the next; `seen` is False where nothing flows and only order is kept."""

    source: int
    target: int  # a node; the number of nodes for the output
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """Branches side by side between two nodes, and the lines that go straight from one to the other around them."""

    source: int
    target: int
    branches: tuple[Row, ...]
    arcs: tuple[Row, ...]  # each a single wire, or the nodes on a shortcut with their wires


@dataclass(frozen=True, slots=True)
class Tangle:
    """Nodes between two nodes that are neither in rows nor in splits."""

    source: int
    target: int
    nodes: tuple[int, ...]
    wires: tuple[Wire, ...]  # among them, and from the source and to the target


Part: TypeAlias = int | Wire | Split | Tangle  # an int is a node
Row: TypeAlias = tuple[Part, ...]  # wires and nodes in turn, from a node's output to a node's input


def tree(graph: Graph) -> Row:
    """The whole graph from its input to its output as one row."""
    return Cutter(graph).row(INPUT, tuple(range(len(graph.nodes))), len(graph.nodes))


class Cutter:
    """One graph while it is cut up."""

    def __init__(self, graph: Graph) -> None:
        self.shortcut = graph.shortcut
        self.readers: dict[int, list[Wire]] = {INPUT: []}
        end = len(graph.nodes)
        for number, node in enumerate(graph.nodes):
            self.readers[number] = []
            if not node.inputs:  # of constants alone: it stands behind the input
                self.readers[INPUT].append(Wire(INPUT, number, seen=False))
            for source in node.inputs:
                self.readers[source].append(Wire(source, number))
        self.readers[graph.output].append(Wire(graph.output, end))
        for number in range(end):
            if not self.readers[number]:  # nobody reads it: it stands before the output
                self.readers[number].append(Wire(number, end, seen=False))

    def wires(self, source: int, nodes: tuple[int, ...], target: int) -> list[Wire]:
        """All wires among the nodes, from the source and to the target."""
        inside = {*nodes, target}
        return [wire for start in (source, *nodes) for wire in self.readers[start] if wire.target in inside]

    def row(self, source: int, nodes: tuple[int, ...], target: int, direct: bool = True) -> Row:
        """What lies between two nodes; `direct` says whether a wire straight from one to the other is part of it."""
        wires = [
            wire
            for wire in self.wires(source, nodes, target)
            if direct or not (wire.source == source and wire.target == target)
        ]
        leaving: dict[int, list[Wire]] = {}
        for wire in wires:
            leaving.setdefault(wire.source, []).append(wire)
        place = {number: position for position, number in enumerate(nodes)}
        furthest: list[int] = []  # how far the wires from before each node go
        far = -1
        for start in (source, *nodes):
            if start != source:
                furthest.append(far)
            far = max([far, *(place.get(wire.target, len(nodes)) for wire in leaving.get(start, ()))])
        cuts = [number for position, number in enumerate(nodes) if furthest[position] <= position]
        parts: list[Part] = []
        before = source
        waiting: list[int] = []
        for number in (*nodes, target):
            if number != target and number not in cuts:
                waiting.append(number)
                continue
            inside = {*waiting, number}
            between = [wire for start in (before, *waiting) for wire in leaving.get(start, ()) if wire.target in inside]
            parts.extend(self.stretch(before, tuple(waiting), number, between))
            if number != target:
                parts.append(number)
            before, waiting = number, []
        return tuple(parts)

    def stretch(self, source: int, nodes: tuple[int, ...], target: int, wires: list[Wire]) -> list[Part]:
        """What lies between two nodes without a cut between them."""
        direct = [wire for wire in wires if wire.source == source and wire.target == target]
        if not nodes:
            return [direct[0]]
        groups = components(nodes, wires)
        if len(groups) == 1 and not direct:
            return [Tangle(source, target, nodes, tuple(wires))]
        rows = [(group, self.row(source, group, target, direct=False)) for group in groups]
        aside = self.shortcut.nodes if self.shortcut is not None and self.shortcut.join == target else frozenset()
        branches = [row for group, row in rows if not aside.issuperset(group) or not is_plain(row)]
        if not branches:
            return [Split(source, target, tuple(row for _, row in rows), ((direct[0],),) if direct else ())]
        arcs: list[Row] = [row for group, row in rows if aside.issuperset(group) and is_plain(row)]
        if direct:
            arcs.insert(0, (direct[0],))
        return [Split(source, target, tuple(branches), tuple(arcs))]


def is_plain(row: Row) -> bool:
    """Whether a row is nodes and wires alone."""
    return all(isinstance(part, int | Wire) for part in row)


def components(nodes: tuple[int, ...], wires: list[Wire]) -> list[tuple[int, ...]]:
    """The nodes, parted into those that wires connect."""
    parent = {number: number for number in nodes}

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for wire in wires:
        if wire.source in parent and wire.target in parent:
            parent[root(wire.target)] = root(wire.source)
    groups: dict[int, list[int]] = {}
    for number in nodes:
        groups.setdefault(root(number), []).append(number)
    return [tuple(group) for group in groups.values()]
