"""The one renderer: everything is drawn once, nothing lies over anything else, and what is drawn is what was traced."""

from collections import Counter
from collections.abc import Iterator
from time import process_time
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from made import conv
from scenes import complaints, groups, named, parts
from stacks import any_stacks, valid_stacks
from torch import nn

from explorer import Network, Shape, analyze, blocks, presets
from explorer.block import KINDS, Block
from explorer.drawing import picture
from explorer.drawing.palette import LIGHT
from explorer.drawing.picture import folded_scene, inside_scene, network_scene
from explorer.drawing.picture.canvas import Canvas
from explorer.drawing.picture.graph import Graph, fuse
from explorer.drawing.picture.layout import Builder
from explorer.drawing.picture.memory import copy_graph
from explorer.drawing.picture.scene import Box, Circle, Path, Scene, Text
from explorer.drawing.picture.svg import svg
from explorer.drawing.picture.tangle import LargeStyle
from explorer.drawing.picture.tree import Split, Tangle, Wire, tree
from explorer.drawing.picture.widths import clipped, text_width
from explorer.network import walk
from explorer.report import Report
from explorer.trace import trace

EXAMPLES = [(kind(**fields), shape) for kind in KINDS.values() for fields, shape in kind.examples]
SVG = "{http://www.w3.org/2000/svg}"


def stack(*parts: object) -> Network:
    return Network(input=Shape(16, 8, 8), blocks=parts)


def name_of(block: Block) -> str:
    return " ".join(f"{key}={value}" for key, value in block.model_dump(exclude_defaults=True).items()) or block.kind


def everything_opened(report: Report) -> frozenset[str]:
    """Every card, and of each the first two groups of copies."""
    cards = range(len(report.cards))
    return frozenset([*map(str, cards), *(f"{card}.{copy}" for card in cards for copy in range(8))])


def distinct(report: Report) -> Iterator[int]:
    """One card of each kind of card that a network has."""
    seen = set()
    for card in report.cards:
        assert report.network is not None
        key = (report.network.blocks[card.index], card.input_shape)
        if key not in seen:
            seen.add(key)
            yield card.index


def drawn(graph: Graph, across: bool = True) -> Scene:
    """A graph laid out by itself."""
    row = Builder(graph, LargeStyle(across)).whole()
    canvas = Canvas(across, "residual")
    row.draw(canvas, 2, 2 + row.before)
    size = (row.length + 4, row.before + row.after + 4)
    return Scene(*(size if across else size[::-1]), "", canvas.parts)


def graph_of(module: nn.Module, shape: tuple[int, ...] = (4, 12, 12), has_shortcut: bool = False) -> Graph:
    return fuse(trace(module, shape), shape, has_shortcut)


# Every operation in one node, every node once


def check_graph(graph: Graph, operations: int) -> None:
    """Each operation is in exactly one node, and each node comes after those that it reads."""
    assert sorted(index for node in graph.nodes for index in node.operations) == list(range(operations))
    for number, node in enumerate(graph.nodes):
        assert all(-1 <= source < number for source in node.inputs)
    assert -1 <= graph.output < len(graph.nodes)


def in_tree(row: Any) -> Iterator[int]:
    """The nodes of a tree, as often as they stand in it."""
    for part in row:
        if isinstance(part, Split):
            for branch in (*part.branches, *part.arcs):
                yield from in_tree(branch)
        elif isinstance(part, Tangle):
            yield from part.nodes
        elif not isinstance(part, Wire):
            yield part


@pytest.mark.parametrize("name", presets.names())
def test_every_operation_of_a_preset_is_in_one_node_and_every_node_is_drawn_once(name: str) -> None:
    seen = set()
    for step in walk(presets.load(name)):
        found = step.record
        if (found.block, found.in_shape) in seen:
            continue
        seen.add((found.block, found.in_shape))
        graph = copy_graph(found.block, found.in_shape, step.first == 0)
        check_graph(graph, len(found.trace.operations))
        assert sorted(in_tree(tree(graph))) == list(range(len(graph.nodes)))
        scene = inside_scene(found.block, found.in_shape, step.first == 0)
        assert len(named(scene, "node")) == len(graph.nodes)


@settings(max_examples=40)
@given(network=valid_stacks())
def test_every_operation_of_a_random_stack_is_in_one_node_and_nothing_overlaps(network: Network) -> None:
    for step in walk(network):
        found = step.record
        graph = copy_graph(found.block, found.in_shape, step.first == 0)
        check_graph(graph, len(found.trace.operations))
        assert sorted(in_tree(tree(graph))) == list(range(len(graph.nodes)))
        for scene in (inside_scene(found.block, found.in_shape, step.first == 0), drawn(graph, across=False)):
            assert complaints(scene) == []
            assert len(named(scene, "node")) == len(graph.nodes)
    report = analyze(network)
    for across in (False, True):
        assert complaints(network_scene(report, frozenset(), frozenset(), across)) == []
        assert complaints(network_scene(report, everything_opened(report), frozenset(), across)) == []


# Nothing lies over anything else


@pytest.mark.parametrize(("block", "shape"), EXAMPLES, ids=[name_of(block) for block, _ in EXAMPLES])
def test_nothing_overlaps_inside_a_block(block: Block, shape: Shape) -> None:
    for first in (True, False):
        on = shape if first else analyze(Network(input=shape, blocks=(block,))).output_shape
        if len(on) == 3 and (first or block.copies > 1):
            assert complaints(inside_scene(block, on, first)) == []


@pytest.mark.parametrize("name", presets.names())
def test_nothing_overlaps_in_a_preset_closed_or_with_any_card_opened(name: str) -> None:
    report = analyze(presets.load(name))
    for across in (False, True):
        assert complaints(network_scene(report, frozenset(), frozenset(), across)) == []
        for card in distinct(report):
            opened = frozenset([str(card), f"{card}.0", f"{card}.1"])
            assert complaints(network_scene(report, opened, frozenset([str(card)]), across)) == []
    assert complaints(folded_scene(report, 230, 72)) == []


def test_the_check_sees_a_label_a_box_a_line_and_a_frame_that_are_moved() -> None:
    block, shape = blocks.Basic(channels=32, stride=2), Shape(16, 8, 8)

    def broken(move: Any) -> list[str]:
        scene = inside_scene(block, shape)
        move([part.item for part in parts(scene.parts)])
        return complaints(scene)

    def shift(kind: type, number: int, x: float, y: float) -> Any:
        def move(items: list[Any]) -> None:
            item = [item for item in items if isinstance(item, kind)][number]
            item.x, item.y = item.x + x, item.y + y

        return move

    def lower_the_arc(items: list[Any]) -> None:
        arc = next(item for item in items if isinstance(item, Path) and item.name == "arc")
        arc.steps = [tuple(v + (25 if at % 2 else 0) for at, v in enumerate(step)) for step in arc.steps]

    assert broken(lambda items: None) == []
    labels = [item.text for part in parts(inside_scene(block, shape).parts) if isinstance(item := part.item, Text)]
    shown = labels.index("32×4×4")
    assert broken(shift(Text, shown, -30, -12))
    assert broken(shift(Text, shown, 400, 0))
    assert broken(shift(Box, 1, 20, 0))
    assert broken(shift(Circle, 0, -40, 0))
    assert broken(lower_the_arc)


def test_lines_between_a_tangle_of_nodes_pass_beside_them() -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList([conv() for _ in range(4)])

        def forward(self, x: Any) -> Any:
            kept = [x]
            for layer in self.convs:
                kept.append(layer(sum(kept[1:], kept[0])))
            return sum(kept[1:], kept[0])

    graph = graph_of(Dense())
    assert any(isinstance(part, Tangle) for part in tree(graph))
    for across in (True, False):
        assert complaints(drawn(graph, across)) == []


# What is drawn is what was traced


def words(block: Block, shape: tuple[int, ...] = (16, 8, 8)) -> list[str]:
    """The texts of a block's inside."""
    return [part.item.text for part in parts(inside_scene(block, shape).parts) if isinstance(part.item, Text)]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (blocks.Conv(channels=64, kernel=5, stride=2), ["5×5, 64 /2", "BN ReLU"]),
        (blocks.Conv(channels=1024, kernel=1), ["1×1, 1024"]),
        (blocks.Conv(channels=32, groups=4, dilation=2, norm="none"), ["3×3, 32", "4 groups", "dilated 2", "ReLU"]),
        (blocks.Conv(channels=16, groups=16, norm="group"), ["3×3, 16", "depthwise", "GN 16 ReLU"]),
        (blocks.Basic(channels=32, order="pre"), ["BN ReLU", "3×3, 32", "BN ReLU", "3×3, 32"]),
        (blocks.Basic(channels=16, resample="down-up"), ["3×3, 16 /2", "upsample ×2"]),
        (blocks.Basic(channels=32, stride=2), ["1×1, 32 /2 · BN"]),
        (blocks.Basic(channels=32, stride=2, shortcut="pad"), ["pad +16 /2"]),
        (blocks.Pool(), ["max 3×3 /2"]),
        (blocks.Pool(mode="avg", kernel=2, stride=1, padding=0), ["avg 2×2"]),
        (blocks.Dropout(rate=0.2), ["dropout 0.2"]),
        (blocks.NormActivation(norm="layer", activation="gelu"), ["LN GELU"]),
        (blocks.Classifier(classes=1000), ["global avg", "flatten", "dense, 1000"]),
        (blocks.Inception(branches="1x1:8 | maxpool"), ["1×1, 8", "max 3×3", "concat"]),
        (blocks.Residual(width=16), ["+ b"]),
        (blocks.IdentityMapping(gate="close"), ["|x| mean × 1.25", "where"]),
    ],
)
def test_operations_are_called_what_the_field_calls_them(block: Block, said: list[str]) -> None:
    found = Counter(words(block))
    assert all(found[text] >= count for text, count in Counter(said).items()), found


def test_a_shape_stands_at_both_ends_and_where_it_changes() -> None:
    shapes = [text for text in words(blocks.Bottleneck(channels=64, mid=16, stride=2), Shape(16, 8, 8)) if "×" in text]
    inside = [text for text in shapes if text.count("×") == 2]
    assert inside == ["16×8×8", "16×4×4", "64×4×4", "64×4×4"]


def test_a_kind_that_nobody_knows_draws_itself() -> None:
    class Gated(nn.Module):
        """Squeeze and excitation, with a branch beside it."""

        def __init__(self) -> None:
            super().__init__()
            self.squeeze = nn.AdaptiveAvgPool2d(1)
            self.excite = nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 1), nn.Sigmoid())
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Any) -> Any:
            return (x * self.excite(self.squeeze(x)) - self.conv(x)).clamp(0, 6)

    graph = graph_of(Gated())
    check_graph(graph, len(trace(Gated(), (4, 12, 12)).operations))
    scene = drawn(graph)
    assert complaints(scene) == []
    assert [node.lines[0] for node in graph.nodes] == ["global avg", "1×1, 2", "1×1, 4", "×", "3×3, 4", "−", "clamp"]
    assert len([part for part in parts(scene.parts) if isinstance(part.item, Path) and part.item.name == "arc"]) == 1


def test_what_nobody_reads_and_what_reads_nothing_is_drawn_too() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = conv(), conv()
            self.scale = nn.Parameter(conv().weight.detach().mean((1, 2, 3)).view(4, 1, 1))

        def forward(self, x: Any) -> Any:
            self.two(x)  # an output for somebody else
            return self.one(x) * self.scale.sigmoid()

    graph = graph_of(Odd())
    scene = drawn(graph)
    assert len(named(scene, "node")) == len(graph.nodes) == 4
    assert complaints(scene) == []


def test_a_block_that_does_nothing_is_a_line() -> None:
    scene = inside_scene(blocks.NormActivation(norm="none", activation="none"), Shape(16, 8, 8))
    assert [type(part.item) for part in parts(scene.parts)] == [Path, Text]


def test_the_trace_keeps_what_a_picture_says_of_a_layer() -> None:
    layer = nn.Sequential(
        nn.Conv2d(4, 8, (1, 7), (1, 2), groups=2), nn.GroupNorm(2, 8), nn.MaxPool2d(2), nn.Dropout(0.3)
    )
    found = [operation.options for operation in trace(layer, (4, 12, 24)).operations]
    assert found == [
        {"kernel_size": (1, 7), "stride": (1, 2), "dilation": (1, 1), "groups": 2},
        {"groups": 2},
        {"kernel_size": (2, 2), "stride": (2, 2)},
        {"p": 0.3},
    ]


def test_a_tooltip_says_the_exact_numbers() -> None:
    scene = inside_scene(blocks.Conv(channels=32), Shape(16, 8, 8))
    [node] = named(scene, "node", "conv")
    # 32 filters of 3×3×16, two numbers a channel of the norm; each of 8×8 places
    params, macs = 32 * 9 * 16 + 2 * 32, 32 * 9 * 16 * 64
    assert node.title == f"3×3, 32 · BN · ReLU\n{params:,} parameters\n{macs:,} MACs\noutput 32×8×8"


# Shortcuts

KINDS_OF_SHORTCUTS = [
    (blocks.Basic(channels=16), "solid", "identity"),
    (blocks.Basic(channels=16, shortcut="pad"), "solid", "identity"),
    (blocks.Basic(channels=32, stride=2), "dashed", "project"),
    (blocks.Basic(channels=32, order="pre"), "dashed", "project"),
    (blocks.Basic(channels=32, stride=2, shortcut="pad"), "dotted", "pad"),
    (blocks.Downsampling(channels=32), "solid", "identity"),
    (blocks.Downsampling(channels=32, shortcut="project"), "dashed", "project"),
    (blocks.LinearProjection(channels=16), "dashed", "project"),
    (blocks.LinearProjection(channels=32, merge="concat", shortcut="pad"), "dotted", "pad"),
    (blocks.IdentityMapping(), "solid", "identity"),
    (blocks.Residual(width=16, merge="concat"), "solid", "identity"),
    (blocks.Inception(branches="1x1:8 | 3x3:8", residual=True), "solid", "identity"),
]


def arcs(scene: Scene) -> list[Path]:
    """The arcs of shortcuts."""
    return [
        part.item
        for part in parts(scene.parts)
        if isinstance(part.item, Path) and part.item.name == "arc" and "shortcut" in part.groups[-1].names
    ]


@pytest.mark.parametrize(("block", "dash", "kind"), KINDS_OF_SHORTCUTS)
def test_identity_is_solid_projection_dashed_padding_dotted_opened_or_closed(
    block: Block, dash: str, kind: str
) -> None:
    report = analyze(stack(block))
    for scene in (
        inside_scene(block, Shape(16, 8, 8)),
        network_scene(report, frozenset(), frozenset(), False),
        network_scene(report, frozenset({"0"}), frozenset(), True),
    ):
        assert [arc.pen.dash for arc in arcs(scene)] == [dash]
        assert len(named(scene, "shortcut", kind)) == 1
    dashes = {"solid": 0, "dashed": 1, "dotted": 1}
    assert picture.miniature(block, Shape(16, 8, 8)).count("stroke-dasharray") == dashes[dash]


def test_a_gated_shortcut_is_drawn_on_both_ways() -> None:
    block = blocks.IdentityMapping(gate="close")
    assert copy_graph(block, Shape(16, 8, 8)).shortcut.kind == "identity"  # type: ignore[union-attr]
    ways = [
        p.item.pen.dash
        for p in parts(inside_scene(block, (16, 8, 8)).parts)
        if getattr(p.item, "name", "") == "shortcut"
    ]
    assert {"solid", "dashed"} == set(ways)


def test_a_block_without_a_shortcut_has_no_arc() -> None:
    network = stack(blocks.Basic(channels=16, shortcut="none"), blocks.Inception(branches="1x1:8 | 3x3:8"))
    assert arcs(network_scene(analyze(network), frozenset(), frozenset(), False)) == []


def test_a_shortcut_is_seen_across_closed_levels() -> None:
    report = analyze(stack(blocks.Basic(channels=32, stride=2, repeat=5)))
    for opened, dashes in (
        ((), ["dashed"]),
        (("0",), ["dashed", "solid"]),
        (("0", "0.0"), ["dashed", "solid"]),
        (("0", "0.0", "0.1"), ["dashed", "solid"]),
    ):
        scene = network_scene(report, frozenset(opened), frozenset(), False)
        assert [arc.pen.dash for arc in arcs(scene)] == dashes
        assert len(named(scene, "join")) == len(dashes)


# The network


@settings(max_examples=25)
@given(network=any_stacks())
def test_every_card_is_drawn_once_whatever_fits_and_whatever_is_opened(network: Network) -> None:
    report = analyze(network, partial=True)
    for opened in (frozenset[str](), everything_opened(report)):
        scene = network_scene(report, opened, frozenset(), False)
        found = Counter(group.data["path"] for group in groups(scene.parts) if "card" in group.names)
        assert found == Counter(str(index) for index in range(len(network.blocks)))
        ElementTree.fromstring(svg(scene))


@pytest.mark.parametrize("name", ["cifar_resnet1202", "resnet50", "inception_v3", "article"])
def test_every_block_is_drawn_once_or_in_a_times_n(name: str) -> None:
    report = analyze(presets.load(name))
    closed = network_scene(report, frozenset(), frozenset(), False)
    texts = [part.item.text for part in parts(closed.parts) if isinstance(part.item, Text)]
    for card in report.cards:
        assert any(text.startswith(f"{card.index + 1} ") and (card.repeat == 1) == ("×" not in text) for text in texts)
    opened = network_scene(report, frozenset(str(card.index) for card in report.cards), frozenset(), False)
    for card in report.cards:
        if card.repeat == 1:
            continue
        copies = 0
        for group in named(opened, "copy"):
            if group.data["card"] == str(card.index):
                title = next(part.item.text for part in parts([group]) if isinstance(part.item, Text))
                first, _, last = title.removeprefix("copies ").removeprefix("copy ").partition(",")[0].partition("–")
                copies += int(last or first) - int(first) + 1
        assert copies == card.repeat


def test_opening_a_card_shows_its_copies_and_opening_a_copy_its_operations() -> None:
    report = analyze(presets.load("resnet18"))
    paths = lambda opened: {  # noqa: E731
        group.data.get("path") for group in groups(network_scene(report, frozenset(opened), frozenset(), False).parts)
    }
    assert "2.0" not in paths([])
    assert {"2.0", "2.1"} <= paths(["2"]) and "2.0.conv1" not in paths(["2"])
    assert {"2.0.conv1", "2.0.conv2", "2.0.shortcut", "2.0.act"} <= paths(["2", "2.0"])
    assert {"5.fc", "5.pool"} <= paths(["5"])  # the classifier stands once and has no copies
    toggles = [
        g.data["toggle"]
        for g in groups(network_scene(report, frozenset({"2"}), frozenset(), False).parts)
        if "toggle" in g.data
    ]
    assert sorted(toggles) == ["0", "1", "2", "2.0", "2.1", "3", "4", "5"]


def test_copies_that_go_on_growing_are_one_group() -> None:
    report = analyze(stack(blocks.Residual(width=4, merge="concat", repeat=40)))
    scene = network_scene(report, frozenset({"0"}), frozenset(), False)
    titles = [
        part.item.text
        for part in parts(scene.parts)
        if isinstance(part.item, Text) and part.item.text.startswith("cop")
    ]
    assert titles == ["copy 1", "copy 2", "copy 3", "copies 4–40, each wider"]
    assert complaints(scene) == []


def test_the_card_that_fails_is_red_with_its_reason_and_those_behind_it_wait() -> None:
    network = stack(blocks.Basic(channels=16), blocks.Basic(channels=32, shortcut="identity"), blocks.Classifier())
    report = analyze(network, partial=True)
    assert report.error is not None
    scene = network_scene(report, frozenset({"1"}), frozenset(), False)
    [failing] = named(scene, "card", "error")
    assert any(isinstance(item, Box) and item.pen.colour == "error" for item in failing.parts)
    reason = " ".join(item.text for item in failing.parts if isinstance(item, Text) and item.colour == "error")
    assert reason == report.error.reason
    [waiting] = named(scene, "card", "waiting")
    assert all(item.colour == "muted" for item in waiting.parts if isinstance(item, Text))
    assert [group.data["toggle"] for group in groups(scene.parts) if "toggle" in group.data] == ["0"]
    assert complaints(scene) == []


def test_what_is_selected_says_so() -> None:
    report = analyze(presets.load("resnet18"))
    text = picture.network(report, ["2", "2.0"], [1, "2.1", "2.0.conv2"])
    chosen = [
        group.get("data-path")
        for group in ElementTree.fromstring(text).iter()
        if "selected" in (group.get("class") or "").split()
    ]
    assert set(filter(None, chosen)) == {"1", "2.0.conv2", "2.1"}


def test_an_empty_network_and_a_module_without_cards() -> None:
    scene = network_scene(analyze(Network()), frozenset(), frozenset(), False)
    assert complaints(scene) == []
    from explorer import analyze_module

    with pytest.raises(ValueError, match="no cards"):
        picture.network(analyze_module(nn.Conv2d(3, 4, 3), (3, 8, 8)))


# The gallery's pictures


@pytest.mark.parametrize("name", presets.names())
def test_a_folded_network_has_a_block_a_card_and_its_arcs(name: str) -> None:
    report = analyze(presets.load(name))
    scene = folded_scene(report, 230, 72)
    assert (scene.width, scene.height) == (230, 72)
    assert len([part for part in parts(scene.parts) if isinstance(part.item, Box)]) == len(report.cards)
    dashed = [part.item for part in parts(scene.parts) if isinstance(part.item, Path) and len(part.item.steps) == 6]
    assert report.network is not None
    assert len(dashed) == sum(block.has_shortcut() for block in report.network.blocks)
    words = [part.item.text for part in parts(scene.parts) if isinstance(part.item, Text)]
    assert words == [f"×{card.repeat}" for card in report.cards if card.repeat > 1]


def test_a_folded_network_of_any_length_stays_in_its_picture() -> None:
    network = Network(blocks=tuple(blocks.Conv(channels=4) for _ in range(300)))
    scene = folded_scene(analyze(network), 230, 72)
    assert all(
        part.item.x >= 0 and part.item.x + part.item.width <= 230
        for part in parts(scene.parts)
        if isinstance(part.item, Box)
    )


# Miniatures


def test_miniatures_are_small_have_no_words_and_tell_the_kinds_apart() -> None:
    seen: dict[str, str] = {}
    for kind in KINDS.values():
        fields, shape = kind.examples[0]
        text = picture.miniature(kind(**fields), shape)
        root = ElementTree.fromstring(text)
        assert (root.get("width"), root.get("height")) == ("44", "30")
        assert not list(root.iter(f"{SVG}text"))
        drawing = text.partition("<g")[2]
        assert drawing not in seen, f"{kind.title} looks like {seen.get(drawing)}"
        seen[drawing] = kind.title
    for block, shape in EXAMPLES:
        assert len(picture.miniature(block, shape)) < 1500


def test_the_largest_blocks_are_drawn_in_time_and_their_miniatures_stay_small() -> None:
    nested = "1x1:2 | 1x1:2 > (" * 16 + "1x1:2" + ")" * 16
    for line in (
        " | ".join(["1x1:1"] * 250),
        " > ".join(["3x3:1"] * 250),
        nested,
        "1x1:1 > 3x3:1 | " * 124 + "maxpool",
    ):
        block = blocks.Inception(branches=line)
        began = process_time()
        scene = inside_scene(block, (8, 8, 8))
        small = picture.miniature(block, Shape(8, 8, 8))
        assert process_time() - began < 2  # seconds; 0.1 on a quiet machine
        assert len(small) < 6_500
        assert len(named(scene, "node")) == len(copy_graph(block, (8, 8, 8)).nodes)


def test_a_block_that_cannot_stand_where_it_is_still_has_a_miniature() -> None:
    refused = blocks.IdentityMapping(channels=24)
    assert picture.miniature(refused, Shape(16, 8, 8)) == picture.miniature(blocks.IdentityMapping(), Shape(16, 8, 8))
    assert picture.miniature(blocks.Basic(), None).startswith("<svg")
    assert picture.miniature(blocks.Classifier(), (10,)).startswith("<svg")


# Text


@pytest.mark.parametrize(
    "label", ['</text><script>alert("1")</script>', "a & b < c", "\x00\x1f\x0b￾", "日本語 🦆", "W" * 40]
)
def test_names_are_text_and_nothing_else(label: str) -> None:
    network = stack(blocks.Basic(channels=16, label=label), blocks.Downsampling(channels=16, share="W"))
    for across in (False, True):
        for opened in (frozenset[str](), frozenset({"0"})):
            scene = network_scene(analyze(network), opened, frozenset(), across)
            root = ElementTree.fromstring(svg(scene))
            assert not list(root.iter(f"{SVG}script"))
            assert complaints(scene) == []


def test_paths_and_titles_are_escaped() -> None:
    group = Scene(10, 10, '"><b>', [])
    assert "<b>" not in svg(group)
    hostile = frozenset({'0" onload="x', "<b>"})
    text = picture.network(analyze(stack(blocks.Basic(channels=16))), hostile, hostile)
    assert "onload" not in text and "<b>" not in text


def test_colours_are_variables_on_the_page_and_values_in_a_file() -> None:
    block, shape = blocks.Basic(channels=16), Shape(16, 8, 8)
    page, file = picture.inside(block, shape), picture.inside(block, shape, colours=LIGHT)
    assert "var(--xp-residual)" in page and "#" not in page and "'" not in page
    assert "var(" not in file and LIGHT.residual in file


def test_a_name_on_the_card_and_more_copies_draw_no_inside_anew() -> None:
    block = blocks.Basic(channels=16)
    assert picture.inside(block, Shape(16, 8, 8)) == picture.inside(
        block.with_fields(label="Stage 1", repeat=9), Shape(16, 8, 8)
    )


def test_text_is_cut_to_the_room_that_it_has() -> None:
    assert clipped("Basic block", 200, 12) == "Basic block"
    cut = clipped("Basic block", 40, 12)
    assert cut.endswith("…") and text_width(cut, 12) <= 40 < text_width("Basic block", 12)
    assert text_width("0000", 10, monospaced=True) == 24
