"""The form of the selected cards: one for several, of one kind or of several kinds, and every change is one edit."""

import re
from itertools import combinations
from typing import Any

import pytest

from explorer import presets
from explorer.blocks import KINDS
from explorer.network import EditError
from explorer.ui import forms, widgets
from explorer.ui.desk import Desk, new_session
from explorer.ui.schemas import schema_of, shared
from tests.test_design_page import Page, bare

PAIRS = list(combinations(KINDS, 2))
EACH = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
WIDGETS = ("number_input", "button_group", "selectbox", "toggle", "text_input", "text_area", "slider", "select_slider")


@pytest.fixture
def screen() -> Page:
    return Page()


def shown(screen: Page) -> dict[str, Any]:
    """The widgets of the form by the name of their field."""
    found = {}
    for kind in WIDGETS:
        for widget in screen.app.get(kind):
            if widget.key and re.match(r"(half|wide)-", widget.key):
                found[bare(widget.key).rpartition("-")[2]] = widget
    return found


def captions(screen: Page) -> list[str]:
    return [caption.value for caption in screen.app.get("caption")]


def select(screen: Page, *cards: int) -> None:
    screen.say({"op": "select", "at": cards[0], "chosen": list(cards)})


def change(screen: Page, field: str, value: Any) -> None:
    shown(screen)[field].set_value(value)
    screen.run()


def stack(screen: Page, *blocks: dict[str, Any]) -> None:
    """These blocks in place of what is there."""
    screen.say({"op": "empty"}, *[{"op": "insert", "at": at, "block": block} for at, block in enumerate(blocks)])


# Several cards of one kind


def test_cards_of_one_kind_have_one_form_and_what_differs_is_mixed(screen: Page) -> None:
    select(screen, 1, 2, 3)
    fields = shown(screen)
    assert set(fields) == set(schema_of(KINDS["basic"]))
    channels, stride, repeat = fields["channels"], fields["stride"], fields["repeat"]
    assert (channels.value, channels.placeholder, channels.label) == (None, "mixed", "Channels · 16, 32, 64")
    assert channels.help.startswith("Mixed: `16`, `32`, `64`.")
    assert "Output channels." in channels.help
    assert (stride.value, stride.label) == (None, "Stride · 1, 2")
    assert (repeat.value, repeat.label) == (9, "Repeat")
    assert captions(screen)[0] == "3 × Basic block. A change here is made in all of them."


@pytest.mark.parametrize(
    ("field", "value", "before"),
    [
        ("channels", 24, [16, 32, 64]),
        ("stride", 1, [1, 2, 2]),
        ("repeat", 4, [9, 9, 9]),
        ("norm", "group", ["batch"] * 3),
    ],
)
def test_a_change_is_made_in_all_of_them_and_undone_in_one_step(
    screen: Page, field: str, value: Any, before: list[Any]
) -> None:
    opening = screen.view["token"]
    select(screen, 1, 2, 3)
    change(screen, field, value)
    assert [getattr(block, field) for block in screen.network().blocks[1:4]] == [value] * 3
    assert shown(screen)[field].value == value
    assert screen.view["chosen"] == [1, 2, 3]
    screen.say({"op": "undo"})
    assert screen.view["token"] == opening
    assert [getattr(block, field) for block in screen.network().blocks[1:4]] == before
    assert shown(screen)[field].value == (before[0] if len(set(before)) == 1 else None)


def test_cards_that_are_not_chosen_keep_what_they_have(screen: Page) -> None:
    select(screen, 1, 3)
    change(screen, "channels", 8)
    assert [block.channels for block in screen.network().blocks[:4]] == [16, 8, 32, 8]


def test_a_field_that_differs_shows_no_switch_and_no_slider_that_would_lie(screen: Page) -> None:
    stack(screen, {"kind": "pool", "kernel": 3}, {"kind": "pool", "kernel": 5, "ceil_mode": True, "padding": 1})
    select(screen, 0, 1)
    fields = shown(screen)
    assert {name: type(fields[name]).__name__ for name in ("kernel", "ceil_mode", "stride")} == {
        "kernel": "NumberInput",
        "ceil_mode": "ButtonGroup",
        "stride": "Slider",
    }
    assert [fields[name].value for name in ("kernel", "ceil_mode", "padding")] == [None] * 3
    assert "`automatic`, `1`" in fields["padding"].help
    change(screen, "ceil_mode", True)
    change(screen, "kernel", 7)
    assert [(block.kernel, block.ceil_mode) for block in screen.network().blocks] == [(7, True)] * 2
    assert {type(shown(screen)[name]).__name__ for name in ("kernel",)} == {"Slider"}


def test_words_that_differ_are_mixed_and_new_ones_are_for_all(screen: Page) -> None:
    stack(screen, {"kind": "inception"}, {"kind": "inception", "branches": "1x1:8 | maxpool", "label": "mine"})
    select(screen, 0, 1)
    assert (shown(screen)["branches"].value, shown(screen)["branches"].placeholder) == ("", "mixed")
    assert shown(screen)["branches"].label == "Branches · mixed"
    assert shown(screen)["label"].help.startswith("Mixed: ` `, `mine`.")
    change(screen, "branches", "3x3:16")
    assert [block.branches for block in screen.network().blocks] == ["3x3:16"] * 2


def test_what_all_of_them_refuse_stays_with_its_reason_and_changes_none(screen: Page) -> None:
    stack(screen, {"kind": "inception"}, {"kind": "inception", "branches": "1x1:8"})
    select(screen, 0, 1)
    before = screen.view["token"]
    change(screen, "branches", "1x1:64 | 3x3")
    assert screen.view["token"] == before
    assert shown(screen)["branches"].value == "1x1:64 | 3x3"
    [reason] = [html.proto.body for html in screen.app.get("html") if 'class="xp-refused"' in html.proto.body]
    assert "expected a step such as 3x3:64" in reason
    change(screen, "branches", "1x1:64")
    assert [block.branches for block in screen.network().blocks] == ["1x1:64"] * 2


def test_a_form_of_other_cards_has_widgets_of_its_own(screen: Page) -> None:
    # so that what the browser still says of one form is never an edit in another
    keys = []
    for cards in ((1,), (2,), (1, 2), (2, 3), (1, 2, 3)):
        select(screen, *cards)
        keys.append({widget.key for widget in shown(screen).values()})
    assert all(not one & two for one, two in combinations(keys, 2))


def test_a_card_that_a_quick_key_took_away_is_left_out() -> None:
    desk = Desk(new_session())
    cards = tuple(desk.now["cards"][1:4])
    desk.apply({"op": "remove", "at": 2})
    forms._make(desk, {"op": "set", "cards": cards, "fields": {"repeat": 2}})
    assert [getattr(block, "repeat", None) for block in desk.network.blocks] == [None, 2, 2, None]
    forms._make(desk, {"op": "set", "cards": ("gone",), "fields": {"repeat": 3}})
    assert [getattr(block, "repeat", None) for block in desk.network.blocks] == [None, 2, 2, None]


# Cards of several kinds


def test_cards_of_several_kinds_show_what_they_share(screen: Page) -> None:
    stack(screen, {"kind": "conv"}, {"kind": "basic", "norm": "group"}, {"kind": "inception"})
    select(screen, 0, 1, 2)
    assert set(shown(screen)) == {"norm", "norm_eps", "activation", "bias", "repeat", "label"}
    assert captions(screen)[0].startswith("3 cards: Convolution, Basic block and Inception module.")
    change(screen, "norm", "layer")
    assert [block.norm for block in screen.network().blocks] == ["layer"] * 3
    change(screen, "repeat", 3)
    assert [block.repeat for block in screen.network().blocks] == [3] * 3
    screen.say({"op": "undo"})
    assert [block.repeat for block in screen.network().blocks] == [1] * 3


def test_choices_are_those_that_all_kinds_offer(screen: Page) -> None:
    stack(screen, {"kind": "basic"}, {"kind": "identity_mapping"})
    select(screen, 0, 1)
    assert shown(screen)["shortcut"].options == ["identity", "none"]
    assert shown(screen)["shortcut"].value is None
    change(screen, "shortcut", "none")
    assert [block.shortcut for block in screen.network().blocks] == ["none", "none"]


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_a_shared_field_takes_the_same_values_in_both_kinds(one: str, two: str) -> None:
    kinds = (KINDS[one], KINDS[two])
    fields = shared(kinds)
    assert set(fields) == set(shared(kinds[::-1]))
    assert "label" in fields
    for name, schema in fields.items():
        limits = [schema[bound] for bound in ("minimum", "maximum") if bound in schema]
        for value in schema.get("enum", limits):
            for kind in kinds:
                assert getattr(kind(**{name: value}), name) == value
        for kind in kinds:
            assert kind.model_fields[name].title == schema["title"]


def test_fields_of_one_name_and_two_meanings_are_not_shared() -> None:
    assert "stride" not in shared((KINDS["conv"], KINDS["pool"]))  # 1 or 2, and any distance between windows
    assert "padding" not in shared((KINDS["conv"], KINDS["pool"]))
    assert "channels" not in shared((KINDS["conv"], KINDS["identity_mapping"]))  # which may leave it open
    assert "channels" in shared((KINDS["conv"], KINDS["stem"]))
    assert "auto" not in shared((KINDS["stem"], KINDS["conv"]))["norm"]["enum"]


# One card


@EACH
def test_a_form_ends_with_the_card_s_own_name(kind: type[Any]) -> None:
    *_, last = schema_of(kind)
    assert last == "label"
    assert set(schema_of(kind)) == set(kind.model_fields) - {"kind"}


def test_a_card_is_named_in_its_form(screen: Page) -> None:
    select(screen, 2)
    assert (shown(screen)["label"].label, shown(screen)["label"].placeholder) == ("Name on the card", "Basic block")
    change(screen, "label", "Stage 2")
    assert screen.network().blocks[2].label == "Stage 2"
    assert screen.view["cards"][2]["title"] == "Stage 2"


def test_a_width_is_typed_or_slid_over_powers_of_two(screen: Page) -> None:
    select(screen, 2)
    slider = shown(screen)["slide"]
    assert slider.options == [str(2**power) for power in range(2, 13)]
    assert slider.value == shown(screen)["channels"].value == 32
    change(screen, "slide", 256)
    assert screen.network().blocks[2].channels == 256
    assert shown(screen)["channels"].value == shown(screen)["slide"].value == 256
    change(screen, "channels", 40)
    assert screen.network().blocks[2].channels == 40
    assert screen.app.get("select_slider")[0].value == 40
    assert screen.app.get("select_slider")[0].options[3:6] == ["32", "40", "64"]
    screen.say({"op": "undo"}, {"op": "undo"})
    assert (shown(screen)["channels"].value, shown(screen)["slide"].value) == (32, 32)


def test_a_slider_keeps_its_key_while_it_is_moved(screen: Page) -> None:
    # a new widget would lose the focus, and with it the arrow keys
    select(screen, 2)
    key = shown(screen)["slide"].key
    for width in (64, 128, 64):
        change(screen, "slide", width)
        assert shown(screen)["slide"].key == key
        assert screen.network().blocks[2].channels == width


@EACH
def test_every_width_of_a_kind_has_its_slider_within_the_bounds(kind: type[Any]) -> None:
    for schema in schema_of(kind).values():
        if widgets.has_ladder(schema):
            powers = widgets.powers(schema)
            assert schema["minimum"] <= powers[0] and powers[-1] <= schema["maximum"]
            assert schema["default"] in powers


@EACH
def test_no_row_of_a_form_has_a_hole(kind: type[Any]) -> None:
    filled = 0
    for name, size in forms.layout(schema_of(kind)).items():
        cells = 2 if size == "wide" or widgets.has_ladder(schema_of(kind)[name]) else 1
        assert filled % 2 + cells <= 2, name
        filled += cells
    assert filled % 2 == 0


@EACH
def test_formula_and_source_are_in_the_form(screen: Page, kind: type[Any]) -> None:
    stack(screen, {"kind": kind.model_fields["kind"].default})
    screen.say({"op": "select", "at": 0})
    assert captions(screen)[0] == kind.summary
    assert f"{kind.source}." in captions(screen)
    drawn = [html.proto.body for html in screen.app.get("html") if 'class="xp-formula"' in html.proto.body]
    assert len(drawn) == bool(kind.formula)
    for body in drawn:
        assert re.sub(r"<[^>]+>", "", body) == re.sub(r"_(?=\w)", "", kind.formula)


def test_a_formula_sets_variables_apart_from_functions_and_lowers_an_index() -> None:
    assert forms.formula("X_out = ReLU(x₁ + b)") == "<i>X</i><sub>out</sub> = ReLU(<i>x</i>₁ + <i>b</i>)"
    assert forms.formula("a < b & <script>") == "<i>a</i> &lt; <i>b</i> &amp; &lt;script&gt;"


# What is said of values


def test_values_that_differ_are_listed_once_and_never_as_markdown() -> None:
    assert (
        widgets.listed([16, 32, 16, 1e-5, None, True, (512, 256), ()]) == "16, 32, 1e-05, automatic, on, 512, 256, none"
    )
    assert widgets.quoted(["[x](javascript:1)", "`a`", ""]) == "`[x](javascript:1)`, `ʼaʼ`, ` `"
    assert widgets.quoted(range(10)) == "`0`, `1`, `2`, `3`, `4`, `5`, `6`, `7` and 2 more"


@pytest.mark.parametrize(("text", "widths"), [("512, 256", [512, 256]), ("", []), (" 8  16 ", [8, 16])])
def test_a_list_of_widths_is_read(text: str, widths: list[int]) -> None:
    assert widgets.from_widget({"type": "array"}, text) == widths


def test_a_list_of_widths_says_what_it_takes() -> None:
    with pytest.raises(EditError, match=r"Whole numbers, separated by commas\."):
        widgets.from_widget({"type": "array"}, "a, b")
    with pytest.raises(EditError, match="A value is needed here"):
        widgets.from_widget({"type": "integer"}, None)
    assert widgets.from_widget({"type": "integer", "optional": True}, None) is None


def test_all_cards_of_a_long_network_have_a_form(screen: Page) -> None:
    screen.say({"op": "preset", "name": "inception_v3"})
    cards = list(range(len(presets.load("inception_v3").blocks)))
    screen.say({"op": "select", "at": 0, "chosen": cards})
    assert set(shown(screen)) == {"label"}
    inception = [at for at, block in enumerate(presets.load("inception_v3").blocks) if block.kind == "inception"]
    select(screen, *inception)
    change(screen, "norm_eps", 1e-5)
    assert {screen.network().blocks[at].norm_eps for at in inception} == {1e-5}
