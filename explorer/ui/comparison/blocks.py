"""The blocks of all networks in lines: what is the same, changed, replaced, added and removed, each with a number."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import streamlit as st

from explorer.compare import MEASURES, Costs, Line, Pair, by_card, difference, side_by_side
from explorer.drawing.captions import settings
from explorer.drawing.comparison import SIGNS, colour_name
from explorer.network import Network
from explorer.shape import show as written
from explorer.ui import words
from explorer.ui.comparison.members import Chosen, Shown, aligned
from explorer.ui.desk import Desk, report_of

ROOM = 14  # lines up to which all are shown at once
LONG = 48  # characters of a name that find room in two or three lines of a heading
FOLDED = 3  # equal lines in a row that are not folded
CELLS = 360  # that are added at a time: a page of 1,024 cards of six networks would be slow
OUTPUT = "output"
TITLES = {measure.name: measure.title for measure in MEASURES} | {OUTPUT: "Output shape"}


def show(chosen: Chosen, desk: Desk, networks: Sequence[Shown]) -> None:
    """The table, with the number that is asked for."""
    lines = _lines(tuple(one.token for one in networks))
    same = sum(line.same for line in lines)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        measure = st.segmented_control(
            "Number", list(TITLES), default="params", required=True, format_func=lambda name: TITLES[name],
            key="compare-measure", label_visibility="collapsed",
        )  # fmt: skip
        everything = True
        if len(lines) > ROOM and same:
            everything = st.toggle("Show equal blocks", key="compare-equal")
    if len(networks) == 1:
        st.html("<p class='xc-words'>Add a second network above, and its blocks stand beside these.</p>")
    rows = list(_rows(lines, everything or len(networks) == 1))
    page = CELLS // len(networks)
    limit = max(page, chosen["lines"])
    costs = [_costs(one.token, desk.session["batch"], desk.session["optimizer"]) for one in networks]
    st.html(_table(networks, rows[:limit], costs, measure or "params"))
    if len(rows) > limit:
        st.button(
            f"Show {min(page, len(rows) - limit):,} more of {len(rows) - limit:,} lines",
            key="compare-more", on_click=_more, args=(chosen, limit + page),
        )  # fmt: skip


def _more(chosen: Chosen, lines: int) -> None:
    chosen["lines"] = lines


@lru_cache(maxsize=16)
def _lines(tokens: tuple[str, ...]) -> tuple[Line, ...]:
    return side_by_side([aligned(tokens[0], token) for token in tokens])


@lru_cache(maxsize=64)
def _costs(token: str, batch: int, optimizer: str) -> dict[int, Costs]:
    return by_card(report_of(token, batch), "adamw" if optimizer == "adamw" else "sgd")


def summary(first: Shown, one: Shown) -> str:
    """What the alignment of a network with the first comes to: `2 of 5 the same, 3 changed`."""
    alignment = aligned(first.token, one.token)
    counts = {state: sum(pair.state == state for pair in alignment.pairs) for state in SIGNS}
    parts = [f"{counts['same']} of {len(alignment.second.blocks)} the same"]
    parts += [f"{count} {state}" for state, count in counts.items() if count and state != "same"]
    inputs = [network.input for network in (alignment.first, alignment.second)]
    if inputs[0] != inputs[1]:
        parts.append(f"input {written(inputs[0])} → {written(inputs[1])}")
    return ", ".join(parts)


def _rows(lines: Sequence[Line], everything: bool) -> Iterator[Line | list[Line]]:
    """The lines, those that are equal for long as one."""
    for same, group in groupby(lines, key=lambda line: line.same):
        found = list(group)
        if same and not everything and len(found) > FOLDED:
            yield found
        else:
            yield from found


def _table(
    networks: Sequence[Shown], rows: Sequence[Line | list[Line]], costs: Sequence[dict[int, Costs]], measure: str
) -> str:
    heads = "".join(
        f"<th scope='col' style='--xc:var(--xp-{colour_name(one.number)})' title='{html.escape(one.name, quote=True)}'>"
        f"<i></i>{html.escape(words.shortened(one.name, LONG))}"
        f"<small>{summary(networks[0], one) if one.number else f'{len(one.network.blocks):,} cards'}</small></th>"
        for one in networks
    )
    body = "".join(
        _fold(row, len(networks)) if isinstance(row, list) else _line(networks, row, costs, measure) for row in rows
    )
    return (
        f"<div class='xc-scroll' style='--columns:{len(networks)}' tabindex='0' role='region' "
        f"aria-label='Blocks side by side'><table class='xc-table xc-blocks'><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _fold(lines: Sequence[Line], columns: int) -> str:
    first, last = lines[0].cards[0], lines[-1].cards[0]
    assert first is not None and last is not None
    return (
        f"<tr class='xc-fold'><td colspan='{columns}'>{len(lines)} blocks the same in all, "
        f"{first + 1} to {last + 1} of the first</td></tr>"
    )


def _line(networks: Sequence[Shown], line: Line, costs: Sequence[dict[int, Costs]], measure: str) -> str:
    cells = []
    first = line.cards[0]
    before = costs[0].get(first) if first is not None else None
    for one, pair, own in zip(networks, line.pairs, costs, strict=True):
        if pair is None:
            cells.append("<td></td>")
        else:
            now = own.get(pair.second) if pair.second is not None else None
            cells.append(_cell(one.network, pair, before, now, measure, one.number == 0))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(network: Network, pair: Pair, before: Costs | None, now: Costs | None, measure: str, is_first: bool) -> str:
    if pair.second is None:
        return f"<td class='xc-removed'><span class='xc-title'>{_sign('−')}removed</span></td>"
    block = network.blocks[pair.second]
    times = f" ×{block.copies}" if block.copies > 1 else ""
    title = f"<b>{pair.second + 1} {html.escape(block.name)}{times}</b>"
    number = f"<span class='num'>{_number(now, measure)}</span>"
    if pair.state == "changed":
        under = ", ".join(str(change) for change in pair.changes)
    else:
        under = "" if pair.state == "same" and not is_first else " · ".join(settings(block))
    delta = "" if is_first else _delta(before, now, measure)
    small = f"<div class='xc-under'><small>{html.escape(under)}</small>{delta}</div>" if under or delta else ""
    sign = "" if is_first else _sign(SIGNS[pair.state], pair.state)
    state = "first" if is_first else pair.state
    return f"<td class='xc-{state}'><span class='xc-title'>{sign}{title}{number}</span>{small}</td>"


def _sign(sign: str, means: str = "removed") -> str:
    return f"<span class='xc-sign' title='{means}' aria-label='{means}'>{sign}</span>"


def _number(costs: Costs | None, measure: str) -> str:
    if costs is None:
        return "…"
    if measure == OUTPUT:
        return written(costs.output)
    value = getattr(costs, measure)
    return "" if value is None else words.plain(value)


def _delta(before: Costs | None, now: Costs | None, measure: str) -> str:
    if before is None or now is None or measure == OUTPUT:
        return ""
    found = difference(getattr(before, measure), getattr(now, measure))
    if found is None or found.absolute == 0:
        return ""
    tone = "up" if found.absolute > 0 else "down"
    return f"<span class='xc-delta num {tone}'>{words.change(found.absolute, 0)}</span>"
