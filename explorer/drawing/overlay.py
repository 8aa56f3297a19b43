"""Runs over each other: loss, accuracy and learning rate over one axis, a band where a line is a mean over seeds.

One description, drawn twice: for the page by plotly, and as a scene for files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.drawing.captions import short
from explorer.drawing.charts import dress
from explorer.drawing.palette import MONOSPACE, Palette, palette
from explorer.drawing.picture.scene import SMALL, Box, Circle, Item, Pen, Scene, Text
from explorer.drawing.picture.scene import Path as Lines
from explorer.drawing.picture.widths import text_width

# A residual network is teal and its plain twin orange in every chart; the others after Tol's set, told apart by dashes
# as well, for eyes and printers that see no colour.
SERIES = ("residual", "inception", "stem", "head", "text", "plain", "accent", "error")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
ALL_DASHES = (*DASHES, "5px,2px,1px,2px,1px,2px", "1px,3px")  # of as many lines as are overlaid
# The same as stretches and gaps in pixels, for legends.
PATTERNS = ((28, 0), (7, 3), (2, 3), (7, 3, 2, 3), (11, 4), (11, 4, 2, 4), (5, 2, 1, 2, 1, 2), (1, 3))
TITLES = {"steps": "steps", "seconds": "seconds of training", "macs": "MACs spent"}
Axis = Literal["steps", "seconds", "macs"]
ROOM = 2.5  # of a loss, at least; about that of guessing one of ten classes
APART = 5.0  # times as many MACs spent, from where on their axis is logarithmic
HIGHEST = 4.0  # of a loss that is drawn whole: what shot up in the first steps would press all else flat


@dataclass(frozen=True)
class Point:
    """What the test images said: accuracy, and its deviation over seeds."""

    at: float
    accuracy: float
    deviation: float = 0.0


@dataclass(frozen=True)
class Overlaid:
    """A line: one run, or the mean of runs that differ in their seed alone."""

    number: int  # says colour and dash
    name: str
    at: Sequence[float]
    loss: Sequence[float]
    accuracy: Sequence[float]
    rate: Sequence[float]  # nan where it was not told
    tests: Sequence[Point] = ()
    deviations: tuple[Sequence[float], Sequence[float]] | None = None  # of loss and accuracy, where it is a mean


def colour_name(number: int) -> str:
    """The name in the palette of a line's colour."""
    return SERIES[number % len(SERIES)]


def pattern_css(number: int) -> str:
    """A line as CSS: stretches of its colour, with gaps between them."""
    colour, stops, at = f"var(--xp-{colour_name(number)})", [], 0
    for place, length in enumerate(PATTERNS[number % len(PATTERNS)]):
        stops.append(f"{'transparent' if place % 2 else colour} {at}px {at + length}px")
        at += length
    return f"height:{3 if number == 0 else 2}px;background:repeating-linear-gradient(90deg,{','.join(stops)})"


def overlay(
    lines: Sequence[Overlaid],
    axis: Axis = "steps",
    dark: bool = False,
    height: int = 320,
    rates: bool = True,
    logarithmic: bool = False,
) -> go.Figure:
    """Training loss, accuracy, and where wanted the learning rate; test accuracy as diamonds."""
    colours = palette(dark)
    rates = rates and any(isfinite(value) for line in lines for value in line.rate)
    panels = ["Training loss", "Accuracy", *["Learning rate"] * rates]
    figure = make_subplots(
        rows=1, cols=len(panels), horizontal_spacing=0.055, subplot_titles=panels,
        column_widths=[0.43, 0.34, 0.23] if rates else [0.6, 0.4],
    )  # fmt: skip
    shown = {"steps": "step %{x:,.0f}", "seconds": "%{x:.1f} s", "macs": "%{x:.3s} MACs"}[axis]
    for line in lines:
        _band(figure, line, colours, logarithmic)
    for line in lines:
        drawn = ((1, line.loss, "%{y:.3f}"), (2, line.accuracy, "%{y:.1%}"), (3, line.rate, "%{y:.3g}"))
        for column, values, said in drawn[: len(panels)]:
            figure.add_scatter(
                x=list(line.at), y=[value if isfinite(value) else None for value in values], name=line.name,
                mode="lines", line=_pen(line.number, colours),
                hovertemplate=f"{template(line.name)}, {shown}: {said}<extra></extra>", row=1, col=column,
            )  # fmt: skip
        spread = [point.deviation for point in line.tests]
        figure.add_scatter(
            x=[point.at for point in line.tests], y=[point.accuracy for point in line.tests],
            error_y={"array": spread, "thickness": 1.2, "width": 3} if any(spread) else None,
            name=f"{line.name}, test", mode="markers",
            marker={"symbol": "diamond", "size": 8, "color": _colour(line.number, colours)},
            customdata=[f" ± {share:.1%}" if share else "" for share in spread],
            hovertemplate=f"{template(line.name)}, test images: %{{y:.1%}}%{{customdata}}<extra></extra>",
            row=1, col=2, cliponaxis=False,
        )  # fmt: skip
    dress(figure, colours, height=height)
    figure.update_layout(showlegend=False, hovermode="closest", margin={"l": 42, "r": 14, "t": 26, "b": 34})
    mono = {"family": MONOSPACE, "size": 11}
    for number, title in enumerate(figure.layout.annotations):
        beside = figure.layout[f"xaxis{number + 1 if number else ''}"]
        title.update(x=beside.domain[0], xanchor="left", font={"size": 12, "color": colours.text})
    figure.update_xaxes(
        range=[0, furthest(lines)], tickfont=mono, title_text=TITLES[axis], title_font={"size": 11}, title_standoff=4,
        nticks=5, exponentformat="SI",
    )  # fmt: skip
    if far_apart(lines, axis):
        low, high = nearest(lines), furthest(lines)
        figure.update_xaxes(title_text=f"{TITLES[axis]}, logarithmic")
        figure.update_xaxes(type="log", range=[log10(low), log10(high)], dtick=1, tickformat=".0s")
    figure.update_yaxes(tickfont=mono, nticks=5)
    if logarithmic:
        figure.update_yaxes(type="log", row=1, col=1)
    else:
        figure.update_yaxes(range=[0, highest(lines) * 1.04], row=1, col=1)
    figure.update_yaxes(range=[0, 1.04], tickformat=".0%", row=1, col=2)
    if rates:
        figure.update_yaxes(rangemode="tozero", row=1, col=3)
    return figure


def _band(figure: go.Figure, line: Overlaid, colours: Palette, logarithmic: bool) -> None:
    """Mean plus and minus deviation of a line that is a mean."""
    if line.deviations is None:
        return
    red, green, blue = (int(_colour(line.number, colours)[at : at + 2], 16) for at in (1, 3, 5))
    for column, values, spread in ((1, line.loss, line.deviations[0]), (2, line.accuracy, line.deviations[1])):
        least = 1e-4 if column == 1 and logarithmic else 0.0
        upper = [value + by for value, by in zip(values, spread, strict=True)]
        lower = [max(least, value - by) for value, by in zip(values, spread, strict=True)]
        figure.add_scatter(
            x=[*line.at, *reversed(line.at)], y=[*upper, *reversed(lower)], fill="toself", mode="lines",
            line={"width": 0}, fillcolor=f"rgba({red},{green},{blue},0.16)", hoverinfo="skip", row=1, col=column,
        )  # fmt: skip


def _colour(number: int, colours: Palette) -> str:
    return str(getattr(colours, colour_name(number)))


def _pen(number: int, colours: Palette) -> dict[str, object]:
    """The first line is broader, since others often lie upon it."""
    return {
        "color": _colour(number, colours),
        "width": 3 if number == 0 else 2,
        "dash": ALL_DASHES[number % len(ALL_DASHES)],
    }


def template(name: str) -> str:
    """A name in a template of plotly's, which reads a little HTML and takes braces for fields."""
    plain = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("%", "&#37;").replace("{", "&#123;")


def furthest(lines: Sequence[Overlaid]) -> float:
    """Where the axis ends."""
    return max((line.at[-1] for line in lines if len(line.at)), default=1.0) or 1.0


def nearest(lines: Sequence[Overlaid]) -> float:
    """The first place of any line."""
    return min((line.at[0] for line in lines if len(line.at) and line.at[0] > 0), default=1.0)


def far_apart(lines: Sequence[Overlaid], axis: Axis) -> bool:
    """Whether lines end at so unlike costs that a linear axis would press some of them flat."""
    ends = [line.at[-1] for line in lines if len(line.at)]
    return axis == "macs" and bool(ends) and min(ends) > 0 and max(ends) > APART * min(ends)


def highest(lines: Sequence[Overlaid]) -> float:
    """How much loss is drawn."""
    most = max((max(line.loss[1:], default=0.0) for line in lines), default=0.0)
    return max(min(most, HIGHEST), min(ROOM, most * 1.2) or 1.0)


# As a scene


GAP, LEFT, TOP, BOTTOM = 22.0, 40.0, 30.0, 34.0
WIDTH, HEIGHT = 900.0, 300.0  # of a file's picture, its legend not counted
LINE = 15.0
STROKES: tuple[Literal["solid", "dashed", "dotted"], ...] = ("solid", "dashed", "dotted")


def scene(lines: Sequence[Overlaid], axis: Axis = "steps", rates: bool = True, title: str = "Runs") -> Scene:
    """The same as one picture, with its legend."""
    rates = rates and any(isfinite(value) for line in lines for value in line.rate)
    panels: list[tuple[str, str, tuple[float, float]]] = [
        ("Training loss", "loss", (0.0, highest(lines) * 1.04)),
        ("Accuracy", "accuracy", (0.0, 1.04)),
    ]
    if rates:
        known = [value for line in lines for value in line.rate if isfinite(value)]
        panels.append(("Learning rate", "rate", (0.0, max(known, default=1.0) * 1.06 or 1.0)))
    room = (WIDTH - GAP * (len(panels) - 1) - 8) / len(panels)
    parts: list[Item] = []
    for number, (name, what, (low, high)) in enumerate(panels):
        left = number * (room + GAP) + LEFT + 2
        parts += _panel(lines, axis, name, what, (left, TOP, room - LEFT, HEIGHT - TOP - BOTTOM), (low, high))
    across, y = 2.0, HEIGHT + LINE
    for line in lines:
        wide = 34 + text_width(line.name, SMALL) + 18
        if across > 2 and across + wide > WIDTH:
            across, y = 2.0, y + LINE
        parts.append(Lines([(across, y - 3.3), (across + 26, y - 3.3)], _stroke(line.number)))
        parts.append(Text(across + 32, y, line.name, "small", "text", "start"))
        across += wide
    return Scene(WIDTH + 12, y + 8, title, parts)  # the last tick's text reaches beyond its panel


def _stroke(number: int) -> Pen:
    return Pen(colour_name(number), 2.0 if number == 0 else 1.5, STROKES[number % len(STROKES)])


def _panel(
    lines: Sequence[Overlaid],
    axis: Axis,
    name: str,
    what: str,
    box: tuple[float, float, float, float],
    between: tuple[float, float],
) -> list[Item]:
    """One chart: frame, ticks, bands below lines, diamonds of the test images."""
    x, y, width, height = box
    low, high = between
    begin, end, wide = nearest(lines), furthest(lines), far_apart(lines, axis)

    def place(at: float, value: float) -> tuple[float, float]:
        share = (min(max(value, low), high) - low) / (high - low)
        along = log10(max(at, begin) / begin) / log10(end / begin) if wide else at / end
        return x + min(along, 1.0) * width, y + height - share * height

    parts: list[Item] = [Text(x, y - 10, name, "title", "text", "start")]
    for tick in ticks(low, high):
        _, at = place(0, tick)
        parts.append(Lines([(x, at), (x + width, at)], Pen("line", 1.0)))
        said = f"{tick:.0%}" if what == "accuracy" else f"{tick:g}"
        parts.append(Text(x - 6, at + 3.3, said, "shape", "muted", "end"))
    decades = [10.0**power for power in range(ceil(log10(begin)), floor(log10(end)) + 1)]
    for tick in decades if wide else ticks(0.0, end):
        at, _ = place(tick, low)
        parts.append(Lines([(at, y + height), (at, y + height + 4)], Pen("strong_line", 1.0)))
        said = short(round(tick)) if axis == "macs" else f"{tick:,g}"
        parts.append(Text(at, y + height + 15, said, "shape", "muted"))
    said = f"{TITLES[axis]}{', logarithmic' if wide else ''}"
    parts.append(Text(x + width / 2, y + height + 29, said, "small", "muted"))
    parts.append(Lines([(x, y + height), (x + width, y + height)], Pen("strong_line", 1.0)))
    for line in lines:
        if line.deviations is not None and what != "rate":
            spread = line.deviations[0 if what == "loss" else 1]
            values = getattr(line, what)
            upper = [place(at, value + by) for at, value, by in zip(line.at, values, spread, strict=True)]
            lower = [place(at, value - by) for at, value, by in zip(line.at, values, spread, strict=True)]
            outline = [*upper, *reversed(lower)]
            parts.append(Lines([*outline, outline[0]], Pen(), colour_name(line.number), tint=0.16))
    for line in lines:
        points = [
            place(at, value) for at, value in zip(line.at, getattr(line, what), strict=True) if isfinite(value)
        ]  # fmt: skip
        if len(points) > 1:
            parts.append(Lines(points, _stroke(line.number)))
        elif points:
            parts.append(Circle(*points[0], 2.0, Pen(), colour_name(line.number)))
        for test in line.tests if what == "accuracy" else ():
            cx, cy = place(test.at, test.accuracy)
            if test.deviation:
                ends = [place(test.at, test.accuracy + test.deviation), place(test.at, test.accuracy - test.deviation)]
                parts.append(Lines(ends, Pen(colour_name(line.number), 1.2)))
            corners = [(cx, cy - 4.5), (cx + 4.5, cy), (cx, cy + 4.5), (cx - 4.5, cy), (cx, cy - 4.5)]
            parts.append(Lines(corners, Pen(), colour_name(line.number)))
    parts.append(Box(x, y, width, height, 0.0, Pen("strong_line", 0.8)))
    return parts


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between both ends: 1, 2 or 5 of a power of ten apart."""
    apart = (high - low) / most
    power = 10.0 ** floor(log10(apart)) if apart > 0 else 1.0
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= apart * 0.999)
    first = ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, floor(high / step + 1e-9) + 1)]
