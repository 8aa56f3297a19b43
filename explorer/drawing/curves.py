"""Charts of training for plotly: loss and accuracy over the steps, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.drawing.charts import dress
from explorer.drawing.palette import MONOSPACE, Palette, palette

SMOOTHED = 5  # steps whose mean a point of a curve is; single batches of 64 jump
POINTS = 500  # that a curve is thinned to


@dataclass(frozen=True)
class Curve:
    """One run: its steps, counted from 1, and what the test images said at some of them."""

    name: str
    plain: bool  # a plain twin, which has its own colour in every chart
    steps: Sequence[int]
    losses: Sequence[float]
    accuracies: Sequence[float]
    tests: Sequence[tuple[int, float]] = ()  # (step, accuracy)


def curves(runs: Sequence[Curve], steps: int, dark: bool = False, height: int = 300) -> go.Figure:
    """Training loss and accuracy of the runs side by side, over `steps` steps, test accuracy as diamonds."""
    colours = palette(dark)
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.09, column_widths=[0.6, 0.4], subplot_titles=("Training loss", "Accuracy")
    )
    for run in runs:
        colour = colours.plain_run if run.plain else colours.residual_run
        for column, values, shown in ((1, run.losses, "%{y:.3f}"), (2, run.accuracies, "%{y:.0%}")):
            places, means = smooth(run.steps, values)
            figure.add_scatter(
                x=places, y=means, name=run.name, mode="lines", line={"color": colour, "width": 2},
                hovertemplate=f"{run.name}, step %{{x}}: {shown}<extra></extra>", row=1, col=column,
            )  # fmt: skip
        figure.add_scatter(
            x=[step for step, _ in run.tests], y=[share for _, share in run.tests], name=f"{run.name}, test",
            mode="markers", marker={"symbol": "diamond", "size": 9, "color": colour},
            hovertemplate=f"{run.name}, test images: %{{y:.1%}}<extra></extra>", row=1, col=2, cliponaxis=False,
        )  # fmt: skip
    _dress(figure, colours, height)
    highest = max((max(run.losses[1:], default=0.0) for run in runs), default=0.0)
    figure.update_xaxes(range=[0, steps], linecolor=colours.strong_line, showgrid=False, zeroline=False)
    figure.update_yaxes(range=[0, max(2.5, min(highest, 4.0)) * 1.04], row=1, col=1)
    figure.update_yaxes(range=[0, 1.04], tickformat=".0%", row=1, col=2)
    return figure


def smooth(steps: Sequence[int], values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Means over the last few steps, thinned to what a screen can show; the last point always stays."""
    stride = max(1, len(values) // POINTS)
    kept = list(range(len(values) - 1, -1, -stride))[::-1]
    # each mean from its own values: differences of running sums would lose small losses behind a large one
    means = [sum(values[max(0, at + 1 - SMOOTHED) : at + 1]) / min(at + 1, SMOOTHED) for at in kept]
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
    figure.update_layout(margin={"l": 46, "r": 8, "t": 8, "b": 40})
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
