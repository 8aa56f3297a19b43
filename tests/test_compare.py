"""Networks beside each other: alignments by what they promise, numbers by the reports they come from."""

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import Network, Shape, analyze, blocks, landmarks, presets
from explorer.block import Block
from explorer.compare import (
    MEASURES,
    Alignment,
    Change,
    Pair,
    align,
    by_card,
    by_copy,
    difference,
    profile,
    side_by_side,
    whole,
)
from explorer.depth import depth
from explorer.network import MAX_COPIES
from tests.stacks import any_stacks, blocks_of, by_role, valid_stacks

ANY_BLOCK = st.one_of([by_role(role) for role in ("stem", "body", "head")])
BASIC = blocks.Basic(channels=16)


def stack(*parts: Block, name: str = "") -> Network:
    return Network(name=name, input=Shape(3, 32, 32), blocks=parts)


def states(alignment: Alignment) -> list[str]:
    return [pair.state for pair in alignment.pairs]


def applied(alignment: Alignment) -> Network:
    return reduce(Network.apply, alignment.edits(), alignment.first)


@st.composite
def edited(draw: st.DrawFn) -> tuple[Network, Network, int]:
    """A network, the same after some edits of one card each, and how many these were."""
    first = draw(any_stacks(max_bodies=8))
    second, count = first, draw(st.integers(0, 6))
    for _ in range(count):
        length = len(second.blocks)
        kind = draw(st.sampled_from(["insert", "remove", "set"] if length else ["insert"]))
        at = draw(st.integers(0, length - (kind != "insert")))
        if kind == "insert":
            second = second.insert(at, draw(ANY_BLOCK))
        elif kind == "remove":
            second = second.remove(at)
        else:
            second = second.replace(at, draw(blocks_of(type(second.blocks[at]))))
    return first, second, count


@given(any_stacks(max_bodies=8))
def test_a_network_beside_itself_is_the_same_everywhere(network: Network) -> None:
    alignment = align(network, network)
    assert alignment.pairs == tuple(Pair(at, at, "same") for at in range(len(network.blocks)))
    assert alignment.count == 0 and not list(alignment.edits())


@given(edited())
def test_an_alignment_has_no_more_edits_than_were_made_and_gives_back_the_other_network(
    case: tuple[Network, Network, int],
) -> None:
    first, second, count = case
    for one, two in ((first, second), (second, first)):
        alignment = align(one, two)
        assert alignment.count <= count
        assert applied(alignment) == two
        assert [pair.first for pair in alignment.pairs if pair.first is not None] == list(range(len(one.blocks)))
        assert [pair.second for pair in alignment.pairs if pair.second is not None] == list(range(len(two.blocks)))


@given(any_stacks(), any_stacks())
def test_any_two_networks_are_aligned(one: Network, two: Network) -> None:
    alignment = align(one, two)
    assert applied(alignment) == two
    assert alignment.count == align(two, one).count
    for pair in alignment.pairs:
        old = None if pair.first is None else one.blocks[pair.first]
        new = None if pair.second is None else two.blocks[pair.second]
        if old is None or new is None:
            assert pair.state == ("added" if old is None else "removed")
        elif type(old) is type(new):
            assert pair.state == ("same" if old == new else "changed")
            changed = {change.field for change in pair.changes}
            assert changed == {name for name in type(old).model_fields if getattr(old, name) != getattr(new, name)}
        else:
            assert pair.state == "replaced"


def fewest(one: Sequence[Block], two: Sequence[Block]) -> int:
    """The fewest edits by the textbook's recursion, without weights, arrays or shortcuts."""
    table = {(0, 0): 0}
    for i in range(len(one) + 1):
        for j in range(len(two) + 1):
            ways = [table[i - 1, j] + 1] if i else []
            ways += [table[i, j - 1] + 1] if j else []
            if i and j:
                old, new = one[i - 1], two[j - 1]
                ways.append(table[i - 1, j - 1] + (0 if old == new else 1 if type(old) is type(new) else 2))
            table[i, j] = min(ways, default=0)
    return table[len(one), len(two)]


@given(any_stacks(max_bodies=7), any_stacks(max_bodies=7))
def test_no_alignment_has_fewer_edits(one: Network, two: Network) -> None:
    assert align(one, two).count == fewest(one.blocks, two.blocks)


def test_one_more_copy_is_one_change_of_xn() -> None:
    first = presets.load("digits_resnet56")
    [pair] = [pair for pair in align(first, first.apply(edit(1, repeat=10))).pairs if pair.state != "same"]
    assert pair == Pair(1, 1, "changed", (Change("repeat", "Repeat", 9, 10),))
    assert str(pair.changes[0]) == "×9 → ×10"


def edit(at: int, **fields: Any) -> dict[str, Any]:
    return {"op": "set", "at": at, "fields": fields}


def test_stages_of_another_kind_stand_beside_each_other() -> None:
    alignment = align(presets.load("resnet18"), presets.load("resnet50"))
    assert states(alignment) == ["same", *["replaced"] * 4, "same"]
    assert [pair.first for pair in alignment.pairs] == [pair.second for pair in alignment.pairs]
    assert alignment.count == 8


def test_of_equally_many_edits_the_most_alike_cards_stand_beside_each_other() -> None:
    wide, narrow = blocks.Basic(channels=64), blocks.Basic(channels=16, norm="group", activation="gelu")
    for at, added in ((0, narrow), (1, narrow)):
        second = [wide.with_fields(channels=63)]
        second.insert(at, added)
        alignment = align(stack(wide), stack(*second))
        assert [pair.second for pair in alignment.pairs if pair.state == "changed"] == [1 - at]
    pool, conv = blocks.Pool(), blocks.Conv(channels=8)
    assert states(align(stack(pool, BASIC), stack(BASIC, conv))) == ["removed", "same", "added"]


def test_what_was_removed_stands_before_what_was_added() -> None:
    one, two = stack(BASIC, blocks.Pool()), stack(BASIC)
    assert states(align(one, two)) == ["same", "removed"]
    assert states(align(two, one)) == ["same", "added"]


def test_changes_are_said_in_the_words_of_the_form() -> None:
    old, new = blocks.Basic(channels=16, shortcut="auto"), blocks.Basic(channels=1024, shortcut="none", stride=2)
    [pair] = align(stack(old), stack(new)).pairs
    assert {str(change) for change in pair.changes} == {"channels 16 → 1,024", "shortcut auto → none", "stride 1 → 2"}
    lines = ("1x1:64 | 1x1:96 > 3x3:128 | maxpool", "1x1:64 | 1x1:96 > 3x3:130 | maxpool")
    [pair] = align(*(stack(blocks.Inception(branches=line)) for line in lines)).pairs
    assert [str(change) for change in pair.changes] == ["other branches"]
    head = (blocks.Classifier(hidden=()), blocks.Classifier(hidden=(64,), dropout=0.5))
    [pair] = align(stack(head[0]), stack(head[1])).pairs
    assert {change.field for change in pair.changes} == {"hidden", "dropout"}
    assert all("→" in str(change) and "  " not in str(change) for change in pair.changes)


def test_name_and_input_are_edits_too_but_of_no_card() -> None:
    first = stack(BASIC, name="One")
    second = Network(name="Two", input=Shape(1, 8, 8), blocks=(BASIC,))
    alignment = align(first, second)
    assert [step["op"] for step in alignment.edits()] == ["name", "input"]
    assert alignment.count == 0 and applied(alignment) == second


def test_the_largest_stacks_are_aligned_within_bounds() -> None:
    distinct = [blocks.Conv(channels=1 + at % 500, kernel=1 + 2 * (at // 500)) for at in range(MAX_COPIES)]
    first, second = stack(*distinct), stack(blocks.Pool(), *distinct[:-2], blocks.Pool())
    alignment = align(first, second)
    assert alignment.count == 1 + 2 * 1 + 1
    assert applied(alignment) == second
    assert align(first, stack(*reversed(distinct))).count <= 2 * MAX_COPIES


def test_every_step_on_the_way_is_a_network_even_where_both_are_as_long_as_can_be() -> None:
    full = [blocks.Conv(channels=8)] * (MAX_COPIES - 1)
    first, second = stack(*full, blocks.Pool()), stack(blocks.Dropout(), *full)
    assert applied(align(first, second)) == second


# Several


@given(st.lists(any_stacks(max_bodies=6), min_size=1, max_size=5))
def test_lines_hold_every_card_of_every_network_once_and_in_order(networks: list[Network]) -> None:
    alignments = [align(networks[0], network) for network in networks]
    lines = side_by_side(alignments)
    for column, alignment in enumerate(alignments):
        pairs = [line.pairs[column] for line in lines if line.pairs[column] is not None]
        assert pairs == list(alignment.pairs)
    assert all(any(pair is not None for pair in line.pairs) for line in lines)


def test_lines_of_several_networks_share_the_first_ones_cards() -> None:
    pool = blocks.Pool()
    first = stack(BASIC, pool)
    others = [stack(BASIC, BASIC, pool), stack(pool), stack(BASIC, pool)]
    lines = side_by_side([align(first, network) for network in (first, *others)])
    assert [line.cards for line in lines] == [(0, 0, None, 0), (None, 1, None, None), (1, 2, 0, 1)]
    assert [line.same for line in lines] == [False, False, True]


# Numbers


@given(valid_stacks(), st.sampled_from(["sgd", "adamw"]), st.sampled_from([1, 3]))
def test_cards_and_copies_add_up_to_the_whole(network: Network, optimizer: Any, batch: int) -> None:
    report = analyze(network, batch)
    total = whole(report, optimizer)
    assert total.depth == depth(network)
    assert total.memory == report.memory(optimizer).total
    assert total.flops == report.flops
    for parts in (by_card(report, optimizer), by_copy(report, optimizer)):
        for name in ("params", "macs", "flops", "saved", "memory", "depth"):
            assert sum(getattr(one, name) for one in parts.values()) == getattr(total, name)
    assert set(by_card(report)) == set(range(len(network.blocks)))


def test_numbers_stop_before_a_card_that_does_not_fit() -> None:
    broken = presets.load("digits_resnet20").apply(edit(2, shortcut="identity"))
    report = analyze(broken, partial=True)
    assert set(by_card(report)) == {0, 1}
    assert whole(report).params == sum(one.params for one in by_card(report).values())
    assert len(profile(report).names) == 1 + 1 + 3


def test_differences_are_exact() -> None:
    assert difference(3, 10) == (7, Fraction(7, 3))
    assert difference(10**15, 10**15 + 1) == (1, Fraction(1, 10**15))
    assert difference(0, 5) == (5, None) and difference(0, 0) == (0, None)
    assert difference(None, 5) is None and difference(5, None) is None
    resnet18, resnet34 = (whole(analyze(presets.load(name))) for name in ("resnet18", "resnet34"))
    # He et al. 2015, table 1: 34 layers have 8 basic blocks more
    assert difference(resnet18.depth, resnet34.depth) == (16, Fraction(16, 18))
    change = difference(resnet18.params, resnet34.params)
    assert change is not None and change.absolute == 21_797_672 - 11_689_512  # torchvision's counts
    assert all(hasattr(resnet18, measure.name) for measure in MEASURES)


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "cifar_resnet1202", "article"])
def test_a_profile_ends_with_the_totals(name: str) -> None:
    report = analyze(presets.load(name), batch=2)
    grown, total = profile(report), whole(report)
    assert (grown.params[-1], grown.macs[-1], grown.saved[-1], grown.layers[-1]) == (
        total.params,
        total.macs,
        total.saved,
        total.depth,
    )
    assert len({len(column) for column in vars(grown).values()}) == 1 and len(grown.names) == 1 + len(report.blocks)
    assert max(size for size in grown.fields if size) == total.field
    assert grown.sizes[0] == min(report.input_shape[1:]) and grown.sizes[-1] is None


# Landmarks


def test_landmarks_are_counted_here_and_agree_with_what_torchvision_documents() -> None:
    # parameters and MACs in billions, as torchvision documents them with its weights
    documented = {
        "ResNet-18": (11_689_512, 1.814),
        "ResNet-50": (25_557_032, 4.089),
        "ResNeXt-101 32×8d": (88_791_336, 16.414),
        "Wide ResNet-101-2": (126_886_696, 22.753),
        "GoogLeNet": (6_624_904, 1.498),
    }
    found = {landmark.name: landmark for landmark in landmarks.landmarks(landmarks.IMAGENET)}
    for name, (params, billions) in documented.items():
        assert found[name].counted and found[name].network is not None
        assert (found[name].params, round(found[name].macs / 1e9, 3)) == (params, billions)
        report = analyze(found[name].network)
        assert (report.params, report.macs) == (found[name].params, found[name].macs)


def test_every_landmark_has_a_source_and_no_two_data_sets_share_a_list() -> None:
    for data in landmarks.DATA:
        assert len(landmarks.landmarks(data)) >= 6
        for landmark in landmarks.landmarks(data):
            assert landmark.data == data and landmark.source and landmark.params > 0 and landmark.macs > 0
            assert 50 < landmark.top1 < 95
            assert data != landmarks.IMAGENET or "single crop" in landmark.source
            assert landmark.counted is (landmark.network is not None)
    # He et al. 2015, table 6: errors 8.75 and 7.93 percent
    cifar = {landmark.name: landmark.top1 for landmark in landmarks.landmarks(landmarks.CIFAR10)}
    assert cifar["CIFAR ResNet-20"] == 91.25 and cifar["CIFAR ResNet-1202"] == 92.07


def test_what_is_published_of_a_network_is_found_by_its_blocks_and_not_by_its_name() -> None:
    renamed = presets.load("resnet50").apply({"op": "name", "name": "Mine"}).apply(edit(1, label="Stage 1"))
    assert {landmark.top1 for landmark in landmarks.known(renamed)} == {76.13, 80.858}
    assert [landmark.newer for landmark in landmarks.known(renamed)] == [False, True]
    assert landmarks.known(presets.load("digits_resnet20")) == ()
    assert landmarks.known(presets.load("resnet50").apply(edit(1, repeat=4))) == ()
