"""Several networks in one picture: how they grow along their depth, their runs, what is published, and marked cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.compare import Profile, State
from explorer.drawing import naming
from explorer.drawing.captions import short
from explorer.drawing.charts import dress
from explorer.drawing.naming import Panel as Room
from explorer.drawing.naming import Place, Spot
from explorer.drawing.overlay import DASHES, colour_name
from explorer.drawing.palette import MONOSPACE, Palette, palette
from explorer.drawing.picture import folded_scene
from explorer.drawing.picture.scene import Box, Item, Path, Pen, Scene
from explorer.drawing.picture.svg import svg
from explorer.report import Report
from explorer.shape import show

POINTS = 240  # that a curve is thinned to
SIGNS: dict[State, str] = {"same": "=", "changed": "≠", "replaced": "⇄", "added": "+", "removed": "−"}


def colour(number: int, colours: Palette) -> str:
    """The colour of a network."""
    return str(getattr(colours, colour_name(number)))


@dataclass(frozen=True)
class Grown:
    """A network in the charts: its number, which says its colour, its name and how it grows."""

    number: int
    name: str
    profile: Profile


@dataclass(frozen=True)
class Panel:
    """One measure along the depth."""

    title: str
    column: str  # of the profile
    unit: str = ""
    logarithmic: bool = False


PANELS = (
    Panel("Parameters up to here", "params"),
    Panel("MACs up to here", "macs"),
    Panel("Saved for backward up to here", "saved", "B"),
    Panel("Channels", "channels", logarithmic=True),
    Panel("Resolution, px", "sizes", "px", logarithmic=True),
    Panel("Receptive field, px", "fields", "px", logarithmic=True),
)


def along_depth(networks: Sequence[Grown], share: bool = False, dark: bool = False) -> go.Figure:
    """Each measure over weighted layers, or over the share of them, one curve a network."""
    colours = palette(dark)
    figure = make_subplots(
        rows=2,
        cols=3,
        vertical_spacing=0.17,
        horizontal_spacing=0.065,
        subplot_titles=[panel.title for panel in PANELS],
    )
    for at, panel in enumerate(PANELS):
        row, column = 1 + at // 3, 1 + at % 3
        drawn: list[float] = []
        for one in networks:
            values = getattr(one.profile, panel.column)
            kept = _kept(one.profile.layers, values)
            deepest = max(one.profile.layers[-1], 1)
            layers = [one.profile.layers[place] for place in kept]
            sizes = [values[place] for place in kept]
            drawn += [size for size in sizes if size]
            figure.add_scatter(
                x=[layer / deepest for layer in layers] if share else layers,
                y=sizes,
                name=one.name,
                mode="lines",
                line=_line(one.number, colours, "hv" if panel.column in ("channels", "sizes") else "linear"),
                hovertext=[_point(one, panel, place) for place in kept],
                hovertemplate="%{hovertext}<extra></extra>",
                row=row,
                col=column,
            )
        if panel.logarithmic:
            _powers(figure, row, column, drawn)
        else:
            _from_nothing(figure, row, column, max(drawn, default=0), panel.unit)
    dress(figure, colours, height=400)
    figure.update_layout(showlegend=False, hovermode="closest", margin={"l": 50, "r": 12, "t": 26, "b": 34})
    for title in figure.layout.annotations:
        title.update(font={"size": 12, "color": colours.text})
    _left_titles(figure)
    figure.update_xaxes(
        rangemode="tozero", nticks=6, tickfont={"family": MONOSPACE, "size": 11}, title_font={"size": 11},
        title_standoff=4, tickformat=".0%" if share else ",d",
    )  # fmt: skip
    figure.update_xaxes(title_text="share of the depth" if share else "layers with weights", row=2)
    return figure


def _kept(layers: Sequence[int], values: Sequence[float | None]) -> list[int]:
    """Places of a curve that are drawn: where it bends, and of the rest so many that the screen shows no difference."""
    known = [at for at, value in enumerate(values) if value is not None]
    if len(known) <= POINTS:
        return known
    stride = ceil(len(known) / POINTS)
    return sorted({*known[::stride], known[-1]})


def _line(number: int, colours: Palette, shape: str = "linear") -> dict[str, object]:
    """The first network's line is broader, since others often lie upon it."""
    dash = DASHES[number % len(DASHES)]
    return {"color": colour(number, colours), "width": 3 if number == 0 else 2, "dash": dash, "shape": shape}


def _point(one: Grown, panel: Panel, place: int) -> str:
    grown = one.profile
    value = getattr(grown, panel.column)[place]
    unit = {
        "params": "parameters",
        "macs": "MACs",
        "saved": "bytes saved",
        "channels": "channels",
        "sizes": "px",
        "fields": "px of field",
    }
    return (
        f"<b>{_plain(one.name)}</b><br>{_plain(grown.names[place])}, layer {grown.layers[place]:,}<br>"
        f"{value:,} {unit[panel.column]}<br>{show(grown.shapes[place])}"
    )


def _plain(text: str) -> str:
    """Text that plotly, which reads a little HTML, shows as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _left_titles(figure: go.Figure) -> None:
    """Titles at the left edge of their panels."""
    for number, title in enumerate(figure.layout.annotations):
        axis = figure.layout[f"xaxis{number + 1 if number else ''}"]
        title.update(x=axis.domain[0], xanchor="left")


def _from_nothing(figure: go.Figure, row: int, column: int, most: float, unit: str) -> None:
    """A linear axis from nothing with few ticks in the words of the page."""
    step = 1
    while most / step > 4:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    ticks = list(range(0, int(most) + step, step)) if most else [0]
    texts = ["0" if not tick else _brief(tick, unit) for tick in ticks]
    figure.update_yaxes(tickvals=ticks, ticktext=texts, range=[0, max(most * 1.05, 1)], row=row, col=column)


def _brief(number: int, unit: str = "") -> str:
    """`1.5 M`, `2 GB`."""
    text = short(number)
    digits, _, letter = text.partition(" ")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits} {letter}{unit}".rstrip()


def _powers(figure: go.Figure, row: int, column: int, sizes: Sequence[float]) -> None:
    """A logarithmic axis with ticks at powers of two, thinned where there are many."""
    low, high = (max(1, edge(sizes, default=1)) for edge in (min, max))
    first, last = floor(log10(low) / log10(2)), ceil(log10(high) / log10(2))
    step = max(1, ceil((last - first) / 5))
    ticks = [2**power for power in range(first, last + 1, step)]
    margin = 0.15 * log10(2)
    figure.update_yaxes(
        type="log", tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks],
        range=[first * log10(2) - margin, max(last, first + 1) * log10(2) + margin], row=row, col=column,
    )  # fmt: skip


# Accuracy


@dataclass(frozen=True)
class Mark:
    """A point of the scatter: `number` of a network in the comparison, None of a landmark or another run."""

    name: str
    accuracy: float | None  # in percent; None: nothing is known, and only the cost is shown
    macs: int
    params: int
    note: str  # where the figure stands
    number: int | None = None
    open: bool = False  # of another kind: a newer recipe
    labelled: bool = True


HEIGHT = 350
PANEL = Room(528.0, 1180.0, 293.0)  # one of both, of a chart as wide as style.css lets it be at least, and 2560 px
COSTS = (("MACs an image", "macs"), ("parameters", "params"))
OWN, OTHER = 5.5, 3.5  # pixels: radius of a point


def accuracy(marks: Sequence[Mark], title: str, dark: bool = False) -> go.Figure:
    """Accuracy over MACs and over parameters; what has no accuracy is a line at its cost."""
    colours = palette(dark)
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.06, subplot_titles=[f"{title} over {name}" for name, _ in COSTS]
    )
    dress(figure, colours, height=HEIGHT)
    for number, heading in enumerate(figure.layout.annotations):
        left_edge = figure.layout[f"xaxis{number + 1 if number else ''}"].domain[0]
        heading.update(font={"size": 12, "color": colours.text}, x=left_edge, xanchor="left")
    known = [mark for mark in marks if mark.accuracy is not None]
    reached = [mark.accuracy for mark in known if mark.accuracy is not None] or [0.0, 100.0]
    spread = max(max(reached) - min(reached), 1.0)
    low, high = max(0.0, min(reached) - 0.08 * spread), max(reached) + 0.1 * spread
    for column, (_, cost) in enumerate(COSTS, start=1):
        sizes = [max(1, getattr(mark, cost)) for mark in marks] or [1]
        left, right = log10(min(sizes)) - 0.12, log10(max(sizes)) + 0.22
        for mark in marks:
            if mark.accuracy is None:
                _line_at(figure, column, mark, getattr(mark, cost), (low, high), colours)
        for own in (False, True):  # one's own lie above
            shown = [mark for mark in known if (mark.number is not None) is own]
            paints = [_paint(one, colours) for one in shown]
            figure.add_scatter(
                x=[getattr(one, cost) for one in shown], y=[one.accuracy for one in shown], mode="markers",
                marker={
                    "color": paints, "size": 2 * (OWN if own else OTHER), "line": {"width": 1.5, "color": paints},
                    "symbol": [("circle-open" if one.open else "circle") for one in shown],
                },
                hovertext=[_mark_text(one) for one in shown], hovertemplate="%{hovertext}<extra></extra>",
                row=1, col=column, cliponaxis=False,
            )  # fmt: skip
        spots = named(marks, cost, (left, right), (low, high))
        for at, place in naming.places(spots, PANEL).items():
            _name(figure, column, spots[at], place, marks[at], (left, right), (low, high), colours)
        figure.update_xaxes(type="log", range=[left, right], row=1, col=column)
        _decades(figure, column, left, right)
    figure.update_layout(showlegend=False, hovermode="closest", margin={"l": 42, "r": 14, "t": 28, "b": 26})
    figure.update_xaxes(tickfont={"family": MONOSPACE, "size": 11}, showgrid=True, gridcolor=colours.line)
    figure.update_yaxes(range=[low, high], ticksuffix=" %", nticks=7)
    return figure


def _paint(mark: Mark, colours: Palette) -> str:
    return colours.faint if mark.number is None else colour(mark.number, colours)


def named(marks: Sequence[Mark], cost: str, across: tuple[float, float], up: tuple[float, float]) -> list[Spot]:
    """The points and lines of a panel, with the names that they should have."""
    spots = []
    for mark in marks:
        x = (log10(max(1, getattr(mark, cost))) - across[0]) / (across[1] - across[0])
        name = naming.fitting(mark.name) if mark.labelled else ""
        if mark.accuracy is None:
            spots.append(Spot(name, x, radius=1.0, first=True, line=True))
            continue
        y = (up[1] - mark.accuracy) / (up[1] - up[0]) * PANEL.high
        own = mark.number is not None
        spots.append(Spot(name, x, y, OWN if own else OTHER, first=own))
    return spots


def _name(
    figure: go.Figure,
    column: int,
    spot: Spot,
    place: Place,
    mark: Mark,
    across: tuple[float, float],
    up: tuple[float, float],
    colours: Palette,
) -> None:
    """A name at its place, with the thin line that leads to one further away."""
    paint = colours.muted if mark.number is None else colour(mark.number, colours)

    def at(share: float) -> float:
        return across[0] + share * (across[1] - across[0])

    start, down = (place.down, 0.0) if spot.line else (spot.down, place.down)
    height = up[1] - start / PANEL.high * (up[1] - up[0])
    arrow = {"arrowhead": 0, "arrowwidth": 1, "arrowcolor": paint, "standoff": spot.radius}
    led = {"showarrow": True, "ax": place.aside, "ay": down, **arrow}
    if place.across is not None:
        axes = ("x", "y") if column == 1 else (f"x{column}", f"y{column}")
        led |= {"axref": axes[0], "ayref": axes[1], "ax": at(place.across), "ay": height}
    beside = {"showarrow": False, "xshift": place.aside, "yshift": -down}
    figure.add_annotation(
        x=at(spot.across), y=height,
        text=_plain(spot.name), font={"size": naming.SIZE, "color": paint}, borderpad=0,
        xanchor="center", yanchor="middle", row=1, col=column, **(led if place.leader else beside),
    )  # fmt: skip


def _mark_text(mark: Mark) -> str:
    top = "accuracy not known" if mark.accuracy is None else f"{round(mark.accuracy, 3):g} %"
    lines = (
        f"<b>{_plain(mark.name)}</b>",
        top,
        f"{mark.params:,} parameters",
        f"{mark.macs:,} MACs",
        _plain(mark.note),
    )
    return "<br>".join(line for line in lines if line)


def _line_at(
    figure: go.Figure, column: int, mark: Mark, cost: int, between: tuple[float, float], colours: Palette
) -> None:
    figure.add_scatter(
        x=[max(1, cost)] * 2, y=list(between), mode="lines", name=mark.name,
        line={"color": colour(mark.number or 0, colours), "width": 1.5, "dash": "dot"},
        hovertext=[_mark_text(mark)] * 2, hovertemplate="%{hovertext}<extra></extra>", row=1, col=column,
    )  # fmt: skip


def _decades(figure: go.Figure, column: int, left: float, right: float) -> None:
    """Ticks at 1, 2 and 5 of each power of ten, fewer where the axis is long."""
    digits = (1, 2, 5) if right - left < 2.2 else (1, 3) if right - left < 4 else (1,)
    values = [digit * 10**power for power in range(floor(left), ceil(right) + 1) for digit in digits if power >= 0]
    ticks = [value for value in values if left <= log10(value) <= right]
    figure.update_xaxes(tickvals=ticks, ticktext=[_brief(tick) for tick in ticks], row=1, col=column)


# Pictures


APART = 120  # cards of a folded network that are drawn one by one


def folded(
    report: Report, states: Mapping[int, State], width: float, height: float, colours: Palette | None = None
) -> str:
    """SVG of a whole network in this size, with a mark below each card that is not the same as the other's."""
    return svg(marked_scene(report, states, width, height), colours, dashes=0.6)


def marked_scene(report: Report, states: Mapping[int, State], width: float, height: float) -> Scene:
    """The folded network with marks: a bar below what changed, with a plus or minus where a card came or goes.

    Of more cards than a screen can show apart, neighbours are drawn as one.
    """
    scene = folded_scene(report, width, height - 10.0)
    boxes = [part for part in scene.parts if isinstance(part, Box)]  # a card has one
    marks = [states.get(card.index, "same") for card in report.cards]
    parts: list[Item] = list(scene.parts)
    if len(boxes) > APART:
        together = ceil(len(boxes) / APART)
        groups = [slice(at, at + together) for at in range(0, len(boxes), together)]
        boxes = [_one_box(boxes[group]) for group in groups]
        marks = ["same" if all(mark == "same" for mark in marks[group]) else "changed" for group in groups]
        parts = list(boxes)
    low = height - 5.0
    for state, box in zip(marks, boxes, strict=True):
        if state == "same":
            continue
        middle, reach = box.x + box.width / 2, max(1.0, min(box.width / 2, 9.0))
        if state in ("changed", "replaced"):
            parts.append(Path([(middle - reach, low), (middle + reach, low)], Pen("accent", 3.0)))
            continue
        reach = min(reach, 4.0)
        parts.append(Path([(middle - reach, low), (middle + reach, low)], Pen("accent", 2.0)))
        if state == "added":
            parts.append(Path([(middle, low - reach), (middle, low + reach)], Pen("accent", 2.0)))
    return Scene(width, height, scene.label, parts)


def _one_box(boxes: Sequence[Box]) -> Box:
    """Boxes in a row as one, as high as the highest, in the colour that most of them have."""
    left, right = boxes[0].x, boxes[-1].x + boxes[-1].width
    highest = max(boxes, key=lambda box: box.height)
    fill = Counter(box.fill for box in boxes).most_common(1)[0][0]
    return Box(left, highest.y, right - left, highest.height, 0.5, Pen(fill, 0.6), fill, 0.3)
