"""Every number of the networks: totals with exact and relative differences, and the same block by block."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.compare import MEASURES, Costs, Line, by_card, by_copy, difference, side_by_side, whole
from explorer.drawing.comparison import colour_name
from explorer.report import Report
from explorer.shape import show as written
from explorer.ui import words
from explorer.ui.comparison.blocks import OUTPUT, TITLES
from explorer.ui.comparison.choosing import words_of
from explorer.ui.comparison.members import Chosen, Shown, aligned
from explorer.ui.desk import Desk, report_of
from explorer.ui.filenames import stem_of_all
from explorer.ui.tables import FORMULA

HELP = {
    "macs": words.MACS_HELP,
    "memory": words.MEMORY_HELP,
    "field": words.FIELD_HELP,
    "depth": "Convolutions and linear layers on the longest way from the input to the output.",
}
SIZES = ("memory", "saved")  # counted in bytes
BLOCK = "block"
LONG, WIDE = 24, 28  # characters of a heading of each table


def show(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """The totals, and below them one number block by block."""
    batch, optimizer = desk.session["batch"], desk.session["optimizer"]
    reports = [report_of(one.token, batch) for one in networks]
    totals = [whole(report, optimizer) for report in reports]
    st.html(totals_table(networks, reports, totals))
    st.caption(
        f"Memory for a batch of {batch:,} with {'AdamW' if optimizer == 'adamw' else 'SGD and momentum'}, "
        "as set on the Design page; MACs and FLOPs are of one image."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        name = st.segmented_control(
            "Block by block", list(TITLES), default="params", required=True, format_func=lambda one: TITLES[one],
            key="compare-number", label_visibility="collapsed",
        )  # fmt: skip
        copies = st.toggle("Copies written out", key="compare-copies", help="A line for each of a card's ×N copies.")
    lines = block_lines(networks, reports, optimizer, name or "params", copies)
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns: dict[str, Any] = {BLOCK: text("Block", width=230)}
    for one in networks:
        label = words.shortened(one.name, LONG)
        if name == OUTPUT:
            columns[f"{one.number}"] = text(label, help=one.name)
            continue
        columns |= {
            f"{one.number}": number(label, format="%,d", help=one.name),
            f"{one.number} apart": number(f"Δ {label}", format="%,d", help=f"{one.name} less {networks[0].name}"),
            f"{one.number} share": number("Δ %", format="percent", help=f"of {networks[0].name}"),
        }
    st.dataframe(
        lines, key=f"compare-numbers-{len(lines)}", hide_index=True, height=min(460, 28 * len(lines) + 40),
        row_height=28, column_config=columns, placeholder="",
    )  # fmt: skip
    stem = stem_of_all([one.name for one in networks])
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Totals as CSV", lambda: totals_csv(networks, totals), f"{stem}-totals.csv", "text/csv", on_click="ignore"
        )
        st.download_button(
            "Blocks as CSV", lambda: blocks_csv(networks, reports, optimizer), f"{stem}-blocks.csv", "text/csv",
            on_click="ignore",
        )  # fmt: skip


def totals_table(networks: Sequence[Shown], reports: Sequence[Report], totals: Sequence[Costs]) -> str:
    """A line a number, a column a network, with differences to the first."""
    heads = "".join(
        f"<th scope='col' class='xc-begins' style='--xc:var(--xp-{colour_name(one.number)})' "
        f"title='{html.escape(one.name, quote=True)}'><i></i>{html.escape(words.shortened(one.name, WIDE))}</th>"
        + ("<th class='xc-apart'>Δ</th><th class='xc-apart'>Δ %</th>" if one.number else "")
        for one in networks
    )
    body = []
    for measure in MEASURES:
        cells = []
        for at, (report, costs) in enumerate(zip(reports, totals, strict=True)):
            value = getattr(costs, measure.name)
            title = words.memory(value) if measure.name in SIZES else ""
            unit = f" {measure.unit}" if measure.unit else ""
            cells.append(_cell("none" if value is None else f"{words.plain(value)}{unit}", title))
            if at:
                comparable = report.error is None and reports[0].error is None
                cells.append(_apart(totals[0], costs, measure.name) if comparable else "<td></td><td></td>")
        body.append(_row(measure.title, cells, HELP.get(measure.name, "")))
    for title, texts in (
        ("Input", [written(report.input_shape) for report in reports]),
        ("Output", [written(report.output_shape) for report in reports]),
        ("Cards", [f"{len(one.network.blocks):,}" for one in networks]),
        ("Blocks", [f"{sum(block.copies for block in one.network.blocks):,}" for one in networks]),
        ("Counted", [_counted(report) for report in reports]),
    ):
        if title != "Counted" or any(report.error for report in reports):
            cells = [_cell(text) + ("<td></td><td></td>" if at else "") for at, text in enumerate(texts)]
            body.append(_row(title, cells))
    return (
        f"<div class='xc-scroll' tabindex='0' role='region' aria-label='Totals'><table class='xc-table xc-totals'>"
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _row(title: str, cells: Sequence[str], help: str = "") -> str:
    explained = f" title='{html.escape(help, quote=True)}'" if help else ""
    return f"<tr><th scope='row'{explained}>{title}</th>{''.join(cells)}</tr>"


def _cell(text: str, title: str = "") -> str:
    explained = f" title='{title}'" if title else ""
    return f"<td class='num xc-begins'{explained}>{text}</td>"


def _counted(report: Report) -> str:
    return "all" if report.error is None else f"up to block {report.error.index or 0}"


def _apart(first: Costs, other: Costs, name: str) -> str:
    """The difference to the first network, exactly and in relation to it."""
    found = difference(getattr(first, name), getattr(other, name))
    if found is None:
        return "<td></td><td></td>"
    tone = "up" if found.absolute > 0 else "down" if found.absolute < 0 else ""
    relative = words_of(found.relative, found.absolute) if found.absolute else ""
    absolute = words.change(found.absolute, 0)
    return f"<td class='num xc-apart {tone}'>{absolute}</td><td class='num xc-apart {tone}'>{relative}</td>"


def totals_csv(networks: Sequence[Shown], totals: Sequence[Costs]) -> str:
    """The same as CSV, a line a network."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    titles = [f"{measure.title}{f', {measure.unit}' if measure.unit else ''}" for measure in MEASURES]
    writer.writerow(["Network", *titles, *(f"{title}, difference" for title in titles), "Output"])
    for one, costs in zip(networks, totals, strict=True):
        values = [getattr(costs, measure.name) for measure in MEASURES]
        found = [difference(getattr(totals[0], measure.name), getattr(costs, measure.name)) for measure in MEASURES]
        apart = ["" if each is None else each.absolute for each in found]
        writer.writerow(
            [harmless(one.name), *("" if value is None else value for value in values), *apart, written(costs.output)]
        )
    return out.getvalue()


def aligned_lines(networks: Sequence[Shown]) -> tuple[Line, ...]:
    """The lines of blocks of all networks."""
    return side_by_side([aligned(networks[0].token, one.token) for one in networks])


def block_lines(
    networks: Sequence[Shown], reports: Sequence[Report], optimizer: Any, name: str, copies: bool
) -> pd.DataFrame:
    """One number block by block: a column a network, and behind it the differences to the first; shapes have none."""
    if name == OUTPUT:
        shapes = [
            (title, [None if costs is None else written(costs.output) for costs in row])
            for title, row in _costs_lines(networks, reports, optimizer, copies)
        ]
        named = {f"{one.number}": [row[one.number] for _, row in shapes] for one in networks}
        return pd.DataFrame({BLOCK: [title for title, _ in shapes], **named})
    lines = [
        (title, [None if costs is None else getattr(costs, name) for costs in row])
        for title, row in _costs_lines(networks, reports, optimizer, copies)
    ]
    table: dict[str, Any] = {BLOCK: [title for title, _ in lines]}
    for one in networks:
        at = one.number
        table[f"{at}"] = pd.array([row[at] for _, row in lines], dtype="Int64")
        if at:
            found = [difference(row[0], row[at]) for _, row in lines]
            table[f"{at} apart"] = pd.array([each and each.absolute for each in found], dtype="Int64")
            table[f"{at} share"] = [
                None if each is None or each.relative is None else float(each.relative) for each in found
            ]
    return pd.DataFrame(table)


def _costs_lines(
    networks: Sequence[Shown], reports: Sequence[Report], optimizer: Any, copies: bool
) -> list[tuple[str, list[Costs | None]]]:
    """A title and the costs of each network, a line a card or a copy."""
    cards = [by_card(report, optimizer) for report in reports]
    apart = [by_copy(report, optimizer) if copies else {} for report in reports]
    found: list[tuple[str, list[Costs | None]]] = []
    for line in aligned_lines(networks):
        title = _title(networks, line)
        if not copies:
            row = [None if card is None else own.get(card) for card, own in zip(line.cards, cards, strict=True)]
            found.append((title, row))
            continue
        blocks = [
            None if card is None else one.network.blocks[card] for card, one in zip(line.cards, networks, strict=True)
        ]
        for copy in range(max(block.copies for block in blocks if block is not None)):
            many = any(block is not None and block.copies > 1 for block in blocks)
            row = [None if card is None else own.get((card, copy)) for card, own in zip(line.cards, apart, strict=True)]
            found.append((f"{title}, copy {copy + 1}" if many else title, row))
    return found


def _title(networks: Sequence[Shown], line: Line) -> str:
    """The name of the first network's card, else of the first that has one here."""
    at, card = next((at, card) for at, card in enumerate(line.cards) if card is not None)
    name = f"{card + 1} {networks[at].network.blocks[card].name}"
    return name if at == 0 else f"added: {name}"


def harmless(text: str) -> str:
    """A text that no spreadsheet reads as a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def blocks_csv(networks: Sequence[Shown], reports: Sequence[Report], optimizer: Any) -> str:
    """Every number of every card as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Block", *(harmless(f"{one.name}: {measure.title}") for one in networks for measure in MEASURES)])
    for title, row in _costs_lines(networks, reports, optimizer, copies=False):
        values = [None if costs is None else getattr(costs, measure.name) for costs in row for measure in MEASURES]
        writer.writerow([harmless(title), *("" if value is None else value for value in values)])
    return out.getvalue()
