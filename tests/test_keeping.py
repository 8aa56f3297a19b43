"""What a browser keeps and hands back: all of a person's work where it can be read, nothing worse where it cannot."""

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import Network, blocks, presets
from explorer.ui import history, keeping
from explorer.ui.desk import Desk, new_session
from explorer.ui.view import view

OPENING = presets.load("digits_resnet56")


class Browser:
    """Puts the line together from what it is told, as keeper.js does."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def hear(self, desk: Desk) -> None:
        told = json.loads(json.dumps(keeping.told(desk)))
        known = {state["number"]: state for state in self.kept.get("states", [])}
        if self.kept.get("origin") != told["origin"]:
            known = {}
        known |= {state["number"]: state for state in told["states"]}
        states = [known[number] for number in told["line"] if number in known]
        at = [state["number"] for state in states].index(told["line"][told["at"]])
        self.kept = {"origin": told["origin"], "states": states, "at": at, "settings": told["settings"]}

    def restart(self) -> Desk:
        """A new session to which everything is handed back."""
        desk = Desk(new_session())
        keeping.restore(desk, json.loads(json.dumps(self.kept)))
        return desk


def line(desk: Desk) -> list[tuple[str, str, int]]:
    return [(state["network"], state["label"], state["number"]) for state in history.line(desk.history)]


def worked(steps: int, seed: int = 0) -> tuple[Desk, Browser]:
    """A desk after so many random steps, each of which the browser saw."""
    draw = random.Random(seed)
    desk, browser = Desk(new_session()), Browser()
    browser.hear(desk)
    for _ in range(steps):
        step = draw.randint(0, 4)
        if step == 0:
            desk.undo()
        elif step == 1:
            desk.jump(draw.randrange(len(history.line(desk.history))))
        else:
            desk.apply({"op": "set", "at": 1, "fields": {"channels": draw.randint(1, 999)}})
        browser.hear(desk)
    return desk, browser


@given(st.integers(0, 40), st.integers())
def test_a_restart_loses_no_state_and_not_where_one_stood(steps: int, seed: int) -> None:
    desk, browser = worked(steps, seed)
    again = browser.restart()
    assert line(again) == line(desk)
    assert len(again.history["past"]) == len(desk.history["past"])
    assert keeping.told(again) == keeping.told(desk)


def test_work_goes_on_after_a_restart_and_survives_the_next() -> None:
    _, browser = worked(30)
    desk = browser.restart()
    browser.hear(desk)
    desk.apply({"op": "remove", "at": 1})
    desk.load(presets.load("resnet18"), "ResNet-18")
    browser.hear(desk)
    again = browser.restart()
    assert line(again) == line(desk)
    assert line(again)[-1][1] == "opened ResNet-18"


def test_as_many_states_as_one_look_of_the_browser_may_bring_are_told() -> None:
    desk, browser = Desk(new_session()), Browser()
    browser.hear(desk)
    for number in range(keeping.NEWEST):
        desk.apply({"op": "set", "at": 1, "fields": {"channels": 1 + number}})
    browser.hear(desk)
    assert line(browser.restart()) == line(desk)


def test_settings_and_notes_come_back() -> None:
    desk, browser = Desk(new_session()), Browser()
    desk.open_article()
    desk.set_batch(7)
    desk.set_optimizer("adamw")
    desk.session["target"] = {"quantity": "memory", "value": 10**8}
    desk.session["view"], desk.session["style"] = "graph", "graphviz"
    browser.hear(desk)
    again = browser.restart()
    for name in ("batch", "optimizer", "target", "view", "style"):
        assert again.session[name] == desk.session[name]  # type: ignore[literal-required]
    notes = [card["note"] for card in view(again)["cards"]]
    assert notes == list(presets.about("article").notes)
    again.apply({"op": "move", "at": 1, "to": 2})
    assert view(again)["cards"][2]["note"] == notes[1]


def test_equal_blocks_of_neighbouring_states_are_the_same_cards() -> None:
    desk, browser = Desk(new_session()), Browser()
    desk.apply({"op": "insert", "at": 2, "block": {"kind": "pool"}})
    browser.hear(desk)
    again = browser.restart()
    now = list(again.now["cards"])
    again.undo()
    assert again.now["cards"] == [*now[:2], *now[3:]]


def test_a_session_with_something_of_its_own_takes_nothing_back() -> None:
    _, browser = worked(3)
    desk = Desk(new_session())
    desk.apply({"op": "remove", "at": 1})
    before = json.dumps(desk.session)
    keeping.restore(desk, browser.kept)
    assert json.dumps(desk.session) == before


def test_a_link_wins_and_what_it_replaced_is_before_it() -> None:
    kept, browser = worked(10)
    desk = Desk(new_session())
    desk.open_link(presets.load("resnet18").token())
    keeping.restore(desk, browser.kept)
    assert desk.network == presets.load("resnet18")
    assert line(desk)[:-1] == line(kept)[: browser.kept["at"] + 1]
    assert line(desk)[-1][1] == "opened a link"
    desk.undo()
    assert desk.network == kept.network


def entry(number: int, network: Network, label: str = "made") -> dict[str, Any]:
    return {"number": number, "token": network.token(), "label": label}


GOOD = [entry(number, OPENING.apply({"op": "set", "at": 1, "fields": {"channels": 1 + number}})) for number in range(5)]
BAD: list[Any] = [
    None,
    7,
    "x",
    [],
    {},
    {**GOOD[2], "token": "1garbage"},
    {**GOOD[2], "token": 5},
    {**GOOD[2], "token": "1" + "A" * 200_000},
    {**GOOD[2], "label": "x" * 500},
    {**GOOD[2], "label": None},
    {**GOOD[2], "number": -1},
    {**GOOD[2], "number": "2"},
    {**GOOD[2], "number": True},
    {"number": 2},
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_a_bad_state_is_left_out_and_said(bad: Any) -> None:
    desk = Desk(new_session())
    keeping.restore(desk, {"states": [*GOOD[:2], bad, *GOOD[3:]], "at": 4})
    assert [network for network, _, _ in line(desk)] == [state["token"] for state in (*GOOD[:2], *GOOD[3:])]
    assert desk.token == GOOD[4]["token"]
    notice = desk.session["notice"]
    assert notice is not None and notice["kind"] == "error"
    assert notice["text"].startswith("Not all that this browser kept can be read.")


def test_where_the_present_is_bad_the_state_before_it_is_shown() -> None:
    desk = Desk(new_session())
    keeping.restore(desk, {"states": [*GOOD[:3], None, GOOD[4]], "at": 3})
    assert desk.token == GOOD[2]["token"]
    desk.redo()
    assert desk.token == GOOD[4]["token"]


def test_numbers_that_do_not_ascend_are_left_out() -> None:
    desk = Desk(new_session())
    keeping.restore(desk, {"states": [GOOD[0], GOOD[3], GOOD[1], GOOD[3], GOOD[4]], "at": 4})
    assert [number for _, _, number in line(desk)] == [0, 3, 4]


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        "x",
        {},
        {"states": "x", "at": 0},
        {"states": [], "at": 0},
        {"states": GOOD, "at": 5},
        {"states": GOOD, "at": -1},
        {"states": GOOD, "at": True},
        {"states": GOOD, "at": 10**5000},
        {"states": [None] * 10, "at": 3},
        {"states": [{**GOOD[0], "token": "1garbage"}], "at": 0},
    ],
    ids=range(12),
)
def test_a_memory_that_is_none_leaves_everything_as_it_was(kept: Any) -> None:
    desk = Desk(new_session())
    keeping.restore(desk, kept)
    assert desk.network == OPENING
    assert desk.session["notice"] is not None and desk.session["notice"]["kind"] == "error"


@pytest.mark.parametrize(
    "settings",
    [
        None,
        [],
        {"batch": "7", "optimizer": 5, "target": {"quantity": "params"}, "view": "x", "style": None, "notes": "x"},
        {"batch": 10**30, "target": {"quantity": "params", "value": 10**5000}, "notes": [1]},
        {"batch": True, "target": {"quantity": "x", "value": 1}, "notes": ["x" * 5000]},
        {"batch": 0, "target": 7, "notes": [""] * 5000},
        {"recipe": [["steps", 7]]},
        {"recipe": {"steps": -1}},
        {"recipe": {"steps": 7, "<b>": 1}},
        {"recipe": {"data": "nowhere:" + "x" * 10**6}},
    ],
    ids=range(10),
)
def test_a_bad_setting_is_left_as_it_was(settings: Any) -> None:
    desk = Desk(new_session())
    keeping.restore(desk, {"states": GOOD, "at": 4, "settings": settings})
    fresh = new_session()
    for name in ("batch", "optimizer", "recipe", "target", "view", "style", "notes"):
        assert desk.session[name] == fresh[name]  # type: ignore[literal-required]
    assert desk.token == GOOD[4]["token"]


def test_one_bad_setting_does_not_take_the_others_along() -> None:
    desk = Desk(new_session())
    settings = {"batch": 9, "view": "nowhere", "target": None, "optimizer": "adamw", "recipe": {"steps": 400}}
    keeping.restore(desk, {"states": GOOD, "at": 4, "settings": settings})
    assert (desk.session["batch"], desk.session["view"], desk.session["optimizer"]) == (9, "stack", "adamw")
    assert desk.session["recipe"] == {"steps": 400}


@pytest.mark.parametrize("origin", [None, 5, "x" * 12, "0" * 13, "<script>"])
def test_a_bad_name_of_the_line_is_replaced(origin: Any) -> None:
    desk = Desk(new_session())
    keeping.restore(desk, {"states": GOOD, "at": 4, "origin": origin})
    assert desk.history["origin"] not in (origin, None)
    keeping.restore(other := Desk(new_session()), {"states": GOOD, "at": 4, "origin": "0123456789ab"})
    assert other.history["origin"] == "0123456789ab"


WIDE = entry(0, Network(blocks=(blocks.Conv(channels=8),) * 1024))
LONG = entry(
    0,
    Network(
        blocks=tuple(
            blocks.Inception(branches=" | ".join(f"1x1:{1 + (7919 * n * m) % 8191}" for m in range(1, 20)))
            for n in range(1, 400)
        )
    ),
)


@pytest.mark.parametrize(
    "states",
    [
        [{**WIDE, "number": number} for number in range(5000)],
        [{**LONG, "number": number} for number in range(500)],
        [{**GOOD[0], "number": number} for number in range(50_000)],
        [{"number": number, "token": "1garbage", "label": ""} for number in range(50_000)],
        [{"number": number, "token": "x" * 99_999, "label": ""} for number in range(200)],
        [{f"{n}": n for n in range(100)}] * 5000,
    ],
    ids=["many blocks", "long", "many", "bad", "ten megabytes", "no states"],
)
def test_a_bounded_amount_is_looked_at(states: list[Any]) -> None:
    desk = Desk(new_session())
    begun = time.process_time()
    keeping.restore(desk, {"states": states, "at": len(states) - 1})
    assert time.process_time() - begun < 5
    assert len(history.line(desk.history)) <= history.MOST
    assert json.loads(json.dumps(desk.session)) == desk.session


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(GOOD),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["states", "at", "settings", "origin", "number", "token"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(json_values | st.fixed_dictionaries({"states": st.lists(json_values, max_size=5), "at": st.integers(-1, 5)}))
def test_whatever_is_handed_back_nothing_breaks(kept: Any) -> None:
    desk = Desk(new_session())
    keeping.restore(desk, kept)
    assert desk.session["fresh"] is False
    json.dumps(view(desk))
    json.dumps(keeping.told(desk))
