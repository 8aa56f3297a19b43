"""The views of the Inspect page: one network from many sides, and one selection that all of them show."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import streamlit as st

from explorer.drawing import volumes as boxes
from explorer.drawing.captions import card_name
from explorer.drawing.graph import TooLargeToDraw, dot
from explorer.drawing.palette import following
from explorer.export.torchinfo_table import Difference, TorchinfoTable, torchinfo_table
from explorer.network import Network
from explorer.report import Report
from explorer.shape import show, signed
from explorer.ui import session, tables
from explorer.ui.desk import report_of, sentence
from explorer.ui.filenames import stem
from explorer.ui.inspector import views
from explorer.ui.inspector.component import choose, mount, receive, state
from explorer.ui.inspector.samples import sample

PROMPT = 1_000  # operations above which torchinfo takes seconds, so that it waits to be asked
KEY = "inspection"
STYLE = """
.xp-inspect { display: flex; align-items: baseline; gap: 6px 18px; flex-wrap: wrap; }
.xp-inspect h1 { font-size: 18px; font-weight: 620; letter-spacing: -.01em; margin: 0; padding: 0; }
.xp-inspect h1 { overflow-wrap: anywhere; }
.xp-inspect > .num { color: var(--xp-muted); }
.xp-inspect dl { padding: 0; display: flex; gap: 4px 20px; flex-wrap: wrap; margin: 0 0 0 auto; align-items: baseline; }
.xp-inspect dl div { display: flex; gap: 6px; align-items: baseline; }
.xp-inspect dt { color: var(--xp-muted); font-size: 12px; font-weight: 400; }
.xp-inspect dd { margin: 0; }
.st-key-inspect-graph { overflow: auto; max-height: max(420px, calc(100vh - 300px)); }
.st-key-inspect-graph svg { max-width: none; }
.st-key-inspect-graph [data-testid="stElementContainer"] { margin-inline: auto; }
.st-key-inspect-graph text { font-family: Inter, system-ui, sans-serif; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 8px; }
"""
PAGE = """
[data-testid="stMainBlockContainer"] { padding-bottom: 12px; padding-top: calc(var(--xp-header) + 2px); }
.st-key-inspect-tools { row-gap: 6px; }
.st-key-inspect-tools button { min-height: 28px; padding-block: 2px; }
.st-key-inspect-tools [data-testid="stMarkdownContainer"] p, .st-key-inspect-tools button { font-size: 12px; }
[data-testid="stLayoutWrapper"]:has(> .st-key-inspect-table) { height: max(300px, calc(100dvh - 304px)); }
"""
FOLLOWING = following(':is([data-testid="stGraphVizChart"], [data-testid="stPlotlyChart"])')
CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
View = Callable[[Report], None]


def is_dark() -> bool:
    """Whether the page is shown in the dark theme."""
    return bool(st.context.theme.type == "dark")


def heading(report: Report) -> None:
    """Which network this is, its totals, and where it stops fitting together."""
    network = report.network
    assert network is not None
    output = "…" if report.error else show(report.output_shape)
    field = f"{report.receptive_field.size:,} px" if report.receptive_field else "none"
    facts = (
        ("Parameters", f"{report.params:,}"),
        ("MACs", f"{report.macs:,}"),
        ("FLOPs", f"{report.flops:,}"),
        (f"Saved, batch {report.batch:,}", f"{report.saved_bytes:,} B"),
        ("Receptive field", field),
    )
    numbers = "".join(f"<div><dt>{name}</dt><dd class='num'>{number}</dd></div>" for name, number in facts)
    name = html.escape(network.name or "Untitled network")
    flow = f"<span class='num'>{show(network.input)} → {output}</span>"
    st.html(f"<style>{STYLE}{FOLLOWING}</style><div class='xp-inspect'><h1>{name}</h1>{flow}<dl>{numbers}</dl></div>")
    if report.error is not None:
        counted = sum(card.status == "ok" for card in report.cards)
        upto = f"Counted up to block {counted} of {len(report.cards)}" if counted else "Nothing is counted yet"
        st.error(f"{_plain(sentence(report.error))} {upto}; the Design page has the ways out as buttons.")


@st.fragment(key=KEY)
def show_views(choices: Mapping[str, View]) -> None:
    """The selected block in a strip, and one of the views, which all select it and show it."""
    desk = session.desk()
    receive(desk)
    report = desk.report()
    st.html(f"<style>{PAGE}</style>")
    kept = state()
    data = views.strip(report, desk.selected, kept["path"])
    detail = _inside(desk.token, desk.session["batch"], desk.selected)
    mount("strip", data | {"heard": kept["heard"], "detail": detail})
    for tab, view in zip(st.tabs(list(choices), key="inspect-view", on_change="rerun"), choices.values(), strict=True):
        if tab.open:  # the others wait until they are looked at
            with tab, st.container(key="inspect-body", gap="small"):
                view(report)


@lru_cache(maxsize=64)
def _inside(token: str, batch: int, selected: int) -> dict[str, Any]:
    return views.inside(report_of(token, batch), selected)


def graph(report: Report) -> None:
    """The nested graph by the one renderer, or by Graphviz."""
    desk = session.desk()
    with tools():
        drawn = _choice("Drawn by", ["Picture", "Graphviz"], "inspect-drawn")
        across = _choice("Direction", ["Down", "Across"], "inspect-direction") == "Across"
        try:
            text, refused = _graphviz(report, across) if drawn == "Graphviz" else "", ""
        except TooLargeToDraw as refusal:
            text, refused = "", str(refusal)
    if drawn == "Graphviz":
        if refused:
            st.info(refused)
        else:
            with st.container(key="inspect-graph", border=True):
                st.graphviz_chart(text, width="content")
        return
    mount("graph", _graph(desk.token, desk.opened, across))


@lru_cache(maxsize=32)
def _graph(token: str, opened: tuple[str, ...], across: bool) -> dict[str, Any]:
    return views.graph(report_of(token, 1), opened, across)


def _graphviz(report: Report, across: bool) -> str:
    """The graph in Graphviz's language, and its choices. Raises TooLargeToDraw."""
    names = {card.index: card_name(card) for card in report.cards if card.status == "ok"}
    opened = st.multiselect(
        "Open", list(names), format_func=lambda at: names.get(at, ""), key="inspect-opened",
        placeholder="Blocks whose operations are drawn", label_visibility="collapsed",
    )  # fmt: skip
    drawn = partial(dot, report, frozenset(opened), is_dark(), across=across)
    selected = session.desk().selected
    text = drawn(selected if selected >= 0 else None)
    # the file has no selection, and is made when it is asked for
    name = f"{stem(session.network().name)}.dot"
    st.download_button("DOT", drawn, name, "text/vnd.graphviz", on_click="ignore", help="For graphviz.")
    return text


def volumes(report: Report) -> None:
    """Feature maps as boxes in space."""
    with tools():
        drawn = _choice("Drawn by", ["Picture", "WebGL"], "inspect-space")
    if drawn == "WebGL":
        selected = session.desk().selected
        st.plotly_chart(boxes.figure(report, is_dark(), selected), theme=None, key="inspect-webgl", config=CHART)
        st.caption(views.boxes(report)["note"])
        mount("webgl", {})
        return
    mount("volumes", views.boxes(report))


def costs(report: Report) -> None:
    """Parameters, MACs and training memory as bars or as areas."""
    desk = session.desk()
    with tools():
        form = _choice("Form", ["Bars", "Treemap"], "inspect-form")
        if form == "Treemap":
            measure = _choice("Measure", list(views.MEASURES), "inspect-measure")
        else:
            level = _choice("Level", ["Stages", "Blocks", "Operations"], "inspect-level", "Blocks")
            logarithmic = st.toggle("Logarithmic", key="inspect-logarithmic", persist_state="session")
    if form == "Treemap":
        mount("treemap", views.tree(report, measure, desk.selected))
        return
    data = views.bars(report, level, desk.selected, logarithmic)
    if not data["items"]:
        st.caption("Choose a block that is counted to see its operations.")
        return
    mount("bars", data)


def receptive_field(report: Report) -> None:
    """What one unit of each map sees of the picture."""
    shown = sample(*report.input_shape)
    data = views.windows(report, tuple(state()["at"]))
    mount("fields", data | {"image": shown.address, "source": f"The picture is a sample: {shown.note}."})


def memory(report: Report) -> None:
    """What is held for backward along the forward and the backward."""
    mount("memory", views.memory(report))


def table(report: Report) -> None:
    """Blocks or operations with every number; a chosen row selects its block."""
    desk = session.desk()
    named = stem(desk.network.name)
    with tools():
        rows = _choice("Rows", ["Operations", "Blocks"], "inspect-rows")
        whole = _choice("Of", ["All blocks", "Selected block"], "inspect-of") == "All blocks"
        tables.save("Operations as CSV", f"{named}-operations.csv", report.operations)
        tables.save("Blocks as CSV", f"{named}-blocks.csv", report.blocks)
    shown = tables.operation_table if rows == "Operations" else tables.block_table
    with st.container(key="inspect-table"):
        shown(report, desk.selected, partial(choose, desk, state()), whole)
    st.caption(tables.totals(report))


def torchinfo(report: Report) -> None:
    """The table that torchinfo prints of the same network, and what its counts have more or less than ours."""
    assert report.network is not None
    network = report.network
    with tools():
        st.caption("Depth", width="content", help="Down to which level torchinfo lists modules inside modules.")
        depth = _choice("Depth", [1, 2, 3, 4, 5, 6], "inspect-depth", 3)
        if report.error is not None:
            network = network.model_copy(update={"blocks": network.blocks[: report.error.index or 0]})
            st.caption("Of the part of the stack that fits together.")
    if len(report.operations) > PROMPT and not st.button(
        f"Run torchinfo on {len(report.operations):,} operations", help="Takes some seconds."
    ):
        return
    found = _torchinfo(network.to_json(), int(depth or 3))
    left, right = st.columns([2.6, 1])
    with left:
        mount("torchinfo", views.torchinfo_lines(found))
    with right:
        st.markdown(arithmetic(found))
        if found.images > 1:
            st.caption(
                f"torchinfo ran {found.images} images, since torch's group norm refuses a group of a single value; its "
                "multiply-adds below are of all of them, those above of one."
            )


@st.cache_data(max_entries=16, show_spinner="torchinfo runs the network …")
def _torchinfo(text: str, depth: int) -> TorchinfoTable:
    return torchinfo_table(Network.from_json(text), depth)


def arithmetic(found: TorchinfoTable) -> str:
    """The way from our counts to torchinfo's as a table in Markdown."""
    lines = ["| | Parameters | Multiply-adds |", "| :-- | --: | --: |"]
    lines.append(f"| This page | {found.own_params:,} | {found.own_macs:,} |")
    lines += [_line(part, f"{signed(part.amount)} | ") for part in found.params_differences]
    lines += [_line(part, f" | {signed(part.amount)}") for part in found.macs_differences]
    if found.unexplained_params or found.unexplained_macs:
        lines.append(f"| Not explained | {signed(found.unexplained_params)} | {signed(found.unexplained_macs)} |")
    lines.append(f"| **torchinfo** | **{found.params:,}** | **{found.macs:,}** |")
    return "\n".join(lines)


def _line(part: Difference, cells: str) -> str:
    return f"| {part.reason[:1].upper()}{part.reason[1:]} | {cells} |"


def tools() -> Any:
    """A line of choices above a view."""
    return st.container(horizontal=True, vertical_alignment="center", key="inspect-tools", gap="small")


def _choice(label: str, options: list[Any], key: str, default: Any = None) -> Any:
    """One of a few, which is kept while other views are looked at."""
    return st.segmented_control(
        label, options, default=default or options[0], required=True, key=key,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]<>()#+-.!|~:$" else sign for sign in text)
