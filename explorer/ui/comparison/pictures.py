"""The networks drawn side by side by the one renderer, with the cards that differ marked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer.compare import State
from explorer.drawing import comparison, picture
from explorer.ui import words
from explorer.ui.comparison.members import Chosen, Shown, aligned
from explorer.ui.desk import Desk, report_of

DRAWN = 60  # cards up to which a network is drawn card by card; a longer one is folded
WIDTH, HEIGHT = 330, 110  # of a folded one
LONG = 38  # characters of a name that find room beside a note


@cache
def drawing() -> Any:
    """The component that draws one picture in small, or several side by side."""
    js = (Path(__file__).parent / "pictures.js").read_text(encoding="utf-8")
    return st.components.v2.component("explorer_compare_pictures", js=f"/* pictures */\n{js}", isolate_styles=False)


def show(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """Each network downwards, what differs from the first one in the accent's colour; scrolled together."""
    pictures = []
    for one in networks:
        states = states_of(one, networks)
        differ = sum(state != "same" for state in states.values())
        cards = len(one.network.blocks)
        note = f"{differ:,} of {cards:,} marked" if differ else f"{cards:,} cards"
        drawn = _drawn(one.token, tuple(card for card, state in states.items() if state != "same"))
        if cards > DRAWN:
            drawn = comparison.folded(report_of(one.token, 1), states, WIDTH, HEIGHT)
            note = f"folded: more than {DRAWN} cards"
        short, colour = words.shortened(one.name, LONG), comparison.colour_name(one.number)
        pictures.append({"name": one.name, "short": short, "colour": colour, "note": note, "svg": drawn})
    drawing()(key="compare-pictures", data={"pictures": pictures})
    if len(networks) > 1:
        st.caption(
            f"Marked are the cards that differ from {networks[0].name}, and there the cards in which any other differs."
        )


def states_of(one: Shown, networks: Sequence[Shown]) -> dict[int, State]:
    """What each card is beside the first network; of the first, whether it differs from any other's."""
    if one.number:
        return aligned(networks[0].token, one.token).states()
    found: dict[int, State] = dict.fromkeys(range(len(one.network.blocks)), "same")
    for other in networks[1:]:
        apart = aligned(one.token, other.token).states(of_first=True)
        found |= {card: state for card, state in apart.items() if state != "same"}
    return found


@lru_cache(maxsize=64)
def _drawn(token: str, marked: tuple[int, ...]) -> str:
    report = report_of(token, 1)
    return picture.network(report, selected=marked) if len(report.cards) <= DRAWN else ""
