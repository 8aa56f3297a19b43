"""Fitting to a budget: equal to brute force over the grid, and the grid is what is said of it."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer import Network, Shape, ShapeError, analyze, blocks, presets
from explorer import record as records
from explorer.block import KINDS, Block
from explorer.fit import Fit, Quantity, fit, points
from tests.stacks import valid_stacks

QUANTITIES: tuple[Quantity, ...] = ("params", "macs", "memory")


@dataclass(frozen=True)
class Counted:
    """A network of the grid as the plain way makes and counts it."""

    width: float
    depth: float
    network: Network
    params: int
    macs: int
    memory: int


def brute_force(network: Network, batch: int, optimizer: str) -> list[Counted]:
    """Each network of the grid, made field by field and counted by `analyze` alone."""
    found = []
    for width in (eighths / 8 for eighths in range(2, 17)):
        for depth in (eighths / 8 for eighths in range(2, 17)):
            stack = []
            for block in network.blocks:
                wide = block.widened(width)
                if block.copies > 1:
                    wide = wide.with_fields(repeat=min(256, max(1, int(block.copies * depth + 0.5))))
                stack.append(wide)
            made = Network(name=network.name, input=network.input, blocks=tuple(stack))
            try:
                report = analyze(made, batch=batch)
            except ShapeError:
                continue
            memory = report.memory(optimizer).total
            found.append(Counted(width, depth, made, report.params, report.macs, memory))
    return found


def best(found: list[Counted], quantity: Quantity, target: int) -> int:
    """The largest value that does not exceed the target; where there is none, the smallest."""
    values = [getattr(one, quantity) for one in found]
    return max((value for value in values if value <= target), default=min(values))


def check(network: Network, quantity: Quantity, target: int, batch: int = 1, optimizer: str = "sgd") -> Fit:
    """Holds a fit against brute force: the best of all, by width, by depth, and every figure of every proposal."""
    found = brute_force(network, batch, optimizer)
    result = fit(network, quantity, target, batch, optimizer)
    assert getattr(result.proposals[0], quantity) == best(found, quantity, target)
    assert len({proposal.network for proposal in result.proposals}) == len(result.proposals) <= 4
    for proposal in result.proposals:
        report = analyze(proposal.network, batch=batch)
        assert (proposal.params, proposal.macs) == (report.params, report.macs)
        assert proposal.memory == report.memory(optimizer).total
        assert proposal.difference == getattr(proposal, quantity) - target
        assert proposal.meets == (getattr(proposal, quantity) <= target)
        # the label says how to make it
        [same] = [one for one in found if (one.width, one.depth) == (proposal.width, proposal.depth)]
        assert same.network == proposal.network
        assert bool(proposal.changes) == (proposal.network != network)
    alone = [
        [one for one in found if one.network != network and one.depth == 1],
        [one for one in found if one.network != network and one.width == 1],
    ]
    for ones in filter(None, alone):
        assert best(ones, quantity, target) in [getattr(proposal, quantity) for proposal in result.proposals]
    *others, last = [proposal.network for proposal in result.proposals]
    left = [one for one in found if one.network not in (network, *others)]
    if left:
        assert getattr(result.proposals[-1], quantity) == best(left, quantity, target), "the next best comes last"
        assert last != network
    return result


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "digits_resnet56", "inception_resnet_small", "googlenet", "article"]
)
def test_a_fit_is_brute_force_over_the_grid(name: str, quantity: Quantity) -> None:
    network = presets.load(name)
    now = analyze(network, batch=16)
    value = {"params": now.params, "macs": now.macs, "memory": now.memory("adamw").total}[quantity]
    for share in (0.3, 0.6):
        check(network, quantity, int(value * share), batch=16, optimizer="adamw")


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(network=valid_stacks(), quantity=st.sampled_from(QUANTITIES), share=st.sampled_from([0.01, 0.5, 0.9, 1.5, 9]))
def test_a_fit_of_a_random_stack_is_brute_force(network: Network, quantity: Quantity, share: float) -> None:
    report = analyze(network, batch=4)
    value = {"params": report.params, "macs": report.macs, "memory": report.memory("sgd").total}[quantity]
    check(network, quantity, max(1, int(value * share)), batch=4)


def test_the_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    network = presets.load("digits_resnet20")
    check(network, "params", 150_000)
    monkeypatch.setattr("explorer.fit.EIGHTHS", range(2, 9, 2))  # a grid with half of its points
    with pytest.raises(AssertionError):
        check(network, "params", 150_000)


def test_every_point_of_the_grid_is_counted_as_analyze_counts_it() -> None:
    network = presets.load("resnet50")
    found = {(one.width, one.depth): one for one in brute_force(network, 8, "sgd")}
    counted = list(points(network, batch=8))
    assert len(counted) == 15 * 15  # widths of 8 and more, stages of 3, 4 and 6: no two are the same
    for point in counted:
        one = found[point.width / 8, point.depth / 8]
        assert (point.params, point.macs, point.memory) == (one.params, one.macs, one.memory)


def test_equal_networks_appear_once_under_the_least_change() -> None:
    # two copies: depths ×0.25 to ×0.625 give 1 (1.25 down), ×0.75 to ×1.125 give 2, ×1.25 to ×1.625 3, from ×1.75 4
    network = Network(input=Shape(3, 8, 8), blocks=(blocks.Pool(), blocks.IdentityMapping(repeat=2)))
    assert [(point.width, point.depth) for point in points(network)] == [(8, 8), (8, 10), (8, 5), (8, 14)]


def test_ties_go_to_the_least_change() -> None:
    # a pool has no parameters, so every network of the grid has those of the classifier: 3 · 10 + 10
    network = Network(
        input=Shape(3, 8, 8), blocks=(blocks.IdentityMapping(repeat=2, norm="none", bias="no"), blocks.Classifier())
    )
    first, *_ = fit(network, "params", 200).proposals
    assert (first.label, first.changes) == ("width ×1, depth ×0.625", ("1 Identity mapping: ×2 → ×1",))
    assert (first.params, first.difference) == (2 * 9 * 3 * 3 + 40, 202 - 200)
    assert not first.meets, "where nothing stays below, the smallest above"


def test_a_network_that_is_the_best_already_says_that_nothing_changes() -> None:
    network = presets.load("digits_resnet56")
    result = fit(network, "params", 855_482)
    assert (result.proposals[0].label, result.proposals[0].changes) == ("width ×1, depth ×1", ())
    assert result.proposals[0].network == network and result.proposals[0].difference == 0
    assert all(proposal.changes for proposal in result.proposals[1:])


def test_a_proposal_says_in_words_what_it_changes() -> None:
    first, width, depth, _ = fit(presets.load("digits_resnet56"), "params", 513_289).proposals
    assert first.label == "width ×0.875, depth ×0.75"
    # 9 · 0.75 = 6.75
    assert first.changes == (
        "1 Stem: channels 16 → 14",
        "2 Basic block: channels 16 → 14, ×9 → ×7",
        "3 Basic block: channels 32 → 28, ×9 → ×7",
        "4 Basic block: channels 64 → 56, ×9 → ×7",
    )
    assert (width.label, depth.label) == ("width ×0.75, depth ×1", "width ×1, depth ×0.5")
    network = Network(
        input=Shape(3, 16, 16),
        blocks=(
            blocks.Inception(label="Wide one"),
            blocks.Bottleneck(channels=256, groups=32, repeat=2),
            blocks.Classifier(hidden=(512, 64)),
        ),
    )
    narrow = next(one for one in fit(network, "params", 1).proposals if one.label == "width ×0.25, depth ×1")
    assert narrow.changes == (
        "1 Wide one: branches ×0.25",
        "2 Bottleneck: channels 256 → 64, compressed channels not set → 32",
        "3 Classifier: hidden layers 512, 64 → 128, 16",
    )


def test_what_does_not_fit_together_is_left_out() -> None:
    # 16 groups: the 16 channels that come in allow only whole multiples of 16
    network = Network(
        input=Shape(3, 8, 8), blocks=(blocks.Stem(form="cifar", channels=16), blocks.Conv(channels=32, groups=16))
    )
    assert sorted(point.width for point in points(network)) == [8, 16]
    check(network, "params", 2000)


def test_a_stack_that_does_not_fit_together_is_refused() -> None:
    network = Network(input=Shape(3, 8, 8), blocks=(blocks.Basic(channels=16, shortcut="identity"),))
    with pytest.raises(ShapeError, match="adds 3×8×8 to 16×8×8"):
        fit(network, "params", 1000)
    with pytest.raises(ValueError, match="a target has to be at least 1"):
        fit(presets.load("digits_resnet20"), "params", 0)


def test_a_fit_leaves_what_is_remembered_of_blocks_alone() -> None:
    network = presets.load("resnet50")
    records.forget()
    analyze(network)
    before = records._record.cache_info().currsize
    fit(network, "macs", 10**9)
    assert records._record.cache_info().currsize == before == 10


EXAMPLES = [
    pytest.param(kind(**fields), shape, id=f"{name}-{number}")
    for name, kind in KINDS.items()
    for number, (fields, shape) in enumerate(kind.examples)
    if "repeat" in kind.model_fields
]


@pytest.mark.parametrize(("block", "shape"), EXAMPLES)
def test_two_copies_stand_for_any_greater_number(block: Block, shape: Shape) -> None:
    """What `Block.build` promises and `record.apart` relies on."""
    for repeat in (1, 2, 3, 6):
        network = Network(input=shape, blocks=(block.with_fields(repeat=repeat, label="Stage"),))
        own, apart = (analyze(network, partial=True, find=find) for find in (records.record, records.apart(64)))
        assert [str(row) for row in own.operations] == [str(row) for row in apart.operations]
        assert (own.params, own.macs, own.saved_bytes) == (apart.params, apart.macs, apart.saved_bytes)
        assert bool(own.error) == bool(apart.error)


def test_a_memory_apart_asks_each_thing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    observe = records._observe
    monkeypatch.setattr(records, "_observe", lambda *key: asked.append(key) or observe(*key))
    find = records.apart(64)
    for repeat in range(2, 9):
        analyze(Network(input=Shape(3, 8, 8), blocks=(blocks.Basic(channels=8, repeat=repeat),)), find=find)
    assert len(asked) == 2  # the first copy and the later ones
