"""Training on screen: the dock below the stack and the panel of the Train page, one fragment in two sizes.

What is going on stands on disk; a session keeps only which runs it follows and what it was asked. A reload finds the
runs again by the network on screen.
"""

from __future__ import annotations

import html
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.network import Network
from explorer.report import analyze
from explorer.runs import Estimate, Refused, Run, Standing, manager
from explorer.runs.store import RUN_ID, network_digest
from explorer.shape import ShapeError, show
from explorer.training import data
from explorer.training.adapt import adapted_copy, deepen
from explorer.training.loop import obstacle
from explorer.training.recipe import Recipe, reason_for
from explorer.training.twin import Difference, shallow_sentence, twin_refusal
from explorer.ui import live, results, session, shell, words
from explorer.ui.browser import browser
from explorer.ui.results import difference_of, duration, line, say

KEY = "explorer.training"
LIVE = 0.5  # seconds between two looks at runs that are under way
SETTLED = 0.8  # seconds that a network stays on screen before a step of it is measured
MINUTE = 60.0  # a run that would take longer asks first
Wanted = Literal["twin", "single"]


class State(TypedDict):
    """What a session keeps of training, as JSON."""

    follows: list[str]  # the runs that were started here
    wanted: Wanted | None  # asked for, and waiting for the estimate or for a yes
    of: str  # digest of the network that it was asked for
    recipe: str  # as it was then, as JSON
    sure: bool  # yes, although it takes long
    seen: str  # the network and recipe on screen
    since: float  # when they were first seen
    said: str  # why what was asked for was not taken in


def state() -> State:
    """This session's state."""
    new = State(follows=[], wanted=None, of="", recipe="", sure=False, seen="", since=0.0, said="")
    kept: State = st.session_state.setdefault(KEY, new)
    return kept


def recipe_for(network: Network) -> Recipe:
    """The recipe that a run from here would have: the network's own, with what was changed in the form."""
    return Recipe.model_validate({**Recipe.default_for(network).model_dump(), **changes()})


def changes() -> dict[str, Any]:
    """What was changed in the form: the fields that differ from the network's own recipe. The browser keeps them."""
    return session.desk().session["recipe"]


def change(fields: dict[str, Any]) -> None:
    """Has the next run's recipe differ from the network's own in these fields."""
    session.desk().session["recipe"] = fields


@st.fragment(key="dock")
def dock() -> None:
    """Training below the stack: one click from the first screen."""
    with st.container(key="dock", gap=None):
        panel(session.network(), compact=True)
    session.drawn("dock")


def panel(network: Network, compact: bool = False) -> tuple[Run, ...]:
    """Training of the network on screen; the runs that it shows, so that a page can show their results.

    It looks again by itself only while there is something to wait for. What changes that makes the page run once more.
    """
    digest = network_digest(network)
    runs = shown(network, digest)
    pace = _pace(network, digest, runs)
    st.fragment(_live, run_every=pace)(network, digest, compact, pace)
    return runs


def shown(network: Network, digest: str) -> tuple[Run, ...]:
    """The runs to show: those started here that go on or are of this network, else its latest on disk.

    Another browser's come in once they have finished.
    """
    mine = _read(state()["follows"])
    if any(run.active or run.network_digest == digest for run in mine):
        return mine
    return _read(manager().latest(network, browser()))


def _halves() -> tuple[DeltaGenerator, DeltaGenerator]:
    """What is seen on the left, what can be done on the right."""
    left, right = st.columns([5, 4], gap="medium")
    return left.container(key="training-left"), right.container(key="training-right")


def _read(ids: Sequence[str]) -> tuple[Run, ...]:
    return tuple(run for run in map(manager().read, ids) if run is not None)


def waits(network: Network) -> str:
    """Why the network on screen cannot be trained as it stands; empty where it can."""
    name = recipe_for(network).data
    if lacks := data.lacks(name):
        return f"There are no images to train on: {lacks}."
    try:
        return obstacle(network, len(data.facts(name).classes))
    except ShapeError:
        return "Training waits for a stack that fits together."


def _pace(network: Network, digest: str, runs: Sequence[Run]) -> float | None:
    """How often the panel looks again by itself; None where there is nothing to wait for."""
    if any(run.active for run in runs) or state()["wanted"]:
        return LIVE
    if runs or waits(network) or manager().known_estimate(network, recipe_for(network)):
        return None
    return SETTLED


def _live(network: Network, digest: str, compact: bool, pace: float | None) -> None:
    """The fragment."""
    results.style()
    now, runs = state(), shown(network, digest)
    if now["wanted"] and now["of"] != digest:
        now["wanted"] = None
        now["said"] = "The stack was changed before the run began, so nothing was started."
    if any(run.active for run in runs):
        _going(runs, digest, compact)
    elif reason := waits(network):
        say(reason)
    elif now["wanted"]:
        _asked(network, digest)
    elif runs:
        _ended(network, digest, runs, compact)
    else:
        _ready(network, digest)
    if runs and not compact:
        live.whole(runs)
        results.told(runs)
    if _pace(network, digest, runs) != pace:
        st.rerun()


def _ready(network: Network, digest: str) -> None:
    """Before the first run: what it would take, and the buttons."""
    recipe = recipe_for(network)
    estimate = manager().known_estimate(network, recipe)
    left, right = _halves()
    with left:
        subject = html.escape(data.facts(recipe.data).subject)
        line(f"<h2>Train on {subject}</h2><small>{html.escape(recipe.words())}</small>")
        say(_takes(estimate), bad=bool(estimate and estimate.refusal))
        if not changes():
            say(reason_for(network))
        _elsewhere()
    with right:
        # what differs from the twin costs more to count than an edit may, so it waits for the estimate
        _buttons(network, digest, "Train twin", _gap(network) if estimate else None)
        _besides(())
    if estimate is None:
        _measure_when_settled(network, recipe, digest)


def _elsewhere() -> None:
    """Where the run went that was started here with another stack on screen."""
    ended = _read(state()["follows"][:1])
    if ended:
        label, query = "The run that was begun here has ended", {"run": ended[0].id}
        st.page_link(shell.page("train"), label=label, query_params=query)


def _measure_when_settled(network: Network, recipe: Recipe, digest: str) -> None:
    """Has a step measured once the network has stayed on screen a while, and not at each edit."""
    now, what = state(), digest + recipe.model_dump_json()
    if now["seen"] != what:
        now["seen"], now["since"] = what, time.time()
    elif time.time() - now["since"] >= SETTLED * 0.9:
        manager().warm()
        manager().estimate(network, recipe, user=browser())


def _takes(estimate: Estimate | None) -> str:
    if estimate is None:
        return "Time and memory appear once a step has been measured."
    if estimate.refusal:
        return estimate.refusal
    return f"About {duration(estimate.seconds)} and {words.memory(estimate.bytes)} a network, from a measured step."


def _gap(network: Network) -> Difference | None:
    """What the plain twin lacks, where there is a twin."""
    return None if twin_refusal(network) else difference_of(network.to_json(), recipe_for(network).initialisation)


def _buttons(network: Network, digest: str, label: str, gap: Difference | None, runs: Sequence[Run] = ()) -> None:
    """Go on where these runs can, start both, start one, and where the network is too shallow, a deeper copy."""
    refusal = twin_refusal(network)
    with st.container(horizontal=True, vertical_alignment="center"):
        able = _resume(runs)
        first: Literal["primary", "secondary"] = "secondary" if able else "primary"
        twin = st.button(
            label, type="secondary" if refusal else first, disabled=bool(refusal), key="train-twin",
            help="Trains this network and the same network without its shortcuts at once: same first weights, same "
            "batches, one thread each.",
        )  # fmt: skip
        single = st.button(
            "Train alone", type=first if refusal else "secondary", key="train-single",
            help="Trains this network without its twin.",
        )  # fmt: skip
        if gap and gap.shallow and st.button("Deepen a copy", key="deepen", help=shallow_sentence(gap)):
            deeper = deepen(network)
            session.load(deeper, deeper.name)
            st.rerun()
    say(_from(able))
    if refusal:
        say(refusal)
    if twin or single:
        want("twin" if twin else "single", network)
        st.rerun()


def want(what: Wanted, network: Network) -> None:
    """Asks for a run; it begins once its estimate is known and short, or is agreed to.

    Its recipe is that of this moment, whatever is typed until then; no batch is larger than all images to learn from.
    """
    now, recipe = state(), recipe_for(network)
    recipe = recipe.model_copy(update={"batch": min(recipe.batch, data.facts(recipe.data).train)})
    now["wanted"], now["of"], now["recipe"] = what, network_digest(network), recipe.model_dump_json()
    now["sure"], now["said"] = False, ""


def _asked(network: Network, digest: str) -> None:
    """A run that was asked for: begin it, ask whether it may take so long, or say why it cannot be."""
    now = state()
    recipe = Recipe.model_validate_json(now["recipe"])
    estimate = manager().estimate(network, recipe, wait=LIVE / 2, user=browser())
    if estimate is None:
        _measuring(network, recipe)
        return
    both = now["wanted"] == "twin"
    seconds = estimate.seconds * (2 if both and (os.cpu_count() or 2) < 2 else 1)
    if not estimate.refusal and (seconds <= MINUTE or now["sure"]):
        _begin(network, recipe)
    if estimate.refusal:
        say(estimate.refusal, bad=True)
    else:
        line(f"<h2>This takes about {duration(seconds)}</h2><small>{words.memory(estimate.bytes)} a network</small>")
    copy = _adapted(network)
    with st.container(horizontal=True):
        if copy is not None and st.button(
            "Train an adapted copy", type="primary", key="train-adapted",
            help="Opens a copy with a smaller input and the channels and classes of the images, and trains that. Undo "
            "brings this network back.",
        ):  # fmt: skip
            session.load(copy, copy.name)
            want(now["wanted"] or "twin", copy)
            st.rerun()
        if not estimate.refusal and st.button("Train anyway", key="train-anyway"):
            now["sure"] = True
            st.rerun()
        _cancel()


def _measuring(network: Network, recipe: Recipe) -> None:
    """While the estimate is not known: it is being measured, or waits for a worker, which need not be waited for."""
    busy = manager().queue.full
    line(f"<h2>{'All workers are busy' if busy else 'Measuring a step …'}</h2>")
    if busy:
        say("A step is measured as soon as one is free. Without that, how long the run takes is not known before.")
    with st.container(horizontal=True):
        if busy and st.button("Queue it unmeasured", type="primary", key="train-unmeasured"):
            _begin(network, recipe)
        _cancel()


def _cancel() -> None:
    """Takes back what was asked for."""
    if st.button("Cancel", key="train-cancel"):
        state()["wanted"] = None
        st.rerun()


def _begin(network: Network, recipe: Recipe) -> None:
    """Submits what was asked for."""
    if state()["wanted"] == "twin":
        _follow(lambda: manager().submit_twin(network, recipe, user=browser()))
    else:
        _follow(lambda: (manager().submit(network, recipe, user=browser()),))


def _follow(start: Callable[[], Sequence[str]]) -> None:
    """Has runs begin and shows them from now on, or says why they are not taken in."""
    now = state()
    now["wanted"], now["said"] = None, ""
    try:
        if ids := list(start()):
            now["follows"] = ids
    except Refused as error:
        now["said"] = str(error)
    st.query_params.pop("run", None)
    if "train-run" in st.session_state:
        del st.session_state["train-run"]
    st.rerun()


def _adapted(network: Network) -> Network | None:
    """The network made to train fast, or None where that is impossible or was done already."""
    facts = data.facts(recipe_for(network).data)
    try:
        copy = adapted_copy(network, facts.shape, len(facts.classes))
    except ValueError:
        return None
    report = analyze(copy)
    return copy if report.macs < analyze(network).macs and len(report.output_shape) == 1 else None


def _going(runs: tuple[Run, ...], digest: str, compact: bool) -> None:
    """Runs under way."""
    left, right = _halves()
    ids = [run.id for run in runs]
    with left:
        results.chart(runs, compact)
    with right:
        pausing = any(map(manager().pausing, ids))
        both = " both" if sum(run.active for run in runs) > 1 else ""
        with st.container(horizontal=True):
            if st.button(
                "Pausing …" if pausing else f"Pause{both}", key="train-pause", width="stretch", disabled=pausing,
                help="Writes the state to disk and lets the workers go: it goes on from there to the same result, also "
                "after the app was closed.",
            ):  # fmt: skip
                manager().pause(*ids)
                st.rerun()
            if st.button(f"Stop{both}", key="train-stop", width="stretch"):
                manager().stop(*ids)
                st.rerun()
        if standing := manager().standing(*ids):
            say(place(standing))
        _besides(runs)
        for run in runs:
            if not run.active and run.finished is None:  # its twin goes on
                say(f"{results.name(run).capitalize()}: {run.reason}", bad=run.status in ("failed", "lost"))
        if runs[0].network_digest != digest:
            say(f"This trains {_title(runs[0])} as it was when it was started.")
        elif len(runs) > 1:
            say(difference_of(runs[0].network_json, runs[0].recipe.initialisation).brief())


def place(standing: Standing) -> str:
    """`3rd in the queue, about 40 s.`"""
    wait = "" if standing.seconds is None else f", about {duration(standing.seconds)}"
    return f"{ordinal(standing.place)} in the queue{wait}."


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `11th`."""
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _besides(runs: Sequence[Run]) -> None:
    """What runs had to say that did not end them, and what was not taken in."""
    for text in dict.fromkeys(notice.text for run in runs for notice in run.notices[-1:]):
        say(text, bad=True)
    say(state()["said"], bad=True)


def _resume(runs: Sequence[Run]) -> list[Run]:
    """The button for the runs that can go on; gives those."""
    able = [run for run in runs if run.resumable]
    if able and st.button(f"Resume{' both' if len(able) > 1 else ''}", type="primary", key="train-resume"):
        _follow(lambda: manager().resume(*(run.id for run in able), user=browser()) and [run.id for run in runs])
    return able


def _from(able: Sequence[Run]) -> str:
    """Where runs that were not paused would go on from."""
    begun = [run for run in able if run.began is not None]
    if begun and not any(run.state.exists() for run in begun):
        return "Resume begins anew: no state of it lies on disk."
    if any(run.status != "paused" for run in begun):
        return "Resume goes on from the last state that was written, to the result that it would have had."
    return ""


def _outcome(runs: Sequence[Run], compact: bool = False) -> None:
    """What came of runs; what both have to say is said once."""
    if len(runs) > 1 and len({run.reason for run in runs}) == 1 and runs[0].reason:
        say(f"Both: {runs[0].reason}", bad=runs[0].status in ("failed", "lost"))
        return
    below = not compact and any(run.finished for run in runs)  # there is more room, and it says what went well
    for sentence, bad in results.outcome(runs, compact):
        if bad or not below:
            say(sentence, bad)


def _ended(network: Network, digest: str, runs: tuple[Run, ...], compact: bool) -> None:
    """Runs that have ended: their curves, what was seen, and what can be done next."""
    left, right = _halves()
    with left:
        results.chart(runs, compact)
    with right:
        again = "Train twin again" if len(runs) > 1 else "Train twin"
        _buttons(network, digest, again, _gap(network), runs)
        _besides(runs)
        recipe = recipe_for(network)
        if recipe.data != runs[0].recipe.data:
            say(f"Trained on other images than those chosen now, {data.facts(recipe.data).subject}.")
        _outcome(runs, compact)
        if compact and any(run.finished for run in runs):
            st.page_link(shell.page("train"), label="Confusion matrix and wrong predictions")


def choose_run(network: Network) -> tuple[Run, ...]:
    """The heading: the network on screen, and a list of earlier runs.

    Gives the run that was chosen there or is named in the address; nothing for the network on screen.
    """
    source = manager()
    named = st.query_params.get("run", "")
    ids = list(source.store.recent(40))
    if RUN_ID.fullmatch(named) and named not in ids:
        ids.insert(0, named)
    labels: dict[str, str] = {}
    for run_id in ids:
        pair = source.pair_of(run_id)
        if pair and pair[0] not in labels:
            labels[pair[0]] = _label(_read(pair))
    first = next((key for key in labels if named in source.pair_of(key)), "") if named else ""
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        flow = f"<span class='num'>{show(network.input)}</span>"
        line(f"<h1>{html.escape(network.name or 'Untitled network')}</h1>{flow}")
        chosen = st.selectbox(
            "Runs", ["", *labels], index=["", *labels].index(first), key="train-run", width=480,
            label_visibility="collapsed",
            format_func=lambda key: labels.get(key, "The network on screen"),
        )  # fmt: skip
    if chosen != first:
        if chosen:
            st.query_params["run"] = chosen
        else:
            st.query_params.pop("run", None)
    return _read(source.pair_of(chosen)) if chosen else ()


def _label(runs: Sequence[Run]) -> str:
    """One line for a list: the network, when, and how it ended."""
    began = time.strftime("%d %b %H:%M", time.localtime(runs[0].created))
    ends = " / ".join(f"{run.finished.test_accuracy:.0%}" if run.finished else run.status for run in runs)
    title = _title(runs[0]) + (" and its twin" if len(runs) > 1 else "")
    return f"{title}, {runs[0].recipe.length()}, {ends} · {began}"


def _title(run: Run) -> str:
    try:
        return run.network.name or "Untitled network"
    except ValueError:
        return "A network of another version"


def earlier(runs: tuple[Run, ...]) -> None:
    """An earlier run, with its network to be opened."""
    left, right = _halves()
    with left:
        results.chart(runs)
    with right:
        ids = [run.id for run in runs]
        with st.container(horizontal=True):
            able = _resume(runs)
            if st.button("Open this network", key="train-open"):
                session.load(runs[0].network, _title(runs[0]))
                st.query_params.pop("run", None)
                del st.session_state["train-run"]
                st.rerun()
            if any(run.active for run in runs):
                if st.button("Follow it", key="train-follow"):
                    _follow(lambda: ids)
            elif st.button(
                "Run both again" if len(runs) > 1 else "Run again", key="train-again",
                help="The same network, recipe and seed once more: on this machine, with one thread, the same curve.",
            ):  # fmt: skip
                _follow(lambda: manager().again(*ids, user=browser()))
        say(_from(able))
        _besides(runs)
        _outcome(runs)
    live.whole(runs)
    results.told(runs)
