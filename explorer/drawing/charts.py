"""The look that all charts by plotly share."""

from __future__ import annotations

import plotly.graph_objects as go

from explorer.drawing.palette import FONT, MONOSPACE, Palette


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
