"""The plan: what is varied, which networks that makes, what it takes, and the start."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict, get_args

import streamlit as st

from explorer.network import Network
from explorer.numbers import many
from explorer.report import analyze
from explorer.runs import Manager, Refused, manager
from explorer.runs import Member as Asked
from explorer.shape import show as written
from explorer.training import data
from explorer.training.adapt import MINUTE_OF_MACS, adapted_copy
from explorer.training.family import (
    CHOICES,
    MOST_AXES,
    MOST_SEEDS,
    TITLES,
    Member,
    Plan,
    Value,
    What,
    grid,
    numbers,
    plan_of,
    seeded,
)
from explorer.training.recipe import Recipe
from explorer.ui import session, words
from explorer.ui.browser import browser
from explorer.ui.families import kept
from explorer.ui.results import duration
from explorer.ui.training import recipe_for

KEY = "explorer.family"
LIVE = 0.7  # seconds between two looks while steps are measured
SPREAD = ("depth", "width")  # axes whose values are numbers, and typed


class State(TypedDict):
    """What a session keeps of the plan, as JSON."""

    vary: list[str]
    values: dict[str, Any]  # by axis: a line of text, or the chosen values
    seeds: int
    steps: int | None  # None: the recipe's own
    said: str


def state() -> State:
    """This session's plan; at first one that shows something in a minute on digits."""
    new = State(
        vary=["depth", "shortcut"],
        values={"depth": "20, 56", "width": "0.5, 1, 2", "block": list(CHOICES["block"][:2]),
                "shortcut": ["auto", "none"], "norm": ["batch", "group"], "initialisation": ["he", "zero-last"]},
        seeds=2, steps=None, said="",
    )  # fmt: skip
    made: State = st.session_state.setdefault(KEY, new)
    return made


def show() -> None:
    """The page before a family was started."""
    network, now = session.network(), state()
    with st.container(key="library-head-family", horizontal=True):
        st.html(
            f"<div class='xl-title'><h1>Family</h1><span>of {html.escape(network.name or 'the network on screen')}, "
            f"<span class='num'>{written(network.input)}</span></span></div>"
        )
        st.space("stretch")
        earlier()
    form, grid_side = st.columns([5, 13], gap="medium")
    with form, st.container(key="family-form"):
        _form(now, recipe_for(network))
    recipe = _recipe(network, now)
    try:
        plan = _plan(now)
        members = _grid(network.to_json(), recipe.model_dump_json(), plan, _classes(recipe.data))
    except ValueError as error:
        with grid_side:
            st.html(f"<p class='xl-words xl-error' role='alert'>{html.escape(str(error))}</p>")
        return
    with grid_side:
        waiting = bool(price(manager(), members).waiting)
        st.fragment(_priced, run_every=LIVE if waiting else None)(network.name, recipe, plan, members, waiting)


def earlier(chosen: str = "") -> None:
    """The list of families; choosing one shows it."""
    found = kept.earlier()
    if not found:
        return
    labels = {
        group: f"{family.title()} · {time.strftime('%d %b %H:%M', time.localtime(when))}"
        for group, (when, family) in found.items()
    }
    options = ["", *labels]
    picked = st.selectbox(
        "Families", options, index=options.index(chosen) if chosen in labels else 0, key=f"family-earlier-{chosen}",
        label_visibility="collapsed", width=380, format_func=lambda group: labels.get(group, "A new family"),
    )  # fmt: skip
    if picked != chosen:
        if picked:
            st.query_params["family"] = picked
        else:
            st.query_params.pop("family", None)
        st.rerun()


def _form(now: State, recipe: Recipe) -> None:
    now["vary"] = st.multiselect(
        "Vary", get_args(What), default=now["vary"], max_selections=MOST_AXES, key="family-vary",
        format_func=lambda what: TITLES[what], help="Every value of each is combined with every value of the others.",
    )  # fmt: skip
    for what in _varied(now):
        now["values"][what] = _values(what, now["values"][what])
    left, right = st.columns(2)
    with left:
        now["seeds"] = st.number_input(
            "Seeds", 1, MOST_SEEDS, value=now["seeds"], key="family-seeds",
            help="Each network is trained with so many seeds, the same for all: same batches, and same first weights "
            "in layers that are the same.",
        )  # fmt: skip
    with right:
        steps = st.number_input(
            "Steps", 1, 100_000, value=now["steps"] or recipe.steps, key="family-steps",
            disabled=recipe.seconds is not None, help="Of each run.",
        )  # fmt: skip
        now["steps"] = int(steps) if steps != recipe.steps else None
    said = f"Recipe, from the Train page: {_recipe_words(_lengthened(recipe, now))}."
    st.html(f"<p class='xl-words'>{html.escape(said)}</p>")


def _varied(now: State) -> list[What]:
    """What is varied, in the order that it was chosen."""
    known: tuple[What, ...] = get_args(What)
    return [what for name in now["vary"] for what in known if what == name]


def _recipe_words(recipe: Recipe) -> str:
    return recipe.words().removesuffix(f", seed {recipe.seed}")


def _values(what: What, before: Any) -> Any:
    """A widget for the values of an axis."""
    if what in SPREAD:
        example = "20, 56" if what == "depth" else "0.5, 1, 2"
        unit = "weighted layers" if what == "depth" else "times the channels"
        return st.text_input(
            f"{TITLES[what]}, {unit}", before, key=f"family-{what}", max_chars=200, placeholder=example,
        )  # fmt: skip
    said = {
        "shortcut": "auto: identity where shapes agree, else project. identity everywhere is often not possible.",
        "block": "Channels, strides and copies stay as they are.",
        "norm": "none: trained with AdamW, clipped, since SGD then ends in numbers that are not finite.",
        "initialisation": "Of the recipe.",
    }[what]
    return st.multiselect(TITLES[what], CHOICES[what], default=before, key=f"family-{what}", help=said)


def _plan(now: State) -> Plan:
    """The plan of the form. ValueError with a sentence."""
    axes: list[tuple[What, Sequence[Value]]] = []
    for what in _varied(now):
        given = now["values"][what]
        axes.append((what, numbers(given, what) if what in ("depth", "width") else tuple(given)))
    return plan_of(axes, int(now["seeds"]))


def _recipe(network: Network, now: State) -> Recipe:
    return _lengthened(recipe_for(network), now)


def _lengthened(recipe: Recipe, now: State) -> Recipe:
    return recipe.model_copy(update={"steps": now["steps"]}) if now["steps"] else recipe


def _classes(name: str) -> int:
    try:
        return len(data.facts(name).classes)
    except (ValueError, OSError):
        return 1  # a run says what is missing


@lru_cache(maxsize=32)
def _grid(network_json: str, recipe_json: str, plan: Plan, classes: int) -> tuple[Member, ...]:
    return grid(Network.from_json(network_json), Recipe.model_validate_json(recipe_json), plan, classes)


# The price


@dataclass(frozen=True)
class Price:
    """What a family takes: of each member the seconds of a run, measured or reckoned from those that were."""

    seconds: tuple[float | None, ...]  # a run; None of what is not trained, or not known at all yet
    measured: int
    members: int  # that are trained
    refusals: dict[int, str]  # by member
    waiting: tuple[int, ...]  # members that are not measured yet
    bytes: int

    def total(self, seeds: int, at_once: int) -> float:
        """Seconds from the start to the end, with so many runs side by side."""
        each = [seconds for seconds in self.seconds if seconds is not None for _ in range(seeds)]
        return max(sum(each) / at_once, max(each, default=0.0))


def price(source: Manager, members: Sequence[Member]) -> Price:
    """What is known of the price; what is not measured yet is reckoned by MACs from what is."""
    known = {
        at: source.known_estimate(member.network, member.recipe)
        for at, member in enumerate(members)
        if member.network is not None and member.recipe is not None
    }
    measured = {at: one for at, one in known.items() if one is not None and not one.refusal}
    macs = sum(members[at].macs for at in measured)
    a_mac = sum(one.seconds for one in measured.values()) / macs if macs else None
    seconds: list[float | None] = []
    for at, member in enumerate(members):
        one = known.get(at)
        if at not in known or (one is not None and one.refusal):
            seconds.append(None)
        elif one is not None:
            seconds.append(one.seconds)
        else:
            seconds.append(None if a_mac is None else a_mac * member.macs)
    refusals = {at: one.refusal for at, one in known.items() if one is not None and one.refusal}
    waiting = tuple(at for at, one in known.items() if one is None)
    largest = max((one.bytes for one in measured.values()), default=0)
    return Price(tuple(seconds), len(measured), len(known) - len(refusals), refusals, waiting, largest)


def _priced(name: str, recipe: Recipe, plan: Plan, members: Sequence[Member], waited: bool) -> None:
    """The fragment: the grid with its prices, and the start."""
    now, source = state(), manager()
    known = price(source, members)
    if known.waiting:
        first = members[known.waiting[0]]
        assert first.network is not None and first.recipe is not None
        source.warm()
        source.estimate(first.network, first.recipe, user=browser())
    number = known.members * plan.seeds
    at_once = max(1, min(source.queue.caps.running, number))
    with st.container(key="library-head-price", horizontal=True):
        st.html(f"<div class='xl-title'>{_sum(known, plan, at_once)}</div>")
        st.space("stretch")
        if st.button(
            f"Train {many(number, 'run')}", type="primary", key="family-start",
            disabled=not number or bool(known.waiting and not known.measured),
            help="Queued as one group, which can be stopped as one.",
        ):  # fmt: skip
            _start(name, recipe, plan, members, known)
    if now["said"]:
        st.html(f"<p class='xl-words xl-error' role='alert'>{html.escape(now['said'])}</p>")
    st.html(_table(plan, members, known))
    for note in dict.fromkeys(member.note for member in members if member.note):
        st.html(f"<p class='xl-words'>{html.escape(note)}</p>")
    if any(member.macs > MINUTE_OF_MACS for member in members):
        _offer_adapted(recipe.data)
    if bool(known.waiting) is not waited:
        st.rerun()


def _sum(known: Price, plan: Plan, at_once: int) -> str:
    networks, seeds = many(known.members, "network"), many(plan.seeds, "seed")
    if not known.members:
        return "<b>Nothing of this grid can be trained.</b>"
    if not known.measured:
        return f"<b>{networks} × {seeds}</b><span>A step of each is being measured …</span>"
    took = duration(known.total(plan.seeds, at_once))
    said = f"about {took} on free cores, {at_once} at once, {words.memory(known.bytes)} the largest"
    more = f", {known.measured} of {known.members} measured" if known.waiting else ", from measured steps"
    return f"<b>{networks} × {seeds}</b><span>{said}{more}</span>"


def _table(plan: Plan, members: Sequence[Member], known: Price) -> str:
    heads = "".join(f"<th scope='col'>{TITLES[axis.what]}</th>" for axis in plan.axes)
    rows = []
    for at, member in enumerate(members):
        reason = member.reason or known.refusals.get(at, "")
        cells = "".join(
            f"<td>{html.escape(kept.written(axis, value))}</td>"
            for axis, value in zip(plan.axes, member.values, strict=True)
        )
        if reason:
            rows.append(f"<tr class='xl-refused'>{cells}<td colspan='4'>{html.escape(reason)}</td></tr>")
            continue
        seconds = known.seconds[at]
        took = "…" if seconds is None else f"{'~ ' if at in known.waiting else ''}{duration(seconds)}"
        figures = (f"{member.depth}", f"{member.params:,}", words.compact(member.macs), took)
        rows.append(f"<tr>{cells}{''.join(f'<td class=num>{figure}</td>' for figure in figures)}</tr>")
    ends = "".join(
        f"<th scope='col' class='xl-right'>{title}</th>" for title in ("Layers", "Parameters", "MACs", "A run")
    )
    return (
        f"<div class='xl-beside xl-grid' tabindex='0' role='region' aria-label='Networks'><table><thead><tr>{heads}"
        f"{ends}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _offer_adapted(images: str) -> None:
    """A copy that trains on these images in a minute, for networks that would take hours."""
    network = session.network()
    if analyze(network, partial=True).macs <= MINUTE_OF_MACS:
        return
    st.html("<p class='xl-words'>This network is large for a CPU. A copy with a smaller input trains in a minute.</p>")
    if st.button("Use an adapted copy", key="family-adapted", help="Opens it in place; Undo brings this one back."):
        try:
            facts = data.facts(images)
            copy = adapted_copy(network, facts.shape, len(facts.classes))
        except ValueError as error:
            state()["said"] = f"There is no such copy: {error}."
        else:
            session.load(copy, copy.name)
        st.rerun()


def _start(name: str, recipe: Recipe, plan: Plan, members: Sequence[Member], known: Price) -> None:
    """Queues all runs as one group: seed by seed, so that the whole plot stands early."""
    now = state()
    trained = [
        member if at not in known.refusals else Member(member.values, None, None, reason=known.refusals[at])
        for at, member in enumerate(members)
    ]
    asked: list[tuple[int, int, Asked]] = []
    place = 0
    for member in trained:
        if member.network is None:
            continue
        for number, own in enumerate(seeded(member, plan.seeds)):
            label = f"{member.title(plan.axes)}, seed {own.seed}"
            asked.append((number, place, Asked(member.network, own, label=label)))
            place += 1
    order = sorted(asked, key=lambda one: one[:2])
    try:
        group, ids = manager().submit_group([one for _, _, one in order], user=browser())
    except Refused as error:
        now["said"] = str(error)
        st.rerun()
    by_place = {one[1]: run_id for one, run_id in zip(order, ids, strict=True)}
    run_ids = [by_place[number] for number in range(len(ids))]
    kept.keep(group, name or "Network", _recipe_words(recipe), plan, trained, run_ids)
    now["said"] = ""
    st.query_params["family"] = group
    st.rerun()
