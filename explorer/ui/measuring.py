"""Measured milliseconds of the cards: asked for, followed and remembered with the blocks that they belong to.

What was measured stays with distinct blocks and not with cards: after an edit, cards that were not changed keep theirs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypedDict, cast

from explorer.network import Network
from explorer.report import Report
from explorer.runs import manager
from explorer.runs.timings import Measurement
from explorer.training import timing
from explorer.training.timing import Timed, Timing
from explorer.ui.desk import Desk, read

KEPT = 2048  # blocks whose milliseconds a session keeps


class State(TypedDict):
    """What a session keeps of it, as JSON."""

    job: str  # the measurement under way; empty where there is none
    of: str  # the network that it measures
    heard: int  # its events that were dealt with
    blocks: int  # distinct ones that it measures
    failed: str  # why the last one failed, as a sentence
    device: str
    batch: int
    known: dict[str, list[float]]  # milliseconds there and back of one copy, by what `timing.Part.key` gives


def start(desk: Desk) -> None:
    """Has the network on screen measured in a worker; one that is under way for another network is ended."""
    now = _state(desk)
    poll(desk)
    if now["job"] and now["of"] == desk.token:
        return
    stop(desk)
    now["job"] = manager().timings.start(desk.network, desk.session["batch"])
    now["of"], now["heard"], now["blocks"], now["failed"] = desk.token, 0, 0, ""


def stop(desk: Desk) -> None:
    """Ends the measurement under way; what it has said so far stays."""
    poll(desk)
    now = _state(desk)
    if now["job"]:
        manager().timings.stop(now["job"])
        now["job"] = ""


def poll(desk: Desk) -> None:
    """Takes over what the measurement under way has said since the last look."""
    now = _state(desk)
    if not now["job"]:
        return
    found = manager().timings.read(now["job"])
    if found is None:
        now["job"] = ""
        now["failed"] = "The measurement is lost: the program was started anew, or many others came since."
        return
    _take(now, found)
    if not found.active:
        now["job"], now["failed"] = "", found.reason


def of(desk: Desk, report: Report) -> tuple[dict[str, float] | None, ...]:
    """For each card {"forward": ms, "backward": ms} over all its copies, or None where it was not measured."""
    known = _state(desk)["known"]
    assert report.network is not None
    if not known:
        return (None,) * len(report.network.blocks)
    return tuple(_sum(known, card) for card in keys(report.network))


def state(desk: Desk) -> dict[str, Any]:
    """`timing` of the page: its state, what is or was measured in words, and whether some card has no number yet."""
    now = _state(desk)
    known = now["known"]
    stale = bool(known) and any(not key_in_all(known, card) for card in keys(read(desk.token)))
    if now["job"]:
        return {"state": "running", "text": _progress(now), "stale": stale}
    if now["failed"]:
        return {"state": "failed", "text": now["failed"], "stale": stale}
    if not known:
        return {"state": "none", "text": "", "stale": False}
    return {"state": "done", "text": f"Forward and backward, {_where(now)}", "stale": stale}


@lru_cache(maxsize=64)
def keys(network: Network) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each card the keys of its distinct copies with their number; none for one that cannot be counted."""
    cards: list[list[tuple[str, int]]] = [[] for _ in network.blocks]
    for part in timing.parts(network):
        cards[part.card].append((part.key, part.count))
    return tuple(map(tuple, cards))


def key_in_all(known: dict[str, list[float]], card: tuple[tuple[str, int], ...]) -> bool:
    """Whether every copy of a card was measured."""
    return all(key in known for key, _ in card)


def _sum(known: dict[str, list[float]], card: tuple[tuple[str, int], ...]) -> dict[str, float] | None:
    if not card or not key_in_all(known, card):
        return None
    forward, backward = (sum(count * known[key][way] for key, count in card) for way in (0, 1))
    return {"forward": forward, "backward": backward}


def _take(now: State, found: Measurement) -> None:
    for event in found.events[now["heard"] :]:
        if isinstance(event, Timing):
            if (event.device, event.batch) != (now["device"], now["batch"]):
                now["known"] = {}  # what was measured otherwise cannot stand beside it
            now["device"], now["batch"], now["blocks"] = event.device, event.batch, event.blocks
        elif isinstance(event, Timed):
            now["known"].pop(event.key, None)  # to the end: the newest are kept
            now["known"][event.key] = [event.forward, event.backward]
    now["heard"] = len(found.events)
    for key in list(now["known"])[:-KEPT]:
        del now["known"][key]


def _progress(now: State) -> str:
    if not now["heard"]:
        return "Waiting for a worker"
    return f"Measured {now['heard'] - 1} of {now['blocks']} distinct blocks, {_where(now)}"


def _where(now: State) -> str:
    return f"batch {now['batch']}, {now['device']}"


def _state(desk: Desk) -> State:
    new = State(job="", of="", heard=0, blocks=0, failed="", device="", batch=0, known={})
    return cast(State, cast(dict[str, Any], desk.session).setdefault("timing", new))
