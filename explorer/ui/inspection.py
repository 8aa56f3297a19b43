"""The views of the Inspect page: shapes, costs, operations, graph and torchinfo's table of one report."""

from __future__ import annotations

import html
from math import prod

import streamlit as st

from explorer.drawing import charts
from explorer.drawing.captions import card_name, choices
from explorer.drawing.graph import TooLargeToDraw, dot
from explorer.drawing.palette import following
from explorer.export.torchinfo_table import Difference, TorchinfoTable, torchinfo_table
from explorer.network import Network
from explorer.report import Report
from explorer.shape import show, signed
from explorer.ui import tables, words
from explorer.ui.desk import sentence

PROMPT = 1_000  # operations above which torchinfo takes seconds, so that it waits to be asked
STYLE = """
.xp-inspect { display: flex; align-items: baseline; gap: 6px 18px; flex-wrap: wrap; }
.xp-inspect h1 { font-size: 18px; font-weight: 620; letter-spacing: -.01em; margin: 0; padding: 0; }
.xp-inspect > .num { color: var(--xp-muted); }
.xp-inspect dl { display: flex; gap: 4px 20px; flex-wrap: wrap; margin: 0 0 0 auto; align-items: baseline; }
.xp-inspect dl div { display: flex; gap: 6px; align-items: baseline; }
.xp-inspect dt { color: var(--xp-muted); font-size: 12px; font-weight: 400; }
.xp-inspect dd { margin: 0; }
.st-key-inspect-graph { overflow: auto; max-height: max(420px, calc(100vh - 300px)); }
.st-key-inspect-graph svg { max-width: none; }
.st-key-inspect-graph [data-testid="stElementContainer"] { margin-inline: auto; }
.st-key-inspect-graph text { font-family: Inter, system-ui, sans-serif; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 8px; }
"""
FOLLOWING = following(':is([data-testid="stGraphVizChart"], [data-testid="stPlotlyChart"])')
CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


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
        (f"Saved, batch {report.batch:,}", words.memory(report.saved_bytes)),
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


def shapes(report: Report) -> None:
    """How the map changes along the depth."""
    st.plotly_chart(charts.shapes(report, is_dark()), theme=None, key="shapes", config=CHART)
    if not report.blocks:
        return
    largest = max(report.blocks, key=lambda row: prod(row.output_shape))
    st.caption(
        f"{_count(len(report.blocks), 'block')}, {show(report.input_shape)} → {show(report.output_shape)}. "
        f"The largest map leaves {largest.card + 1} {largest.title}: {show(largest.output_shape)}, "
        f"{prod(largest.output_shape):,} values. Both axes are logarithmic."
    )


def costs(report: Report) -> None:
    """What each block costs, as bars and as a table."""
    logarithmic = st.toggle("Logarithmic", key="costs-logarithmic", help="Shows small blocks beside large ones.")
    st.plotly_chart(charts.costs(report, is_dark(), logarithmic), theme=None, key="costs", config=CHART)
    tables.block_table(report)


def operations(report: Report) -> None:
    """Every operation of the forward, or those of one card."""
    counted = {card.index: card_name(card) for card in report.cards if card.status == "ok"}
    card = st.selectbox(
        "Card", [None, *counted], format_func=lambda at: "All cards" if at is None else counted.get(at, ""),
        key="operations-card", width=360,
    )  # fmt: skip
    rows = [row for row in report.operations if card is None or row.card == card]
    tables.operation_table(rows, report.batch, key=f"operations-{card}", height=480)
    chosen = ", ".join(choices(report.cards[card])) if card is not None else ""
    st.caption(f"{_count(len(rows), 'operation')}.{f' {chosen[:1].upper()}{chosen[1:]}.' if chosen else ''}")


def graph(report: Report) -> None:
    """The network as a graph; opened cards show their operations."""
    counted = {card.index: card_name(card) for card in report.cards if card.status == "ok"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        opened = st.multiselect(
            "Open", list(counted), format_func=lambda at: counted.get(at, ""), key="graph-opened",
            placeholder="Cards whose operations are drawn",
        )  # fmt: skip
        across = st.segmented_control(
            "Direction", ["Down", "Across"], default="Down", required=True, key="graph-direction"
        )
        try:
            text = dot(report, frozenset(opened), is_dark(), across=across == "Across")
        except TooLargeToDraw as refusal:
            st.info(str(refusal))
            return
        st.download_button("DOT", text, "network.dot", "text/vnd.graphviz", on_click="ignore", help="For graphviz.")
    st.caption("Shortcuts: identity solid, projection dashed, zero-padding dotted. On the arrows, the map's shape.")
    with st.container(key="inspect-graph", border=True):
        st.graphviz_chart(text, width="content")


def torchinfo(report: Report) -> None:
    """The table that torchinfo prints of the same network, and what its counts have more or less than ours."""
    assert report.network is not None
    network = report.network
    if report.error is not None:
        network = network.model_copy(update={"blocks": network.blocks[: report.error.index or 0]})
        st.caption("Of the part of the stack that fits together.")
    depth = st.segmented_control(
        "Depth", [1, 2, 3, 4, 5, 6], default=3, required=True, key="torchinfo-depth",
        help="How deep modules inside modules are listed.",
    )  # fmt: skip
    if len(report.operations) > PROMPT and not st.button(
        f"Run torchinfo on {len(report.operations):,} operations", help="Takes some seconds."
    ):
        return
    found = _torchinfo(network.to_json(), int(depth or 3))
    st.markdown(arithmetic(found))
    if found.images > 1:
        st.caption(
            f"torchinfo ran {found.images} images, since torch's group norm refuses a group of a single value; its "
            "multiply-adds below are of all of them, those above of one."
        )
    st.code(found.text, language=None, height=460)


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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]<>()#+-.!|~:$" else sign for sign in text)
