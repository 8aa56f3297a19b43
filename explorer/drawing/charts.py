"""Charts of a report for plotly: shapes along the depth, and what each block costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, log2, log10
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.block import KINDS
from explorer.drawing.captions import short
from explorer.drawing.palette import FONT, MONOSPACE, Palette, palette
from explorer.report import BlockRow, Report
from explorer.shape import show

WIDTH = 1150  # pixels of a panel on the narrowest screen; what fits there fits on a wider one


class Measure(NamedTuple):
    """Something that each block costs."""

    title: str
    unit: str
    of: Callable[[BlockRow], int]


MEASURES = (
    Measure("Parameters", "parameters", lambda row: row.params),
    Measure("MACs per image", "MACs", lambda row: row.macs),
    Measure("Saved for backward", "bytes", lambda row: row.saved_bytes),
)


def shapes(report: Report, dark: bool = False) -> go.Figure:
    """Channels and height × width after each block, as steps on logarithmic axes; the input stands at 0."""
    colours = palette(dark)
    rows = report.blocks
    maps = [tuple(report.input_shape), *(row.output_shape for row in rows)]
    names = ["input", *(f"{row.name}  {row.title}" for row in rows)]
    hover = [f"<b>{name}</b><br>{show(shape)}" for name, shape in zip(names, maps, strict=True)]
    depth = list(range(len(maps)))
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.14, subplot_titles=("Channels", "Height and width, px")
    )

    def steps(line: int, name: str, sizes: Sequence[int | None], colour: str, dash: str = "solid") -> None:
        figure.add_scatter(
            x=depth,
            y=list(sizes),
            name=name,
            mode="lines+markers" if len(maps) <= 80 else "lines",
            line={"shape": "hv", "color": colour, "width": 2, "dash": dash},
            marker={"size": 5},
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
            row=line,
            col=1,
        )

    steps(1, "channels", [shape[0] for shape in maps], colours.accent)
    heights = [shape[1] if len(shape) == 3 else None for shape in maps]
    widths = [shape[2] if len(shape) == 3 else None for shape in maps]
    square = heights == widths
    steps(2, "height and width" if square else "height", heights, colours.head)
    if not square:
        steps(2, "width", widths, colours.stem, "dot")
    _power_axis(figure, 1, [shape[0] for shape in maps])
    _power_axis(figure, 2, [size for size in [*heights, *widths] if size is not None])
    dress(figure, colours, height=460)
    figure.update_layout(hovermode="closest", showlegend=not square)
    _card_axis(figure, report, first=0)
    figure.update_xaxes(range=[-0.3, len(maps) - 0.5])
    return figure


def costs(report: Report, dark: bool = False, logarithmic: bool = False) -> go.Figure:
    """Parameters, MACs per image and bytes saved for backward of each block as bars in the colour of its family."""
    colours = palette(dark)
    rows = report.blocks
    titles = [
        f"{measure.title}{f' of {report.batch:,} images' if measure.unit == 'bytes' and report.batch > 1 else ''}"
        for measure in MEASURES
    ]
    figure = make_subplots(rows=len(MEASURES), cols=1, shared_xaxes=True, vertical_spacing=0.1, subplot_titles=titles)
    bars = [colours.family(KINDS[row.kind].family) if row.kind in KINDS else colours.plain for row in rows]
    hover = [bar_text(row) for row in rows]
    for line, measure in enumerate(MEASURES, start=1):
        sizes = [measure.of(row) for row in rows]
        figure.add_bar(
            x=list(range(1, len(rows) + 1)),
            y=sizes,
            name=measure.title,
            marker={"color": bars, "line": {"width": 0}},
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
            row=line,
            col=1,
        )
        if logarithmic:
            figure.update_yaxes(type="log", row=line, col=1)
        else:
            _plain_axis(figure, line, max(sizes, default=0), "B" if measure.unit == "bytes" else "")
    dress(figure, colours, height=520)
    figure.update_layout(showlegend=False, bargap=0.18 if len(rows) <= 120 else 0, hovermode="closest")
    _card_axis(figure, report, first=1)
    figure.update_xaxes(range=[0.4, len(rows) + 0.6])
    return figure


def bar_text(row: BlockRow) -> str:
    """What a bar says when pointed at: the exact numbers and shapes."""
    lines = [
        f"<b>{row.name}  {row.title}</b>",
        f"{show(row.input_shape)} → {show(row.output_shape)}",
        f"{row.params:,} parameters",
        f"{row.macs:,} MACs per image",
        f"{row.saved_bytes:,} bytes saved for backward",
    ]
    return "<br>".join(lines)


def dress(figure: go.Figure, colours: Palette, height: int) -> None:
    """The look that all charts share."""
    figure.update_layout(
        height=height,
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": colours.muted},
        margin={"l": 64, "r": 44, "t": 28, "b": 8},
        hoverlabel={
            "bgcolor": colours.surface,
            "bordercolor": colours.strong_line,
            "font": {"family": FONT, "size": 12, "color": colours.text},
            "align": "left",
        },
        legend={"orientation": "h", "y": 1.08, "x": 1, "xanchor": "right"},
        uirevision="kept",
    )
    figure.update_xaxes(showgrid=False, zeroline=False, linecolor=colours.strong_line, automargin=True)
    figure.update_yaxes(gridcolor=colours.line, zeroline=False, tickfont={"family": MONOSPACE, "size": 11})
    for title in figure.layout.annotations:  # left of each panel, as headings
        title.update(x=0, xanchor="left", font={"size": 13, "color": colours.text})


def _power_axis(figure: go.Figure, line: int, sizes: Sequence[int]) -> None:
    """A logarithmic axis with a tick at each power of two, thinned where there are many."""
    low, high = floor(log2(min(sizes, default=1))), ceil(log2(max(sizes, default=1)))
    step = max(1, ceil((high - low) / 6))
    ticks = [2**power for power in range(low, high + 1, step)]
    figure.update_yaxes(
        type="log",
        tickvals=ticks,
        ticktext=[f"{tick:,}" for tick in ticks],
        range=[(low - 0.35) * log10(2), (max(high, low + 1) + 0.35) * log10(2)],  # plotly wants powers of ten
        row=line,
        col=1,
    )


def _plain_axis(figure: go.Figure, line: int, most: int, unit: str) -> None:
    """A linear axis from nothing, its ticks in the same words as the rest of the page."""
    step = 1
    while most / step > 4:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    ticks = list(range(0, most + step, step)) if most else [0]
    texts = [_tick(tick, unit) if tick else "0" for tick in ticks]
    figure.update_yaxes(tickvals=ticks, ticktext=texts, range=[0, max(most * 1.06, 1)], row=line, col=1)


def _tick(number: int, unit: str) -> str:
    """`1.50 M`, `2 M`, `500 B`."""
    text = short(number).replace(".00", "").replace(".0 ", " ")
    return f"{text}{' ' if unit and text[-1].isdigit() else ''}{unit}"


def _card_axis(figure: go.Figure, report: Report, first: int) -> None:
    """Names each card below the middle of its blocks; where they would cover each other, only some."""
    spans: dict[int, tuple[str, int, int]] = {}
    for position, row in enumerate(report.blocks, start=1):
        title, start, _ = spans.get(row.card, (row.title, position, 0))
        spans[row.card] = (title, start, position)
    repeats = {card.index: card.repeat for card in report.cards}
    marks = [
        ((start + end) / 2, f"{card + 1} {_brief(title)}{_times(repeats.get(card, 1))}")
        for card, (title, start, end) in spans.items()
    ]
    if first == 0:
        marks.insert(0, (0.0, "in"))
    scale = WIDTH / (len(report.blocks) + 1)
    level = _apart(marks, scale, lambda text: 6.3 * len(text) + 8)
    slanted = len(level) < 0.85 * len(marks)
    shown = _apart(marks, scale, lambda text: 17) if slanted else level
    figure.update_xaxes(
        tickvals=[place for place, _ in shown], ticktext=[text for _, text in shown], tickangle=-35 if slanted else 0
    )


def _apart(marks: Sequence[tuple[float, str]], scale: float, width: Callable[[str], float]) -> list[tuple[float, str]]:
    """The marks that do not cover one kept before them."""
    kept: list[tuple[float, str]] = []
    free = -1e9
    for place, text in marks:
        if place * scale - width(text) / 2 >= free:
            kept.append((place, text))
            free = place * scale + width(text) / 2
    return kept


def _brief(title: str) -> str:
    return title.split(" (")[0]


def _times(repeat: int) -> str:
    return f" ×{repeat}" if repeat > 1 else ""
