"""Which networks are compared: the heading with what can be added, and a card for each."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer import presets
from explorer.compare import State, difference
from explorer.drawing import comparison
from explorer.network import EditError
from explorer.numbers import digits
from explorer.report import Report
from explorer.shape import show
from explorer.ui import history, words
from explorer.ui.comparison import members
from explorer.ui.comparison.members import LINK, MOST, Chosen, Shown, aligned
from explorer.ui.comparison.pictures import drawing
from explorer.ui.desk import Desk, report_of, sentence

WIDTH, HEIGHT = 230, 74  # of a picture, in pixels
FEW = 999_500  # times as much, from where on a letter stands for the last digits
LONG = 40  # characters of a name that find room in two lines of a card
MARKS = (
    "<span class='xc-marks' title='Below each picture. A plus or minus of the first: what another network lacks or has "
    "besides.'><i></i>changed or replaced <b>+</b>added <b>−</b>removed</span>"
)
AFRESH = "Back to what a first visit shows: the network on screen, beside how it was before the last change or beside \
its plain twin."
PRESET, STATE, PASTED, BUTTON = "compare-preset", "compare-state", "compare-pasted", "compare-link"


@cache
def _link() -> Any:
    js = (Path(__file__).parent / "link.js").read_text(encoding="utf-8")
    return st.components.v2.component("explorer_compare_link", js=f"/* the link */\n{js}", isolate_styles=False)


def doing(chosen: Chosen, deed: Callable[..., None], *arguments: object) -> None:
    """Does something to the set; why it could not be done is said on the page."""
    try:
        deed(chosen, *arguments)
    except EditError as error:
        chosen["complaint"] = sentence(error)


def heading(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """How many, what can be added, and the link."""
    full = len(networks) >= MOST
    with st.container(key="compare-head", horizontal=True, vertical_alignment="center", gap="small"):
        first = html.escape(words.shortened(networks[0].name, 32)) if networks else ""
        against = f"<span>differences are to the first, {first}</span>{MARKS}" if len(networks) > 1 else ""
        st.html(f"<div class='xc-head'><h1>Compare</h1>{against}</div>")
        st.selectbox(
            "A published network", presets.names(), index=None, key=PRESET, width=250, disabled=full,
            placeholder="Add a published network" if not full else f"{MOST} at most: remove one first",
            format_func=lambda name: presets.about(name).title, label_visibility="collapsed",
            on_change=_picked, args=(chosen, desk, PRESET, members.add_preset),
        )  # fmt: skip
        with st.popover("Add other", disabled=full, width="content"):
            _others(chosen, desk, networks)
        if chosen["left"] is None:
            st.button(
                "Start afresh", key="compare-afresh", help=AFRESH, disabled=chosen["members"] is None,
                on_click=members.start_afresh, args=(chosen,),
            )  # fmt: skip
        else:
            said = f"Back to the {len(chosen['left'])} networks that were compared here before."
            st.button("Take back", key="compare-back", help=said, on_click=members.take_back, args=(chosen,))
        link = members.link(networks)
        reason = "These networks together are longer than a link can be." if networks else "There is nothing to link."
        sent = {
            "link": link,
            "parameter": LINK,
            "reason": reason,
            "members": chosen["members"],
            "afresh": chosen["afresh"],
        }
        _link()(key=BUTTON, data=sent, width="content", on_kept_change=lambda: _restored(chosen))
    if chosen["complaint"]:
        st.html(f"<p class='xc-said' role='alert'>{html.escape(chosen['complaint'])}</p>")


def _restored(chosen: Chosen) -> None:
    """Takes what the browser kept of the set over a reload."""
    sent = st.session_state.get(BUTTON)
    members.restore(chosen, sent.get("kept") if sent else None)


def _picked(chosen: Chosen, desk: Desk, key: str, deed: Callable[..., None]) -> None:
    """Adds what was picked in a list, and empties the list."""
    picked = st.session_state[key]
    st.session_state[key] = None
    if picked is not None:
        doing(chosen, deed, desk, picked)


def _pasted(chosen: Chosen, desk: Desk) -> None:
    doing(chosen, members.add_pasted, desk, st.session_state[PASTED])
    if not chosen["complaint"]:
        st.session_state[PASTED] = ""


def _others(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """What else can be added: the network on screen and its twin, a state of the history, what is pasted."""
    there = {one.source for one in networks}
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Network on screen", key="compare-screen", disabled="screen" in there,
            help="Follows what you do on the Design page.",
            on_click=doing, args=(chosen, members.add, desk, "screen", None, "on screen"),
        )  # fmt: skip
        st.button(
            "Its plain twin", key="compare-twin", disabled="twin" in there or not members.has_twin(desk.token),
            help="The same network without its shortcuts; it follows the network on screen.",
            on_click=doing, args=(chosen, members.add, desk, "twin", None, "plain twin of the network on screen"),
        )  # fmt: skip
    line = history.line(desk.history)
    labels = {state["number"]: f"{at + 1} · {state['label']}" for at, state in enumerate(line)}
    st.selectbox(
        "A state of the history", list(labels)[::-1], index=None, key=STATE, placeholder="the newest first",
        format_func=lambda number: labels.get(number, ""),
        on_change=_picked, args=(chosen, desk, STATE, members.add_state),
    )  # fmt: skip
    st.text_area(
        "A link, a token or JSON", key=PASTED, height=90, placeholder="http://…?net=…", max_chars=members.MAX_TEXT,
        help="Of one network, or a link of several from this page.",
    )  # fmt: skip
    st.button("Add what is pasted", key="compare-paste", on_click=_pasted, args=(chosen, desk))


def strip(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """A card for each network; the first is what the others are compared with."""
    if not networks:
        return
    with st.container(key="compare-strip"):
        for column, one in zip(st.columns(len(networks)), networks, strict=True):
            with column, st.container(key=f"compare-card-{one.key}"):
                st.html(_title(one, desk))
                others = tuple(other.token for other in networks if other is not one)
                picture = _picture(one.token, others if one.number == 0 else (networks[0].token,), one.number == 0)
                drawing()(key=f"compare-picture-{one.key}", height=HEIGHT, data={"svg": picture})
                st.html(_figures(one, networks, desk))
                with st.popover("⋯", help=f"Move, name, open or remove {one.name}"):
                    _menu(chosen, desk, one, len(networks))


def _menu(chosen: Chosen, desk: Desk, one: Shown, count: int) -> None:
    """What can be done to one network of the set."""
    key = one.key
    st.text_input(
        "Name here", one.name, key=f"compare-name-{key}-{one.name}", max_chars=members.LONGEST_NAME,
        on_change=_renamed, args=(chosen, desk, one),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for label, by, last in (("← Left", -1, 0), ("Right →", 1, count - 1)):
            st.button(
                label, key=f"compare-move{by}-{key}", disabled=one.number == last,
                on_click=doing, args=(chosen, members.move, desk, key, by),
            )  # fmt: skip
        st.button(
            "Remove", key=f"compare-remove-{key}", disabled=count == 1, help="Takes it out of this comparison.",
            on_click=doing, args=(chosen, members.remove, desk, key),
        )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Open on the Design page", key=f"compare-open-{key}", disabled=one.source == "screen",
            help="In place of the network there, which Undo brings back.",
            on_click=_opened, args=(chosen, desk, one),
        )  # fmt: skip
        st.button(
            "Add its plain twin", key=f"compare-twin-of-{key}",
            disabled=count >= MOST or not members.has_twin(one.token),
            on_click=doing, args=(chosen, members.add_twin_of, desk, key),
        )  # fmt: skip


def _renamed(chosen: Chosen, desk: Desk, one: Shown) -> None:
    doing(chosen, members.rename, desk, one.key, st.session_state[f"compare-name-{one.key}-{one.name}"])


def _opened(chosen: Chosen, desk: Desk, one: Shown) -> None:
    doing(chosen, members.open_on_design, desk, one.key)
    if not chosen["complaint"]:
        st.toast(f"{one.name} is open on the Design page. Undo there brings back what was.")


def _title(one: Shown, desk: Desk) -> str:
    """Name and origin."""
    report = report_of(one.token, desk.session["batch"])
    flow = f"{show(report.input_shape)} → {'…' if report.error else show(report.output_shape)}"
    note = f"{'live · ' if one.live else ''}{html.escape(one.note, quote=True)}"
    return (
        f"<div class='xc-card' style='--xc:var(--xp-{comparison.colour_name(one.number)})'>"
        f"<h2 title='{html.escape(one.name, quote=True)}'>{html.escape(words.shortened(one.name, LONG))}</h2>"
        f"<p class='xc-note' title='{note}'><span class='num'>{flow}</span><b> · </b>{note}</p>{_broken(report)}</div>"
    )


def _figures(one: Shown, networks: Sequence[Shown], desk: Desk) -> str:
    """The numbers that matter most, and how far they are from the first network's."""
    batch, optimizer = desk.session["batch"], desk.session["optimizer"]
    report, first = (report_of(token, batch) for token in (one.token, networks[0].token))
    memory, memory_first = report.memory(optimizer).total, first.memory(optimizer).total
    params = (  # a narrow card shows the second
        f"<span class='xc-exact'>{words.plain(report.params)}</span>"
        f"<span class='xc-short'>{words.compact(report.params)}</span>"
    )
    lines = (
        ("Parameters", params, "", report.params, first.params),
        ("MACs", words.compact(report.macs), "", report.macs, first.macs),
        ("Memory", words.memory(memory), " B", memory, memory_first),
    )
    comparable = one.number > 0 and report.error is None and first.error is None
    figures = "".join(
        f"<dt>{title}</dt><dd class='num' title='{now:,}{unit}'>{number}</dd>"
        + (_relative(before, now) if comparable else "<dd></dd>")
        for title, number, unit, now, before in lines
    )
    return f"<dl class='xc-figures'>{figures}</dl>"


def _broken(report: Report) -> str:
    """Where a network stops fitting together."""
    if report.error is None or report.network is None:
        return ""
    counted, cards = report.error.index or 0, len(report.network.blocks)
    return f"<p class='xc-bad'>Does not fit together at block {counted + 1} of {cards}; counted up to there.</p>"


def _relative(before: int, now: int) -> str:
    found = difference(before, now)
    assert found is not None
    tone = "up" if found.absolute > 0 else "down" if found.absolute < 0 else ""
    return f"<dd class='num {tone}'>{words_of(found.relative, found.absolute)}</dd>"


def words_of(relative: Any, absolute: int) -> str:
    """`+12.5 %`, `×32`, `×2,260`, `±0`; "new" of what there was nothing of."""
    if absolute == 0:
        return "±0"
    if relative is None:
        return "new"
    if relative >= 9:
        times = float(relative + 1)
        return f"×{digits(times) if times < FEW else words.compact(round(times))}"
    percent = abs(float(relative)) * 100
    places = 0 if percent >= 99.95 else 1 if percent >= 0.95 else 2
    shown = f"{percent:.{places}f}"
    return f"{'+' if absolute > 0 else '−'}{shown if float(shown) else '<0.01'} %"


@lru_cache(maxsize=256)
def _picture(token: str, others: tuple[str, ...], is_first: bool) -> str:
    """The folded network, with marks below the cards that differ."""
    states: dict[int, State] = {}
    for other in others:
        found = aligned(token, other).states(of_first=True) if is_first else aligned(other, token).states()
        states |= {card: state for card, state in found.items() if state != "same"}
    return comparison.folded(report_of(token, 1), states, WIDTH, HEIGHT)
