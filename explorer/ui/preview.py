"""What each drop of a drag would give, in the words that the page has after it: each is really made and counted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from explorer.blocks import KINDS
from explorer.network import EditError, Network
from explorer.report import Report, analyze
from explorer.ui import words
from explorer.ui.desk import Desk, Optimizer, insertion, report_of
from explorer.ui.stack_cards import card_data, head
from explorer.ui.totals import totals

Data = dict[str, Any]


def begin(desk: Desk, kind: str | None, cards: Sequence[int] | None) -> Data:
    """What is dragged, of which stack. Raises EditError for what is not there."""
    if kind is not None and kind not in KINDS:
        raise EditError("There is no block of that kind.")
    if cards is not None and (max(cards) >= len(desk.network.blocks) or len(set(cards)) < len(cards)):
        raise EditError("These cards are not in the stack.")
    return {"token": desk.token, "kind": kind, "cards": None if cards is None else list(cards)}


def preview(desk: Desk) -> Data | None:
    """The slots of the drag that has begun, while the stack is the one it began with."""
    asked, session = desk.session["preview"], desk.session
    if asked is None or asked["token"] != desk.token:
        return None
    cards = None if asked["cards"] is None else tuple(asked["cards"])
    slots = _slots(desk.token, session["batch"], session["optimizer"], asked["kind"], cards)
    return {"client": asked["client"], "number": asked["number"], "slots": slots}


@lru_cache(maxsize=8)
def _slots(token: str, batch: int, optimizer: Optimizer, kind: str | None, cards: tuple[int, ...] | None) -> list[Data]:
    """A slot for the gap before each card as the stack stands, and for the gap behind the last."""
    now = report_of(token, batch)
    network = now.network
    assert network is not None
    made: dict[int, Data] = {}  # by where the first dragged card would stand, which says the rest
    slots = []
    for slot in range(len(network.blocks) + 1):
        order = None if cards is None else order_after(len(network.blocks), cards, slot)
        edit: Data = {"op": "arrange", "order": order}
        if kind is not None:
            edit = insertion(now, KINDS[kind], slot)
        at = edit["at"] if order is None or cards is None else order.index(cards[0])
        if at not in made:
            made[at] = _drop(network.apply(edit), range(at, at + len(cards or (0,))), now, optimizer)
        slots.append({"slot": slot, "order": order, **made[at]})
    return slots


def order_after(count: int, moving: Sequence[int], slot: int) -> list[int]:
    """The order in which the cards stand once those at `moving` stand together before old card `slot`."""
    still = set(range(count)) - set(moving)
    before = [card for card in range(slot) if card in still]
    return [*before, *moving, *(card for card in range(slot, count) if card in still)]


def _drop(network: Network, places: range, now: Report, optimizer: Optimizer) -> Data:
    """What the page has after the drop: of the dragged cards at `places` together, and of the whole."""
    report = analyze(network, now.batch, partial=True, like=now)
    cards = [report.card(at) for at in places]
    first, last = (card_data(report.card(at), network.blocks[at]) for at in (places[0], places[-1]))
    status = next((card.status for card in cards if card.status != "ok"), "ok")
    return {
        "at": places[0],
        "status": status,
        "input": first["input"],
        "output": last["output"],
        "params": words.compact(sum(card.params for card in cards)) if status == "ok" else "",
        "macs": words.compact(sum(card.macs for card in cards)) if status == "ok" else "",
        "totals": totals(report, now, optimizer),
        "head": head(report.error) if report.error else "",
        "where": report.error.index if report.error else None,
    }
