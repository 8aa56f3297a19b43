"""The network on a picture: what it sees, what each block makes of that, and what it takes it for."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

import streamlit as st

from explorer.network import Network
from explorer.probe import names, prepare, run
from explorer.probe.prepare import Prepared, Scale
from explorer.report import BlockRow, Report
from explorer.ui import carried, session
from explorer.ui.desk import read, sentence
from explorer.ui.inspector.component import state
from explorer.ui.on_picture import maps, source
from explorer.ui.on_picture.chart import along, offered
from explorer.ui.on_picture.maps import NARROW, SMALL, Panel, panels, say
from explorer.ui.on_picture.source import Given

RANDOM = re.compile(r"random:(\d{1,9})", re.ASCII)
CALLED = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "gelu": "GELU", "silu": "SiLU", "hardswish": "Hardswish"}
ENTRIES, SIZE = 24, "160 MB"  # runs that are remembered for all sessions together
AT_ONCE = 2  # networks that run at the same time, for the memory they take
CHART = {"displayModeBar": False}
UNLEARNED = "Random weights: nothing was learned. Maps show what the build alone does; classes mean nothing."
OUTPUT, INSIDE, BRANCHES, FILTERS = "Output", "x + F(x)", "Branches", "First filters"


def show(report: Report) -> None:
    """The view: the picture and its classes in a narrow column, the blocks beside it."""
    maps.style()
    network = run.fitting(report)
    if network is None:
        say("No block fits together yet, so that there is nothing to show of a picture.")
        return
    with st.container(key="on-picture"):
        left, right = st.columns([1, 4.1], gap="medium")
        with left:
            given = source.choose(network.input.channels)
            with st.container(key="on-picture-weights", horizontal=True, gap="small"):
                weights = _weights(network)
                key, scale, inverted = _preparation(network, given, weights)
            if weights.random:
                say(UNLEARNED, "xo-random")
        at = _selected(list(report.blocks))
        learned = weights.learned or prepare.DIGITS
        try:
            run.check(report)  # before the picture is made as large as the input
            prepared = prepare.prepare(given.picture, network.input, scale, inverted, learned)
            look = _look_at(report, network, key, f"{given.digest} {scale} {inverted} {learned}", prepared, at)
        except ValueError as error:
            with left:
                maps.answer(given.picture.pixels, given.title, "")
                say(given.credit)
            right.error(sentence(error))
            return
        with left:
            _answer(look, given, prepared, names.class_names(network, scale, learned))
        with right:
            _blocks(network, look, at)


def _weights(network: Network) -> carried.Weights:
    """The chosen weights."""
    found = {one.key: one for one in carried.at_hand(network)}
    digest = sha256(network.unnamed().token().encode()).hexdigest()[:10]
    key = st.selectbox(
        "Weights", list(found), format_func=lambda each: found[each].title if each in found else each,
        key=f"on-picture-weights-{digest}", label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    return found.get(key or "") or next(iter(found.values()))


def _preparation(network: Network, given: Given, weights: carried.Weights) -> tuple[str, Scale, bool]:
    """Weights of which seed, the scale that the picture is brought to, whether light and dark change places."""
    key, learned = weights.key, weights.learned or prepare.DIGITS
    usual = _usual(network.unnamed().token(), weights.random, weights.learned)
    with st.popover("", icon=":material/tune:", help="How the picture is prepared", key="on-picture-preparation"):
        offered = prepare.scales(network.input)
        scale = st.selectbox(
            "Values", offered, index=offered.index(usual), format_func=lambda each: prepare.words_of(each, learned),
            key=f"on-picture-scale-{usual}-{len(offered)}-{learned}",
            help="What the weights were trained on; for weights out of a file this is a guess.",
        )  # fmt: skip
        of_digits = scale == "training" and learned == prepare.DIGITS
        inverted = st.toggle(
            "Change light and dark", value=of_digits and prepare.looks_inverted(given.picture),
            key=f"on-picture-inverted-{given.digest}-{scale}-{learned}",
            help="The digits of training are light on dark; ink on paper is the other way round.",
        )  # fmt: skip
        if weights.random:
            seed = st.number_input("Seed", 0, 10**9 - 1, 0, step=1, key="on-picture-seed", persist_state="session")
            key = f"random:{int(seed or 0)}"
    return key, scale, inverted


@lru_cache(maxsize=256)
def _usual(token: str, random: bool, learned: str) -> Scale:
    return prepare.scale_for(read(token), random, learned)


def _look_at(report: Report, network: Network, key: str, picture: str, prepared: Prepared, at: int) -> run.Look:
    """The run that keeps the maps of the block at this place. Raises ValueError."""
    path = report.blocks[at].name
    window, wanted = next((number, paths) for number, paths in enumerate(run.windows(report)) if path in paths)
    return _look(network.unnamed().token(), key, picture, window, prepared.images, wanted)


@st.cache_resource(show_spinner=False)
def _turn() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(AT_ONCE)


@st.cache_data(max_entries=ENTRIES, max_size=SIZE, show_spinner="The network looks at the picture …")
def _look(token: str, key: str, picture: str, window: int, _images: Any, _wanted: tuple[str, ...]) -> run.Look:
    """One run; `picture` says which picture it is and how it was prepared, `window` which blocks' maps are kept."""
    network = read(token)
    with _turn():
        seed = RANDOM.fullmatch(key)
        if seed:
            return run.run(network, _images, seed=int(seed[1]), wanted=_wanted)
        return run.run(network, _images, carried.load(network, key), wanted=_wanted)


def _answer(look: run.Look, given: Given, prepared: Prepared, called: Sequence[str]) -> None:
    """The picture as the network sees it, and what the network takes it for."""
    if look.top and look.logits is not None:
        classes = maps.top_five(look.top, called, len(look.logits))
    elif look.logits is not None:
        classes = maps.words("The logits are not finite, so there is no softmax: the numbers leave float32.")
    else:
        classes = maps.words("No classifier ends this stack, so there are no classes.")
    maps.answer(prepared.seen, given.title, classes)
    say(given.credit)
    say(f"The network sees {prepared.words}")


def _selected(rows: list[BlockRow]) -> int:
    """The place of the selected block among all; the first residual one where none is, else the first."""
    card = session.desk().selected
    own = [at for at, row in enumerate(rows) if row.card == card]
    if not own:
        return 0
    named = ".".join(state()["path"].split(".")[:2])
    return next((at for at in own if rows[at].name == named or f"{card}.{rows[at].copy}" == named), own[0])


def _go(card: int, copy: int) -> None:
    """Selects a block for all views."""
    session.desk().select(card)
    state()["path"] = f"{card}.{copy}"


def _pressed(places: Mapping[int, tuple[int, int]]) -> None:
    """Selects the block whose point was pressed."""
    chart = st.session_state.get("on-picture-chart")
    points = chart["selection"]["points"] if chart else []
    at = points[0].get("customdata") if points else None
    at = at[0] if isinstance(at, list) and at else at
    if isinstance(at, int) and at in places:
        _go(*places[at])


def _blocks(network: Network, look: run.Look, at: int) -> None:
    """The chart along the depth, and the maps of the selected block."""
    dark = st.context.theme.type == "dark"
    places = {number: (line.card, line.copy) for number, line in enumerate(look.lines)}
    measures = offered(look.lines)
    measure = st.segmented_control(
        "Along the depth", measures, default=measures[0], required=True, key=f"on-picture-along-{len(measures)}",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    st.plotly_chart(
        along(look.lines, network, measure or measures[0], at, dark), theme=None, key="on-picture-chart", config=CHART,
        on_select=lambda: _pressed(places), selection_mode="points",
    )  # fmt: skip
    _bad_numbers(look)
    line = look.lines[at]
    detail = look.details[line.path]
    parts = [
        *([INSIDE] if detail.inside else []),
        *([BRANCHES] if detail.branches else []),
        *([OUTPUT] if detail.output else []),
        *([FILTERS] if look.filters else []),
    ]
    with st.container(horizontal=True, vertical_alignment="center", key="on-picture-block", gap="small"):
        st.button("‹", key="on-picture-back", help="The block before", disabled=at == 0, on_click=_go,
                  args=places[max(0, at - 1)])  # fmt: skip
        st.button("›", key="on-picture-on", help="The next block", disabled=at + 1 == len(look.lines), on_click=_go,
                  args=places[min(len(look.lines) - 1, at + 1)])  # fmt: skip
        copies = network.blocks[line.card].copies
        copy = f", copy {line.copy + 1:,} of {copies:,}" if copies > 1 else ""
        name = html.escape(network.blocks[line.card].name)
        st.html(f"<p class='xo-words'><b>{line.card + 1} {name}</b>{copy}</p>")
        what = st.segmented_control(
            "Shown", parts, default=parts[0], required=True, key=f"on-picture-what-{'-'.join(parts)}",
            label_visibility="collapsed", persist_state="session",
        ) if parts else None  # fmt: skip
        own = st.toggle("Each map on its own scale", key="on-picture-own", persist_state="session")
    _maps(what, line, detail, look, own)


def _bad_numbers(look: run.Look) -> None:
    first = next((line for line in look.lines if line.strength is None), None)
    if first is not None:
        say(
            f"From {first.card + 1} {first.title}, copy {first.copy + 1:,}, on the numbers outgrow float32 with these "
            "weights, so that there is nothing to show."
        )


def _maps(what: str | None, line: run.Line, detail: run.Detail, look: run.Look, own: bool) -> None:
    if what == INSIDE and detail.inside:
        _inside(line, detail.inside, own)
    elif what == BRANCHES:
        panels(
            [Panel(written, part) for written, part in detail.branches],
            own,
            NARROW if len(detail.branches) > 3 else SMALL,
        )
    elif what == FILTERS and look.filters:
        maps.filters(look.filters)
    elif detail.output:
        panels([Panel("Output", detail.output, "the strongest first")], own, maps.WIDE)
    else:
        say("This block gives a vector and no map.")


def _inside(line: run.Line, inside: run.Inside, own: bool) -> None:
    """x, F(x) and their sum, all on one scale, and what follows."""
    adds = inside.how == "add"
    shown = [Panel("x", inside.input)]
    if inside.carried is not None:
        shown.append(Panel("Shortcut", inside.carried, "what it makes of x"))
    shown += [Panel("F(x)", inside.learned), Panel("F(x) + x" if adds else "[F(x), x]", inside.total)]
    if inside.carried is not None:
        shown[-1] = Panel("F(x) + shortcut", inside.total)
    panels(shown, own, SMALL if len(shown) == 3 else NARROW)
    follows = [CALLED.get(name, name) for name in inside.follows if name != "where"]
    after = (
        f"{' and '.join(follows)} follows and gives the block's output."
        if follows
        else "Nothing follows: this is the block's output."
    )
    ratio = "" if line.ratio is None else f"‖F(x)‖ is {line.ratio:.3g} times that of what the shortcut carries. "
    say(f"{ratio}{after} The channels are those with the most energy in the {'sum' if adds else 'result'}.")
