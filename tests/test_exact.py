"""Counts are exact: equal to the unit to independent answers, over all presets and over random stacks.

Each check is run once against a count that is wrong, to prove that it can fail.
"""

import gc
import json
import resource
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from torch import nn

from explorer import Network, Shape, ShapeError, analyze, analyze_module, blocks, presets
from explorer.block import KINDS, Block
from explorer.network import walk
from explorer.report import Report
from tests import oracles
from tests.stacks import any_stacks, blocks_of, shapes, valid_stacks

KNOWN = json.loads((Path(__file__).parent / "data" / "known_networks.json").read_text())["networks"]


def check_totals(report: Report) -> None:
    """Every column adds up to its total, over cards, blocks and operations."""
    for rows in (report.cards, report.blocks, report.operations):
        if report.network is None and rows == ():
            continue
        assert sum(row.macs for row in rows) == report.macs
        assert sum(row.elements for row in rows) == report.elements
        assert sum(row.saved_bytes for row in rows) == report.saved_bytes
        assert sum(row.params for row in rows) == report.params
    for source, target in report.edges:
        assert -1 <= source < target < len(report.operations)


def check_exact(network: Network, batch: int = 2) -> None:
    """The report against torch's own answers on the built model."""
    report = analyze(network, batch=batch)
    # torch itself refuses a group of a single value, which a batch of one image may leave it
    if any(row.op == "group_norm" and row.output_shape[1:] == (1, 1) for row in report.operations):
        return
    model = network.build()
    assert report.params == oracles.parameter_count(model)
    assert report.macs == oracles.flop_macs(model, network.input)
    assert report.saved_bytes == oracles.saved_bytes(model, network.input, batch)
    with torch.no_grad():
        output = model.eval()(torch.zeros(1, *network.input))
    assert tuple(output.shape[1:]) == tuple(report.output_shape)
    check_totals(report)
    assert not report.uncounted


@given(valid_stacks())
def test_random_stacks_are_counted_to_the_unit(network: Network) -> None:
    check_exact(network)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_option_of_every_kind_is_counted_to_the_unit(kind: type[Block]) -> None:
    seen: set[str] = set()

    @settings(max_examples=25)
    @given(blocks_of(kind), shapes)
    def check(block: Block, shape: Shape) -> None:
        network = Network(input=shape, blocks=(block,))
        try:
            analyze(network)
        except ShapeError as error:
            assume(error.ways)
            network = network.apply(error.ways[0].edit)
            try:
                analyze(network)
            except ShapeError:
                assume(False)
        seen.add(network.blocks[0].kind)
        check_exact(network)

    check()
    assert kind.model_fields["kind"].default in seen


@settings(max_examples=12)
@given(valid_stacks(max_bodies=3))
def test_receptive_fields_of_random_stacks_are_those_of_the_gradients(network: Network) -> None:
    size = 72
    maps = tuple(block for block in network.blocks if block.role != "head")
    network = Network(input=Shape(network.input.channels, size, size), blocks=maps)
    field = analyze(network).receptive_field
    assert field is not None
    assume(max(field.size, field.width_size) + 9 * field.stride < size - 2 * oracles.GAP)
    model = network.build()
    jump_y, low_y, high_y, jump_x, low_x, high_x = oracles.receptive_field(model, network.input)
    assert field == (high_y - low_y + 1, jump_y, low_y, high_x - low_x + 1, jump_x, low_x)


@pytest.mark.parametrize("name", [name for name in presets.names() if "1202" not in name])
def test_presets_are_counted_to_the_unit(name: str) -> None:
    network = presets.load(name)
    report = analyze(network)
    model = network.skeleton()
    assert report.params == oracles.parameter_count(model)
    assert report.macs == oracles.flop_macs(model, network.input)
    assert report.saved_bytes == oracles.saved_bytes(model, network.input, device="meta")
    check_totals(report)
    assert not report.uncounted


def test_the_deepest_preset_is_counted_to_the_unit() -> None:
    network = presets.load("cifar_resnet1202")
    report = analyze(network)
    assert report.params == oracles.parameter_count(network.skeleton())
    # 600 blocks: a shallower sibling holds the counts of a copy, the depth their number
    small = analyze(presets.load("cifar_resnet20"))
    for card, little in zip(report.cards[1:4], small.cards[1:4], strict=True):
        first, second = (row for row in small.blocks if row.card == card.index and row.copy < 2)
        assert card.macs == first.macs + 199 * second.macs
        assert card.params == first.params + 199 * second.params == little.params + 197 * second.params
        assert card.saved_bytes == little.saved_bytes + 197 * second.saved_bytes
    check_totals(report)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("resnet18", "resnet18"),
        ("resnet50", "resnet50"),
        ("googlenet", "googlenet"),
        ("cifar_resnet20", "cifar_resnet20_A"),
        ("cifar_resnet20_b", "cifar_resnet20_B"),
        ("cifar_resnet56_b", "cifar_resnet56_B"),
        ("preact_resnet18", "imagenet_preact_resnet18"),
    ],
)
def test_presets_agree_with_published_counts(name: str, known: str) -> None:
    expected = KNOWN[known]
    report = analyze(presets.load(name))
    assert report.params == expected["params"]
    assert report.macs == expected["macs"]
    assert report.flops == expected["flops"]
    assert report.saved_bytes == expected["saved_for_backward_bytes"]
    statistics = expected["saved_bn_stats_bytes_batch_independent"]
    for batch in (2, 64):
        assert analyze(presets.load(name), batch=batch).saved_bytes == (
            batch * (expected["saved_for_backward_bytes"] - statistics) + statistics
        )
    field = report.receptive_field
    assert field is not None
    assert (field.size, field.stride, field.start) == tuple(expected["rf"].values())
    elements: dict[str, int] = {}
    names = {"batch_norm": "bn", "max_pool2d": "maxpool", "adaptive_avg_pool2d": "adaptive"}
    for row in report.operations:
        elements[names.get(row.op, row.op)] = elements.get(names.get(row.op, row.op), 0) + row.elements
    for operation, count in expected["elementwise_outputs"].items():
        assert elements[operation] == count, operation
    convolutions = [row for row in report.operations if row.op == "conv2d"]
    assert len(convolutions) == expected["n_conv"]
    activations = sum(row.output_shape[0] * row.output_shape[1] * row.output_shape[2] for row in convolutions)
    assert activations == expected["conv_activations"]


def test_the_network_of_2014_without_norms_is_counted_as_published() -> None:
    bare = [
        block.with_fields(norm="none") if "norm" in type(block).model_fields else block
        for block in presets.load("googlenet_5x5").blocks
    ]
    report = analyze(Network(input=Shape(3, 224, 224), blocks=tuple(bare)))
    expected = KNOWN["googlenet_2014_bias_5x5"]
    assert (report.params, report.macs) == (expected["params"], expected["macs"])
    assert report.saved_bytes == expected["saved_for_backward_bytes"]


def test_analyze_module_counts_a_module_of_the_users_own() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = presets.load("cifar_resnet20_b").build()
            self.scale = nn.Parameter(torch.ones(10))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x) * self.scale

    own = Own()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    report = analyze_module(own, (3, 32, 32), batch=3)
    network = analyze(presets.load("cifar_resnet20_b"), batch=3)
    assert report.params == network.params + 10
    assert report.macs == network.macs
    assert report.saved_bytes == oracles.saved_bytes(own, (3, 32, 32), 3)
    assert [row.name for row in report.blocks] == ["body", "forward"]
    assert all(torch.equal(before[name], value) for name, value in own.state_dict().items())
    assert own.training


def test_shared_weights_are_counted_once_and_their_work_every_time() -> None:
    def stack(share: str) -> Network:
        drb = blocks.Downsampling(channels=8, share=share)
        return Network(input=Shape(8, 16, 16), blocks=(drb, drb, drb.with_fields(repeat=3)))

    apart, shared = analyze(stack("")), analyze(stack("W"))
    filters = 2 * (8 * 8 * 9)
    assert apart.params - shared.params == 4 * filters  # five uses of W, one of them paid
    assert apart.macs == shared.macs
    assert [row.params for row in apart.blocks] == [
        row.params + (0 if index == 0 else filters) for index, row in enumerate(shared.blocks)
    ]
    check_exact(stack("W"))
    model = stack("W").build()
    assert model.get_submodule("0.0.conv1.conv") is model.get_submodule("2.2.conv1.conv")
    assert model.get_submodule("0.0.conv1.norm") is not model.get_submodule("1.0.conv1.norm")


def test_a_map_that_a_layer_norm_leaves_channels_last_is_copied_by_flattening() -> None:
    for last in (blocks.NormActivation(norm="layer"), blocks.NormActivation()):
        check_exact(
            Network(
                input=Shape(4, 7, 7),
                blocks=(blocks.Conv(channels=4), last, blocks.Classifier(classes=2, pool="flatten")),
            )
        )


def test_every_check_can_fail() -> None:
    network = Network(
        input=Shape(3, 16, 16),
        blocks=(blocks.Stem(form="cifar", channels=4), blocks.Basic(channels=4), blocks.Classifier()),
    )
    report = analyze(network)
    other = network.replace(1, blocks.Basic(channels=4, activation="silu", mid_ratio=2))
    model = other.build()
    assert report.params != oracles.parameter_count(model)
    assert report.macs != oracles.flop_macs(model, network.input)
    assert report.saved_bytes != oracles.saved_bytes(model, network.input)
    bigger = Network(input=Shape(3, 64, 64), blocks=(*network.blocks[:1], blocks.Conv(channels=4, kernel=5)))
    field = analyze(bigger).receptive_field
    assert field is not None
    jump, low, high, *_ = oracles.receptive_field(bigger.replace(1, blocks.Conv(channels=4)).build(), bigger.input)
    assert (field.stride, field.start, field.size) != (jump, low, high - low + 1)
    report.macs += 1
    with pytest.raises(AssertionError):
        check_totals(report)


@given(any_stacks())
def test_a_stack_that_does_not_fit_is_reported_up_to_the_failing_card(network: Network) -> None:
    report = analyze(network, partial=True)
    if report.error is None:
        assert report.params == analyze(network).params
        return
    index = report.error.index
    assert index is not None
    front = analyze(Network(input=network.input, blocks=network.blocks[:index]))
    assert (report.params, report.macs) == (front.params, front.macs)
    statuses = [card.status for card in report.cards]
    assert statuses == ["ok"] * index + ["error"] + ["waiting"] * (len(network.blocks) - index - 1)
    assert str(report.error).startswith(f"block {index + 1} ({network.blocks[index].name}")
    for way in report.error.ways:
        mended = analyze(network.apply(way.edit), partial=True)
        assert mended.error is None or mended.error.index != index or mended.error.reason != report.error.reason
    assert [row.card for row in report.blocks] == [
        step.card for step in front_steps(network, index) for _ in range(step.count)
    ]


def front_steps(network: Network, index: int) -> list:
    return list(walk(Network(input=network.input, blocks=network.blocks[:index])))


def test_the_widest_network_is_counted_in_constant_memory() -> None:
    wide = Network(
        input=Shape(8192, 4096, 4096),
        blocks=(
            blocks.Bottleneck(channels=8192, mid=8192, repeat=250),
            blocks.Residual(width=8192, kernel=31, convolutions=1, repeat=250),
            blocks.Classifier(classes=100_000, pool="flatten"),
        ),
    )
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = analyze(wide)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000  # kB on Linux, bytes on macOS: either way far below the terabytes of weights
    assert report.params > 10**12
    with pytest.raises(ValueError, match=r"the weights need .* GiB, more than the budget of 4\.0 GiB"):
        wide.build()
