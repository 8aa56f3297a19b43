"""Feature maps as boxes in space: height × width to scale, channels as thickness on a log scale, along the depth."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import plotly.graph_objects as go

from explorer.drawing.captions import card_name
from explorer.drawing.charts import dress
from explorer.drawing.palette import palette
from explorer.drawing.stages import counted, family
from explorer.report import Report
from explorer.shape import show

GAP = 0.45  # between two boxes, as a share of the mean thickness
LEAST, MOST, EACH = 1.6, 4.6, 0.3  # how long all boxes together are beside the largest map, and for each box more
INPUT = -1
# Corners are numbered by their bits: 1 along x, 2 along y, 4 along z. Two triangles a face.
TRIANGLES = (
    (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3), (0, 4, 5), (0, 5, 1),
    (2, 3, 7), (2, 7, 6), (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Volume:
    """The map behind one card, all copies together, or the input; lengths are in sides of the largest map."""

    card: int  # INPUT for the input
    name: str
    family: str
    shape: tuple[int, ...]
    start: float  # along the depth
    thickness: float
    height: float
    width: float


def thickness(channels: int) -> float:
    """On a log scale: one for a single channel and one more for each doubling."""
    return 1 + log2(max(1, channels))


def volumes(report: Report) -> list[Volume]:
    """The input and the map behind each card, as far as the stack fits together; a vector is a map of 1×1."""
    found = [(INPUT, "input", "plain", tuple(report.input_shape))]
    found += [(card.index, card_name(card), family(card), tuple(card.output_shape)) for card in counted(report)]
    largest = max(max(sides(shape)) for _, _, _, shape in found)
    whole = sum(thickness(shape[0]) for *_, shape in found)
    gap = GAP * whole / len(found)
    unit = min(MOST, LEAST + EACH * len(found)) / (whole + gap * (len(found) - 1))
    made, start = [], 0.0
    for card, name, colour, shape in found:
        high, wide = sides(shape)
        thick = unit * thickness(shape[0])
        made.append(Volume(card, name, colour, shape, start, thick, high / largest, wide / largest))
        start += thick + unit * gap
    return made


def sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a map; a vector's are 1."""
    return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)


def figure(report: Report, dark: bool = False, selected: int | None = None) -> go.Figure:
    """The same boxes for plotly, which turns them by WebGL: one mesh a family, never one a box, and lines round one."""
    colours = palette(dark)
    boxes = volumes(report)
    meshes: dict[str, list[Volume]] = {}
    for box in boxes:
        meshes.setdefault(str(getattr(colours, box.family)), []).append(box)
    made = go.Figure()
    for colour, own in meshes.items():
        corners = [corner for box in own for corner in _corners(box)]
        faces = [tuple(8 * number + corner for corner in face) for number in range(len(own)) for face in TRIANGLES]
        made.add_mesh3d(
            x=[corner[0] for corner in corners],
            y=[corner[1] for corner in corners],
            z=[corner[2] for corner in corners],
            i=[face[0] for face in faces],
            j=[face[1] for face in faces],
            k=[face[2] for face in faces],
            color=colour,
            flatshading=True,
            lighting={"ambient": 0.62, "diffuse": 0.7, "specular": 0.05},
            customdata=[box.card for box in own for _ in range(8)],
            hovertext=[f"<b>{box.name}</b><br>{show(box.shape)}" for box in own for _ in range(8)],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    # Always there, so that a click changes this trace alone: plotly fails where traces come and go under the pointer.
    around = [point for box in boxes if box.card == selected != INPUT for point in _edges(box)]
    made.add_scatter3d(
        x=[point[0] for point in around],
        y=[point[1] for point in around],
        z=[point[2] for point in around],
        mode="lines",
        line={"color": colours.accent, "width": 6},
        hoverinfo="skip",
    )
    dress(made, colours, height=440)
    hidden = {"visible": False, "showspikes": False}
    made.update_layout(
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
        scene={
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "aspectmode": "data",
            "camera": {"eye": {"x": 0.2, "y": -0.55, "z": 0.22}, "projection": {"type": "orthographic"}},
        },
    )
    return made


def _corners(box: Volume) -> list[tuple[float, float, float]]:
    return [
        (
            box.start + box.thickness * (bits & 1),
            box.width * ((bits >> 1 & 1) - 0.5),
            box.height * ((bits >> 2 & 1) - 0.5),
        )
        for bits in range(8)
    ]


def _edges(box: Volume) -> list[tuple[float | None, float | None, float | None]]:
    """The twelve edges as lines with gaps between them."""
    corners = _corners(box)
    lines: list[tuple[float | None, float | None, float | None]] = []
    for start in range(8):
        for bit in (1, 2, 4):
            if not start & bit:
                lines += [corners[start], corners[start | bit], (None, None, None)]
    return lines
