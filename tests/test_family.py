"""Families: one network over a grid, and what cannot be."""

import pytest

from explorer import Network, analyze, presets
from explorer.training.adapt import depth
from explorer.training.family import (
    CHOICES,
    MOST_RUNS,
    PRE,
    TYPES,
    Axis,
    grid,
    numbers,
    of_depth,
    of_type,
    plan_of,
    seeded,
    varied,
    with_norm,
    with_width,
)
from explorer.training.recipe import Recipe

BASE = presets.load("digits_resnet20")
SHORT = Recipe(steps=10)


def output_shapes(network: Network) -> list[tuple[int, ...]]:
    return [card.output_shape for card in analyze(network).cards]


@pytest.mark.parametrize("target", [8, 14, 20, 32, 56])
def test_a_depth_is_exactly_what_was_asked_for_and_the_stages_stay_even(target: int) -> None:
    made = of_depth(BASE, target)
    assert depth(analyze(made)) == target
    copies = [block.copies for block in made.blocks if block.repeats]
    assert max(copies) - min(copies) <= 1 and sum(copies) == (target - 2) // 2
    assert output_shapes(made) == output_shapes(BASE)


def test_depth_20_and_56_are_the_presets() -> None:
    assert of_depth(presets.load("digits_resnet56"), 20).blocks == BASE.blocks
    assert of_depth(BASE, 56).blocks == presets.load("digits_resnet56").blocks
    uneven = presets.load("cifar_resnet20").apply({"op": "set", "at": 1, "fields": {"repeat": 5}})
    assert of_depth(uneven, depth(analyze(uneven))) is uneven  # its own depth leaves it as it is


def test_a_plain_network_has_depths_too() -> None:
    assert depth(analyze(of_depth(BASE.plain(), 32))) == 32


@pytest.mark.parametrize(
    ("target", "said"), [(3, "too shallow: with each block once the network has 8"), (21, "20 or 22 is near")]
)
def test_a_depth_that_cannot_be_says_which_can(target: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        of_depth(BASE, target)


@pytest.mark.parametrize("value", TYPES)
@pytest.mark.parametrize("name", ["digits_resnet20", "cifar_resnet20_b", "preact_resnet18", "resnet50"])
def test_a_block_type_keeps_widths_strides_copies_and_what_fits(name: str, value: str) -> None:
    network = presets.load(name)
    made = of_type(network, value)
    before = [block for block in network.blocks if block.family == "residual"]
    after = [block for block in made.blocks if block.family == "residual"]
    assert {block.kind for block in after} == {value.removesuffix(PRE)}
    kept = ("channels", "stride", "repeat", "shortcut", "norm")
    assert [[getattr(block, each) for each in kept] for block in after] == [
        [getattr(block, each) for each in kept] for block in before
    ]
    assert analyze(made).output_shape == analyze(network).output_shape
    assert sum(block.kind == "norm_activation" for block in made.blocks) == (PRE in value)


def test_types_there_and_back_are_the_same_network() -> None:
    preact = presets.load("preact_resnet18")
    assert of_type(preact, f"basic{PRE}") == preact
    assert of_type(of_type(BASE, f"basic{PRE}"), "basic") == BASE
    assert of_type(BASE, "basic") == BASE
    with pytest.raises(ValueError, match="no block of this network can be of another type"):
        of_type(presets.load("googlenet"), "basic")


def test_a_type_comes_before_a_depth() -> None:
    made = varied(BASE, {"depth": 29, "block": "bottleneck"})
    assert depth(analyze(made)) == 29 and any(block.kind == "bottleneck" for block in made.blocks)


def test_a_stem_without_a_norm_on_purpose_keeps_none() -> None:
    made = with_norm(presets.load("preact_resnet18"), "group")
    assert [getattr(block, "norm", None) for block in made.blocks] == ["none", *["group"] * 5, None]
    bare = with_norm(with_norm(BASE, "none"), "layer")  # where nothing has a norm all get one
    assert {block.norm for block in bare.blocks if hasattr(block, "norm")} == {"layer"}


def test_a_width_is_that_of_each_block() -> None:
    assert with_width(BASE, 1.0) == BASE
    assert with_width(BASE, 2).blocks == tuple(block.widened(2) for block in BASE.blocks)


def test_a_grid_is_every_combination_with_the_same_seeds_and_recipe() -> None:
    plan = plan_of([("depth", [20, 56]), ("shortcut", ["auto", "none"])], seeds=2)
    found = grid(BASE, SHORT, plan)
    assert [member.values for member in found] == [(20, "auto"), (20, "none"), (56, "auto"), (56, "none")]
    assert [member.depth for member in found] == [20, 20, 56, 56] and not any(member.reason for member in found)
    for member in found:
        assert member.network is not None
        assert (member.params, member.macs) == (analyze(member.network).params, analyze(member.network).macs)
        assert seeded(member, 2) == [SHORT, Recipe(steps=10, seed=1)]
    assert BASE.name == "Digits, depth 20"  # its depth is no part of the name of another depth
    assert found[3].network is not None and found[3].network.name == "Digits, depth 56, shortcut none"
    assert found[0].title(plan.axes) == "depth 20, shortcut auto"


def test_what_cannot_be_has_a_reason_and_stops_nobody() -> None:
    plan = plan_of([("depth", [20, 21]), ("shortcut", ["auto", "identity"])], seeds=1)
    fine, identity, odd, both = grid(BASE, SHORT, plan)
    assert not fine.reason and fine.network is not None
    assert identity.network is None and "adds 16×" in identity.reason
    assert odd.reason == both.reason == "No network of these blocks has depth 21: 20 or 22 is near."


def test_a_point_that_is_another_one_is_not_trained_twice() -> None:
    plan = plan_of([("width", [1.0, 1.0001, 2.0])], seeds=1)
    first, second, third = grid(BASE, SHORT, plan)
    assert second.network is None and second.reason == "The same network and recipe as width × 1."
    assert first.network and third.network


def test_without_norms_the_recipe_is_the_one_that_trains_and_it_is_said() -> None:
    batch, none = grid(BASE, SHORT, plan_of([("norm", ["batch", "none"])], seeds=1))
    assert batch.recipe == SHORT and not batch.note
    assert none.recipe is not None and none.recipe.optimizer == "adamw" and "AdamW 0.001" in none.note
    assert (none.recipe.steps, none.recipe.seed, none.recipe.batch) == (SHORT.steps, SHORT.seed, SHORT.batch)


def test_first_weights_are_of_the_recipe() -> None:
    found = grid(BASE, SHORT, plan_of([("initialisation", CHOICES["initialisation"])], seeds=1))
    assert [member.recipe and member.recipe.initialisation for member in found] == list(CHOICES["initialisation"])


def test_a_network_that_does_not_end_in_the_classes_of_the_images_is_a_reason() -> None:
    open_ended = BASE.remove(len(BASE.blocks) - 1)
    (member,) = grid(open_ended, SHORT, plan_of([("width", [2.0])], seeds=1))
    assert "A classifier at the end" in member.reason


@pytest.mark.parametrize(
    ("axes", "seeds", "said"),
    [
        ([], 1, "at least one value"),
        ([("depth", [])], 1, "at least one value"),
        ([("depth", [20, 20])], 1, "Depth has a value twice"),
        ([("depth", [20]), ("depth", [32])], 1, "vary the same"),
        ([("depth", [2])], 1, "from 3 to 1,300"),
        ([("depth", [10**9])], 1, "from 3 to 1,300"),
        ([("width", [100.0])], 1, "from 0.125 to 8"),
        ([("width", [float("nan")])], 1, "finite number"),
        ([("norm", ["<script>"])], 1, "is none of batch, group, layer, none"),
        ([("block", ["os.system"])], 1, "is none of basic"),
        ([("depth", list(range(8, 30, 2)))], 1, "At most 8 values"),
        ([("depth", [20])], 11, "A family has 1 to 10 seeds"),
    ],
)
def test_a_plan_that_is_none_says_so(axes: list[object], seeds: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan_of(axes, seeds)  # type: ignore[arg-type]


def test_too_many_runs_are_refused_before_anything_is_counted() -> None:
    axes = [("depth", [8, 14, 20, 26]), ("width", [0.5, 1.0, 2.0]), ("norm", ["batch", "group"])]
    with pytest.raises(ValueError, match=f"24 points × 4 seeds are 96 runs; {MOST_RUNS} is the most"):
        grid(BASE, SHORT, plan_of(axes, 4))  # type: ignore[arg-type]


def test_numbers_are_read_from_a_line() -> None:
    assert numbers("20, 56 110", "depth") == (20, 56, 110)
    assert numbers("0.5,1", "width") == (0.5, 1.0)
    for text in ("twenty", "1.5", "20;56", "__import__('os')"):
        with pytest.raises(ValueError, match="such as 20, 56"):
            numbers(text, "depth")


def test_an_axis_says_its_values() -> None:
    assert [str(axis.values) for axis in plan_of([("width", [0.5, 2])], 1).axes] == ["(0.5, 2)"]
    assert Axis(what="shortcut", values=("none",)).values == ("none",)
