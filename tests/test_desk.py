"""What a person does to a network: history and its names, selection, timeline, budget, notes, and whatever arrives."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import Network, Shape, analyze, blocks, presets
from explorer.network import EditError
from explorer.ui import history
from explorer.ui.desk import Desk, new_session
from explorer.ui.dispatch import receive
from explorer.ui.view import view


class Editor:
    """A desk spoken to as the browser speaks."""

    def __init__(self, network: Network | None = None) -> None:
        self.desk = Desk(new_session())
        self.seq = 0
        if network is not None:
            self.desk.load(network)

    def say(self, *messages: dict[str, Any]) -> dict[str, Any]:
        numbered = []
        for message in messages:
            self.seq += 1
            numbered.append({**message, "seq": self.seq})
        receive(self.desk, {"session": self.desk.session["id"], "client": "x", "messages": numbered})
        return json.loads(json.dumps(view(self.desk)))

    def ids(self) -> list[str]:
        return list(self.desk.now["cards"])

    def complaint(self) -> str:
        notice = self.desk.session["notice"]
        return notice["text"] if notice is not None and notice["kind"] == "error" else ""


@pytest.fixture
def editor() -> Editor:
    """The digits network: a stem, three stages of basic blocks, a classifier."""
    return Editor()


# Names and selection


def test_several_cards_are_selected_and_the_primary_is_among_them(editor: Editor) -> None:
    view = editor.say({"op": "select", "at": 2, "chosen": [3, 2, 1, 3]})
    assert (view["selected"], view["chosen"]) == (2, [1, 2, 3])
    assert editor.desk.chosen == (1, 2, 3)
    assert editor.say({"op": "select", "at": 4})["chosen"] == [4]
    assert editor.say({"op": "select", "at": -1})["chosen"] == []
    assert editor.say({"op": "select", "at": 99})["chosen"] == [4]
    assert editor.say({"op": "select", "at": 1, "chosen": [1, 99]})["chosen"] == [1]


def test_new_cards_get_the_names_that_the_browser_has_drawn(editor: Editor) -> None:
    old = editor.ids()
    pasted = {"op": "paste", "at": 2, "blocks": [{"kind": "conv"}, {"kind": "pool"}, {"kind": "conv"}]}
    view = editor.say(pasted)
    assert editor.ids() == [*old[:2], "x.1", "x.1.1", "x.1.2", *old[2:]]
    assert (view["selected"], view["chosen"]) == (4, [2, 3, 4])
    view = editor.say({"op": "arrange", "order": [0, 1, 2, 3, 2, 3, 4, 5, 6, 7]})
    assert editor.ids()[2:6] == ["x.1", "x.1.1", "x.2", "x.2.1"]
    assert (view["selected"], view["chosen"]) == (5, [4, 5])


def test_a_name_that_is_taken_is_given_to_no_second_card(editor: Editor) -> None:
    editor.desk.apply({"op": "duplicate", "at": 1}, "twice")
    editor.desk.apply({"op": "duplicate", "at": 1}, "twice")
    assert len(set(editor.ids())) == 7


def test_moved_cards_keep_their_names_and_stay_selected(editor: Editor) -> None:
    old = editor.ids()
    editor.say({"op": "select", "at": 1, "chosen": [1, 2]})
    view = editor.say({"op": "arrange", "order": [0, 3, 1, 2, 4]})
    assert editor.ids() == [old[0], old[3], old[1], old[2], old[4]]
    assert (view["selected"], view["chosen"]) == (2, [2, 3])


def test_after_a_removal_the_nearest_card_is_selected(editor: Editor) -> None:
    editor.say({"op": "select", "at": 2, "chosen": [1, 2]})
    view = editor.say({"op": "arrange", "order": [0, 3, 4]})
    assert (view["selected"], view["chosen"]) == (1, [1])
    view = editor.say({"op": "select", "at": 2}, {"op": "remove", "at": 2})
    assert (view["selected"], view["chosen"]) == (1, [1])
    view = editor.say({"op": "arrange", "order": []})
    assert (view["selected"], view["chosen"]) == (-1, [])


def test_what_stays_of_the_selected_cards_stays_selected(editor: Editor) -> None:
    view = editor.say({"op": "select", "at": 1, "chosen": [1, 3]}, {"op": "remove", "at": 1})
    assert (view["selected"], view["chosen"]) == (2, [2])
    view = editor.say({"op": "select", "at": 2, "chosen": [1, 2]}, {"op": "remove", "at": 0})
    assert (view["selected"], view["chosen"]) == (1, [0, 1])


def test_settings_of_several_cards_keep_them_selected(editor: Editor) -> None:
    editor.say({"op": "select", "at": 1, "chosen": [1, 2, 3]})
    edits = [{"op": "set", "at": at, "fields": {"repeat": 4}} for at in (1, 2, 3)]
    view = editor.say({"op": "group", "edits": edits})
    assert (view["selected"], view["chosen"]) == (1, [1, 2, 3])
    assert [card["repeat"] for card in view["cards"]] == [None, 4, 4, 4, None]
    view = editor.say({"op": "set", "at": 2, "fields": {"repeat": 5}})
    assert (view["selected"], view["chosen"]) == (2, [1, 2, 3])
    assert editor.say({"op": "set", "at": 4, "fields": {"classes": 5}})["chosen"] == [4]
    assert editor.say({"op": "undo"}, {"op": "undo"}, {"op": "undo"})["cards"][1]["repeat"] == 9


def test_the_network_s_form_stays_open_under_edits_of_cards(editor: Editor) -> None:
    view = editor.say({"op": "select", "at": -1}, {"op": "set", "at": 1, "fields": {"repeat": 2}})
    assert (view["selected"], view["chosen"]) == (-1, [])
    assert editor.say({"op": "remove", "at": 1})["selected"] == -1


def test_equal_cards_that_change_places_are_where_they_were_put_and_no_edit() -> None:
    pool = blocks.Pool(kernel=3, stride=1)
    editor = Editor(Network(input=Shape(3, 8, 8), blocks=(pool, pool, blocks.Classifier())))
    one, two, three = editor.ids()
    past = len(editor.desk.history["past"])
    view = editor.say({"op": "move", "at": 0, "to": 1})
    assert editor.ids() == [two, one, three]
    assert view["selected"] == 1
    assert len(editor.desk.history["past"]) == past


def test_undo_brings_back_what_was_selected(editor: Editor) -> None:
    editor.say({"op": "select", "at": 1, "chosen": [1, 2]}, {"op": "arrange", "order": [0, 3, 4]})
    assert editor.say({"op": "undo"})["chosen"] == [1, 2]


# The card


def test_a_label_is_the_card_s_title(editor: Editor) -> None:
    card = editor.say({"op": "set", "at": 1, "fields": {"label": "Stage <1>"}})["cards"][1]
    assert (card["title"], card["label"], card["kindTitle"]) == ("Stage <1>", "Stage <1>", "Basic block")
    assert "Stage" not in card["settings"]
    assert card["block"] == {"kind": "basic", "label": "Stage <1>", "channels": 16, "repeat": 9}


def test_the_block_of_a_card_pasted_is_the_same_block(editor: Editor) -> None:
    for name in ("article", "googlenet"):
        lines = [card["block"] for card in editor.say({"op": "preset", "name": name})["cards"]]
        editor.say({"op": "empty"}, {"op": "paste", "at": 0, "blocks": lines})
        assert editor.desk.network.blocks == presets.load(name).blocks


def test_each_distinct_drawing_is_sent_once(editor: Editor) -> None:
    view = editor.say({"op": "preset", "name": "resnet50"})
    named = [card["drawing"] for card in view["cards"]]
    assert set(named) == set(view["drawings"])
    assert len(set(view["drawings"].values())) == len(view["drawings"])
    assert all(drawing.startswith("<svg") for drawing in view["drawings"].values())


def test_an_open_card_shows_its_inside_and_an_inception_module_its_chips(editor: Editor) -> None:
    editor.say({"op": "add", "kind": "inception", "at": 2})
    name = editor.ids()[2]
    opened, closed = (lambda cards: (cards[2], cards[1]))(editor.say({"op": "inside", "cards": [name]})["cards"])
    assert (opened["open"], closed["open"]) == (True, False)
    assert opened["inside"].startswith("<svg")
    assert opened["chips"][1] == [{"text": "1x1:96"}, {"text": "3x3:128"}]
    assert "inside" not in closed
    wrong = {"branches": "1x1:8 | 3x3:8/2"}
    card = editor.say({"op": "set", "at": 2, "fields": wrong})["cards"][2]
    assert (card["status"], card["inside"]) == ("error", None)
    assert card["chips"] == [[{"text": "1x1:8"}], [{"text": "3x3:8/2"}]]
    assert card["error"]["place"] == [1, 0]


def test_bars_are_shares_of_the_network_and_heat_of_its_greatest_card(editor: Editor) -> None:
    cards = editor.say({"op": "preset", "name": "resnet50"})["cards"]
    for measure in ("macs", "params", "saved", "field"):
        heats = [card["overlays"][measure]["heat"] for card in cards if card["overlays"][measure]]
        assert max(heats) == 1 and min(heats) >= 0
    for measure in ("macs", "params"):
        assert sum(card["overlays"][measure]["share"] for card in cards) == pytest.approx(1, abs=0.002 * len(cards))
    report = analyze(presets.load("resnet50"))
    last = cards[4]["overlays"]["params"]
    assert last["share"] == round(report.cards[4].params / report.params, 3)
    assert last["text"] == f"{100 * report.cards[4].params / report.params:.0f} %"
    assert last["heat"] == round(report.cards[4].params / max(card.params for card in report.cards), 3)


def test_opened_parts_of_the_graph_stay_with_their_cards(editor: Editor) -> None:
    editor.say({"op": "view", "to": "graph"})
    opened = {"op": "picture", "opened": ["1", "1.0", "9", "<b>", "1.x"]}
    picture = editor.say(opened)["picture"]
    assert (picture["opened"], picture["style"]) == (["1", "1.0"], "drawn")
    assert picture["svg"].startswith("<svg")
    picture = editor.say({"op": "move", "at": 1, "to": 2})["picture"]
    assert picture["opened"] == ["2", "2.0"]
    assert editor.say({"op": "style", "to": "graphviz"})["picture"]["svg"] == ""
    assert editor.say({"op": "view", "to": "stack"})["picture"] is None
    assert editor.say({"op": "empty"}, {"op": "view", "to": "graph"})["picture"]["sentence"].endswith(".")


def test_what_never_changes_is_sent_to_an_editor_that_asks(editor: Editor) -> None:
    assert view(editor.desk)["shelf"] is not None
    assert editor.say({"op": "select", "at": 1})["shelf"] is None
    asked = editor.say({"op": "shelf"})
    assert len(asked["shelf"]["palette"]) == len(blocks.KINDS)
    assert all(kind["drawing"].startswith("<svg") for kind in asked["shelf"]["palette"])
    assert view(editor.desk)["shelf"] is not None  # a run in between takes nothing away
    gallery = editor.say({"op": "gallery"})
    assert gallery["shelf"] is None
    assert [entry["name"] for entry in gallery["gallery"]] == list(presets.names())
    assert editor.say({"op": "select", "at": 1})["gallery"] is None


def test_the_graph_is_taken_away_as_a_picture_with_its_own_colours_and_as_dot(editor: Editor) -> None:
    drawn = editor.say({"op": "picture", "opened": ["1"]}, {"op": "download", "what": "picture"})["download"]
    assert drawn["name"] == "digits-depth-56.svg"
    assert drawn["text"].startswith("<svg") and "var(--" not in drawn["text"] and "#" in drawn["text"]
    dot = editor.say({"op": "download", "what": "dot"})["download"]
    assert dot["text"].startswith("digraph") and dot["name"].endswith(".dot")


# The timeline


DEEDS: list[tuple[dict[str, Any], str]] = [
    ({"op": "move", "at": 2, "to": 1}, "moved Basic block to 2"),
    ({"op": "set", "at": 1, "fields": {"channels": 64}}, "set channels of block 2 Basic block to 64"),
    ({"op": "set", "at": 1, "fields": {"repeat": 10}}, "Basic block ×9 → ×10"),
    ({"op": "set", "at": 1, "fields": {"label": "Stage 1"}}, "renamed block 2 Basic block to Stage 1"),
    (
        {"op": "set", "at": 1, "fields": {"channels": 8, "norm": "none"}},
        "set channels to 8 and norm to none of block 2 Basic block",
    ),
    ({"op": "add", "kind": "bottleneck", "at": 2}, "added Bottleneck at 3"),
    ({"op": "remove", "at": 1}, "removed Basic block at 2"),
    ({"op": "arrange", "order": [0, 3, 4]}, "removed 2 cards"),
    ({"op": "arrange", "order": [0, 1, 2, 1, 2, 3, 4]}, "duplicated 2 cards"),
    ({"op": "arrange", "order": [0, 2, 1, 3, 4]}, "moved Basic block to 3"),
    ({"op": "arrange", "order": [4, 3, 2, 1, 0]}, "rearranged the stack"),
    ({"op": "duplicate", "at": 1}, "duplicated Basic block at 2"),
    ({"op": "paste", "at": 1, "blocks": [{"kind": "pool"}, {"kind": "conv"}]}, "pasted 2 cards at 2"),
    ({"op": "replace", "at": 1, "block": {"kind": "pool"}}, "replaced Basic block at 2 by Pool"),
    (
        {"op": "group", "edits": [{"op": "set", "at": at, "fields": {"channels": 8}} for at in (1, 2, 3)]},
        "set channels to 8 of 3 cards",
    ),
    (
        {"op": "group", "edits": [{"op": "set", "at": at, "fields": {"repeat": 10}} for at in (1, 2, 3)]},
        "3 cards +1 copies each",
    ),
    ({"op": "input", "shape": [3, 32, 32]}, "set the input to 3×32×32"),
    ({"op": "name", "name": "Mine"}, "renamed the network to Mine"),
    ({"op": "name", "name": ""}, "took the network's name away"),
    ({"op": "preset", "name": "resnet50"}, "opened ResNet-50"),
    ({"op": "empty"}, "emptied the stack"),
    ({"op": "open", "text": Network(name="Kept").to_json()}, "opened Kept"),
]


@pytest.mark.parametrize(("message", "label"), DEEDS, ids=[label for _, label in DEEDS])
def test_each_state_says_what_was_done(editor: Editor, message: dict[str, Any], label: str) -> None:
    timeline = editor.say(message, {"op": "timeline", "open": True})["timeline"]
    assert [state["label"] for state in timeline["states"]] == ["opened Digits, depth 56", label]
    assert timeline["at"] == 1


def test_a_repair_is_called_that(editor: Editor) -> None:
    broken = editor.say({"op": "set", "at": 2, "fields": {"shortcut": "identity"}}, {"op": "timeline", "open": True})
    ways = {way["label"]: way["edit"] for way in broken["cards"][2]["error"]["ways"]}
    mended = editor.say(ways['Shortcut "pad"'])
    assert mended["timeline"]["states"][-1]["label"] == "mended block 3: shortcut pad"


def test_states_say_what_they_changed_where_both_sides_fit_together(editor: Editor) -> None:
    before = analyze(editor.desk.network)
    editor.say({"op": "timeline", "open": True}, {"op": "set", "at": 1, "fields": {"repeat": 10}})
    after = analyze(editor.desk.network)
    states = editor.say({"op": "set", "at": 2, "fields": {"shortcut": "identity"}}, {"op": "undo"})["timeline"][
        "states"
    ]
    assert [state["params"] for state in states] == ["", f"+{after.params - before.params:,}", ""]
    assert states[1]["macs"].startswith("+") and states[1]["macs"].endswith("k")
    assert editor.say({"op": "timeline", "open": False})["timeline"] is None


def test_any_state_can_be_jumped_to_and_later_ones_stay_until_an_edit(editor: Editor) -> None:
    tokens = [editor.desk.token]
    for repeat in (2, 3, 4, 5):
        tokens.append(editor.say({"op": "set", "at": 1, "fields": {"repeat": repeat}})["token"])
    assert editor.say({"op": "jump", "to": 1})["token"] == tokens[1]
    view = editor.say({"op": "jump", "to": 4})
    assert (view["token"], view["redo"]) == (tokens[4], False)
    view = editor.say({"op": "jump", "to": 0})
    assert (view["undo"], view["redo"]) == (False, True)
    assert [editor.say({"op": "redo"})["token"] for _ in range(4)] == tokens[1:]
    assert editor.say({"op": "jump", "to": 5})["token"] == tokens[4]
    assert editor.complaint() == "The timeline has no such state."
    editor.say({"op": "jump", "to": 2}, {"op": "remove", "at": 1}, {"op": "timeline", "open": True})
    assert len(view_states(editor)) == 4
    assert editor.desk.before is not None and editor.desk.before.token() == tokens[2]


def view_states(editor: Editor) -> list[dict[str, Any]]:
    return view(editor.desk)["timeline"]["states"]


def test_a_history_is_bounded_and_the_oldest_states_go(editor: Editor) -> None:
    for number in range(history.MOST + 20):
        editor.say({"op": "set", "at": 1, "fields": {"channels": 1 + number}})
    line = history.line(editor.desk.history)
    assert len(line) == history.MOST
    assert line[0]["label"].endswith("to 21")
    editor.say({"op": "timeline", "open": True})
    begun = time.process_time()
    assert len(view(editor.desk)["timeline"]["states"]) == history.MOST
    assert time.process_time() - begun < 0.2


# The budget


def test_the_gauge_says_where_the_network_stands(editor: Editor) -> None:
    params = analyze(editor.desk.network).params
    budget = editor.say({"op": "target", "quantity": "params", "value": 850_000})["budget"]
    assert budget == {
        "quantity": "params",
        "target": 850_000,
        "written": "850,000 parameters",
        "number": f"{params:,}",
        "share": round(params / 850_000, 4),
        "state": "over",
        "text": "5.48 k over",
    }
    budget = editor.say({"op": "target", "quantity": "params", "value": params})["budget"]
    assert (budget["state"], budget["text"]) == ("within", "met exactly")
    assert editor.say({"op": "target", "quantity": "macs", "value": 10**7})["budget"]["written"] == "10.0 MMACs"
    assert editor.say({"op": "target", "quantity": "params", "value": None})["budget"] is None


def test_memory_is_held_against_batch_and_optimiser(editor: Editor) -> None:
    editor.say({"op": "target", "quantity": "memory", "value": 64_000_000}, {"op": "batch", "size": 32})
    editor.desk.set_optimizer("adamw")
    total = analyze(editor.desk.network, batch=32).memory("adamw").total
    budget = view(editor.desk)["budget"]
    assert budget["share"] == round(total / 64_000_000, 4)
    assert budget["number"] == view(editor.desk)["totals"]["memory"]["number"]


def test_a_proposal_is_taken_by_a_press_and_given_back_by_undo(editor: Editor) -> None:
    before, names = editor.desk.token, editor.ids()
    editor.say({"op": "target", "quantity": "params", "value": 500_000})
    fit = editor.say({"op": "fit"})["fit"]
    assert fit["quantity"] == "params" and fit["grid"]
    first = fit["proposals"][0]
    assert first["meets"] and first["change"].startswith("−") and first["changes"]
    view = editor.say({"op": "timeline", "open": True}, {"op": "adopt", "proposal": 0})
    assert view["totals"]["params"]["number"] == first["params"]
    assert (view["budget"]["state"], view["fit"], editor.ids()) == ("within", None, names)
    assert view["timeline"]["states"][-1]["label"] == "fitted to 500,000 parameters"
    assert editor.say({"op": "undo"})["token"] == before


@pytest.mark.parametrize(
    "change",
    [
        {"op": "remove", "at": 1},
        {"op": "target", "quantity": "params", "value": 400_000},
        {"op": "batch", "size": 7},
        {"op": "dismiss", "what": "fit"},
    ],
)
def test_proposals_for_something_else_are_refused_in_a_sentence(editor: Editor, change: dict[str, Any]) -> None:
    editor.say({"op": "target", "quantity": "params", "value": 500_000}, {"op": "fit"})
    view = editor.say(change)
    assert view["fit"] is None
    assert editor.say({"op": "adopt", "proposal": 0})["token"] == view["token"]
    assert editor.complaint() == "These proposals were made for another network or budget; ask for new ones."


def test_only_what_fits_together_can_be_fitted(editor: Editor) -> None:
    editor.say({"op": "fit"})
    assert editor.complaint() == "There is no budget to fit to; set one first."
    editor.say({"op": "target", "quantity": "params", "value": 500_000})
    editor.say({"op": "set", "at": 2, "fields": {"shortcut": "identity"}}, {"op": "fit"})
    assert editor.complaint().startswith("Only a stack that fits together can be fitted: block 3")
    assert view(editor.desk)["budget"]["text"].endswith("so far")


# The article's notes


def test_each_block_of_the_article_is_explained_and_notes_follow_their_cards(editor: Editor) -> None:
    view = editor.say({"op": "article"})
    notes = presets.about("article").notes
    assert [card["note"] for card in view["cards"]] == list(notes)
    moved = editor.say({"op": "move", "at": 1, "to": 2}, {"op": "remove", "at": 3}, {"op": "duplicate", "at": 1})
    assert [card["note"] for card in moved["cards"]] == [notes[0], notes[2], None, notes[1], *notes[4:]]
    assert [card["note"] for card in editor.say({"op": "undo"}, {"op": "undo"})["cards"]][3] == notes[3]
    assert {card["note"] for card in editor.say({"op": "dismiss", "what": "notes"})["cards"]} == {None}
    assert [card["note"] for card in editor.say({"op": "article"})["cards"]] == list(notes)


# Whatever arrives


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
places = st.integers(-2, 6)
lines = st.fixed_dictionaries({"kind": st.sampled_from(["pool", "conv", "basic", "nonsense"])})
settings = st.dictionaries(
    st.sampled_from(["channels", "repeat", "label", "stride"]), st.sampled_from([1, 2, 8, "Mine", None]), max_size=2
)
sets = st.fixed_dictionaries({"op": st.just("set"), "at": places, "fields": settings})
SHAPES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    **{op: {} for op in ("undo", "redo", "empty", "article", "shelf", "fit", "measured")},
    "select": {"at": places, "chosen": st.lists(places, max_size=4)},
    "add": {"kind": st.sampled_from(["basic", "pool", "stem", "nonsense"]), "at": places},
    "preview": {"cards": st.lists(places, max_size=3)},
    "jump": {"to": places},
    "timeline": {"open": st.booleans()},
    "target": {"quantity": st.sampled_from(["params", "macs"]), "value": st.integers(-1, 10**6)},
    "adopt": {"proposal": places},
    "dismiss": {"what": st.sampled_from(["fit", "notes", "preview"])},
    "inside": {"cards": st.lists(st.sampled_from(["card0", "card1", "x.1"]), max_size=2)},
    "picture": {"opened": st.lists(st.sampled_from(["0", "1.0", "1.9", "x"]), max_size=2)},
    "style": {"to": st.sampled_from(["drawn", "graphviz"])},
    "view": {"to": st.sampled_from(["stack", "table", "graph"])},
    "preset": {"name": st.sampled_from(["resnet18", "digits_resnet20"])},
    "open": {"text": st.sampled_from([Network().to_json(), "{}"])},
    "batch": {"size": st.integers(-5, 10**6)},
    "unfold": {"cards": st.lists(places, max_size=3)},
    "download": {"what": st.sampled_from(["network", "blocks", "picture", "dot"])},
    "insert": {"at": places, "block": lines},
    "replace": {"at": places, "block": lines},
    "set": {"at": places, "fields": settings},
    "remove": {"at": places},
    "move": {"at": places, "to": places},
    "duplicate": {"at": places},
    "arrange": {"order": st.lists(st.integers(0, 5), max_size=7)},
    "paste": {"at": places, "blocks": st.lists(lines, max_size=3)},
    "group": {"edits": st.lists(sets, max_size=3)},
    "input": {"shape": st.lists(st.integers(0, 40), min_size=3, max_size=3)},
    "name": {"name": st.text(max_size=90)},
}


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Messages as the page sends them, messages with something wrong in one place, and anything at all."""
    wrong = draw(st.integers(0, 5))
    if wrong == 0:
        return draw(json_values)
    op = draw(st.sampled_from(sorted(SHAPES)))
    message = {"op": op, "seq": draw(st.integers(0, 50)), **{name: draw(each) for name, each in SHAPES[op].items()}}
    if wrong == 1:
        message[draw(st.sampled_from(sorted(message)) | st.text(max_size=5))] = draw(json_values)
    return message


@given(st.lists(messages(), max_size=8))
def test_whatever_arrives_nothing_breaks_and_only_valid_edits_change_the_network(sent: list[Any]) -> None:
    desk = Desk(new_session())
    for message in sent:
        before, states = desk.network, len(history.line(desk.history))
        notice = desk.session["notice"]
        receive(desk, {"session": desk.session["id"], "client": "x", "messages": [message]})
        if desk.network != before:
            refused = desk.session["notice"] is not notice and desk.session["notice"]["kind"] == "error"
            assert not refused
            op = message["op"]
            if op not in ("undo", "redo", "jump", "empty", "add", "preset", "open", "article"):
                edit = {name: value for name, value in message.items() if name != "seq"}
                assert before.apply(edit) == desk.network
            assert len(history.line(desk.history)) == states + 1 or op in ("undo", "redo", "jump") or states > 1
        assert Network.from_json(desk.network.to_json()) == desk.network
        assert len(set(desk.now["cards"])) == len(desk.now["cards"]) == len(desk.network.blocks)
        assert set(desk.chosen) <= set(range(len(desk.network.blocks)))
        assert (desk.selected in desk.chosen) == (desk.selected >= 0)
        drawn = json.loads(json.dumps(view(desk)))
        assert drawn["totals"]["params"]["number"] == f"{analyze(desk.network, partial=True).params:,}"
    assert json.loads(json.dumps(desk.session)) == desk.session


@given(json_values)
def test_whatever_the_envelope_is_nothing_breaks(value: Any) -> None:
    desk = Desk(new_session())
    before = json.dumps(desk.session)
    receive(desk, value)
    receive(desk, {"session": desk.session["id"], "client": value, "messages": [{"op": "empty", "seq": 1}]})
    receive(desk, {"session": desk.session["id"], "client": "x", "messages": value})
    assert desk.network == presets.load("digits_resnet56")
    if not isinstance(value, list):
        assert json.dumps(desk.session) == before


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


HUGE: list[Any] = [
    {"op": "paste", "at": 0, "blocks": [{"kind": "inception", "branches": "x" * 10_000}] * 1000},
    {"op": "set", "at": 1, "fields": nested(50_000)},
    {"op": "arrange", "order": nested(50_000)},
    {"op": "open", "text": "[" * 1_999_999},
    {"op": "open", "text": "x" * 10_000_000},
    {"op": "open", "text": '{"blocks": [' + '{"kind": "pool"},' * 100_000},
    {"op": "insert", "at": 0, "block": {"kind": "pool", **{f"field{n}": n for n in range(40_000)}}},
    {"op": "x" * 10_000_000},
    {f"{n}": n for n in range(200_000)},
    [0] * 1_000_000,
    "x" * 10_000_000,
]


@pytest.mark.parametrize("message", HUGE, ids=range(len(HUGE)))
def test_ten_megabytes_are_refused_in_time(message: Any) -> None:
    editor = Editor()
    before = editor.desk.token
    sent = {**message, "seq": 1} if isinstance(message, dict) else message
    begun = time.process_time()
    receive(editor.desk, {"session": editor.desk.session["id"], "client": "x", "messages": [sent]})
    assert time.process_time() - begun < 2
    assert editor.desk.token == before
    assert 0 < len(editor.complaint()) < 550


def test_thousands_of_messages_are_done_in_bounded_lots() -> None:
    editor = Editor()
    sent = [{"op": "set", "at": 1, "fields": {"channels": 1 + n}, "seq": n} for n in range(5000)]
    value = {"session": editor.desk.session["id"], "client": "x", "messages": sent}
    begun = time.process_time()
    receive(editor.desk, value)
    assert time.process_time() - begun < 3
    done = editor.desk.session["acknowledged"]["x"]
    assert done < 1000
    receive(editor.desk, {**value, "messages": sent[done + 1 :]})
    assert editor.desk.session["acknowledged"]["x"] > done


def test_a_network_too_long_for_a_link_is_refused_and_nothing_changed() -> None:
    editor = Editor(Network(input=Shape(3, 8, 8)))
    lines = [
        {"kind": "inception", "branches": " | ".join(f"1x1:{1 + (7919 * n * m) % 8191}" for m in range(1, 150))}
        for n in range(1, 1000)
    ]
    before = editor.desk.token
    editor.say({"op": "paste", "at": 0, "blocks": lines})
    assert editor.desk.token == before
    assert editor.complaint() == "This network would be longer than a link can hold; nothing was changed."
    with pytest.raises(EditError):
        editor.desk.settle(Network(blocks=tuple(blocks.Inception(**line) for line in lines)), "made")
