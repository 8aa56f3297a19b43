"""What the Inspect page's views draw is what the report says, and what torch does."""

from __future__ import annotations

import json
import weakref
from itertools import pairwise
from math import isclose, log2

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from explorer import Network, Shape, analyze, blocks, presets
from explorer.block import Block
from explorer.drawing import fields, lifetimes, stages, volumes
from explorer.network import walk
from explorer.report import Report
from explorer.shape import show
from explorer.ui import desk
from explorer.ui.inspector import samples, views
from tests import oracles
from tests.stacks import valid_stacks

NAMES = presets.names()
SOME = ["digits_resnet56", "resnet50", "googlenet", "inception_v3", "article", "preact_resnet18", "cifar_resnet1202"]
BROKEN = Network(
    input=Shape(3, 32, 32),
    blocks=(blocks.Stem(form="cifar", channels=16), blocks.Basic(channels=8, shortcut="identity"), blocks.Classifier()),
)


def totals(report: Report) -> tuple[int, int, int]:
    return report.params, report.macs, report.saved_bytes


# Stages, blocks, operations


def check_tree(report: Report) -> None:
    """Each level adds up to the one above it, to the unit."""
    assert stages.sums(stages.stages(report)) == stages.sums(stages.blocks(report)) == totals(report)
    assert [card for stage in stages.stages(report) for card in stage.cards] == [
        card.index for card in stages.counted(report)
    ]
    own = {item.cards[0]: item for item in stages.blocks(report)}
    for stage in stages.stages(report):
        assert stages.sums([own[card] for card in stage.cards]) == stage.costs
    for card in stages.counted(report):
        assert stages.sums(stages.operations(card, report.operations)) == own[card.index].costs


@pytest.mark.parametrize("name", NAMES)
def test_every_level_of_the_tree_adds_up_to_the_report(name: str) -> None:
    check_tree(analyze(presets.load(name), batch=3))


@given(valid_stacks())
@settings(max_examples=60, deadline=None)
def test_so_do_those_of_random_stacks(network: Network) -> None:
    check_tree(analyze(network, batch=2))


def test_what_fits_of_a_broken_stack_adds_up_too() -> None:
    report = analyze(BROKEN, partial=True)
    check_tree(report)
    assert [stage.name for stage in stages.stages(report)] == ["Stem"]


def test_stages_are_runs_of_equal_maps_between_stem_and_head() -> None:
    assert [(stage.name, len(stage.cards)) for stage in stages.stages(analyze(presets.load("googlenet")))] == [
        ("Stem", 1), ("28×28", 2), ("14×14", 6), ("7×7", 3), ("Head", 1),
    ]  # fmt: skip


def test_equal_operations_of_all_copies_are_one_item() -> None:
    report = analyze(presets.load("cifar_resnet1202"))
    items = stages.operations(report.cards[1], report.operations)
    assert {item.copies for item in items} == {200}
    assert [item.name for item in items][:2] == ["conv1.conv · conv2d", "conv1.norm · batch_norm"]
    assert items[0].macs == 200 * 16 * 16 * 9 * 32 * 32


# Volumes


@pytest.mark.parametrize("name", SOME)
def test_volumes_are_to_scale_and_stand_in_a_row(name: str) -> None:
    report = analyze(presets.load(name))
    found = volumes.volumes(report)
    assert [box.shape for box in found] == [tuple(report.input_shape), *(card.output_shape for card in report.cards)]
    largest = max(side for box in found for side in volumes.sides(box.shape))
    unit = found[0].thickness / (1 + log2(found[0].shape[0]))
    for box in found:
        assert (box.height * largest, box.width * largest) == pytest.approx(volumes.sides(box.shape))
        assert isclose(box.thickness, unit * (1 + log2(box.shape[0])))
    for one, other in pairwise(found):
        assert one.start + one.thickness < other.start


def test_the_figure_of_volumes_is_a_mesh_a_family_and_has_the_same_boxes() -> None:
    report = analyze(presets.load("googlenet"))
    found, figure = volumes.volumes(report), volumes.figure(report, selected=3)
    *meshes, around = figure.data
    assert len(meshes) == 4  # input and pools, stem, Inception, head
    assert sum(len(mesh.x) for mesh in meshes) == 8 * len(found)
    assert sum(len(mesh.i) for mesh in meshes) == 12 * len(found)
    for mesh in meshes:
        for start in range(0, len(mesh.x), 8):
            [box] = [box for box in found if box.card == mesh.customdata[start]]
            own = slice(start, start + 8)
            assert max(mesh.x[own]) - min(mesh.x[own]) == pytest.approx(box.thickness)
            assert max(mesh.y[own]) - min(mesh.y[own]) == pytest.approx(box.width)
            assert max(mesh.z[own]) - min(mesh.z[own]) == pytest.approx(box.height)
            assert box.name in mesh.hovertext[start] and show(box.shape) in mesh.hovertext[start]
    [chosen] = [box for box in found if box.card == 3]
    ends = {x for x in around.x if x is not None}
    assert ends == {chosen.start, chosen.start + chosen.thickness}
    assert len(around.x) == 12 * 3
    assert len(volumes.figure(report).data[-1].x) == 0 and len(volumes.figure(report).data) == len(figure.data)


# Receptive fields


@pytest.mark.parametrize("at", [(0.0, 0.0), (0.5, 0.5), (1.0, 0.2)])
def test_a_window_is_what_torch_says_a_unit_sees(at: tuple[float, float]) -> None:
    body = (
        blocks.Stem(form="imagenet", channels=4),
        blocks.Basic(channels=4, repeat=2),
        blocks.Basic(channels=8, stride=2),
        blocks.Conv(channels=4, kernel=5, padding="valid"),
    )
    network = Network(input=Shape(3, 96, 64), blocks=body)
    for card, window in enumerate(fields.windows(analyze(network), at)):
        part = Network(input=network.input, blocks=network.blocks[: card + 1]).build(seed=0).double().eval()
        with torch.no_grad():
            for parameter in part.parameters():
                parameter.fill_(1.0)
        image = torch.ones(1, *network.input, dtype=torch.float64, requires_grad=True)
        with oracles.Positive():
            output = part(image * 1.0)
        assert window.rows is not None and window.columns is not None
        touched = oracles.seen(image, output, window.rows.unit, window.columns.unit)
        for axis, pixels in ((window.rows, touched.sum(1)), (window.columns, touched.sum(0))):
            seen = pixels.nonzero().flatten()
            assert axis.clipped == (int(seen[0]), int(seen[-1]))
            assert axis.beyond == axis.size - len(range(int(seen[0]), int(seen[-1]) + 1))


def test_the_unit_is_the_one_that_looks_nearest_to_the_place() -> None:
    # stride 4, windows of 7 from −3 on: their middles are 0, 4, 8, … of 33 pixels
    assert [fields.axis(7, 4, -3, 9, 33, at / 32).unit for at in (0, 1, 3, 16, 31, 32)] == [0, 0, 1, 4, 8, 8]
    assert fields.axis(7, 4, -3, 9, 33, 0.5).first == 13


def test_windows_larger_than_the_picture_say_how_much_is_picture() -> None:
    report = analyze(presets.load("resnet50"))
    last = fields.windows(report)[-2]
    assert last.rows is not None and last.rows.size == report.receptive_field.size == 427
    said = views.window_said(last)
    assert "sees 427×427 pixels" in said[0] and said[2].startswith("Clipped here to the 224×224")
    head = fields.windows(report)[-1]
    assert head.rows is None and views.window_said(head) == [
        "Sees every pixel of the picture: behind global pooling there is no window."
    ]


# Memory along time


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_adds_up_to_the_saved_bytes_and_is_all_let_go(name: str) -> None:
    check_memory(analyze(presets.load(name), batch=5))


@given(valid_stacks())
@settings(max_examples=60, deadline=None)
def test_so_it_does_in_random_stacks(network: Network) -> None:
    check_memory(analyze(network, batch=2))


def check_memory(report: Report) -> None:
    line, blocks_ = lifetimes.total(report), len(report.blocks)
    assert len(line) == 2 * blocks_ + 1
    assert line[0] == line[-1] == 0
    assert line[blocks_] == max(line) == report.saved_bytes
    assert line[: blocks_ + 1] == sorted(line[: blocks_ + 1]) and line[blocks_:] == sorted(line[blocks_:], reverse=True)
    assert [line[at + 1] - line[at] for at in range(blocks_)] == [row.saved_bytes for row in report.blocks]
    for life, card in zip(lifetimes.lives(report), stages.counted(report), strict=True):
        assert life.most == card.saved_bytes
        assert all(held >= 0 for _, held in life.changes)
        assert not life.changes or life.changes[-1][1] == 0


class Handle:
    """A saved tensor that says when autograd lets it go."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()


@pytest.mark.parametrize(
    "stack",
    [
        (blocks.Stem(form="cifar", channels=8), blocks.Basic(channels=8, repeat=3), blocks.Classifier(classes=5)),
        (blocks.Conv(channels=6), blocks.Pool(), blocks.IdentityMapping(channels=6, repeat=2), blocks.Conv(channels=4)),
        (blocks.Inception(branches="1x1:4 | 1x1:2 > 3x3:4"), blocks.Basic(stride=2), blocks.NormActivation()),
    ],
    ids=["basic", "pre-activation", "inception"],
)  # fmt: skip
def test_torch_lets_go_when_the_line_says_so(stack: tuple[Block, ...]) -> None:
    """Where the gradient of a block's input is there, its backward is done: what is then still held is counted."""
    network = Network(input=Shape(3, 12, 12), blocks=stack)
    report = analyze(network, batch=2)
    cards = zip(network.blocks, network.build(seed=0).train(), strict=True)
    copies = [copy for block, card in cards for copy in (card if "repeat" in type(block).model_fields else [card])]
    count = len(report.blocks)
    assert len(copies) == count
    alive: dict[int, tuple[int, int]] = {}
    measured: dict[int, int] = {}
    image = torch.rand(2, *network.input)
    known = set(oracles.storages([list(one.parameters()) + list(one.buffers()) for one in copies], image))

    def pack(tensor: torch.Tensor) -> Handle:
        handle, memory = Handle(tensor), tensor.untyped_storage()
        if memory._cdata not in known:
            alive[id(handle)] = memory._cdata, memory.nbytes()
            weakref.finalize(handle, alive.pop, id(handle), None)
        return handle

    def held() -> int:
        return sum(dict(alive.values()).values())

    def note(number: int) -> None:
        measured[2 * count + 1 - number] = held()

    value = image
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda handle: handle.tensor):
        for number, copy in enumerate(copies, start=1):
            if number > 1:
                value.register_hook(lambda gradient, number=number: note(number))
            value = copy(value)
    output = value.untyped_storage()._cdata
    for handle in [key for key, (memory, _) in alive.items() if memory == output]:
        alive.pop(handle)  # the network's output is not counted
    measured[count] = held()
    value.sum().backward()
    line = lifetimes.total(report)
    assert len(measured) == count
    assert {time: line[time] for time in measured} == measured


def test_a_map_that_only_the_next_block_saves_goes_with_that_block() -> None:
    report = analyze(
        Network(input=Shape(3, 8, 8), blocks=(blocks.Stem(form="cifar", channels=4), blocks.Basic(channels=4)))
    )
    records = [step.record.trace for step in walk(report.network)]
    assert all(trace.output_saved for trace in records)  # a ReLU keeps its own output
    assert [kept.reader for kept in lifetimes.kept(report)] == [1, 2]
    mapping = analyze(presets.load("preact_resnet18"))
    kept = lifetimes.kept(mapping)
    assert any(block.output and block.reader == number + 1 for number, block in enumerate(kept, start=1))


# What the page is sent


@pytest.mark.parametrize("name", SOME)
def test_all_that_is_sent_is_plain_json_and_adds_up(name: str) -> None:
    report = analyze(presets.load(name), batch=64)
    bars = {level: views.bars(report, level, 1, False) for level in ("Stages", "Blocks", "Operations")}
    for level in ("Stages", "Blocks"):
        assert [sum(item["costs"][at] for item in bars[level]["items"]) for at in range(3)] == list(totals(report))
    card = report.cards[1]
    assert [sum(item["costs"][at] for item in bars["Operations"]["items"]) for at in range(3)] == [
        card.params, card.macs, card.saved_bytes,
    ]  # fmt: skip
    for place, measure in enumerate(views.MEASURES):
        tree = views.tree(report, measure, 1)
        assert sum(stage["size"] for stage in tree["stages"]) == totals(report)[place]
        for stage in tree["stages"]:
            assert sum(block["size"] for block in stage["inner"]) == stage["size"]
            for block in stage["inner"]:
                assert sum(leaf["size"] for leaf in block["inner"]) == block["size"]
    memory = views.memory(report)
    assert (
        sum(max(held for _, held in life["changes"]) for life in memory["lives"] if life["changes"]) == memory["total"]
    )
    inside = views.inside(report, 1)
    assert sum(operation["saved"] for operation in inside["operations"]) == card.saved_bytes
    assert len(views.boxes(report)["boxes"]) == len(report.cards) + 1
    for data in (
        bars,
        memory,
        inside,
        views.boxes(report),
        views.strip(report, 1, "1.*.conv1"),
        views.windows(report, (0, 1)),
    ):
        json.dumps(data, allow_nan=False)


def test_a_tall_stack_sends_operations_of_the_selected_block_alone() -> None:
    stack = (*(blocks.Basic(channels=16) for _ in range(80)), blocks.Classifier())
    report = analyze(Network(input=Shape(3, 16, 16), blocks=stack))
    tree = views.tree(report, "Parameters", 7)
    opened = [block for stage in tree["stages"] for block in stage["inner"] if block["inner"]]
    assert [block["cards"] for block in opened] == [[7]]
    assert sum(stage["size"] for stage in tree["stages"]) == report.params


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 32, 32), (3, 224, 224), (3, 33, 20), (5, 10, 7), (3, 1, 1), (3, 8192, 3)]
)
def test_a_sample_picture_has_the_inputs_proportions_and_is_small(shape: tuple[int, int, int]) -> None:
    import base64
    import io

    from PIL import Image

    made = samples.sample(*shape)
    assert len(made.address) < 150_000
    picture = Image.open(io.BytesIO(base64.b64decode(made.address.partition(",")[2])))
    scale = min(1, samples.SIDE / max(shape[1:]))
    assert picture.size == (max(1, round(shape[2] * scale)), max(1, round(shape[1] * scale)))


def test_the_samples_are_scikit_learns_own() -> None:
    from sklearn.datasets import load_digits, load_sample_image

    assert (np.asarray(samples._digit()) == (load_digits().images[0] * 255 / 16).round()).all()
    assert (np.asarray(samples._flower()) == load_sample_image("flower.jpg")).all()


def test_the_whole_network_can_be_what_is_selected() -> None:
    report = desk.report_of(presets.load("resnet18").token(), 64)
    strip = views.strip(report, -1, "")
    assert strip["name"] == "The whole network" and dict(strip["facts"])["Parameters"] == "11,689,512"
    assert views.inside(report, -1)["operations"] == []
