"""Branches are rows of chips that write the same line again, and a refusal points at the chip that is at fault."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import Network, Shape, ShapeError, analyze, presets
from explorer.blocks import KINDS, Inception
from explorer.branches import Row, chips, joined, parse

LINES = sorted(
    {block.branches for name in presets.names() for block in presets.load(name).blocks if isinstance(block, Inception)}
)

texts = st.one_of(
    st.builds(
        lambda h, w, c, end: f"{h}x{w}:{c}{end}",
        st.sampled_from([1, 3, 5]),
        st.sampled_from([1, 3, 7]),
        st.integers(1, 64),
        st.sampled_from(["", "/2", "v", "/2v"]),
    ),
    st.sampled_from(["maxpool", "avgpool", "maxpool/2", "avgpool/2v"]),
)
steps = st.lists(st.builds(lambda text: {"text": text}, texts), min_size=1, max_size=3)


def with_split(rows: st.SearchStrategy[list[Row]]) -> st.SearchStrategy[list[Row]]:
    row = st.one_of(steps, st.builds(lambda front, split: [*front, {"split": split}], steps | st.just([]), rows))
    return st.lists(row, min_size=1, max_size=3)


lines_of_rows = st.recursive(st.lists(steps, min_size=1, max_size=3), with_split, max_leaves=6)


def chip_at(rows: list[Row], place: tuple[int, ...]) -> dict[str, Any]:
    """The chip at a place, down through splits."""
    chip: dict[str, Any] = {}
    for branch, step in zip(place[::2], place[1::2], strict=True):
        chip = rows[branch][step]
        rows = chip.get("split", [])
    return chip


def refusal(branches: str, **fields: Any) -> ShapeError:
    with pytest.raises(ShapeError) as found:
        Inception(branches=branches, **fields).build(Shape(16, 9, 9))
    return found.value


def test_a_row_is_a_branch_and_a_nested_split_is_a_chip_of_rows() -> None:
    assert chips(" 1x1:8|1x1:4>3x3:64/2v > ( 1x3:8 | maxpool )") == [
        [{"text": "1x1:8"}],
        [{"text": "1x1:4"}, {"text": "3x3:64/2v"}, {"split": [[{"text": "1x3:8"}], [{"text": "maxpool"}]]}],
    ]


@pytest.mark.parametrize("line", LINES)
def test_the_lines_of_published_networks_come_back_to_the_letter(line: str) -> None:
    assert joined(chips(line)) == line


@given(lines_of_rows)
def test_any_rows_come_back_from_the_line_that_they_make(rows: list[Row]) -> None:
    assert chips(joined(rows)) == rows


def test_a_step_is_written_the_short_way_and_means_the_same() -> None:
    line = "3x3:064/1 | 1x1:8 > (maxpool/1v)"
    assert joined(chips(line)) == "3x3:64 | 1x1:8 > (maxpoolv)"
    assert parse(joined(chips(line))) == parse(line)


def test_only_kinds_written_as_a_line_have_chips() -> None:
    assert [name for name, kind in KINDS.items() if kind().chips() is not None] == ["inception"]
    assert Inception(branches="1x1:8").chips() == [[{"text": "1x1:8"}]]


@pytest.mark.parametrize(
    ("branches", "place"),
    [
        ("1x1:8 | 1x1:8 > 3x3:8/2 | maxpool", (1, 1)),
        ("1x1:8 | 3x3:8/2 > 1x1:8 | maxpool", (1, 0)),
        ("3x3:8/2v | 1x1:8 > 3x3:8/2 | maxpool/2v", (1, 1)),  # 4, 5, 4
        ("3x3:8/2 | 3x3:8/2 | 1x1:8 > 3x3:8", (2, 1)),  # the last has no stride where the others do
        ("1x1:8 | 3x3:8/2", (1, 0)),  # of two, the one that shrinks
        ("3x3:8/2 | 1x1:8", (0, 0)),
        ("1x1:8 > 3x3:8v > 1x1:8v | 3x3:8 | maxpool", (0, 1)),  # 1×1 without padding keeps the size
        ("1x1:8 | 1x1:8 > (1x3:8 | 3x1:8/2)", (1, 1, 1, 0)),
        ("1x1:8 | 1x1:8 | 1x1:8 > 3x3:8 > (1x3:8/2 | 3x1:8/2)", (2, 2, 0, 0)),
        ("1x1:8 | 1x1:8 | 1x1:8 > 3x3:8/2 > (1x3:8 | 3x1:8)", (2, 1)),
        ("(1x1:8 | (3x3:8 | 5x5:8 > 3x3:8v)) | 1x1:8", (0, 0, 1, 0, 1, 1)),
    ],
)
def test_branches_of_different_sizes_point_at_the_step_that_differs(branches: str, place: tuple[int, ...]) -> None:
    error = refusal(branches)
    assert "end at different sizes" in error.reason
    assert error.place == place
    assert "text" in chip_at(chips(branches), place)


@pytest.mark.parametrize(
    ("branches", "place"),
    [
        ("1x1:8 | 1x1:8 > 11x11:8v", (1, 1)),
        ("3x3:8/2v > 3x3:8/2v > maxpoolv", (0, 2)),  # 9 → 4 → 1
        ("1x1:8 > (1x1:8 | 1x1:8 > 1x13:8v)", (0, 1, 1, 1)),
    ],
)
def test_a_window_that_does_not_fit_points_at_its_step(branches: str, place: tuple[int, ...]) -> None:
    error = refusal(branches)
    assert "does not fit" in error.reason
    assert error.place == place
    assert chip_at(chips(branches), place)["text"].endswith("v")


def test_a_stride_that_cannot_repeat_or_add_is_pointed_at() -> None:
    assert refusal("1x1:8 > 3x3:8/2 > 1x1:8 | maxpool/2", repeat=2).place == (0, 1)
    assert refusal("1x1:8 > 3x3:8/2 > 1x1:8 | maxpool/2", residual=True).place == (0, 1)
    assert refusal("1x1:8 > 3x3:8v | maxpoolv", residual=True).place == (0, 1)


def test_too_many_channels_are_nobody_s_fault_alone() -> None:
    assert refusal("1x1:8000 | 1x1:8000").place == ()


def test_a_report_and_a_priced_way_keep_the_place() -> None:
    network = Network(input=Shape(16, 9, 9), blocks=(Inception(branches="1x1:8 | 3x3:8/2", repeat=2),))
    error = analyze(network, partial=True).error
    assert error is not None
    assert (error.index, error.place) == (0, (1, 0))
    assert error.ways and all(way.params is not None for way in error.ways)


def test_the_place_moves_with_the_branch() -> None:
    # every order of three branches: the error follows the branch that has the stride
    branches = ["1x1:8", "1x1:8 > 3x3:8/2", "maxpool > 1x1:4"]
    for order in permutations(range(3)):
        assert refusal(" | ".join(branches[i] for i in order)).place == (order.index(1), 1)
