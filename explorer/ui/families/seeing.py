"""A family that was started: how far it is, one plot, its curves, and each point as a network."""

from __future__ import annotations

import html

import streamlit as st

from explorer.drawing import family as drawing
from explorer.drawing.overlay import overlay, pattern_css
from explorer.numbers import digits
from explorer.runs import manager
from explorer.training.family import TITLES
from explorer.ui import session, shell, words
from explorer.ui.families import kept
from explorer.ui.families.kept import Stand
from explorer.ui.families.planning import earlier
from explorer.ui.library import away
from explorer.ui.library.comparing import CHART
from explorer.ui.library.copying import copy_link
from explorer.ui.library.lines import ACROSS, ACROSS_HELP, accuracy_of, legend, lines, stands
from explorer.ui.library.view import MOST, SEPARATOR

LIVE = 1.5  # seconds between two looks while it trains


def show(group: str) -> None:
    """The page of a family; what is none is said."""
    family = kept.read(group)
    if family is None:
        with st.container(key="library-head-none", horizontal=True):
            st.html("<p class='xl-words'>There is no such family here.</p>")
            if st.button("A new family", key="family-new"):
                _new()
        return
    active = any(run.active for run in kept.stand(family).runs)
    st.fragment(_page, run_every=LIVE if active else None)(group, active)


def _new() -> None:
    st.query_params.pop("family", None)
    st.rerun()


def _page(group: str, active: bool) -> None:
    family = kept.read(group)
    if family is None:
        st.rerun()
    now = kept.stand(family)
    _head(group, now)
    _progress(now)
    over = 0
    axes = family.plan.axes
    points = kept.reached(now, over)
    if len(axes) > 1:
        names = [TITLES[axis.what] for axis in axes]
        with st.container(key="library-head-over", horizontal=True):
            picked = st.segmented_control(
                "Over", names, default=names[0], required=True, key="family-over", label_visibility="collapsed",
            )  # fmt: skip
            over = names.index(picked) if picked in names else 0
            points = kept.reached(now, over)
            named = {point.line: point.name for point in points}
            rows = (
                f"<span><i style='{pattern_css(line)}'></i>{html.escape(named[line])}</span>" for line in sorted(named)
            )
            st.html(f"<div class='xl-legend'>{''.join(rows)}</div>")
    if points:
        dark = st.context.theme.type == "dark"
        values = [kept.written(axes[over], value) for value in axes[over].values]
        with st.container(key="library-chart-family"):
            event = st.plotly_chart(
                drawing.reached(points, TITLES[axes[over].what], values, dark), theme=None, key="family-plot",
                config=CHART, on_select="rerun", selection_mode="points",
            )  # fmt: skip
        _clicked(event, now)
        seeds = "Whiskers are one sample deviation over seeds. " if family.plan.seeds > 1 else ""
        st.html(f"<p class='xl-words'>{seeds}Click a point to open its network.</p>")
    _points(now)
    _curves(now)
    if any(run.active for run in now.runs) is not active:
        st.rerun()


def _head(group: str, now: Stand) -> None:
    with st.container(key="library-head-family", horizontal=True):
        st.html(f"<div class='xl-title'><h1>{html.escape(now.kept.title())}</h1></div>")
        st.space("stretch")
        earlier(group)
        if any(run.active for run in now.runs) and st.button("Stop all", type="primary", key="family-stop"):
            manager().stop_group(group)
            st.rerun()
        with st.popover("Export"):
            away.tables(lambda: now.runs, "family")
        if 1 < len(now.kept.run_ids) <= MOST:
            query = {"runs": SEPARATOR.join(now.kept.run_ids)}
            st.page_link(shell.page("runs"), label="Compare its runs", query_params=query)
        copy_link(f"family={group}", "family-copy")


def _progress(now: Stand) -> None:
    """How far all runs together are, in words and as a bar."""
    runs = now.runs
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.status] = counts.get(run.status, 0) + 1
    order = ("finished", "running", "queued", "paused", "stopped", "failed", "lost")
    said = [f"{counts[status]} {status}" for status in order if status in counts]
    if now.missing:
        said.append(f"{now.missing} deleted")
    st.html(
        f"<p class='xl-words'><b>{', '.join(said)}</b>, of {len(now.kept.run_ids)} runs. "
        f"{html.escape(now.kept.recipe)}; the same seeds and batches for all.</p>"
    )
    if any(run.active for run in runs):
        done = sum(1.0 if not run.active else _share(run) for run in runs) / max(1, len(runs))
        st.html(
            f"<div class='xl-progress' role='progressbar' aria-valuenow='{done:.2f}' aria-valuemin='0' "
            f"aria-valuemax='1' aria-label='Steps done'><div style='width:{done:.1%}'></div></div>"
        )
    failed = [run for run in runs if run.status in ("failed", "lost")]
    for reason in dict.fromkeys(run.reason for run in failed if run.reason):
        labels = ", ".join(run.label for run in failed if run.reason == reason)
        st.html(f"<p class='xl-words xl-error'>{html.escape(f'{labels}: {reason}')}</p>")


def _share(run: object) -> float:
    steps = getattr(run, "steps", [])
    last = steps[-1] if steps else None
    if last is None or not last.elapsed:
        return 0.0
    return float(last.elapsed / max(last.elapsed + last.seconds_left, 1e-9))


def _clicked(event: object, now: Stand) -> None:
    """A point of the plot that was clicked is the one to be opened."""
    picked = getattr(getattr(event, "selection", None), "points", None) or []
    if not picked:
        return
    custom = picked[0].get("customdata")
    place = custom[0] if isinstance(custom, list) and custom else custom
    if isinstance(place, int) and 0 <= place < len(now.kept.points) and st.session_state.get("family-seen") != place:
        st.session_state["family-seen"] = place
        st.session_state["family-open-which"] = place


def _points(now: Stand) -> None:
    """The points as a table, and one of them as a network."""
    family = now.kept
    rows = []
    groups = dict(zip(now.of_group, now.groups, strict=True))
    for place, point in enumerate(family.points):
        group = groups.get(place)
        said = "deleted" if group is None else accuracy_of(group) or stands(group)
        losses = [run.finished.train_loss for run in group.runs if run.finished] if group else []
        loss = digits(sum(losses) / len(losses)) if losses else ""
        figures = (f"{point.depth}", f"{point.params:,}", words.compact(point.macs), said, loss)
        cells = "".join(f"<td class='num'>{html.escape(figure)}</td>" for figure in figures)
        rows.append(f"<tr><th scope='row'>{html.escape(point.title)}</th>{cells}</tr>")
    for refusal in family.refused:
        rows.append(
            f"<tr class='xl-refused'><th scope='row'>{html.escape(refusal.title)}</th>"
            f"<td colspan='5'>{html.escape(refusal.reason)}</td></tr>"
        )
    heads = "".join(
        f"<th scope='col'{' class=xl-right' if title != 'Network' else ''}>{title}</th>"
        for title in ("Network", "Layers", "Parameters", "MACs an image", "Test accuracy", "Training loss")
    )
    st.html(
        f"<div class='xl-beside xl-grid' tabindex='0' role='region' aria-label='Points'><table><thead><tr>{heads}</tr>"
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    for note in dict.fromkeys(point.note for point in family.points if point.note):
        st.html(f"<p class='xl-words'>{html.escape(note)}</p>")
    if not family.points:
        return
    with st.container(key="library-head-open", horizontal=True):
        which = st.selectbox(
            "Point", range(len(family.points)), key="family-open-which", label_visibility="collapsed", width=340,
            format_func=lambda place: family.points[place].title if place < len(family.points) else "",
        )  # fmt: skip
        group = groups.get(which)
        if st.button("Open in Design", key="family-open", disabled=group is None, help="Undo brings back what was."):
            assert group is not None
            network = group.runs[0].network
            session.load(network, network.name)
            st.switch_page(shell.page(""))


def _curves(now: Stand) -> None:
    """The curves of the points, mean and deviation over seeds; of many the first."""
    groups = now.groups[:MOST]
    if not any(run.steps for group in groups for run in group.runs):
        return
    with st.container(key="library-head-curves", horizontal=True):
        across = st.segmented_control(
            "Across", list(ACROSS), default="steps", required=True, key="family-across", label_visibility="collapsed",
            format_func=lambda name: ACROSS[name], help=ACROSS_HELP,
        )  # fmt: skip
        st.html(legend(groups))
    drawn, _ = lines(groups, across)
    with st.container(key="library-chart-curves"):
        dark = st.context.theme.type == "dark"
        st.plotly_chart(overlay(drawn, across, dark, height=280), theme=None, key="family-curves", config=CHART)
    more = len(now.groups) - len(groups)
    if more > 0:
        st.html(f"<p class='xl-words'>Curves of the first {MOST} points; {more} more stand in the plot above.</p>")
