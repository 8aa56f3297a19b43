"""Several runs over each other: curves, and in what their networks and recipes differ."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from explorer.compare import align, side_by_side
from explorer.drawing.overlay import overlay, pattern_css
from explorer.network import Network
from explorer.numbers import digits
from explorer.report import analyze
from explorer.runs import Run, manager
from explorer.runs.courses import costs, mean_and_deviation
from explorer.runs.store import RUN_ID
from explorer.shape import show as written
from explorer.training.adapt import depth
from explorer.training.recipe import Recipe
from explorer.ui import comparison, shell
from explorer.ui.comparison import members
from explorer.ui.library import away
from explorer.ui.library.copying import copy_link
from explorer.ui.library.lines import ACROSS, ACROSS_HELP, Group, groups, legend, lines, share
from explorer.ui.library.view import FEWEST, SEPARATOR
from explorer.ui.results import duration

CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
LIVE = 1.5  # seconds between two looks while something trains
MOST_LINES = 30  # of cards that differ
ACTIVE = ("queued", "running")


def show(run_ids: Sequence[str]) -> None:
    """The page for these runs."""
    runs = _read(run_ids)
    if len(runs) < FEWEST:
        gone = len(run_ids) - len(runs)
        st.html(f"<p class='xl-words'>{gone} of these {len(run_ids)} runs are not there any more.</p>")
        if st.button("All runs", key="library-back"):
            back()
        return
    st.fragment(_page, run_every=LIVE if any(run.active for run in runs) else None)(tuple(run_ids))


def back() -> None:
    """To the table of all runs."""
    for name in ("run", "runs"):
        st.query_params.pop(name, None)
    st.rerun()


def _read(run_ids: Sequence[str]) -> list[Run]:
    return [run for run in (manager().read(run_id) for run_id in run_ids if RUN_ID.fullmatch(run_id)) if run]


def _page(run_ids: tuple[str, ...]) -> None:
    runs = _read(run_ids)
    alike = len(groups(runs, together=True)) < len(runs)
    with st.container(key="library-head-compare", horizontal=True):
        if st.button("← All runs", key="library-back"):
            back()
        st.html(f"<div class='xl-title'><h1>{len(runs)} runs compared</h1></div>")
        st.space("stretch")
        across = st.segmented_control(
            "Over", list(ACROSS), default="steps", required=True, key="library-across", label_visibility="collapsed",
            format_func=lambda name: ACROSS[name], help=ACROSS_HELP,
        )  # fmt: skip
        together = alike and st.toggle(
            "Mean over seeds", value=True, key="library-together",
            help="Runs that differ in their seed alone become one line: the mean, in a band of one deviation (n − 1).",
        )  # fmt: skip
        logarithmic = st.toggle("Log loss", key="library-log", help="Loss on a logarithmic axis.")
        exports = st.popover("Export")
        copy_link(link(run_ids), "library-copy-runs")
    found = groups(runs, together)
    drawn, without = lines(found, across)
    with exports:
        away.tables(lambda: runs, "compared-runs")
        away.picture(drawn, across, "compared-runs")
    st.html(legend(found))
    with st.container(key="library-chart"):
        figure = overlay(drawn, across, st.context.theme.type == "dark", height=300, logarithmic=logarithmic)
        st.plotly_chart(figure, theme=None, key="library-curves", config=CHART)
    notes = [f"{name} does not tell {ACROSS[across].lower()}, and is left out." for name in without]
    if across == "macs":
        notes.append("MACs spent: 3 × forward MACs an image × batch × steps.")
    if any(len(group.runs) > 1 for group in found):
        notes.append("Lines are means over seeds, bands and whiskers one sample deviation; diamonds are test images.")
    for note in notes:
        st.html(f"<p class='xl-words'>{html.escape(note)}</p>")
    st.html(differences(found))
    networks = list(dict.fromkeys(run.network_json for run in runs))
    if len(networks) > 1 and st.button(
        "Compare the networks block by block", key="library-blocks", help="Opens them on the page Compare."
    ):
        _open_compare(networks)


def _open_compare(texts: Sequence[str]) -> None:
    """These networks as the set of the Compare page."""
    tokens = [Network.from_json(text).token() for text in texts[: members.MOST]]
    members.open_link(comparison.chosen(), members.SEPARATOR.join(tokens))
    st.switch_page(shell.page("compare"))


def link(run_ids: Sequence[str]) -> str:
    """The address of this comparison, behind its question mark."""
    return f"runs={SEPARATOR.join(run_ids)}"


# The table of differences

Line = tuple[str, list[str]]  # a title, and what each group has


def differences(found: Sequence[Group]) -> str:
    """In what the networks, recipes and results differ, as a table; what is the same in all is said below."""
    firsts = [group.runs[0] for group in found]
    heads = "".join(
        f"<th scope='col'><i style='{pattern_css(group.number)}'></i>{html.escape(group.name)}</th>" for group in found
    )
    parts = (("Network", network_lines(firsts)), ("Recipe", recipe_lines(found)), ("Result", result_lines(found)))
    body = ""
    for title, rows in parts:
        if rows:
            body += f"<tr class='xl-part-of'><th scope='rowgroup' colspan='{len(found) + 1}'>{title}</th></tr>"
            body += "".join(map(_row, rows))
    same = []
    if not parts[0][1]:
        same.append("the same network")
    if not parts[1][1]:
        same.append(f"the same recipe: {firsts[0].recipe.words()}")
    said = f"<p class='xl-words'>All have {html.escape(' and '.join(same))}.</p>" if same else ""
    return (
        f"{said}<div class='xl-beside' tabindex='0' role='region' aria-label='Differences'><table><thead><tr>"
        f"<th scope='col'>Differences</th>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(line: Line) -> str:
    title, values = line
    cells = []
    for number, value in enumerate(values):
        tone = "" if number == 0 else " class='xl-same'" if value == values[0] else " class='xl-other'"
        cells.append(f"<td{tone}>{html.escape(value)}</td>")
    return f"<tr><th scope='row'>{html.escape(title)}</th>{''.join(cells)}</tr>"


def _unlike(lines: Sequence[Line]) -> list[Line]:
    return [(title, values) for title, values in lines if len(set(values)) > 1]


def network_lines(runs: Sequence[Run]) -> list[Line]:
    """Names, totals, and each card in which the networks differ; nothing of those that are the same in all."""
    if len({run.network_digest for run in runs}) == 1:
        return []
    known = [costs(run.network_json) for run in runs]
    if any(one is None for one in known):
        return [("Network", ["another version's" if one is None else run.network_digest[:8]
                             for one, run in zip(known, runs, strict=True)])]  # fmt: skip
    networks = [run.network for run in runs]
    found: list[Line] = [
        ("Parameters", [f"{one[1]:,}" for one in known if one]),
        ("MACs an image", [f"{one[0]:,}" for one in known if one]),
        ("Depth, layers", [str(_layers(run.network_json)) for run in runs]),
        ("Input", [written(network.input) for network in networks]),
    ]
    cards: list[Line] = []
    first = networks[0]
    for one in side_by_side([align(first, network) for network in networks]):
        if one.same:
            continue
        values = []
        for pair, network in zip(one.pairs, networks, strict=True):
            if pair is None or pair.second is None:
                values.append("—")
                continue
            block = network.blocks[pair.second]
            told = any(change.field == "repeat" for change in pair.changes)
            times = f" ×{block.copies}" if block.copies > 1 and not told else ""
            more = f": {', '.join(map(str, pair.changes))}" if pair.state == "changed" else ""
            values.append(f"{block.name}{times}{more}")
        at = one.cards[0]
        cards.append(("Block" if at is None else f"Block {at + 1}", values))
    left = len(cards) - MOST_LINES
    if left > 0:
        cards = [*cards[:MOST_LINES], (f"{left:,} more blocks", ["differ"] * len(runs))]
    return _unlike(found) + cards


@lru_cache(maxsize=256)
def _layers(network_json: str) -> int:
    """Weighted layers; a page that looks again every second counts a deep network once."""
    return depth(analyze(Network.from_json(network_json)))


def recipe_lines(found: Sequence[Group]) -> list[Line]:
    """The fields in which the recipes differ; of a group the seeds that it has."""
    lines_of = []
    for name, field in Recipe.model_fields.items():
        if name == "seed":
            values = [group.seeds.partition(" ")[2] for group in found]
        else:
            values = [_said(getattr(group.runs[0].recipe, name)) for group in found]
        lines_of.append((field.title or name, values))
    return _unlike(lines_of)


def _said(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def result_lines(found: Sequence[Group]) -> list[Line]:
    """What came of them; of several seeds mean and deviation."""
    rows: list[Line] = [
        ("Status", [", ".join(sorted({run.status for run in group.runs})) for group in found]),
        ("Test accuracy", [_mean_of(group, "test_accuracy", True) for group in found]),
        ("Test loss", [_mean_of(group, "test_loss") for group in found]),
        ("Training loss", [_mean_of(group, "train_loss") for group in found]),
        ("Training accuracy", [_mean_of(group, "train_accuracy", True) for group in found]),
        ("Time", [_time(group) for group in found]),
        ("Device", [next((run.started.device for run in group.runs if run.started), "") for group in found]),
    ]
    plain = {"Status", "Device"}
    return [line for line in rows if any(line[1]) and (line[0] not in plain or len(set(line[1])) > 1)]


def _mean_of(group: Group, what: str, percent: bool = False) -> str:
    values = [getattr(run.finished, what) for run in group.runs if run.finished]
    if not values:
        return ""
    mean, apart = mean_and_deviation(values)
    if len(values) == 1:
        return f"{mean:.1%}" if percent else digits(mean)
    return share((mean, apart), len(values)) if percent else f"{digits(mean)} ± {digits(apart, 2)}"


def _time(group: Group) -> str:
    values = [run.finished.seconds for run in group.runs if run.finished]
    return duration(sum(values) / len(values)) if values else ""
