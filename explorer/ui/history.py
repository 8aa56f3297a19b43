"""What one person is working on: the network, the chosen cards and every other state, as plain JSON.

A `State` holds nothing but JSON values, so a session can outlive a reload of the code. Networks stand in it as the
tokens of links. Cards have names of their own beside the network, because two equal blocks are still two cards to
whoever moves one of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any, NamedTuple, TypedDict

NETWORK = -1  # selected in place of a card: the form shows the input and the batch
MOST = 500  # states of a history; the oldest go


class Snapshot(TypedDict):
    """One state that undo can return to."""

    network: str
    cards: list[str]
    selected: int
    chosen: list[int]  # all selected cards, `selected` among them; none where it is the network
    label: str  # what was done, in the past tense
    number: int  # no other state of this history has it; a later state has a greater one


class State(TypedDict):
    """A snapshot with what lies before and after it."""

    now: Snapshot
    past: list[Snapshot]
    future: list[Snapshot]  # the nearest last
    before: str | None  # the network before the last change, which the page's differences are taken against
    cards_made: int
    states_made: int
    origin: str  # of the numbers: they mean the same in all sessions that have it


class Known(NamedTuple):
    """A state of which the cards' names are not known."""

    number: int
    network: str
    blocks: Sequence[Hashable]
    label: str


class Hand(NamedTuple):
    """Cards in order, and which of them are selected."""

    cards: list[str]
    selected: int
    chosen: list[int]


def begin(network: str, blocks: Sequence[Hashable], label: str) -> State:
    """A history without a past."""
    return resume([Known(0, network, blocks, label)], 0, secrets.token_hex(6))


def resume(known: Sequence[Known], at: int, origin: str) -> State:
    """A history of states whose cards have no names yet, in ascending numbers; state `at` is the present.

    Equal blocks at the beginnings and at the ends of two neighbours are the same cards.
    """
    state: State = {
        "now": {"network": "", "cards": [], "selected": NETWORK, "chosen": [], "label": "", "number": -1},
        "past": [],
        "future": [],
        "before": None,
        "cards_made": 0,
        "states_made": known[-1].number + 1,
        "origin": origin,
    }
    states: list[Snapshot] = []
    names: list[str] = []
    blocks: Sequence[Hashable] = ()
    for each in known:
        head = _alike(blocks, each.blocks)
        tail = _alike(blocks[head:][::-1], each.blocks[head:][::-1])
        new = fresh_cards(state, len(each.blocks) - head - tail)
        names, blocks = [*names[:head], *new, *names[len(names) - tail :]], each.blocks
        state["now"] = {**state["now"], "network": each.network, "label": each.label, "number": each.number}
        first = min(1, len(names) - 1)
        lay(state, Hand(names, first, [first]))
        states.append(state["now"])
    state["past"], state["now"], state["future"] = states[:at], states[at], states[:at:-1]
    return state


def _alike(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many things two sequences begin with in common."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def fresh_cards(state: State, number: int) -> list[str]:
    """Names for that many cards, used by no other card of this history."""
    first = state["cards_made"]
    state["cards_made"] = first + number
    return [f"card{index}" for index in range(first, first + number)]


def new_names(state: State, wanted: str | None) -> Iterator[str]:
    """Names for new cards: `wanted`, `wanted.1`, `wanted.2`, … where no card has them, else fresh ones."""
    taken = set(state["now"]["cards"])
    for number in count():
        name = f"{wanted}.{number}" if number else wanted
        yield name if name is not None and name not in taken else fresh_cards(state, 1)[0]


def commit(state: State, network: str, hand: Hand, label: str) -> None:
    """Makes this the present; the former present joins the past."""
    state["past"].append(state["now"])
    state["future"].clear()
    state["before"] = state["now"]["network"]
    state["now"] = {**state["now"], "network": network, "label": label, "number": state["states_made"]}
    state["states_made"] += 1
    lay(state, hand)
    del state["past"][: max(0, len(state["past"]) + 1 - MOST)]


def lay(state: State, hand: Hand) -> None:
    """Lays the present's cards in this order and selects; no edit."""
    state["now"] = {**state["now"], "cards": list(hand.cards)}
    select(state, hand.selected, hand.chosen)


def line(state: State) -> list[Snapshot]:
    """All states, the oldest first; the present is number `len(past)`."""
    return [*state["past"], state["now"], *reversed(state["future"])]


def jump(state: State, to: int) -> None:
    """Makes state `to` of the line the present, if there is one; nothing is lost."""
    states, now = line(state), len(state["past"])
    if 0 <= to < len(states) and to != now:
        state["before"] = state["now"]["network"]
        state["past"], state["now"], state["future"] = states[:to], states[to], states[:to:-1]


def undo(state: State) -> None:
    """Back one state, if there is one."""
    jump(state, len(state["past"]) - 1)


def redo(state: State) -> None:
    """Forward one state, if there is one."""
    jump(state, len(state["past"]) + 1)


def select(state: State, at: int, chosen: Iterable[int] = ()) -> None:
    """Selecting is no edit: it adds nothing to undo."""
    last = len(state["now"]["cards"]) - 1
    at = max(NETWORK, min(at, last))
    among = [] if at == NETWORK else sorted({at, *(each for each in chosen if 0 <= each <= last)})
    state["now"] = {**state["now"], "selected": at, "chosen": among}


def rearranged(now: Snapshot, edit: Mapping[str, Any], new: Iterator[str]) -> Hand:
    """The cards after an edit that the network has already accepted, and those to select.

    New cards are selected, what was selected stays so where it goes, and where it is gone the nearest is.
    """
    names, at = list(now["cards"]), edit.get("at", NETWORK)
    match edit["op"]:
        case "insert":
            names.insert(at, next(new))
            return Hand(names, at, [at])
        case "duplicate":
            names.insert(at + 1, next(new))
            return Hand(names, at + 1, [at + 1])
        case "paste":
            last = at + len(edit["blocks"]) - 1
            names[at:at] = islice(new, last - at + 1)
            return Hand(names, last, list(range(at, last + 1)))
        case "move":
            names.insert(edit["to"], names.pop(at))
            return Hand(names, edit["to"], [edit["to"]])
        case "remove":
            return _arranged(now, [each for each in range(len(names)) if each != at], new)
        case "arrange":
            return _arranged(now, edit["order"], new)
        case "set" | "replace" if now["selected"] != NETWORK:  # whoever has the network's form open keeps it
            return Hand(names, at, now["chosen"] if at in now["chosen"] else [at])
    return Hand(names, now["selected"], now["chosen"])


def _arranged(now: Snapshot, order: Sequence[int], new: Iterator[str]) -> Hand:
    seen: set[int] = set()
    names: list[str] = []
    made: list[int] = []
    for place, card in enumerate(order):
        if card in seen:
            made.append(place)
        names.append(next(new) if card in seen else now["cards"][card])
        seen.add(card)
    if made:
        return Hand(names, made[-1], made)
    if now["selected"] == NETWORK:
        return Hand(names, NETWORK, [])
    places = {card: place for place, card in enumerate(order)}
    left = sorted(places[card] for card in now["chosen"] if card in places)
    nearest = min(now["chosen"][0], len(names) - 1)  # of what is left where all chosen cards are gone
    return Hand(names, places.get(now["selected"], left[0] if left else nearest), left or [nearest])
