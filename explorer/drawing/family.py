"""What a family shows: where each point ended, over an axis of the grid and over what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.drawing.captions import short
from explorer.drawing.charts import dress
from explorer.drawing.overlay import ALL_DASHES, colour_name, template
from explorer.drawing.palette import MONOSPACE, Palette, palette
from explorer.numbers import digits, many

FINE = 0.04  # of accuracy, up to which ticks have a digit after the point
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "triangle-down", "star")


@dataclass(frozen=True)
class Reached:
    """A point of the grid whose runs have finished, some or all."""

    member: int  # its place in the grid
    title: str
    at: str  # its value on the axis that the chart is over
    line: int  # which combination of the other axes, and so which colour
    name: str  # of that combination
    accuracy: float
    accuracy_deviation: float
    loss: float  # on the training images, at the end
    loss_deviation: float
    seeds: int
    macs: int
    params: int


def reached(points: Sequence[Reached], axis: str, values: Sequence[str], dark: bool = False) -> go.Figure:
    """Test accuracy and training loss over an axis, and test accuracy over MACs; whiskers are deviations over seeds."""
    colours = palette(dark)
    panels = (f"Test accuracy over {axis.lower()}", f"Training loss over {axis.lower()}", "Test accuracy over MACs")
    figure = make_subplots(rows=1, cols=3, horizontal_spacing=0.06, subplot_titles=panels)
    for line in sorted({point.line for point in points}):
        own = sorted((point for point in points if point.line == line), key=lambda point: values.index(point.at))
        names, macs = [point.at for point in own], [point.macs for point in own]
        over: list[list[str] | list[int]] = [names, names, macs]
        accuracy = [point.accuracy for point in own], [point.accuracy_deviation for point in own]
        loss = [point.loss for point in own], [point.loss_deviation for point in own]
        for column, (x, (y, spread)) in enumerate(zip(over, (accuracy, loss, accuracy), strict=True), start=1):
            colour = str(getattr(colours, colour_name(line)))
            figure.add_scatter(
                x=x, y=y, name=own[0].name, mode="markers" if column == 3 else "lines+markers",
                line={"color": colour, "width": 2, "dash": ALL_DASHES[line % len(ALL_DASHES)]},
                marker={"color": colour, "size": 9, "symbol": SYMBOLS[line % len(SYMBOLS)]},
                error_y={"array": spread, "thickness": 1.3, "width": 4, "color": colour} if any(spread) else None,
                customdata=[point.member for point in own], hovertext=[_said(point) for point in own],
                selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
                hovertemplate="%{hovertext}<extra></extra>", row=1, col=column, cliponaxis=False,
            )  # fmt: skip
    dress(figure, colours, height=290)
    figure.update_layout(showlegend=False, hovermode="closest", margin={"l": 46, "r": 16, "t": 26, "b": 34})
    for number, title in enumerate(figure.layout.annotations):
        beside = figure.layout[f"xaxis{number + 1 if number else ''}"]
        title.update(x=beside.domain[0], xanchor="left", font={"size": 12, "color": colours.text})
    mono = {"family": MONOSPACE, "size": 11}
    figure.update_xaxes(tickfont=mono, title_font={"size": 11}, title_standoff=4)
    figure.update_yaxes(tickfont=mono, nticks=5)
    for column in (1, 2):
        figure.update_xaxes(
            type="category", categoryorder="array", categoryarray=list(values), range=[-0.4, len(values) - 0.6],
            title_text=axis.lower(), row=1, col=column,
        )  # fmt: skip
    low, high = _shares(points)
    for column in (1, 3):
        figure.update_yaxes(tickformat=".0%" if high - low > FINE else ".1%", range=[low, high], row=1, col=column)
    figure.update_yaxes(rangemode="tozero", row=1, col=2)
    _macs(figure, points, colours)
    return figure


def _shares(points: Sequence[Reached]) -> tuple[float, float]:
    """The part of the accuracies that is in use, with a little room."""
    low = min((point.accuracy - point.accuracy_deviation for point in points), default=0.0)
    high = max((point.accuracy + point.accuracy_deviation for point in points), default=1.0)
    room = max(0.02, 0.12 * (high - low))
    return max(0.0, low - room), min(1.0, high + room)


def _macs(figure: go.Figure, points: Sequence[Reached], colours: Palette) -> None:
    """A logarithmic axis with a few round ticks."""
    sizes = [max(1, point.macs) for point in points] or [1]
    left, right = log10(min(sizes)) - 0.12, log10(max(sizes)) + 0.12
    rounds = (1, 2, 5) if right - left < 2 else (1,)
    ticks = [each * 10**power for power in range(floor(left), ceil(right) + 1) for each in rounds if power >= 0]
    ticks = [tick for tick in ticks if left <= log10(tick) <= right]
    if len(ticks) < 2:
        ticks = sorted({min(sizes), max(sizes)})
    figure.update_xaxes(
        type="log", range=[left, right], tickvals=ticks, ticktext=[short(tick) for tick in ticks], showgrid=True,
        gridcolor=colours.line, title_text="MACs an image", row=1, col=3,
    )  # fmt: skip


def _said(point: Reached) -> str:
    seeds = many(point.seeds, "seed")
    several = point.seeds > 1  # one run has no deviation
    lines = (
        f"<b>{template(point.title)}</b>",
        f"test {point.accuracy:.1%}{f' ± {point.accuracy_deviation:.1%}' if several else ''}, {seeds}",
        f"training loss {digits(point.loss)}{f' ± {digits(point.loss_deviation, 2)}' if several else ''}",
        f"{point.params:,} parameters, {point.macs:,} MACs",
    )
    return "<br>".join(lines)
