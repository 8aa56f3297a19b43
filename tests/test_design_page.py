"""The Design page by Streamlit's own test harness: components mount without a browser and speak through the session."""

import json
import random
import re
import time
from itertools import count
from pathlib import Path
from typing import Any, get_args

import pytest
from streamlit.testing.v1 import AppTest

from explorer import Network, analyze, presets
from explorer.block import Family, Role
from explorer.blocks import KINDS
from explorer.ui.desk import Desk, new_session
from explorer.ui.dispatch import receive

ENTRY = str(Path(__file__).parents[1] / "explorer" / "ui" / "app.py")


def bare(key: str) -> str:
    """A widget's key without its version."""
    return re.sub(r"-v\d+$", "", key)


class Page:
    """The app with the Design page open, spoken to as the browser speaks."""

    def __init__(self, link: str | None = None) -> None:
        self.app = AppTest.from_file(ENTRY, default_timeout=30)
        if link is not None:
            self.app.query_params["net"] = link
        self.numbers = count(1)
        self.run()

    def run(self) -> None:
        self.app.run()
        assert not self.app.exception, self.app.exception

    @property
    def view(self) -> dict[str, Any]:
        """What the stack draws."""
        sent = [component.proto for component in self.app.get("bidi_component")]
        [data] = [json.loads(proto.json) for proto in sent if proto.component_name == "explorer.stack"]
        return data

    @property
    def kept(self) -> dict[str, Any]:
        """What the browser is asked to keep."""
        sent = [component.proto for component in self.app.get("bidi_component")]
        [data] = [json.loads(proto.json) for proto in sent if proto.component_name == "explorer_keeper"]
        return data

    def say(self, *messages: dict[str, Any]) -> dict[str, Any]:
        """Sends messages together, as one run may find them."""
        numbered = [{**message, "seq": next(self.numbers)} for message in messages]
        return self.send({"session": self.view["session"], "client": "test", "messages": numbered})

    def send(self, value: object) -> dict[str, Any]:
        self.app.session_state["stack"] = {"sent": value}
        self.run()
        return self.view

    def kinds(self) -> list[str]:
        return [card["kind"] for card in self.view["cards"]]

    def network(self) -> Network:
        return Network.from_token(self.view["token"])

    def widget(self, kind: str, ending: str) -> Any:
        [found] = [widget for widget in self.app.get(kind) if bare(widget.key).endswith(ending)]
        return found


@pytest.fixture
def screen() -> Page:
    return Page()


def test_it_opens_on_the_digits_network_in_five_cards(screen: Page) -> None:
    assert screen.kinds() == ["stem", "basic", "basic", "basic", "classifier"]
    assert [card["repeat"] for card in screen.view["cards"]] == [None, 9, 9, 9, None]
    assert screen.view["network"]["flow"] == "1×8×8 → 10"
    assert screen.view["totals"]["params"]["number"] == f"{analyze(screen.network()).params:,}"
    assert screen.view["totals"]["params"]["change"] == ""


def test_a_card_says_what_auto_chose_and_its_price(screen: Page) -> None:
    settings = screen.view["cards"][2]["settings"]
    # 1×1 convolution 16→32 and a batch norm
    assert f"shortcut: auto → project, +{16 * 32 + 2 * 32:,}" in settings
    assert "stride 2" in settings


def test_add_puts_a_block_of_the_map_s_width_after_the_selected_card(screen: Page) -> None:
    view = screen.say({"op": "add", "kind": "bottleneck", "at": 3})
    assert screen.kinds() == ["stem", "basic", "basic", "bottleneck", "basic", "classifier"]
    assert screen.network().blocks[3].channels == 32
    assert view["selected"] == 3
    assert view["totals"]["params"]["change"].startswith("+")


@pytest.mark.parametrize(
    ("kind", "at", "lands"), [("stem", 3, 0), ("classifier", 1, 5), ("conv", 0, 1), ("conv", 5, 4)]
)
def test_add_keeps_stems_first_and_heads_last(screen: Page, kind: str, at: int, lands: int) -> None:
    screen.say({"op": "add", "kind": kind, "at": at})
    assert screen.kinds()[lands] == kind
    assert screen.view["selected"] == lands


def test_every_kind_of_the_palette_can_be_added_and_its_form_shown(screen: Page) -> None:
    for kind in KINDS:
        view = screen.say({"op": "add", "kind": kind, "at": 2}, {"op": "undo"}, {"op": "redo"})
        assert view["cards"][view["selected"]]["kind"] == kind
        screen.say({"op": "undo"})


def test_move_duplicate_and_remove_keep_cards_apart_by_name(screen: Page) -> None:
    names = [card["id"] for card in screen.view["cards"]]
    screen.say({"op": "move", "at": 1, "to": 2})
    assert [card["id"] for card in screen.view["cards"]] == [names[0], names[2], names[1], *names[3:]]
    view = screen.say({"op": "duplicate", "at": 1})
    assert [card["id"] for card in view["cards"]] == [names[0], names[2], "test.2", names[1], *names[3:]]
    view = screen.say({"op": "remove", "at": 2})
    assert [card["id"] for card in view["cards"]] == [names[0], names[2], names[1], *names[3:]]
    assert view["selected"] == 2


def test_several_messages_of_one_run_are_all_done_once_and_in_order(screen: Page) -> None:
    view = screen.say(*[{"op": "set", "at": 1, "fields": {"repeat": n}} for n in (10, 11, 12)])
    assert view["cards"][1]["repeat"] == 12
    assert view["acknowledged"]["test"] == 3
    # The same messages again, as after a run that was cut off before its answer arrived.
    again = [{"op": "set", "at": 1, "fields": {"repeat": 5}, "seq": n} for n in (2, 3)]
    view = screen.send({"session": view["session"], "client": "test", "messages": again})
    assert view["cards"][1]["repeat"] == 12


def test_messages_to_another_session_are_not_done(screen: Page) -> None:
    screen.send({"session": "another", "client": "test", "messages": [{"seq": 1, "op": "empty"}]})
    assert len(screen.kinds()) == 5


def test_undo_and_redo_walk_through_every_state(screen: Page) -> None:
    edits = [
        {"op": "set", "at": 1, "fields": {"repeat": 3}},
        {"op": "remove", "at": 2},
        {"op": "preset", "name": "resnet18"},
        {"op": "empty"},
        {"op": "add", "kind": "stem", "at": 0},
    ]
    states = [screen.view["token"]]
    for edit in edits:
        states.append(screen.say(edit)["token"])
    assert len(set(states)) == len(states)
    for state in reversed(states[:-1]):
        assert screen.say({"op": "undo"})["token"] == state
    assert screen.view["undo"] is False
    assert screen.say({"op": "undo"})["token"] == states[0]
    for state in states[1:]:
        assert screen.say({"op": "redo"})["token"] == state
    assert screen.view["redo"] is False


def test_an_edit_after_undo_drops_the_undone(screen: Page) -> None:
    screen.say({"op": "remove", "at": 1}, {"op": "undo"}, {"op": "remove", "at": 2})
    assert screen.view["redo"] is False


def test_selecting_is_not_an_edit(screen: Page) -> None:
    view = screen.say({"op": "select", "at": 3})
    assert (view["selected"], view["undo"]) == (3, False)


def test_changes_are_signed_and_against_the_state_before(screen: Page) -> None:
    before = analyze(screen.network(), batch=64)
    view = screen.say({"op": "set", "at": 1, "fields": {"repeat": 10}})
    after = analyze(screen.network(), batch=64)
    assert view["totals"]["params"]["change"] == f"+{after.params - before.params:,}"
    assert view["totals"]["memory"]["change"].startswith("+")
    view = screen.say({"op": "undo"})
    assert view["totals"]["params"]["change"] == f"−{after.params - before.params:,}"


def test_flops_stand_beside_macs_as_twice_their_number(screen: Page) -> None:
    assert screen.view["totals"]["macs"]["number"] == "7.84 M"
    assert screen.view["totals"]["macs"]["note"] == "15.7 MFLOPs"


def test_memory_is_split_and_its_parts_add_up(screen: Page) -> None:
    screen.say({"op": "batch", "size": 32})
    memory = analyze(screen.network(), batch=32).memory("sgd")
    parts = screen.view["totals"]["memory"]["parts"]
    assert [part["name"] for part in parts] == ["weights", "gradients", "optimiser", "activations"]
    assert screen.view["totals"]["memory"]["exact"] == f"{memory.total:,} bytes"
    assert memory.total == memory.weights + memory.gradients + memory.optimiser + memory.activations
    assert sum(part["share"] for part in parts) == pytest.approx(1, abs=0.01)


def test_an_invalid_stack_shows_everything_up_to_the_failing_block(screen: Page) -> None:
    whole = screen.view
    view = screen.say({"op": "set", "at": 2, "fields": {"shortcut": "identity"}})
    assert [card["status"] for card in view["cards"]] == ["ok", "ok", "error", "waiting", "waiting"]
    assert view["cards"][1]["macs"] == whole["cards"][1]["macs"]
    assert view["cards"][2]["error"]["head"] == "Adds 16×8×8 to 32×4×4."
    assert view["totals"]["upto"] == "Counted up to block 2 of 5."
    assert view["totals"]["params"]["change"] == ""


def test_each_way_out_mends_the_stack_in_one_click_and_can_be_undone(screen: Page) -> None:
    broken = screen.say({"op": "set", "at": 2, "fields": {"shortcut": "identity"}})
    ways = broken["cards"][2]["error"]["ways"]
    assert len(ways) == 3
    assert {way["price"][0] for way in ways} <= {"+", "−"}
    for way in ways:
        view = screen.say(way["edit"])
        assert view["totals"]["upto"] == ""
        assert screen.say({"op": "undo"})["token"] == broken["token"]


def test_a_price_is_what_the_repair_costs_against_a_stage_without_shortcut(screen: Page) -> None:
    broken = screen.say({"op": "set", "at": 2, "fields": {"shortcut": "identity"}})
    bare = screen.say({"op": "set", "at": 2, "fields": {"shortcut": "none"}})
    none = int(bare["totals"]["params"]["number"].replace(",", ""))
    [way] = [way for way in broken["cards"][2]["error"]["ways"] if way["edit"]["fields"] == {"shortcut": "auto"}]
    view = screen.say(way["edit"])
    assert int(view["totals"]["params"]["number"].replace(",", "")) - none == int(way["price"])


def test_every_preset_opens_and_opening_one_can_be_undone(screen: Page) -> None:
    opening = screen.view["token"]
    for name in ("resnet50", "googlenet", "cifar_resnet1202", "article"):
        view = screen.say({"op": "preset", "name": name})
        assert screen.network() == presets.load(name)
        assert view["totals"]["params"]["number"] == f"{analyze(presets.load(name)).params:,}"
        assert screen.say({"op": "undo"})["token"] == opening


def test_empty_keeps_the_input_and_can_be_filled_again(screen: Page) -> None:
    view = screen.say({"op": "empty"})
    assert (view["cards"], view["selected"], view["totals"]["params"]["number"]) == ([], -1, "0")
    assert view["network"]["flow"] == "1×8×8 → 1×8×8"
    screen.say({"op": "add", "kind": "classifier", "at": 0}, {"op": "add", "kind": "stem", "at": 0})
    assert screen.kinds() == ["stem", "classifier"]


def test_a_link_opens_the_network_it_was_made_of(screen: Page) -> None:
    screen.say({"op": "preset", "name": "resnet18"}, {"op": "set", "at": 1, "fields": {"repeat": 7}})
    other = Page(link=screen.view["token"])
    assert other.network() == screen.network()
    assert other.kept["link"] is True


@pytest.mark.parametrize("token", ["", "1", "1garbage", "nonsense", "<script>", "1" + "A" * 5000, "é" * 40])
def test_a_bad_link_gives_one_sentence_and_changes_nothing(token: str) -> None:
    screen = Page(link=token)
    assert len(screen.kinds()) == 5
    assert screen.view["notice"]["kind"] == "error"
    assert screen.view["notice"]["text"].endswith(".")
    assert screen.kept["fresh"] is True


def restore(screen: Page, *tokens: object) -> None:
    """Hands the session a line of networks, the last of them the present, as the browser does."""
    states = [{"number": number, "token": token, "label": f"state {number}"} for number, token in enumerate(tokens)]
    kept = {"origin": "0123456789ab", "states": states, "at": len(states) - 1, "settings": {}}
    screen.app.session_state["keeper"] = {"sent": {"session": screen.view["session"], "kept": kept}}
    screen.run()


def test_a_reload_brings_back_what_the_browser_kept(screen: Page) -> None:
    token = screen.say({"op": "preset", "name": "resnet34"})["token"]
    assert screen.kept["states"][-1]["token"] == token
    fresh = Page()
    restore(fresh, token)
    assert fresh.network() == presets.load("resnet34")
    assert fresh.view["undo"] is False


def test_a_reload_brings_back_the_whole_timeline_and_the_settings(screen: Page) -> None:
    screen.say({"op": "batch", "size": 8}, {"op": "target", "quantity": "macs", "value": 10**9})
    screen.say({"op": "remove", "at": 1}, {"op": "preset", "name": "resnet34"}, {"op": "undo"})
    before = screen.say({"op": "timeline", "open": True})
    told = screen.kept
    states = sorted(told["states"], key=lambda state: state["number"])
    kept = {"origin": told["origin"], "states": states, "at": told["at"], "settings": told["settings"]}
    fresh = Page()
    fresh.app.session_state["keeper"] = {"sent": {"session": fresh.view["session"], "kept": kept}}
    fresh.run()
    after = fresh.say({"op": "timeline", "open": True})
    assert after["timeline"] == before["timeline"]
    assert after["token"] == before["token"]
    assert after["budget"] == before["budget"]
    assert after["totals"]["batch"] == 8
    own = {
        "session": after["session"],
        "browser": fresh.kept["browser"],
    }  # a browser without cookies has another name each time
    assert fresh.kept == {**told, **own, "fresh": False}
    assert fresh.say({"op": "redo"})["token"] == presets.load("resnet34").token()


def test_what_the_browser_kept_does_not_overwrite_later_edits(screen: Page) -> None:
    token = presets.load("resnet34").token()
    edited = screen.say({"op": "remove", "at": 1})["token"]
    restore(screen, token)
    assert screen.view["token"] == edited


def test_a_link_wins_over_what_the_browser_kept_which_is_one_undo_away() -> None:
    screen = Page(link=presets.load("resnet18").token())
    restore(screen, presets.load("resnet34").token())
    assert screen.network() == presets.load("resnet18")
    screen.say({"op": "undo"})
    assert screen.network() == presets.load("resnet34")


@pytest.mark.parametrize("token", ["1garbage", None, 7, {"a": 1}, "1" * 200_000])
def test_an_unreadable_memory_gives_one_sentence(token: object) -> None:
    screen = Page()
    restore(screen, token)
    assert len(screen.kinds()) == 5
    assert screen.view["notice"]["kind"] == "error"


def test_a_network_goes_to_a_file_and_comes_back(screen: Page) -> None:
    screen.say({"op": "remove", "at": 2})
    mine = screen.network()
    view = screen.say({"op": "download", "what": "network"})
    assert view["download"]["name"].endswith(".json")
    screen.say({"op": "empty"})
    assert screen.view["download"] is None
    screen.say({"op": "open", "text": view["download"]["text"]})
    assert screen.network() == mine


@pytest.mark.parametrize("text", ["", "{", "[]", '{"blocks": [{"kind": "nonsense"}]}', '{"input": [3, 0, 8]}'])
def test_a_bad_file_gives_one_sentence_and_changes_nothing(screen: Page, text: str) -> None:
    before = screen.view["token"]
    view = screen.say({"op": "open", "text": text})
    assert view["token"] == before
    assert view["notice"]["kind"] == "error"
    assert view["notice"]["text"].startswith("This file cannot be opened.")


def test_the_table_opens_to_operations_and_its_columns_add_up(screen: Page) -> None:
    screen.say({"op": "set", "at": 1, "fields": {"repeat": 2}})
    view = screen.say({"op": "view", "to": "table"}, {"op": "unfold", "cards": [1]})
    rows = view["table"]["rows"]
    cards = [row for row in rows if row["level"] == 0]
    number = [int(row["numbers"][0].replace(",", "").replace("·", "0")) for row in cards]
    assert f"{sum(number):,}" == view["table"]["total"]["numbers"][0] == view["totals"]["params"]["number"]
    inside = [row for row in rows if row["card"] == 1 and row["level"] == 2]
    macs = [int(row["numbers"][1].replace(",", "").replace("·", "0")) for row in inside]
    assert f"{sum(macs):,}" == cards[1]["numbers"][1]
    assert "Not counted" not in view["table"]["uncounted"]


def test_csv_has_a_line_for_each_block_with_repeats_written_out(screen: Page) -> None:
    text = screen.say({"op": "download", "what": "blocks"})["download"]["text"]
    head, *lines = text.strip().split("\n")
    assert len(lines) == 29
    column = head.split(",").index("Parameters")
    assert sum(int(line.split(",")[column]) for line in lines) == 855_482
    operations = screen.say({"op": "download", "what": "operations"})["download"]["text"]
    head, *lines = operations.strip().split("\n")
    column = head.split(",").index("MACs")
    assert sum(int(line.split(",")[column]) for line in lines) == analyze(screen.network()).macs


# The form


def test_the_form_has_a_widget_for_every_field_of_every_kind(screen: Page) -> None:
    widgets = ("number_input", "button_group", "selectbox", "toggle", "text_input", "text_area", "slider")
    for name, kind in KINDS.items():
        screen.say({"op": "empty"}, {"op": "add", "kind": name, "at": 0})
        keys = {bare(widget.key) for each in widgets for widget in screen.app.get(each) if widget.key}
        for field in kind.model_fields:
            found = [key for key in keys if key.endswith(f"-{field}")]
            assert len(found) == (field != "kind"), (name, field, keys)


def test_a_change_in_the_form_is_an_edit(screen: Page) -> None:
    screen.say({"op": "select", "at": 1})
    screen.widget("number_input", "-channels").set_value(24)
    screen.run()
    assert screen.network().blocks[1].channels == 24
    assert screen.view["undo"] is True
    screen.say({"op": "undo"})
    assert screen.widget("number_input", "-channels").value == 16


def test_a_choice_in_the_form_is_an_edit(screen: Page) -> None:
    screen.say({"op": "select", "at": 2})
    screen.widget("button_group", "-shortcut").set_value("pad")
    screen.run()
    assert screen.network().blocks[2].shortcut == "pad"


def test_bounds_of_the_form_are_those_of_the_field(screen: Page) -> None:
    screen.say({"op": "select", "at": 1})
    channels = screen.widget("number_input", "-channels")
    assert (channels.min, channels.max) == (1, 8192)


def test_the_form_follows_the_card_when_it_moves(screen: Page) -> None:
    screen.say({"op": "select", "at": 1}, {"op": "move", "at": 1, "to": 2})
    screen.widget("number_input", "-channels").set_value(8)
    screen.run()
    assert [block.channels for block in screen.network().blocks[1:4]] == [32, 8, 64]


def test_an_edit_made_elsewhere_gives_the_widget_a_new_key_and_one_s_own_keeps_it(screen: Page) -> None:
    # What the browser still says of the old key, under quick keys on the stack, is then nobody's edit.
    screen.say({"op": "select", "at": 1})
    first = screen.widget("number_input", "-repeat").key
    screen.widget("number_input", "-repeat").set_value(8)
    screen.run()
    assert screen.widget("number_input", "-repeat").key == first
    screen.say({"op": "set", "at": 1, "fields": {"repeat": 9}})
    second = screen.widget("number_input", "-repeat")
    assert (second.key != first, second.value) == (True, 9)
    second.set_value(8)  # back at once is an edit like any other
    screen.run()
    assert screen.network().blocks[1].repeat == 8


def test_refused_text_stays_with_the_reason(screen: Page) -> None:
    screen.say({"op": "add", "kind": "inception", "at": 2})
    before = screen.view["token"]
    screen.widget("text_area", "-branches").set_value("1x1:64 | 3x3")
    screen.run()
    assert screen.view["token"] == before
    assert screen.widget("text_area", "-branches").value == "1x1:64 | 3x3"
    assert any("xp-refused" in html.proto.body for html in screen.app.get("html"))
    screen.widget("text_area", "-branches").set_value("1x1:64 | 3x3:32")
    screen.run()
    assert screen.network().blocks[2].branches == "1x1:64 | 3x3:32"
    assert not any('class="xp-refused"' in html.proto.body for html in screen.app.get("html"))


@pytest.mark.parametrize(("text", "hidden"), [("512, 256", (512, 256)), ("", ()), ("64", (64,))])
def test_hidden_layers_are_a_list_of_widths(screen: Page, text: str, hidden: tuple[int, ...]) -> None:
    screen.say({"op": "select", "at": 4}, {"op": "set", "at": 4, "fields": {"hidden": [7]}})
    screen.widget("text_input", "-hidden").set_value(text)
    screen.run()
    assert screen.network().blocks[4].hidden == hidden


def test_the_network_s_form_sets_input_classes_and_batch(screen: Page) -> None:
    screen.say({"op": "select", "at": -1})
    screen.widget("number_input", "-input0").set_value(3)
    screen.run()
    screen.widget("number_input", "-input1").set_value(32)
    screen.run()
    screen.widget("number_input", "-classes").set_value(100)
    screen.run()
    screen.widget("number_input", "-batch").set_value(16)
    screen.run()
    assert screen.network().input == (3, 32, 8)
    assert screen.network().blocks[4].classes == 100
    assert screen.view["totals"]["batch"] == 16
    assert screen.view["selected"] == -1


# Whatever arrives


HOSTILE: list[Any] = [
    None,
    7,
    "x",
    [],
    {},
    {"op": "remove"},
    {"op": "remove", "at": 99},
    {"op": "remove", "at": -1},
    {"op": "remove", "at": True},
    {"op": "remove", "at": "0"},
    {"op": "move", "at": 0, "to": 10**30},
    {"op": "duplicate", "at": None},
    {"op": "insert", "at": 0, "block": {"kind": "__class__"}},
    {"op": "insert", "at": 0, "block": None},
    {"op": "set", "at": 1, "fields": {"channels": 10**9}},
    {"op": "set", "at": 1, "fields": {"build": "x"}},
    {"op": "set", "at": 1, "fields": [[[[]]]]},
    {"op": "input", "shape": [3, 1e9, -1]},
    {"op": "input", "shape": "abc"},
    {"op": "select", "at": 10**9},
    {"op": "preset", "name": "../../etc/passwd"},
    {"op": "preset", "name": "x" * 10_000},
    {"op": "add", "kind": "nonsense", "at": 0},
    {"op": "batch", "size": "many"},
    {"op": "view", "to": "elsewhere"},
    {"op": "unfold", "cards": list(range(5000))},
    {"op": "download", "what": "/etc/passwd"},
    {"op": "open", "text": 5},
    {"op": "nonsense"},
    {"op": ["undo"]},
    {"op": "undo", "extra": 1},
    {"op": "select", "at": 1, "chosen": [2]},
    {"op": "select", "at": 1, "chosen": "1"},
    {"op": "select", "at": -1, "chosen": [0]},
    {"op": "select", "at": 1, "chosen": [1] * 2000},
    {"op": "arrange", "order": [0, 0.0]},
    {"op": "arrange", "order": [0, 5]},
    {"op": "arrange", "order": "01"},
    {"op": "arrange", "order": [0] * 2000},
    {"op": "paste", "at": 0, "blocks": [{"kind": "<script>"}]},
    {"op": "paste", "at": 0, "blocks": {"kind": "pool"}},
    {"op": "paste", "at": True, "blocks": [{"kind": "pool"}]},
    {"op": "paste", "at": 0, "blocks": [{"kind": "pool"}] * 1024},
    {"op": "group", "edits": [{"op": "remove", "at": 1}]},
    {"op": "group", "edits": [{"op": "set", "at": 1, "fields": {"channels": 8}}, {"op": "set", "at": 9, "fields": {}}]},
    {"op": "group", "edits": [{"op": "set", "at": 1, "fields": {"channels": float("nan")}}]},
    {"op": "set", "at": 1, "fields": {"label": ["<b>"]}},
    {"op": "set", "at": 1, "fields": {"channels": 10**5000}},
    {"op": "set", "at": 10**5000, "fields": {}},
    {"op": "set", "at": 1, "fields": {"label": "x" * 10_000_000}},
    {"op": "set", "at": 1, "fields": {str(number): number for number in range(200_000)}},
    {"op": "paste", "at": 0, "blocks": [[]] * 500_000},
    {"op": "preview"},
    {"op": "preview", "kind": "nonsense"},
    {"op": "preview", "kind": "pool", "cards": [1]},
    {"op": "preview", "cards": []},
    {"op": "preview", "cards": [1, 1]},
    {"op": "preview", "cards": [5]},
    {"op": "jump", "to": -1},
    {"op": "jump", "to": 7},
    {"op": "timeline", "open": 1},
    {"op": "target", "quantity": "beauty", "value": 1},
    {"op": "target", "quantity": "params", "value": 0},
    {"op": "target", "quantity": "params", "value": 10**30},
    {"op": "target", "quantity": "params", "value": True},
    {"op": "fit"},
    {"op": "adopt", "proposal": 0},
    {"op": "dismiss", "what": "everything"},
    {"op": "inside", "cards": ["x" * 65]},
    {"op": "inside", "cards": [1]},
    {"op": "picture", "opened": ["0"] * 5000},
    {"op": "style", "to": "elsewhere"},
    {"op": "gallery", "of": "x"},
]


def name_of(message: Any) -> str:
    return str(message.get("op")) if isinstance(message, dict) else repr(message)


@pytest.mark.parametrize("message", HOSTILE, ids=name_of)
def test_a_hostile_message_changes_nothing_and_the_next_is_heard(message: Any) -> None:
    desk = Desk(new_session())
    before = unsaid(desk)
    sent = {**message, "seq": 1} if isinstance(message, dict) else message
    after = {"op": "select", "at": 3, "seq": 2}
    begun = time.process_time()
    receive(desk, {"session": desk.session["id"], "client": "x", "messages": [sent, after]})
    assert time.process_time() - begun < 1
    assert desk.selected == 3
    desk.select(1)
    assert unsaid(desk) == before
    notice = desk.session["notice"]
    assert notice is not None
    assert (notice["kind"], len(notice["text"]) < 550, notice["text"][-1]) == ("error", True, ".")


def unsaid(desk: Desk) -> str:
    """All of a session but what is said in answer."""
    return json.dumps({**desk.session, "notice": None, "acknowledged": {}, "asked": []})


@pytest.mark.parametrize(
    "value", [None, 1, [], "x", {}, {"client": 1}, {"client": "<script>"}, {"client": "x", "messages": {"a": 1}}]
)
def test_a_hostile_envelope_changes_nothing(value: Any) -> None:
    desk = Desk(new_session())
    before = json.dumps(desk.session)
    receive(desk, {**value, "session": desk.session["id"]} if isinstance(value, dict) else value)
    assert json.dumps(desk.session) == before


def test_a_long_random_session_stays_json_and_comes_all_the_way_back() -> None:
    draw = random.Random(0)
    desk = Desk(new_session())
    opening = desk.now["network"]
    for number in range(300):
        blocks = len(desk.network.blocks)
        message = draw.choice(
            [
                {"op": "add", "kind": draw.choice(list(KINDS)), "at": draw.randint(-1, blocks)},
                {"op": "remove", "at": draw.randint(0, blocks)},
                {"op": "move", "at": draw.randint(0, blocks), "to": draw.randint(0, blocks)},
                {"op": "duplicate", "at": draw.randint(0, blocks)},
                {"op": "set", "at": draw.randint(0, blocks), "fields": {"channels": draw.choice([8, 0, 64])}},
                {"op": "undo"},
                {"op": "redo"},
            ]
        )
        receive(desk, {"session": desk.session["id"], "client": "x", "messages": [{**message, "seq": number}]})
        assert len(desk.now["cards"]) == len(desk.network.blocks) == len(set(desk.now["cards"]))
        assert -1 <= desk.selected < max(1, len(desk.network.blocks))
    assert json.loads(json.dumps(desk.session)) == desk.session
    while desk.history["past"]:
        desk.undo()
    assert desk.now["network"] == opening


def test_no_kind_is_named_in_the_interface() -> None:
    shared = {*get_args(Role), *get_args(Family)}  # words for a kind that are also words for a role or a family
    for source in Path(ENTRY).parent.rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        for kind in KINDS.keys() - shared:
            assert f'"{kind}"' not in text, (source.name, kind)
