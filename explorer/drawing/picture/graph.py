"""One copy of a block as a graph of boxes: the operations of its trace, fused for reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from explorer.drawing.captions import short
from explorer.drawing.picture import words
from explorer.shape import show
from explorer.trace import Operation, Trace

INPUT = -1
ShortcutKind = Literal["identity", "project", "pad"]
COMMUTES = ("mul",)  # a row of these reads as one node with all its inputs
LIMIT = 3  # words of a box that names one operation after the other


@dataclass(frozen=True, slots=True)
class Node:
    """One box, circle or bar: what it says, and the operations that it stands for."""

    role: words.Role
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    op: str
    operations: tuple[int, ...]
    path: str  # of its module within the copy, "conv1"
    inputs: tuple[int, ...]  # nodes, INPUT for the copy's input; each once
    shape: tuple[int, ...]  # of what it makes
    kernel: int
    params: int
    macs: int
    title: str


@dataclass(frozen=True, slots=True)
class Shortcut:
    """The way round the branch: where it meets the branch and which nodes lie on it."""

    kind: ShortcutKind
    join: int
    nodes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes in an order in which each comes after its inputs."""

    nodes: tuple[Node, ...]
    output: int  # a node, or INPUT where the copy does nothing
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    shortcut: Shortcut | None

    def shape(self, node: int) -> tuple[int, ...]:
        """What comes out of a node, or of the input."""
        return self.in_shape if node == INPUT else self.nodes[node].shape


@dataclass(slots=True, eq=False)
class Draft:
    """A node while operations are still added to it."""

    core: words.Role  # "silent" until an operation says what the node is
    operations: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    has: set[words.Role] = field(default_factory=set)


def fuse(trace: Trace, in_shape: Sequence[int], has_shortcut: bool) -> Graph:
    """Fuses a trace: convolution, norm and activation of one layer are one box, and what only moves data is in none."""
    operations = trace.operations
    readers: list[set[int]] = [set() for _ in operations]
    for index, operation in enumerate(operations):
        for source in operation.inputs:
            if source >= 0:
                readers[source].add(index)
    drafts: list[Draft] = []
    owner: dict[int, Draft] = {}
    for index, operation in enumerate(operations):
        role = words.role(operation)
        sources = set(operation.inputs)
        draft = None
        for source in sources:
            found = owner.get(source)
            if found is None or readers[source] != {index} or source == trace.output:
                continue
            if role == "join":
                if operation.op in COMMUTES and found.core == "join" and operations[source].op == operation.op:
                    draft = found
            elif accepts(found, role, operation):
                draft = found
        if draft is None:
            draft = Draft(role)
            drafts.append(draft)
        elif role == "join":  # it now stands where its last operation stands
            drafts.remove(draft)
            drafts.append(draft)
        add(draft, role, index, operation)
        owner[index] = draft
    numbers = {id(draft): number for number, draft in enumerate(drafts)}
    at = {index: numbers[id(draft)] for index, draft in owner.items()}
    nodes = tuple(finished(draft, operations, at) for draft in drafts)
    output = at.get(trace.output, INPUT)
    shortcut = find_shortcut(nodes, output) if has_shortcut else None
    return Graph(nodes, output, tuple(in_shape), trace.output_shape, shortcut)


def add(draft: Draft, role: words.Role, index: int, operation: Operation) -> None:
    if draft.core == "silent" or (draft.core == "view" and role == "pad"):
        draft.core = role
    draft.has.add(role)
    draft.operations.append(index)
    draft.paths.append(operation.path)


def accepts(draft: Draft, role: words.Role, operation: Operation) -> bool:
    """Whether an operation that alone reads a draft's result belongs into the same box."""
    core = draft.core
    if core == "join":
        return role == "silent"
    if core == "silent" or role == "silent":
        return True
    if role == "norm":
        return core in ("conv", "dense") and not draft.has & {"norm", "activation"} and same_layer(draft, operation)
    if role == "activation":
        return core in ("conv", "dense", "norm") and "activation" not in draft.has and same_layer(draft, operation)
    if role == "view":
        return core in ("pool", "view")
    if role == "pad":
        return core == "view"
    return role == core == "other" and draft.paths[-1] == operation.path and len(draft.operations) < LIMIT


def same_layer(draft: Draft, operation: Operation) -> bool:
    """Whether an operation stands beside the first of a draft, in the same module: `conv1.conv` and `conv1.norm`."""
    folder = draft.paths[0].rpartition(".")[0]
    return operation.path in (folder, draft.paths[0]) or operation.path.rpartition(".")[0] == folder


def finished(draft: Draft, operations: Sequence[Operation], at: dict[int, int]) -> Node:
    """The node that a draft has become."""
    own = [operations[index] for index in draft.operations]
    inside = set(draft.operations)
    inputs = tuple(
        dict.fromkeys(at.get(source, INPUT) for each in own for source in each.inputs if source not in inside)
    )
    core = next((each for each in own if words.role(each) == draft.core), own[0])
    spoken = [each for each in own if words.role(each) != "silent"] or own[:1]
    kernel = max(core.options.get("kernel_size", (1,)))
    notes = tuple(words.notes(core))
    params, macs = sum(each.params for each in own), sum(each.macs for each in own)
    return Node(
        draft.core,
        lines(draft.core, core, spoken),
        notes,
        core.op,
        tuple(draft.operations),
        shared_path([path for path, each in zip(draft.paths, own, strict=True) if each in spoken]) or core.path,
        inputs,
        own[-1].output_shape,
        kernel,
        params,
        macs,
        title(spoken, notes, params, macs, own[-1].output_shape),
    )


def lines(role: words.Role, core: Operation, spoken: Sequence[Operation]) -> tuple[str, ...]:
    """What a box says: the core, then what follows it."""
    if role == "join":
        return (words.word(core),)
    said = [words.word(each) for each in spoken]
    if role == "pad" and len(said) > 1:
        return (" ".join([*said[1:], said[0]]),)  # pad +16 /2
    if role in ("conv", "dense", "pool"):
        return (said[0], " ".join(said[1:])) if len(said) > 1 else (said[0],)
    return (" ".join(said),)


def title(spoken: Sequence[Operation], notes: Sequence[str], params: int, macs: int, shape: tuple[int, ...]) -> str:
    """The exact numbers of a node, as a tooltip says them."""
    said = [*dict.fromkeys(words.word(each) for each in spoken)]
    said[1:1] = notes
    parts = [" · ".join(said)]
    if params:
        parts.append(f"{params:,} parameters")
    if macs:
        parts.append(f"{macs:,} MACs")
    if any(not each.counted for each in spoken):
        parts.append("not counted")
    return "\n".join([*parts, f"output {show(shape)}"])


def shared_path(paths: Sequence[str]) -> str:
    """The module that holds all of these."""
    common = paths[0].split(".")
    for path in paths[1:]:
        parts = path.split(".")
        length = 0
        while length < min(len(common), len(parts)) and common[length] == parts[length]:
            length += 1
        common = common[:length]
    return ".".join(common)


def find_shortcut(nodes: Sequence[Node], output: int) -> Shortcut | None:
    """The shortcut of a copy that has one: it meets the branch at the last join, by the shorter way there."""
    depth = [0] * len(nodes)
    for number, node in enumerate(nodes):
        depth[number] = 1 + max((depth[source] for source in node.inputs if source >= 0), default=0)
    joins = [number for number in sorted(ancestors(nodes, [output])) if len(nodes[number].inputs) > 1]
    if not joins:
        return None
    join = joins[-1]
    branch = max(nodes[join].inputs, key=lambda source: depth[source] if source >= 0 else 0)
    main = ancestors(nodes, [branch])
    others = [source for source in nodes[join].inputs if source != branch]
    aside = ancestors(nodes, others) - main
    entries = {source for number in aside for source in nodes[number].inputs if source not in aside}
    fork = min(entries.union(others) - aside, key=lambda source: depth[source] if source >= 0 else 0)
    joined = [number for number in (*aside, join) if len(nodes[number].inputs) > 1]
    if any(fork in nodes[number].inputs for number in joined):
        return Shortcut("identity", join, frozenset(aside))
    # Weights project; what has none and still changes the map pads.
    kind: ShortcutKind = "project" if any(nodes[number].macs for number in aside) else "pad"
    return Shortcut(kind, join, frozenset(aside))


def ancestors(nodes: Sequence[Node], last: Sequence[int]) -> set[int]:
    """These nodes and all that lead to them."""
    found: set[int] = set()
    waiting = list(last)
    while waiting:
        number = waiting.pop()
        if number >= 0 and number not in found:
            found.add(number)
            waiting.extend(nodes[number].inputs)
    return found


def summary(graph: Graph) -> str:
    """What a picture of the whole copy says to those who do not see it: its boxes in order."""
    said = ", ".join(" ".join(node.lines) for node in graph.nodes[:40])
    total = short(sum(node.params for node in graph.nodes))
    return f"{show(graph.in_shape)} to {show(graph.out_shape)}: {said or 'nothing'}; {total} parameters"
