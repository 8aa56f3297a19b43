"""What has to be explained in a figure: kinds of shortcuts, and how maps are drawn to scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from explorer.drawing.figure.units import KIND_WORDS, Unit
from explorer.drawing.figure.volumes import FRONT, thickness
from explorer.drawing.picture.canvas import LARGE as MEASURES
from explorer.drawing.picture.layout import DASHES
from explorer.drawing.picture.scene import SMALL, Box, Item, Path, Pen, Text
from explorer.drawing.picture.widths import text_width

SAMPLES = (1, 16, 256, 4096)  # channels
THICKNESS = "thickness: channels, by their logarithm:"
APART = 14.0
SAMPLE = 26.0  # a sample of a line, and what is free behind it
LINE = 13.0

Entry = tuple[float, Callable[[float, float], list[Item]]]  # a width, and the parts at a place


def legend(entries: Sequence[Entry], left: float, top: float, room: float) -> tuple[list[Item], float, float]:
    """The parts of all entries, and how wide and high they are together."""
    parts: list[Item] = []
    x, y, widest = 0.0, 0.0, 0.0
    for width, drawn in entries:
        if x and x + width > room:
            x, y = 0.0, y + LINE
        parts += drawn(left + x, top + y)
        widest = max(widest, x + width)
        x += width + APART
    return parts, widest, y + LINE if entries else 0.0


def shortcuts(units: Sequence[Unit]) -> list[Entry]:
    """The kinds of arcs among these units, each in the colours in which it is drawn."""
    drawn = {kind: [unit.family for unit in units if unit.shortcut == kind] for kind in KIND_WORDS}
    return [shortcut(kind, list(dict.fromkeys(families))) for kind, families in drawn.items() if families]


def scales(octave: float, room: float) -> list[Entry]:
    """How maps are drawn to scale; what thickness means is in one line if there is room."""
    size, thick, samples = words("height × width to scale"), words(THICKNESS), thicknesses(octave)
    one = together(thick, samples)
    return [size, one] if one[0] <= room else [size, thick, samples]


def shortcut(kind: str, families: Sequence[str]) -> Entry:
    """A kind of arc: a line in the colour of each family of blocks that it goes around."""
    said = f"{KIND_WORDS[kind]} shortcut"
    samples = SAMPLE * len(families)

    def drawn(x: float, y: float) -> list[Item]:
        starts = [x + SAMPLE * number for number in range(len(families))]
        lines: list[Item] = [
            Path([(start, y + 6), (start + 20, y + 6)], Pen(family, MEASURES.arc, DASHES[kind]))
            for start, family in zip(starts, families, strict=True)
        ]
        return [*lines, Text(x + samples, y + 9.3, said, "small", "muted", "start")]

    return samples + text_width(said, SMALL), drawn


def words(said: str) -> Entry:
    """A phrase."""
    return text_width(said, SMALL), lambda x, y: [Text(x, y + 9.3, said, "small", "muted", "start")]


def thicknesses(octave: float) -> Entry:
    """How thick maps of some widths are."""

    def drawn(x: float, y: float) -> list[Item]:
        parts: list[Item] = []
        for channels in SAMPLES:
            thick = thickness(channels, octave)
            parts.append(Box(x, y + 1, thick, 10.0, 0.0, Pen("muted", 0.8), "muted", FRONT))
            parts.append(Text(x + thick + 4, y + 9.3, f"{channels:,}", "small", "muted", "start"))
            x += thick + 4 + text_width(f"{channels:,}", SMALL) + 11
        return parts

    samples = sum(thickness(channels, octave) + 15 + text_width(f"{channels:,}", SMALL) for channels in SAMPLES)
    return samples - 11, drawn


def together(one: Entry, other: Entry) -> Entry:
    """Two entries that stay in one line."""
    return one[0] + 9 + other[0], lambda x, y: [*one[1](x, y), *other[1](x + one[0] + 9, y)]
