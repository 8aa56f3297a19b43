"""The Compare page: its set as plain data, its links as if they were hostile, and every view by Streamlit's harness."""

import base64
import json
import random
import re
import zlib
from collections.abc import Iterator
from math import log10
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer import Network, Shape, analyze, blocks, landmarks, presets
from explorer.compare import MEASURES, align, profile, whole
from explorer.drawing import comparison as drawing
from explorer.drawing import naming
from explorer.drawing.palette import DARK, LIGHT
from explorer.drawing.picture.scene import Box
from explorer.drawing.picture.scene import Path as Line
from explorer.network import MAX_TEXT, MAX_TOKEN, EditError
from explorer.runs import Manager
from explorer.training.events import Finished, Started, Step
from explorer.training.recipe import Recipe
from explorer.ui import words
from explorer.ui.comparison import KEY, VIEWS, accuracy, choosing, members, numbers, pictures
from explorer.ui.comparison import blocks as block_view
from explorer.ui.comparison.members import LINK, MOST, SEPARATOR, Chosen, nothing, read_link, read_pasted, shown
from explorer.ui.desk import Desk, new_session, report_of
from explorer.ui.filenames import stem_of_all

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
PAGE = str(ROOT / "pages" / "compare.py")
R18, R34, R50 = (presets.load(name) for name in ("resnet18", "resnet34", "resnet50"))
DIGITS = presets.load("digits_resnet20")
BROKEN = DIGITS.apply({"op": "set", "at": 2, "fields": {"shortcut": "identity"}})


def linked(*networks: Network) -> str:
    return SEPARATOR.join(network.token() for network in networks)


@pytest.fixture
def desk() -> Desk:
    return Desk(new_session())


def chosen_of(desk: Desk, *networks: Network) -> Chosen:
    made = nothing()
    members.open_link(made, linked(*networks))
    return made


def names(chosen: Chosen, desk: Desk) -> list[str]:
    return [one.name for one in shown(chosen, desk)]


# The set


def test_a_first_visit_shows_the_plain_twin_and_after_a_change_what_it_changed(desk: Desk) -> None:
    opening = desk.network
    assert [one.network for one in shown(nothing(), desk)] == [opening, opening.plain()]
    desk.apply({"op": "set", "at": 1, "fields": {"repeat": 4}})
    assert [one.network for one in shown(nothing(), desk)] == [opening, desk.network]
    desk.open_preset("resnet50")  # in place of another, which is no change of it
    assert [one.network for one in shown(nothing(), desk)] == [R50, R50.plain()]
    desk.load(Network(blocks=(blocks.Conv(), blocks.Classifier())))
    assert [one.network for one in shown(nothing(), desk)] == [desk.network]


def test_what_is_begun_afresh_is_a_first_visit_and_can_be_taken_back(desk: Desk) -> None:
    chosen = chosen_of(desk, R18, R50, DIGITS)
    linked_set = shown(chosen, desk)
    assert not any(one.live for one in linked_set)
    members.start_afresh(chosen)
    assert shown(chosen, desk) == shown(nothing(), desk) and all(one.live for one in shown(chosen, desk))
    members.take_back(chosen)
    assert shown(chosen, desk) == linked_set
    members.start_afresh(chosen)
    desk.apply({"op": "set", "at": 1, "fields": {"repeat": 4}})
    assert shown(chosen, desk) == shown(nothing(), desk)  # beside how it was before
    members.add_preset(chosen, desk, "resnet34")
    assert chosen["left"] is None and names(chosen, desk)[2] == "ResNet-34"
    assert len({one.key for one in shown(chosen, desk)}) == 3


def test_what_is_live_follows_the_screen_and_what_is_fixed_does_not(desk: Desk) -> None:
    chosen = nothing()
    members.add_preset(chosen, desk, "resnet18")
    members.add_state(chosen, desk, desk.now["number"])
    desk.apply({"op": "set", "at": 1, "fields": {"repeat": 2}})
    now = [one.network for one in shown(chosen, desk)]
    assert now[0] == desk.network and now[1].blocks == desk.network.plain().blocks
    assert now[2] == R18 and now[3] == presets.load("digits_resnet56")
    assert json.loads(json.dumps(chosen)) == chosen


def test_moving_naming_and_removing(desk: Desk) -> None:
    chosen = chosen_of(desk, R18, R34, R50)
    keys = [one.key for one in shown(chosen, desk)]
    members.move(chosen, desk, keys[2], -1)
    assert names(chosen, desk) == ["ResNet-18", "ResNet-50", "ResNet-34"]
    members.move(chosen, desk, keys[2], -5)
    assert names(chosen, desk)[0] == "ResNet-50"
    members.rename(chosen, desk, keys[2], "  Big " + "x" * 200)
    assert names(chosen, desk)[0] == ("Big " + "x" * 200)[:80]
    members.rename(chosen, desk, keys[2], "ResNet-18")
    assert names(chosen, desk) == ["ResNet-18", "ResNet-18 (2)", "ResNet-34"]
    members.rename(chosen, desk, keys[2], "")
    members.remove(chosen, desk, keys[0])
    assert names(chosen, desk) == ["ResNet-50", "ResNet-34"]
    members.add_preset(chosen, desk, "resnet18")
    assert len({one.key for one in shown(chosen, desk)}) == 3


def test_six_are_the_most_and_why_is_said(desk: Desk) -> None:
    chosen = chosen_of(desk, *[R18] * MOST)
    with pytest.raises(EditError, match="6 networks are compared at most: remove one first"):
        members.add_preset(chosen, desk, "resnet18")
    with pytest.raises(EditError, match="no preset"):
        members.add_preset(nothing(), desk, "resnet")
    with pytest.raises(EditError, match="no such state"):
        members.add_state(nothing(), desk, 99)
    with pytest.raises(EditError, match="no shortcuts"):
        members.add_twin_of(chosen_of(desk, R18.plain()), desk, "m0")
    with pytest.raises(EditError, match="not in the comparison"):
        members.open_on_design(chosen, desk, "m77")


def test_opening_one_keeps_what_was_compared_and_is_undone_on_the_design_page(desk: Desk) -> None:
    chosen, opening = nothing(), desk.network
    members.add_preset(chosen, desk, "resnet18")
    key = shown(chosen, desk)[2].key
    members.rename(chosen, desk, key, "Mine")
    before = [one.network.blocks for one in shown(chosen, desk)]
    members.open_on_design(chosen, desk, key)
    assert desk.network.blocks == R18.blocks and desk.network.name == "Mine"
    assert [one.network.blocks for one in shown(chosen, desk)] == before
    assert [one.source for one in shown(chosen, desk)] == ["fixed", "fixed", "screen"]
    assert desk.now["label"] == "opened Mine from the comparison"
    desk.undo()
    assert desk.network == opening and shown(chosen, desk)[2].network == opening


def test_the_twin_of_a_member_is_added_beside_it(desk: Desk) -> None:
    chosen = chosen_of(desk, R18, R50)
    members.add_twin_of(chosen, desk, "m1")
    assert shown(chosen, desk)[2].network.blocks == R50.plain().blocks


# Links


def test_a_link_gives_back_the_set_under_its_names(desk: Desk) -> None:
    chosen = nothing()
    members.add_preset(chosen, desk, "resnet50")
    members.rename(chosen, desk, shown(chosen, desk)[2].key, "Fifty ~ & <b>")
    link = members.link(shown(chosen, desk))
    assert re.fullmatch(r"[A-Za-z0-9_~-]+", link)  # stands in an address as it is
    other = nothing()
    members.open_link(other, link)
    assert names(other, desk) == names(chosen, desk)
    assert [one.network.blocks for one in shown(other, desk)] == [one.network.blocks for one in shown(chosen, desk)]
    assert members.link(shown(other, desk)) == link
    assert all(not one.live for one in shown(other, desk))


def test_a_link_of_what_is_too_long_is_none(desk: Desk) -> None:
    noise = [blocks.Conv(channels=1 + 7 * at % 997, label=f"{hash((at, 'x')) % 10**12}") for at in range(1000)]
    long = Network(blocks=tuple(noise))
    assert len(long.token()) < MAX_TOKEN
    chosen = chosen_of(desk, *[long] * MOST)
    assert len(shown(chosen, desk)) == MOST and members.link(shown(chosen, desk)) == ""


def packed(text: str) -> str:
    return "1" + base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).rstrip(b"=").decode()


HOSTILE = {
    "nothing": "",
    "no version": "2abc",
    "cut short": R50.token()[:-9],
    "no base64": "1$$$$",
    "a bomb": packed(" " * (MAX_TEXT + 10)),
    "another thing": packed('{"name": "x"}'),
    "a script": "<script>alert(1)</script>",
    "an unknown kind": packed('{"blocks": [{"kind": "<img src=x onerror=alert(1)>"}]}'),
    "too many blocks": packed(json.dumps({"blocks": [{"kind": "pool"}] * 1025})),
    "deep": packed('{"blocks":' + "[" * 5000 + "]" * 5000 + "}"),
    "a null": "1\x00",
    "long": "1" + "A" * (MAX_TOKEN + 5),
}


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_broken_part_is_one_sentence_and_the_rest_opens(part: str, desk: Desk) -> None:
    chosen = nothing()
    members.open_link(chosen, SEPARATOR.join((R18.token(), part, R50.token())))
    assert names(chosen, desk) == ["ResNet-18", "ResNet-50"]
    assert chosen["complaint"].startswith("Network 2 of the link is left out: ") and len(chosen["complaint"]) < 600
    members.open_link(chosen, part)
    assert chosen["complaint"].endswith("Nothing of the link could be opened; this is the network on screen.")


def test_more_than_six_and_more_than_any_set_are_said(desk: Desk) -> None:
    chosen = nothing()
    members.open_link(chosen, SEPARATOR.join([R18.token()] * 7 + ["x" * 1000] * 3))
    assert len(shown(chosen, desk)) == MOST
    assert chosen["complaint"] == "6 networks are compared at most; what else the link holds is left out."
    found, [complaint] = read_link("1" * (MOST * (MAX_TOKEN + 2)))
    assert found == [] and "characters, more than any set of 6 networks" in complaint


@given(st.text(max_size=200) | st.text(alphabet="1~AZaz09-_", max_size=200))
@settings(max_examples=60)
def test_no_text_is_more_than_networks_and_sentences(text: str) -> None:
    for read in (read_link, read_pasted):
        networks, complaints = read(text)
        assert len(networks) <= MOST and len(complaints) <= MOST + 1
        assert networks or complaints


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (R18.token(), [R18]),
        (f"  {R18.to_json()}\n", [R18]),
        (f"http://127.0.0.1:8501/?net={R18.token()}", [R18]),
        (f"http://127.0.0.1:8501/compare?compare={linked(R18, R50)}&x=1", [R18, R50]),
        (linked(R18, R50), [R18, R50]),
    ],
)
def test_what_is_pasted_may_be_a_token_a_link_or_json(text: str, found: list[Network]) -> None:
    assert read_pasted(text) == (found, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  ", "There is nothing to read: paste a link, a token or JSON."),
        ("{", "This is no network: "),
        ("http://[::1/?net=1", "This address cannot be read."),
        ("http://127.0.0.1/?x=1", "This address has no network in it: "),
        ("hello", "The link is left out: this link is no network: its first character should be its version, 1."),
        ("x" * (MAX_TEXT + 1), "The text has 2,000,001 characters, more than the 2,000,000 of any network."),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str, desk: Desk) -> None:
    networks, [complaint] = read_pasted(text)
    assert networks == [] and complaint.startswith(said)
    with pytest.raises(EditError):
        members.add_pasted(nothing(), desk, text)


def test_what_a_browser_kept_comes_back_and_what_is_bad_in_it_does_not(desk: Desk) -> None:
    chosen = nothing()
    members.add_preset(chosen, desk, "resnet50")
    members.rename(chosen, desk, "m2", "Fifty")
    again = nothing()
    members.restore(again, json.loads(json.dumps(chosen["members"])))
    assert shown(again, desk) == shown(chosen, desk)
    members.restore(again, [])
    assert names(again, desk)[2] == "Fifty"

    good = {"key": "x", "source": "fixed", "token": R18.token(), "name": "", "note": "kept"}
    bad: list[object] = [
        None, 7, [], {}, {**good, "source": "file"}, {**good, "token": 3}, {**good, "name": "x" * 81},
        *({**good, "token": part} for part in HOSTILE.values()),
    ]  # fmt: skip
    for entry in bad:
        made = nothing()
        members.restore(made, [entry, good])
        assert names(made, desk) == ["ResNet-18"]
    for kept in (None, {}, "x", 3, [None] * 9):
        made = nothing()
        members.restore(made, kept)
        assert made == nothing()
    made = nothing()
    members.restore(made, [good] * 9)
    assert len(shown(made, desk)) == MOST
    assert len({one.key for one in shown(made, desk)}) == MOST


# Views as data


def test_relative_differences_in_words() -> None:
    from fractions import Fraction

    def said(first: int, other: int) -> str:
        return choosing.words_of(Fraction(other - first, first) if first else None, other - first)

    assert said(100, 100) == "±0" and said(0, 5) == "new"
    assert said(1000, 1125) == "+12.5 %" and said(1000, 875) == "−12.5 %"
    assert said(10_000, 10_032) == "+0.32 %" and said(10**9, 10**9 + 1) == "+<0.01 %"
    assert said(100, 219) == "+119 %" and said(18, 1202) == "×66.8"
    assert said(1, 10) == "×10" and said(10, 22_632) == "×2,260"
    assert said(1, 999_400) == "×999,000" and said(2, 1_999_999) == "×1.00 M" and said(1, 5 * 10**9) == "×5.00 G"


def test_no_ratio_of_a_page_has_a_power_of_ten(desk: Desk) -> None:
    small = presets.load("digits_resnet20")
    networks = shown(chosen_of(desk, small, *map(presets.load, ("inception_v3", "cifar_resnet1202"))), desk)
    reports = [report_of(one.token, 64) for one in networks]
    table = numbers.totals_table(networks, reports, [whole(report) for report in reports])
    cards = "".join(choosing._figures(one, networks, desk) for one in networks)
    assert re.search(r">×\d,\d{3}<", table) and re.search(r">×\d,\d{3}<", cards)
    assert not re.search(r"\de\+?\d", table + cards)


def test_the_totals_are_exact_and_stop_at_what_does_not_fit(desk: Desk) -> None:
    networks = shown(chosen_of(desk, R18, R50), desk)
    reports = [report_of(one.token, 64) for one in networks]
    totals = [whole(report) for report in reports]
    table = numbers.totals_table(networks, reports, totals)
    for number in ("11,689,512", "25,557,032", "+13,867,520", "+119 %", "3,628,146,688", "+2,275,110,912", "+32"):
        assert number in table
    lines = numbers.totals_csv(networks, totals).splitlines()
    assert len(lines) == 3 and "13867520" in lines[2] and "4089184256" in lines[2]

    broken = shown(chosen_of(desk, DIGITS, BROKEN), desk)
    reports = [report_of(one.token, 64) for one in broken]
    table = numbers.totals_table(broken, reports, [whole(report) for report in reports])
    assert "up to block 2" in table and "xc-apart up" not in table and "xc-apart down" not in table


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("name", [measure.name for measure in MEASURES if measure.name != "field"])
def test_the_block_lines_add_up_to_the_totals(name: str, copies: bool, desk: Desk) -> None:
    networks = shown(chosen_of(desk, R18, R50, DIGITS), desk)
    reports = [report_of(one.token, 8) for one in networks]
    frame = numbers.block_lines(networks, reports, "adamw", name, copies)
    for one, report in zip(networks, reports, strict=True):
        assert frame[f"{one.number}"].sum() == getattr(whole(report, "adamw"), name)
    both = frame["0"].notna() & frame["1"].notna()
    assert (frame["1 apart"][both] == (frame["1"] - frame["0"])[both]).all() and both.sum() >= 6


def test_files_are_named_after_the_networks_and_their_names_are_bounded() -> None:
    assert stem_of_all(["ResNet-18"]) == "resnet-18" and stem_of_all(["", "../../x"]) == "network-vs-x"
    assert stem_of_all(["ResNet-18", "Inception-v3", "GoogLeNet"]) == "resnet-18-vs-inception-v3-vs-googlenet"
    long = ["A network of mine " * 4, *[f"{number} others " * 3 for number in range(5)]]
    assert stem_of_all(long) == "a-network-of-mine-a-network-of-mine-a-network-of-vs-5-others"
    for count in range(1, 7):
        assert (
            re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", stem_of_all(long[:count])) and len(stem_of_all(long[:count])) <= 60
        )


def test_no_cell_of_a_csv_is_a_formula(desk: Desk) -> None:
    evil = DIGITS.model_copy(update={"name": "=cmd()"}).apply({"op": "set", "at": 1, "fields": {"label": "@x"}})
    networks = shown(chosen_of(desk, evil, DIGITS), desk)
    reports = [report_of(one.token, 1) for one in networks]
    text = numbers.totals_csv(networks, [whole(report) for report in reports])
    text += numbers.blocks_csv(networks, reports, "sgd")
    cells = [cell for line in text.splitlines() for cell in line.split(",")]
    assert any("=cmd()" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@")) or re.match(r"-\D", cell)]


def test_long_stretches_of_equal_blocks_are_one_line(desk: Desk) -> None:
    long = Network(blocks=(blocks.Stem(), *[blocks.Basic(channels=64)] * 150, blocks.Classifier()))
    other = long.apply({"op": "set", "at": 70, "fields": {"order": "pre"}})
    networks = shown(chosen_of(desk, long, other), desk)
    lines = block_view._lines(tuple(one.token for one in networks))
    rows = list(block_view._rows(lines, everything=False))
    assert [len(row) if isinstance(row, list) else 1 for row in rows] == [70, 1, 81]
    assert len(list(block_view._rows(lines, everything=True))) == 152


def test_marked_cards_are_those_that_differ(desk: Desk) -> None:
    second = DIGITS.insert(2, blocks.Dropout()).apply({"op": "set", "at": 1, "fields": {"repeat": 5}})
    networks = shown(chosen_of(desk, DIGITS, second, DIGITS.remove(3)), desk)
    assert pictures.states_of(networks[0], networks) == {0: "same", 1: "changed", 2: "same", 3: "removed", 4: "same"}
    assert pictures.states_of(networks[1], networks) == {
        0: "same", 1: "changed", 2: "added", 3: "same", 4: "same", 5: "same",
    }  # fmt: skip
    scene = drawing.marked_scene(analyze(second), {1: "changed", 2: "added", 4: "removed"}, 230, 74)
    marks = [part for part in scene.parts if isinstance(part, Line) and part.pen.colour == "accent"]
    assert len(marks) == 1 + 2 + 1
    assert all(0 <= step[0] <= 230 and 0 <= step[1] <= 74 for mark in marks for step in mark.steps)
    unmarked = drawing.marked_scene(analyze(second), {}, 230, 74)
    assert not [part for part in unmarked.parts if isinstance(part, Line) and part.pen.colour == "accent"]


def test_a_picture_of_very_many_cards_has_few_parts() -> None:
    long = Network(blocks=tuple(blocks.Conv(channels=8, label=f"{at}") for at in range(1000)))
    scene = drawing.marked_scene(analyze(long), {500: "changed", 501: "added"}, 230, 74)
    assert len(scene.parts) <= drawing.APART + 1
    boxes = [part for part in scene.parts if isinstance(part, Box)]
    assert boxes[0].x >= 0 and boxes[-1].x + boxes[-1].width <= 230
    [mark] = [part for part in scene.parts if isinstance(part, Line)]
    assert abs((mark.steps[0][0] + mark.steps[1][0]) / 2 - 115) < 4  # in the middle, where they are


def test_curves_end_where_the_totals_are_and_stay_short(desk: Desk) -> None:
    deep = presets.load("cifar_resnet1202")
    grown = [drawing.Grown(at, name.name, profile(analyze(name))) for at, name in enumerate((R18, deep))]
    figure = drawing.along_depth(grown)
    assert len(figure.data) == 2 * len(drawing.PANELS)
    for at, network in enumerate((R18, deep)):
        report = analyze(network)
        params, macs = figure.data[at], figure.data[2 + at]
        assert (params.y[-1], macs.y[-1]) == (report.params, report.macs)
        assert params.x[-1] == {0: 18, 1: 1202}[at]
    assert max(len(curve.x) for curve in figure.data) <= drawing.POINTS + 1
    shares = drawing.along_depth(grown, share=True)
    assert {curve.x[-1] for curve in shares.data[:4]} == {1.0}


def test_each_network_has_a_colour_and_a_dash_of_its_own_and_twins_keep_theirs() -> None:
    for colours in (LIGHT, DARK):
        assert len({drawing.colour(number, colours) for number in range(MOST)}) == MOST
        assert drawing.colour(0, colours) == colours.residual_run and drawing.colour(1, colours) == colours.plain_run
    assert len(set(drawing.DASHES)) == MOST


# Accuracy


def test_published_figures_stand_among_landmarks_and_unknown_ones_are_lines(desk: Desk) -> None:
    mine = R50.apply({"op": "set", "at": 1, "fields": {"repeat": 4}}).apply({"op": "name", "name": "Mine"})
    networks = shown(chosen_of(desk, R18, mine, presets.load("cifar_resnet20"), DIGITS), desk)
    assert accuracy.suited(networks) == landmarks.IMAGENET
    marks = accuracy.published(networks, landmarks.IMAGENET)
    own = {mark.number: mark for mark in marks if mark.number is not None}
    assert set(own) == {0, 1} and own[0].accuracy == 69.758 and own[1].accuracy is None
    assert (own[1].macs, own[1].params) == (analyze(mine).macs, analyze(mine).params)
    [cifar] = [mark for mark in accuracy.published(networks, landmarks.CIFAR10) if mark.number is not None]
    assert (cifar.number, cifar.accuracy) == (2, 91.25)
    figure = drawing.accuracy(marks, "Top-1")
    assert {axis.type for axis in (figure.layout.xaxis, figure.layout.xaxis2)} == {"log"}
    drawn = [y for trace in figure.data if "markers" in trace.mode for y in trace.y]
    assert sorted(drawn) == sorted(2 * [mark.accuracy for mark in marks if mark.accuracy is not None])


LARGE = [name for name in presets.names() if presets.load(name).input.height >= 224]


def sets_of_large() -> list[tuple[str, ...]]:
    """What was seen to go wrong, and some sets by chance."""
    some = random.Random(7)
    return [
        *((first, "googlenet", "inception_v3", "cifar_resnet1202") for first in ("resnet18", "resnet50")),
        ("preact_resnet18", "googlenet_5x5", "preact_resnet50"),  # three lines beside each other
        ("resnet50", "resnext50_32x4d", "resnet101", "resnet152", "wide_resnet50_2", "inception_v3"),
        *(tuple(some.sample(LARGE, count)) for count in (3, 4, 5, 6)),
    ]


@pytest.mark.parametrize("chosen", sets_of_large(), ids=" ".join)
def test_every_compared_network_has_a_name_that_covers_nothing(chosen: tuple[str, ...], desk: Desk) -> None:
    networks = shown(chosen_of(desk, *map(presets.load, chosen)), desk)
    marks = accuracy.published(networks, landmarks.IMAGENET)
    for cost in ("macs", "params"):
        sizes = [getattr(mark, cost) for mark in marks]
        spots = drawing.named(marks, cost, (log10(min(sizes)) - 0.12, log10(max(sizes)) + 0.22), (54.0, 84.0))
        places = naming.places(spots, drawing.PANEL)
        there = [marks[at].number for at in places if marks[at].number is not None]
        assert sorted(there) == [one.number for one in networks if accuracy.suits(one, landmarks.IMAGENET)]
        assert len(places) - len(there) >= 8  # those behind have names too, where there is room
        names = {at: naming.lying(spots[at], place) for at, place in places.items()}
        for width in (drawing.PANEL.narrow, 556.0, 857.0, drawing.PANEL.wide):
            drawn = {at: on_screen(name, width) for at, name in names.items()}
            for at, name in drawn.items():
                assert name[0] >= 0 and name[1] <= width
                beside = [on_screen(naming.itself(spot, drawing.PANEL), width) for spot in spots]
                others = [*beside[:at], *beside[at + 1 :], *(drawn[other] for other in drawn if other != at)]
                assert not [other for other in others if meet(name, other)], spots[at].name


def on_screen(part: naming.Part, width: float) -> tuple[float, float, float, float]:
    """Left, right, top and bottom in a panel of this width."""
    return part.across * width + part.left, part.across * width + part.right, part.top, part.bottom


def meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    slack = 1e-6
    across = one[0] < other[1] - slack and other[0] < one[1] - slack
    return across and one[2] < other[3] - slack and other[2] < one[3] - slack


def test_names_behind_give_way_and_one_s_own_are_led_to() -> None:
    room = naming.Panel(200.0, 400.0, 200.0)
    behind = [naming.Spot("behind", 0.5 + aside / 1000, 100 + down) for aside in (-20, 0, 20) for down in (-18, 0, 18)]
    own = naming.Spot("own", 0.5, 100, 5.5, first=True)
    places = naming.places([*behind, own], room)
    assert places[9].leader and len(places) < 10
    assert not naming.places([own], room)[0].leader
    crowd = [naming.Spot("", share / 20, down) for share in range(21) for down in range(0, 201, 10)]
    assert list(naming.places([*crowd, naming.Spot("behind", 0.5, 95), own], room)) == [len(crowd) + 1]  # named anyway


def test_names_stand_in_the_chart_with_lines_to_those_further_away(desk: Desk) -> None:
    chosen = ("resnet50", "resnext50_32x4d", "inception_v3", "preact_resnet50")
    networks = shown(chosen_of(desk, *map(presets.load, chosen)), desk)
    figure = drawing.accuracy(accuracy.published(networks, landmarks.IMAGENET), "Top-1")
    names = [name for name in figure.layout.annotations if name.text in {one.name for one in networks}]
    assert len(names) == 2 * len(networks)
    for name in names:
        [axis] = [getattr(figure.layout, f"xaxis{name.xref[1:]}")]
        assert axis.range[0] <= name.x <= axis.range[1]  # of a logarithmic axis, a power of ten
        aside, down = (name.ax, name.ay) if name.showarrow else (name.xshift, name.yshift)
        assert abs(aside) + abs(down) > 5


def test_a_network_that_is_compared_twice_is_named_twice(desk: Desk) -> None:
    networks = shown(chosen_of(desk, R18, R18, DIGITS, DIGITS), desk)
    assert [mark.name for mark in accuracy.published(networks, landmarks.IMAGENET) if mark.number is not None] == [
        "ResNet-18", "ResNet-18 (2)"
    ]  # fmt: skip
    assert [mark.number for mark in accuracy.on_digits(networks) if mark.number is not None] == [2, 3]


# Runs


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    made = Manager(tmp_path, workers=1)
    monkeypatch.setattr("explorer.runs.jobs._manager", [made])
    yield made
    made.close()


def ran(source: Manager, network: Network, reached: float, steps: int = 30, kind: str = "single") -> str:
    """A run in the store as a worker leaves it."""
    recipe = Recipe(steps=steps)
    run_id = source.store.create(network, recipe, kind)
    sizes = {"train_images": 1437, "test_images": 360, "steps": steps, "order": "x"}
    source.store.append(run_id, Started(device="cpu", parameters=1, **sizes))
    for step in range(1, steps + 1):
        values = {"loss": 2.3 / step, "accuracy": 0.5, "images_per_second": 1.0, "seconds_left": 0.0}
        source.store.append(run_id, Step(step=step, **values))
    finished = Finished(
        seconds=1, cpu_seconds=1, train_loss=0.1, train_accuracy=0.9, test_loss=0.2, test_accuracy=reached,
        confusion=((1,),), wrong=(), wrong_count=1,
    )  # fmt: skip
    source.store.append(run_id, finished)
    source.store.end(run_id, "finished", finished=finished)
    return run_id


def test_runs_of_this_machine_stand_on_an_axis_of_their_own(store: Manager, desk: Desk) -> None:
    other = DIGITS.apply({"op": "set", "at": 1, "fields": {"repeat": 2}}).apply({"op": "name", "name": "Other"})
    ran(store, DIGITS, 0.5)
    ran(store, DIGITS.apply({"op": "name", "name": "Renamed"}), 0.95)
    ran(store, other, 0.9)
    networks = shown(chosen_of(desk, DIGITS, R18), desk)
    marks = {mark.name: mark for mark in accuracy.on_digits(networks)}
    assert marks[DIGITS.name].accuracy == 95 and marks[DIGITS.name].number == 0  # the last run, found by its blocks
    assert marks["Other"].number is None and marks["Other"].params == analyze(other).params
    assert "Digits, depth 56" in marks and "ResNet-18" not in marks  # the box, and nothing of other images


# The page


def opened(*networks: Network, view: str = "Blocks", link: str | None = None, net: Network | None = None) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=60)
    if net is not None:
        app.query_params["net"] = net.token()
    app.run()
    if networks or link is not None:
        app.query_params[LINK] = linked(*networks) if link is None else link
    app.switch_page(PAGE)
    app.session_state["compare-view"] = view
    app.run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    kinds = ("html", "caption", "markdown", "error", "info")
    return "\n".join(getattr(one, "value", None) or one.proto.body for kind in kinds for one in app.get(kind))


def data_of(app: AppTest, key: str) -> Any:
    [found] = [one.proto for one in app.get("bidi_component") if key in one.proto.id]
    return json.loads(found.json)


def test_the_page_is_begun_afresh_by_a_button() -> None:
    app = opened(R18, R50)
    app.button(key="compare-afresh").click().run()
    found = app.session_state[KEY]
    assert found["members"] is None and data_of(app, "compare-link")["afresh"] == 1
    assert "from a link" not in texts(app) and "live · on screen" in texts(app)
    app.button(key="compare-back").click().run()
    assert "from a link" in texts(app) and not app.button(key="compare-afresh").disabled
    assert opened().button(key="compare-afresh").disabled  # a first visit is as fresh as can be


MADE = {
    "Blocks": lambda app: "xc-blocks" in texts(app),
    "Numbers": lambda app: "xc-totals" in texts(app) and len(app.dataframe) == 1,
    "Along the depth": lambda app: len(app.get("plotly_chart")) == 1,
    "Pictures": lambda app: len(data_of(app, "compare-pictures")["pictures"]) >= 1,
    "Runs": lambda app: "has no run here" in texts(app) or len(app.get("plotly_chart")) == 1,
    "Accuracy": lambda app: len(app.get("plotly_chart")) == 1,
}
SETS = {
    "first visit": (),
    "three": (R18, R50, presets.load("article")),
    "broken and empty": (BROKEN, DIGITS, Network()),
    "one": (R18,),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("networks", SETS.values(), ids=SETS.keys())
def test_every_view_opens_on_every_set(networks: tuple[Network, ...], view: str, store: Manager) -> None:
    app = opened(*networks, view=view)
    assert MADE[view](app), texts(app)
    assert not app.error and "role='alert'" not in texts(app)


def test_the_alignment_is_on_the_page(store: Manager) -> None:
    app = opened(DIGITS, DIGITS.apply({"op": "set", "at": 1, "fields": {"order": "pre"}}).remove(2))
    text = texts(app)
    assert "order post → pre" in text and "removed" in text and "3 of 4 the same, 1 changed, 1 removed" in text
    app.segmented_control(key="compare-measure").set_value("output").run()
    assert not app.exception and "16×8×8" in texts(app)


def test_a_network_that_does_not_fit_says_where_and_has_no_differences(store: Manager) -> None:
    text = texts(opened(DIGITS, BROKEN))
    assert "Does not fit together at block 3 of 5; counted up to there." in text and "…" in text


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_links_open_the_rest_and_write_no_html(part: str, store: Manager) -> None:
    app = opened(link=SEPARATOR.join((R18.token(), part)))
    text = texts(app)
    assert "ResNet-18" in text and "role='alert'" in text and "Network 2 of the link is left out" in text
    assert "<script" not in text and "<img src=x" not in text


def test_names_cannot_write_html(store: Manager) -> None:
    evil = DIGITS.model_copy(update={"name": "<img src=x onerror=alert(1)>'\""})
    evil = evil.apply({"op": "set", "at": 1, "fields": {"label": "<b>x</b>'"}})
    for view in VIEWS:
        text = texts(opened(DIGITS, evil, view=view))
        assert "<img src=x" not in text and "<b>x</b>" not in text and "&lt;img" in text


def test_presets_are_added_by_the_list_and_the_list_is_empty_again(store: Manager) -> None:
    app = opened()
    for name in ("resnet18", "googlenet"):
        app.selectbox(key=choosing.PRESET).select(name).run()
        assert not app.exception
    assert [member["note"] for member in app.session_state[KEY]["members"]][2:] == ["published network"] * 2
    assert app.selectbox(key=choosing.PRESET).value is None
    sent = data_of(app, "compare-link")
    assert [network.name for network in read_link(sent["link"])[0]][2:] == ["ResNet-18", "GoogLeNet"]
    for name in ("resnet34", "resnet50"):
        app.selectbox(key=choosing.PRESET).select(name).run()
    assert app.selectbox(key=choosing.PRESET).disabled


def test_what_is_pasted_is_added_or_said(store: Manager) -> None:
    app = opened()
    app.text_area(key=choosing.PASTED).set_value("nonsense")
    app.button(key="compare-paste").click().run()
    assert "The link is left out" in texts(app) and app.text_area(key=choosing.PASTED).value == "nonsense"
    app.text_area(key=choosing.PASTED).set_value(R50.to_json())
    app.button(key="compare-paste").click().run()
    assert "ResNet-50" in texts(app) and "role='alert'" not in texts(app)
    assert app.text_area(key=choosing.PASTED).value == ""


def test_a_card_is_renamed_moved_opened_and_removed(store: Manager) -> None:
    app = opened(R18, R50)
    app.text_input(key="compare-name-m1-ResNet-50").set_value("Fifty").run()
    assert "Fifty" in texts(app)
    app.button(key="compare-move-1-m1").click().run()
    assert "differences are to the first, Fifty" in texts(app)
    app.button(key="compare-open-m1").click().run()
    assert not app.exception
    assert Network.from_token(app.session_state["explorer"]["history"]["now"]["network"]).blocks == R50.blocks
    app.button(key="compare-remove-m0").click().run()
    assert not app.exception and "ResNet-18" not in texts(app)
    assert app.button(key="compare-remove-m1").disabled


def test_a_state_of_the_history_is_compared_with_the_screen(store: Manager) -> None:
    app = opened(net=R18)
    app.selectbox(key=choosing.STATE).select(0).run()
    assert not app.exception
    member = app.session_state[KEY]["members"][-1]
    assert member["note"] == "history: opened a link" and Network.from_token(member["token"]) == R18


def test_runs_are_found_by_blocks_and_missing_ones_say_how_to_get_one(store: Manager) -> None:
    ran(store, DIGITS, 0.925)
    text = texts(app := opened(DIGITS, R18, presets.load("digits_resnet56"), view="Runs"))
    assert "test 92.5%" in text and "ResNet-18 has no run here. Open it on the Design page and train it" in text
    assert "Trained weights come with the app" in text
    [figure] = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    assert len(figure["data"]) == 3 and figure["data"][0]["x"][-1] == 30
    ran(store, R18, 0.5, steps=7)
    assert "different recipes" in texts(opened(DIGITS, R18, view="Runs"))


def test_six_large_networks_are_few_lines_and_short_pictures(store: Manager) -> None:
    deep = presets.load("cifar_resnet1202")
    long = Network(blocks=(blocks.Stem(), *[blocks.Basic(channels=64), blocks.Conv(channels=64)] * 74))
    longer = Network(input=Shape(3, 32, 32), blocks=(blocks.Stem(), *[blocks.Conv(channels=16)] * 1000))
    networks = (deep, long, long.remove(9), longer, R18, R50)
    app = opened(*networks)
    page = block_view.CELLS // 6
    assert texts(app).count("<tr") <= page + 1
    [button] = [one for one in app.button if one.key == "compare-more"]
    assert re.fullmatch(rf"Show {page} more of [\d,]+ lines", button.label)
    button.click().run()
    assert page < texts(app).count("<tr") <= 2 * page + 1
    drawn = data_of(opened(*networks, view="Pictures"), "compare-pictures")["pictures"]
    assert [("folded" in one["note"]) for one in drawn] == [False, True, True, True, False, False]
    assert align(deep, longer).count <= 1005


def test_the_page_is_a_thin_script() -> None:
    assert len(Path(PAGE).read_text(encoding="utf-8").splitlines()) < 40


def test_names_that_differ_at_their_end_still_differ_when_they_are_short() -> None:
    name = "ResNet-56 on digits with a wide stem, third attempt"
    assert words.shortened("ResNet-56", 9) == "ResNet-56"
    assert words.shortened(name, 40) == "ResNet-56 on … third attempt"
    assert words.shortened(f"{name} plain twin", 40).endswith("plain twin")
    for most in (9, 24, 40):
        for text in (name, f"{name} plain twin", "x" * 80, "名" * 80):
            assert len(words.shortened(text, most)) <= most
