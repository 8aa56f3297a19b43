"""What every block does to the picture, along the depth, as a chart whose points can be pressed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

import plotly.graph_objects as go

from explorer.block import KINDS
from explorer.drawing.charts import dress
from explorer.drawing.palette import palette
from explorer.network import Network
from explorer.probe.run import Line

MANY = 120  # blocks above which points are small
TICKS = 40  # cards that can be numbered side by side
RATIO, STRENGTH = "‖F(x)‖ / ‖shortcut‖", "RMS of the output"
MEASURES: dict[str, Callable[[Line], float | None]] = {
    RATIO: lambda line: line.ratio,
    STRENGTH: lambda line: line.strength,
}


def offered(lines: Sequence[Line]) -> list[str]:
    """The measures that say something: the ratio is of residual blocks alone."""
    return [RATIO, STRENGTH] if any(line.has_shortcut for line in lines) else [STRENGTH]


def along(lines: Sequence[Line], network: Network, what: str, selected: int, dark: bool) -> go.Figure:
    """One of `MEASURES` of every block, in the colour of its family; the selected block is marked."""
    colours = palette(dark)
    values = [MEASURES[what](line) for line in lines]
    shown = [at for at, value in enumerate(values) if value is not None]
    families = [colours.family(KINDS[network.blocks[line.card].kind].family) for line in lines]
    size = 5 if len(lines) > MANY else 8
    figure = go.Figure()
    figure.add_vline(x=selected, line={"color": colours.accent, "width": 1, "dash": "dot"})
    figure.add_scatter(
        x=shown,
        y=[values[at] for at in shown],
        customdata=shown,
        mode="markers",
        marker={
            "size": [size + 4 if at == selected else size for at in shown],
            "color": [families[at] for at in shown],
            "opacity": 1,
            "line": {"width": [2 if at == selected else 0 for at in shown], "color": colours.accent},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertext=[f"<b>{lines[at].path}  {lines[at].title}</b><br>{what}: {values[at]:.3g}" for at in shown],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    dress(figure, colours, height=124)
    figure.update_layout(showlegend=False, hovermode="closest", margin={"l": 48, "r": 8, "t": 8, "b": 4})
    _scale(figure, [value for value in values if value is not None])
    starts: list[int] = []
    for at, line in enumerate(lines):
        first = at == 0 or lines[at - 1].card != line.card
        if first and (not starts or at - starts[-1] >= len(lines) / TICKS):
            starts.append(at)
    figure.update_xaxes(
        range=[-0.6, len(lines) - 0.4],
        tickvals=starts,
        ticktext=[f"{lines[at].card + 1}" for at in starts],
        tickangle=0,
    )
    return figure


def _scale(figure: go.Figure, values: Sequence[float]) -> None:
    """A linear axis from nothing, or a logarithmic one, a tick each power of ten, where the values lie far apart."""
    positive = [value for value in values if value > 0]
    if not positive or max(positive) <= 100 * min(positive):
        figure.update_yaxes(range=[0, 1.15 * max(positive, default=1.0)], nticks=4)
        return
    low, high = floor(log10(min(positive))), ceil(log10(max(positive)))
    powers = list(range(low, high + 1, max(1, ceil((high - low) / 4))))
    figure.update_yaxes(
        type="log",
        range=[log10(min(positive)) - 0.15 * (high - low), log10(max(positive)) + 0.15 * (high - low)],
        tickvals=[10.0**power for power in powers],
        ticktext=[f"{10.0**power:g}" for power in powers],
    )
