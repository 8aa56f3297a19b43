"""Curves of training thinned to what a screen can show, and the confusion matrix as a chart for plotly."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.drawing.charts import dress
from explorer.drawing.palette import MONOSPACE, Palette, palette

SMOOTHED = 5  # steps whose mean a point of a curve is; single batches of 64 jump
POINTS = 240  # that a curve is thinned to


def thinned(count: int, most: int = POINTS) -> list[int]:
    """Evenly spread places among so many, counted from the last, which always stays."""
    stride = max(1, -(-count // most))
    return list(range(count - 1, -1, -stride))[::-1]


def width(count: int, most: int = POINTS) -> int:
    """How many steps the last point of a curve of so many is the mean of."""
    return max(SMOOTHED, -(-count // most))


def smooth(steps: Sequence[int], values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Means since the point before, of the last few steps at least, thinned to what a screen can show."""
    kept = thinned(len(values))
    each = width(len(values))
    # each mean from its own values: differences of running sums would lose small losses behind a large one
    means = [sum(values[max(0, at + 1 - each) : at + 1]) / min(at + 1, each) for at in kept]
    return [steps[at] for at in kept], means


def confusion(
    matrix: Sequence[Sequence[int]], classes: Sequence[str], plain: bool = False, dark: bool = False, height: int = 340
) -> go.Figure:
    """Counts of test images: true class down, predicted class across. The diagonal is right."""
    colours = palette(dark)
    names = [*classes, "other"][: len(matrix[0]) if matrix else 0]
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in matrix],
            x=names,
            y=list(classes),
            text=[[str(count) if count else "" for count in row] for row in matrix],
            texttemplate="%{text}",
            textfont={"family": MONOSPACE, "size": 11},
            colorscale=[[0, colours.surface], [1, colours.plain_run if plain else colours.residual_run]],
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate="%{z} images of %{y} read as %{x}<extra></extra>",
        )
    )
    _dress(figure, colours, height)
    longest = max(map(len, names), default=0)
    figure.update_layout(margin={"l": min(160, max(46, 34 + 7 * longest)), "r": 8, "t": 8, "b": 40})
    axis = {
        "type": "category",
        "dtick": 1,
        "showgrid": False,
        "zeroline": False,
        "tickfont": {"family": MONOSPACE, "size": 11},
    }
    figure.update_xaxes(title="read as", title_standoff=6, **axis)
    figure.update_yaxes(title="is", autorange="reversed", **axis)
    return figure


def _dress(figure: go.Figure, colours: Palette, height: int) -> None:
    """The look of all charts, closer to its edges."""
    dress(figure, colours, height)
    figure.update_layout(margin={"l": 34, "r": 12, "t": 20, "b": 20}, showlegend=False, hovermode="closest")
    figure.update_yaxes(gridcolor=colours.line, zeroline=False, nticks=5, tickfont={"family": MONOSPACE, "size": 11})
    figure.update_xaxes(tickfont={"family": MONOSPACE, "size": 11})
    for title in figure.layout.annotations:
        title.update(font={"size": 12, "color": colours.muted})
