"""What one person is working on: the network, the selected card and every earlier state, as plain JSON.

A `State` holds nothing but JSON values, so a session can outlive a reload of the code. Cards have names of their own
beside the network, because two equal blocks are still two cards to whoever moves one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

NETWORK = -1  # selected in place of a card: the form shows the input and the batch


class Snapshot(TypedDict):
    """One state that undo can return to."""

    network: str
    cards: list[str]
    selected: int


class State(TypedDict):
    """A snapshot with what lies before and after it."""

    now: Snapshot
    past: list[Snapshot]
    future: list[Snapshot]
    before: str | None  # the network before the last change, which the page's differences are taken against
    cards_made: int


def begin(network: str, blocks: int) -> State:
    """A history without a past."""
    state: State = {
        "now": {"network": network, "cards": [], "selected": NETWORK},
        "past": [],
        "future": [],
        "before": None,
        "cards_made": 0,
    }
    state["now"]["cards"] = fresh_cards(state, blocks)
    state["now"]["selected"] = min(1, blocks - 1)
    return state


def fresh_cards(state: State, number: int) -> list[str]:
    """Names for that many cards, used by no other card of this history."""
    first = state["cards_made"]
    state["cards_made"] = first + number
    return [f"card{index}" for index in range(first, first + number)]


def commit(state: State, network: str, cards: Sequence[str], selected: int) -> None:
    """Makes this the present; the former present joins the past."""
    state["past"].append(state["now"])
    state["future"].clear()
    state["before"] = state["now"]["network"]
    state["now"] = {"network": network, "cards": list(cards), "selected": within(selected, len(cards))}


def undo(state: State) -> bool:
    """Back one state, if there is one."""
    return _step(state, state["past"], state["future"])


def redo(state: State) -> bool:
    """Forward one state, if there is one."""
    return _step(state, state["future"], state["past"])


def _step(state: State, source: list[Snapshot], target: list[Snapshot]) -> bool:
    if not source:
        return False
    target.append(state["now"])
    state["before"] = state["now"]["network"]
    state["now"] = source.pop()
    return True


def select(state: State, at: int) -> None:
    """Selecting is no edit: it adds nothing to undo."""
    state["now"] = {**state["now"], "selected": within(at, len(state["now"]["cards"]))}


def within(at: int, cards: int) -> int:
    """The nearest thing that can be selected."""
    return max(NETWORK, min(at, cards - 1))


def rearranged(cards: Sequence[str], selected: int, edit: Mapping[str, Any], new: str) -> tuple[list[str], int]:
    """The cards after an edit that the network has already accepted, and the one to select."""
    names = list(cards)
    match edit["op"]:
        case "insert":
            names.insert(edit["at"], new)
            selected = edit["at"]
        case "duplicate":
            names.insert(edit["at"] + 1, new)
            selected = edit["at"] + 1
        case "remove":
            del names[edit["at"]]
            selected = min(edit["at"], len(names) - 1) if edit["at"] == selected else selected - (edit["at"] < selected)
        case "move":
            names.insert(edit["to"], names.pop(edit["at"]))
            selected = edit["to"]
        case "input" | "name":
            pass
        case _:  # whoever has the network's form open keeps it
            selected = NETWORK if selected == NETWORK else edit["at"]
    return names, selected
