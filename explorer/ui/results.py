"""What runs have to show: curves while they go, then test accuracy, confusion matrix and wrong predictions."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO

import streamlit as st
from PIL import Image

from explorer.drawing.curves import confusion, width
from explorer.network import Network
from explorer.numbers import digits
from explorer.runs import Run
from explorer.training import box, data
from explorer.training.events import Finished, Wrong
from explorer.training.recipe import Recipe
from explorer.training.twin import Difference, alone, brief_verdict, difference, verdict
from explorer.ui import live
from explorer.ui.live import trying
from explorer.ui.live.series import name, reached, recent, total_steps

CHART = {"displayModeBar": False}
CLASSES = 20  # that are shown one by one
STYLE = """<style>
[class*="st-key-training-"] { gap: 6px !important; }
.xt-run { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: baseline; line-height: 1.4; }
.xt-run h1 { font-size: 18px; font-weight: 620; letter-spacing: -.01em; margin: 0; padding: 0; }
.xt-run h2 { font-size: 13px; font-weight: 620; margin: 0; padding: 0; }
.xt-run i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; }
.xt-run i { vertical-align: middle; }
.xt-run .num, .xt-run small { color: var(--xp-muted); font-size: 12px; }
.xt-run .xt-last { margin-left: auto; }
.xt-bar { height: 4px; border-radius: 2px; background: var(--xp-line); margin-top: 4px; overflow: hidden; }
.xt-bar div { height: 100%; background: var(--xp-accent); }
.xt-words { color: var(--xp-muted); font-size: 12px; line-height: 1.45; margin: 0; }
.xt-told { columns: 340px 2; column-gap: 22px; } .xt-told p { margin: 0 0 6px; font-size: 12px; break-inside: avoid; }
.xt-words.xt-bad { color: var(--xp-error); }
.xt-classes { display: grid; grid-template-columns: minmax(12px, max-content) minmax(40px, 1fr) auto auto; }
.xt-classes { gap: 2px 10px; align-items: center; font-size: 12px; line-height: 1.35; }
.xt-classes i { height: 7px; border-radius: 2px; background: var(--xp-line); overflow: hidden; }
.xt-classes u { display: block; height: 100%; }
.xt-classes .num { text-align: right; } .xt-classes small { color: var(--xp-muted); font-size: 11px; }
.xt-wrong { display: grid; grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); gap: 8px; }
.xt-wrong figure { margin: 0; padding: 7px; border: 1px solid var(--xp-line); border-radius: 8px; }
.xt-wrong figure { background: var(--xp-surface); }
.xt-wrong img { width: 56px; height: 56px; image-rendering: pixelated; border-radius: 3px; }
.xt-wrong figcaption { font-size: 12px; color: var(--xp-muted); line-height: 1.35; }
.xt-wrong .num { display: block; font-size: 11px; background-repeat: no-repeat; }
.xt-wrong .num { background-image: linear-gradient(var(--xp-line), var(--xp-line)); }
</style>"""
PAGE = """<style>
[data-testid="stMainBlockContainer"] { padding-bottom: 16px; padding-top: calc(var(--xp-header) + 2px); }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 8px; }
</style>"""


def style(page: bool = False) -> None:
    """The style of everything here; once a fragment, and once a page that is made of these alone."""
    st.html(STYLE + PAGE if page else STYLE)


def outcome(runs: Sequence[Run], brief: bool = False) -> list[tuple[str, bool]]:
    """What came of the runs, as sentences; True marks the ones about what went wrong."""
    sentences = [
        (f"{name(run)}: {run.reason or 'stopped.'}" if len(runs) > 1 else run.reason, run.status in ("failed", "lost"))
        for run in runs
        if run.finished is None
    ]
    done = [run.finished for run in runs if run.finished is not None]
    if len(done) == 2:
        gap = difference_of(runs[0].network_json, runs[0].recipe.initialisation)
        sentences.append((gap.brief() if brief else gap.sentence(), False))
        sentences.append(((brief_verdict if brief else verdict)(done[0], done[1], runs[0].recipe, gap), False))
    elif len(runs) == 1 and done:
        [only], recipe = done, runs[0].recipe
        figures = (
            f"training loss, averaged over the last tenth, is {digits(only.train_loss)}; {only.test_accuracy:.1%} of "
            "the test images are read correctly"
        )
        said = f"After {only.steps or recipe.steps} steps the {figures}."
        sentences.append((" ".join(filter(None, (said, alone(only), f"One seed ({recipe.seed})."))), False))
    return sentences


@st.cache_data(max_entries=64, show_spinner=False)
def difference_of(text: str, start: str = "he") -> Difference:
    return difference(Network.from_json(text), start)


def chart(runs: Sequence[Run], compact: bool = False) -> None:
    """Legend and progress; where there is little room, the curves that matter most."""
    line("".join(_legend(run) for run in runs))
    if compact:
        live.brief(runs)
    line(f"<span class='num'>{html.escape(_progress(runs, compact))}</span>")
    if any(run.active for run in runs):
        share = sum(min(1.0, reached(run) / total_steps(run)) for run in runs) / len(runs)
        st.html(
            f"<div class='xt-bar' role='progressbar' aria-valuenow='{share:.2f}' aria-valuemin='0' aria-valuemax='1' "
            f"aria-label='Steps done'><div style='width:{share:.1%}'></div></div>"
        )


def _legend(run: Run) -> str:
    """The run's colour, name, and where it stands."""
    colour = "--xp-inception" if run.kind == "plain" else "--xp-residual"
    last, about = recent(run, width(reached(run))), ""
    stands: str = run.status if not last and not run.active else "starting"
    if run.status == "queued":
        stands = "waits for a free worker"
    if last:
        loss, share = (sum(getattr(step, what) for step in last) / len(last) for what in ("loss", "accuracy"))
        stands = f"{brief(loss)} · {share:.0%}"
        about = f"Training loss and accuracy, means of the last {len(last)} steps"
        if run.finished:
            stands = f"{brief(loss)} · test {run.finished.test_accuracy:.1%}"
            about = f"Training loss, the mean of the last {len(last)} steps; accuracy on all test images"
    numbers = f"<span class='num' title='{about}'>{html.escape(stands)}</span>"
    return f"<span><i style='background:var({colour})'></i>{name(run)} {numbers}</span>"


def _progress(runs: Sequence[Run], compact: bool) -> str:
    """Step, speed, time left and device, or how long it took."""
    started = next((run.started for run in runs if run.started), None)
    device = started.device if started else ""
    done = [run.finished for run in runs if run.finished]
    if len(done) == len(runs):
        recipe = runs[0].recipe
        of = recipe.length() if compact else recipe.words()  # the form beside it may have moved on
        return f"{of} · {max(one.seconds for one in done):.0f} s · {device}"
    last = [step for run in runs if run.active for step in recent(run, 1)]
    if not last:
        least = min(map(reached, runs), default=0)
        of = f" of {runs[0].recipe.steps}" if runs[0].recipe.seconds is None else ""
        return f"{least}{of} steps{f' · {device}' if device else ''}"
    slowest = max(last, key=lambda step: step.seconds_left)
    speed = sum(step.images_per_second for step in last)
    return (
        f"{min(step.step for step in last)} / {max(map(total_steps, runs))} · {speed:,.0f} images/s · "
        f"{duration(slowest.seconds_left)} left · {device}"
    )


def brief(loss: float) -> str:
    """`0.05`, `8,520`, and `6.1e18` where a loss has left every scale."""
    return f"{loss:.2f}" if 0.01 <= loss < 100 else digits(loss)


def duration(seconds: float) -> str:
    """`14 s`, `4 min`, `3 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def line(content: str) -> None:
    st.html(f"<div class='xt-run'>{content}</div>")


def say(text: str, bad: bool = False) -> None:
    if text:
        st.html(f"<p class='xt-words{' xt-bad' if bad else ''}'>{html.escape(text)}</p>")


def told(runs: Sequence[Run]) -> None:
    """What came of runs that went well, in full."""
    done = [run for run in runs if run.finished]  # what stopped the others is said beside the buttons
    sentences = [] if any(run.active for run in runs) else [sentence for sentence, bad in outcome(done) if not bad]
    if sentences:
        st.html(f"<div class='xt-told xt-words'>{''.join(f'<p>{html.escape(one)}</p>' for one in sentences)}</div>")


def finished(runs: Sequence[Run]) -> None:
    """What the trained weights make of a drawing; then test accuracy, confusion matrix and wrong predictions."""
    done = [run for run in runs if run.finished]
    if not done:
        return
    trying.show(runs)
    for column, run in zip(st.columns(len(done), gap="large"), done, strict=True):
        with column:
            assert run.finished is not None
            _result(name(run).capitalize(), run.kind == "plain", run.recipe, run.finished)


def boxed(network: Network) -> None:
    """What the trained weights that come with the app say of this network and its plain twin, where there are any."""
    own, twin = box.find(network), box.find(network.plain())
    found = [(title, box.records()[each]) for title, each in (("Residual", own), ("Plain twin", twin)) if each]
    if not own or not found:
        return
    say(f"Trained already, with the app: {found[0][1].recipe.words()}. Train it yourself to see the curves.")
    for column, (title, trained) in zip(st.columns(len(found), gap="large"), found, strict=True):
        with column:
            _result(title, title == "Plain twin", trained.recipe, trained.result)


def _result(title: str, plain: bool, recipe: Recipe, done: Finished) -> None:
    total = sum(map(sum, done.confusion))
    heading = f"{title}: {done.test_accuracy:.1%} of {total} test images"
    line(f"<h1>{heading}</h1><small>test loss {digits(done.test_loss)}</small>")
    try:
        images = data.load(recipe.data)
    except (ValueError, OSError) as error:
        say(f"The images are no longer at hand, so these are numbers alone: {error}.".replace("..", "."), bad=True)
        return
    dark = st.context.theme.type == "dark"
    line("<h2>Confusion matrix</h2><small>test images</small>")
    figure = confusion(done.confusion, images.classes, plain, dark)
    st.plotly_chart(figure, theme=None, key=f"confusion-{title}", config=CHART)
    _classes(plain, done, images)
    shown = f", the {len(done.wrong)} surest of them" if len(done.wrong) < done.wrong_count else ""
    line(f"<h2>Wrong: {done.wrong_count} of {total}{shown}</h2><small>with softmax probabilities</small>")
    cards = "".join(_card(wrong, images) for wrong in done.wrong)
    st.html(f"<div class='xt-wrong'>{cards}</div>")


def _classes(plain: bool, done: Finished, images: data.DataSet) -> None:
    """How many images of each class are read correctly; of many classes those read worst."""
    rows = [(at, row[at] if at < len(row) else 0, sum(row)) for at, row in enumerate(done.confusion)]
    rows = [row for row in rows if row[2]]
    which = "read correctly"
    if len(rows) > CLASSES:
        rows = sorted(rows, key=lambda row: row[1] / row[2])[:CLASSES]
        which = f"read correctly, the {CLASSES} worst of {len(done.confusion)}"
    line(f"<h2>By class</h2><small>{which}</small>")
    colour = "--xp-inception" if plain else "--xp-residual"
    bars = "".join(
        f"<span>{_class(at, images)}</span><i><u style='width:{right / count:.1%};background:var({colour})'></u></i>"
        f"<span class='num'>{right / count:.0%}</span><small class='num'>{right} of {count}</small>"
        for at, right, count in rows
    )
    st.html(f"<div class='xt-classes'>{bars}</div>")


def _card(wrong: Wrong, images: data.DataSet) -> str:
    """One wrong prediction: the image, what it is, and the likeliest guesses as numbers and bars."""
    if wrong.index >= len(images.test_images):
        return ""  # of another version of the data
    is_label, rows = _class(wrong.label, images), ""
    for guess in wrong.guesses:
        share = f"{guess.probability:.1%}"
        rows += f"<span class='num' style='background-size:{share} 100%'>{_class(guess.label, images)} {share}</span>"
    alt = f"a {is_label}, read as {_class(wrong.guesses[0].label, images)}" if wrong.guesses else f"a {is_label}"
    picture = _picture(images.name, wrong.index)
    return f"<figure><img src='{picture}' alt='{alt}'><figcaption>is {is_label}{rows}</figcaption></figure>"


def _class(label: int, images: data.DataSet) -> str:
    return html.escape(images.classes[label]) if label < len(images.classes) else str(label)


@st.cache_data(max_entries=2000, show_spinner=False)
def _picture(name: str, index: int) -> str:
    """A test image as a data address; grey ones as dark ink on white."""
    images = data.load(name)
    pixels = images.test_images[index]
    ink = 255 - pixels if images.light_on_dark() else pixels
    shown = ink[0] if len(ink) == 1 else ink[:3].permute(1, 2, 0)
    file = BytesIO()
    Image.fromarray(shown.contiguous().numpy()).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
