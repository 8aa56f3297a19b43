"""The ghost of a drag: what each slot says is what the page says after the drop."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import Network, Shape, analyze, blocks, presets
from explorer.block import KINDS
from explorer.ui.desk import Desk, new_session
from explorer.ui.dispatch import receive
from explorer.ui.preview import order_after
from explorer.ui.view import view
from explorer.ui.words import compact
from tests.stacks import any_stacks


class Editor:
    """A desk with this network, spoken to as the browser speaks."""

    def __init__(self, network: Network, batch: int = 64) -> None:
        self.desk = Desk(new_session())
        self.desk.load(network)
        self.seq = 0
        self.say({"op": "batch", "size": batch})

    def say(self, message: dict[str, Any]) -> dict[str, Any]:
        self.seq += 1
        sent = {"session": self.desk.session["id"], "client": "x", "messages": [{**message, "seq": self.seq}]}
        receive(self.desk, json.loads(json.dumps(sent)))
        return json.loads(json.dumps(view(self.desk)))


def agree(slot: dict[str, Any], after: dict[str, Any], count: int, network: Network) -> None:
    """Whether a slot's texts are those of the page: of the cards that were dragged together, and of the whole."""
    cards = after["cards"][slot["at"] : slot["at"] + count]
    status = next((card["status"] for card in cards if card["status"] != "ok"), "ok")
    told = {name: slot[name] for name in ("status", "input", "output", "totals")}
    ends = {"input": cards[0]["input"], "output": cards[-1]["output"]}
    assert told == {"status": status, **ends, "totals": after["totals"]}
    costs = ("", "")
    if status == "ok":
        counted = analyze(network, partial=True).cards[slot["at"] : slot["at"] + count]
        costs = (compact(sum(card.params for card in counted)), compact(sum(card.macs for card in counted)))
    assert (slot["params"], slot["macs"]) == costs
    wrong = [(where, card["error"]["head"]) for where, card in enumerate(after["cards"]) if card["error"]]
    assert (slot["where"], slot["head"]) == (wrong[0] if wrong else (None, ""))


def check_palette(network: Network, kind: str) -> None:
    slots = Editor(network).say({"op": "preview", "kind": kind})["preview"]["slots"]
    assert [slot["slot"] for slot in slots] == list(range(len(network.blocks) + 1))
    for slot in slots:
        editor = Editor(network)
        after = editor.say({"op": "add", "kind": kind, "at": slot["slot"]})
        assert after["cards"][slot["at"]]["kind"] == kind
        assert (after["selected"], slot["order"]) == (slot["at"], None)
        agree(slot, after, 1, editor.desk.network)


def check_cards(network: Network, cards: list[int]) -> None:
    slots = Editor(network).say({"op": "preview", "cards": cards})["preview"]["slots"]
    for slot in slots:
        editor = Editor(network)
        before = view(editor.desk)
        after = editor.say({"op": "arrange", "order": slot["order"]})
        assert slot["at"] == slot["order"].index(cards[0])
        if editor.desk.network == network:  # the cards stand as they stood: nothing to take a difference to
            after["totals"] = {**after["totals"], **{name: slot["totals"][name] for name in after["totals"]}}
            assert {slot["totals"][name]["change"] for name in ("params", "macs", "memory", "field")} <= {"±0", ""}
            assert slot["totals"]["params"]["number"] == before["totals"]["params"]["number"]
        agree(slot, after, len(cards), editor.desk.network)


@given(any_stacks(), st.sampled_from(sorted(KINDS)))
def test_slots_of_a_kind_are_what_adding_it_there_gives(network: Network, kind: str) -> None:
    check_palette(network, kind)


@given(any_stacks(), st.data())
def test_slots_of_cards_are_what_moving_them_there_gives(network: Network, data: st.DataObject) -> None:
    if not network.blocks:
        return
    places = st.integers(0, len(network.blocks) - 1)
    cards = data.draw(st.lists(places, min_size=1, max_size=3, unique=True))
    check_cards(network, cards)


@pytest.mark.parametrize("name", ["resnet50", "article", "googlenet", "digits_resnet56"])
def test_every_slot_of_a_published_network(name: str) -> None:
    network = presets.load(name)
    check_palette(network, "basic")
    check_cards(network, [2])
    check_cards(network, [1, 3])


@pytest.mark.parametrize(
    ("slot", "order"),
    [(0, [1, 3, 0, 2, 4]), (1, [0, 1, 3, 2, 4]), (2, [0, 1, 3, 2, 4]), (3, [0, 2, 1, 3, 4]), (5, [0, 2, 4, 1, 3])],
)
def test_dragged_cards_stand_together_before_the_old_card(slot: int, order: list[int]) -> None:
    assert order_after(5, [1, 3], slot) == order


def test_a_preview_is_over_once_the_stack_has_changed() -> None:
    editor = Editor(presets.load("digits_resnet20"))
    asked = editor.say({"op": "preview", "kind": "basic"})["preview"]
    assert (asked["client"], asked["number"]) == ("x", editor.seq)
    assert editor.say({"op": "select", "at": 2})["preview"] == asked
    assert editor.say({"op": "remove", "at": 1})["preview"] is None
    assert editor.say({"op": "undo"})["preview"] is None
    editor.say({"op": "preview", "cards": [1]})
    assert editor.say({"op": "dismiss", "what": "preview"})["preview"] is None


def test_changes_are_against_the_network_on_screen_and_counted_at_its_batch() -> None:
    network = presets.load("digits_resnet20")
    slot = Editor(network, batch=7).say({"op": "preview", "kind": "conv"})["preview"]["slots"][3]
    after = network.apply({"op": "insert", "at": 3, "block": {"kind": "conv", "channels": 32}})
    assert slot["totals"]["params"]["change"] == f"+{analyze(after).params - analyze(network).params:,}"
    assert slot["totals"]["memory"]["exact"] == f"{analyze(after, batch=7).memory().total:,} bytes"


@given(any_stacks(max_bodies=6), st.data())
def test_a_count_that_goes_on_from_another_is_that_of_a_fresh_one(network: Network, data: st.DataObject) -> None:
    known = analyze(network, 3, partial=True)
    order = data.draw(st.lists(st.integers(0, len(network.blocks) - 1), max_size=8)) if network.blocks else []
    other = network.arrange(order)
    went_on, fresh = analyze(other, 3, partial=True, like=known), analyze(other, 3, partial=True)
    assert (went_on.params, went_on.macs, went_on.elements) == (fresh.params, fresh.macs, fresh.elements)
    assert (went_on.saved_bytes, went_on.receptive_field) == (fresh.saved_bytes, fresh.receptive_field)
    assert (went_on.cards, went_on.blocks, went_on.operations) == (fresh.cards, fresh.blocks, fresh.operations)
    assert str(went_on.error) == str(fresh.error)
    assert [went_on.card(at) for at in range(len(order))] == list(fresh.cards)
    again = analyze(network, 3, partial=True)
    assert (known.cards, known.operations) == (again.cards, again.operations)


def test_going_on_from_another_count_keeps_shared_weights_counted_once() -> None:
    shared = blocks.Downsampling(channels=8, share="W")
    network = Network(input=Shape(8, 32, 32), blocks=(shared, shared, shared))
    longer = network.insert(3, shared)
    assert analyze(longer, like=analyze(network)).params == analyze(longer).params
