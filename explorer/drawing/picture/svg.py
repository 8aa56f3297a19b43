"""A scene as SVG. Everything that is text is escaped here, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from explorer.drawing.palette import FONT, MONOSPACE, Palette
from explorer.drawing.picture.scene import SIZES, Box, Circle, Group, Item, Path, Pen, Scene, Text

MONO = MONOSPACE.replace("'", "")  # a name of two words needs no quotes
DASHES = {"dashed": "4.5 3", "dotted": "0.1 3.2"}  # dots are round ends of lines without length
VARIABLES = {"background": "bg", "strong_line": "line2", "accent_soft": "accent-soft", "error_soft": "error-soft"}
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(scene: Scene, colours: Palette | None = None, dashes: float = 1.0) -> str:
    """SVG text: colours as the page's variables, or as values where a palette is given for a file."""
    return Writer(colours, dashes).written(scene)


def clean(text: str) -> str:
    """Text for XML: escaped, and what XML cannot hold replaced."""
    return escape(NOT_XML.sub("�", text))


def number(value: float) -> str:
    """A length with at most one decimal: no picture needs more."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


class Writer:
    """Writes one scene; where `opaque`, what is tinted hides what lies behind it, on the palette's background."""

    def __init__(self, colours: Palette | None, dashes: float = 1.0, opaque: bool = False) -> None:
        self.colours = colours
        self.dashes = dashes
        self.opaque = opaque
        self.common = Pen("", 0.0)  # what parts inherit from the group around them

    def written(self, scene: Scene) -> str:
        size = f"{number(scene.width)} {number(scene.height)}"
        width, height = size.split()
        parts = "".join(self.parts(scene.parts))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" width="{width}" height="{height}" '
            f'viewBox="0 0 {size}" role="img" aria-label="{clean(scene.label)}" fill="none" stroke-linecap="round" '
            f'stroke-linejoin="round" font-family="{clean(FONT)}">{parts}</svg>'
        )

    def colour(self, name: str) -> str:
        if not name:
            return "none"
        if self.colours is not None:
            return str(getattr(self.colours, name))
        return f"var(--xp-{VARIABLES.get(name, name)})"

    def parts(self, items: Sequence[Item]) -> Iterator[str]:
        """The parts in order; lines of one kind that follow each other become one path."""
        waiting: list[Path] = []
        for item in items:
            if waiting and not (isinstance(item, Path) and alike(item, waiting[0])):
                yield self.paths(waiting)
                waiting = []
            if isinstance(item, Path):
                waiting.append(item)
            else:
                yield self.part(item)
        if waiting:
            yield self.paths(waiting)

    def part(self, item: Box | Circle | Text | Group) -> str:
        match item:
            case Group():
                return self.group(item)
            case Box():
                place = f'x="{number(item.x)}" y="{number(item.y)}"'
                size = f'width="{number(item.width)}" height="{number(item.height)}" rx="{number(item.radius)}"'
                return f"<rect {place} {size}{self.fill(item.fill, item.tint)}{self.pen(item.pen)}/>"
            case Circle():
                place = f'cx="{number(item.x)}" cy="{number(item.y)}" r="{number(item.radius)}"'
                return f"<circle {place}{self.fill(item.fill)}{self.pen(item.pen)}/>"
            case Text():
                return self.text(item)

    def group(self, group: Group) -> str:
        names = f' class="{clean(" ".join(group.names))}"' if group.names else ""
        data = "".join(f' data-{name}="{clean(value)}"' for name, value in group.data.items())
        title = f"<title>{clean(group.title)}</title>" if group.title else ""
        outer, pen = self.common, self.pen(group.pen)
        self.common = group.pen if group.pen.colour else outer
        inner = "".join(self.parts(group.parts))
        self.common = outer
        return f"<g{names}{data}{pen}>{title}{inner}</g>"

    def text(self, text: Text) -> str:
        x, y = number(text.x), number(text.y)
        anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
        turned = f' transform="rotate(-90 {x} {y})"' if text.turned else ""
        font = f' font-family="{MONO}"' if text.role == "shape" else ""
        weight = ' font-weight="600"' if text.role == "title" else ""
        name = ' class="shape"' if text.role == "shape" else ' class="label"'
        return (
            f'<text{name} x="{x}" y="{y}" font-size="{number(SIZES[text.role])}"{font}{weight}{anchor}{turned}'
            f"{self.fill(text.colour)}>{clean(text.text)}</text>"
        )

    def paths(self, paths: Sequence[Path]) -> str:
        first = paths[0]
        name = f' class="{first.name}"' if first.name else ""
        steps = "".join(drawn(path) for path in paths)
        return f'<path{name} d="{steps}"{self.fill(first.fill, first.tint)}{self.pen(first.pen)}/>'

    def fill(self, name: str, tint: float = 1.0) -> str:
        if not name or tint == 1:
            return f' fill="{self.colour(name)}"' if name else ""
        if self.opaque and self.colours is not None:
            return f' fill="{self.colours.tinted(name, tint)}"'
        return f' fill="{self.colour(name)}" fill-opacity="{tint:g}"'

    def pen(self, pen: Pen) -> str:
        if not pen.colour:
            return ""
        dash = ""
        if pen.dash != "solid":
            lengths = " ".join(number(float(part) * self.dashes) for part in DASHES[pen.dash].split())
            dash = f' stroke-dasharray="{lengths}"'
        thick = pen.width + (0.4 if pen.dash == "dotted" else 0)
        colour = f' stroke="{self.colour(pen.colour)}"' if pen.colour != self.common.colour else ""
        width = f' stroke-width="{number(thick)}"' if thick != self.common.width else ""
        return f"{colour}{width}{dash}"


def alike(path: Path, other: Path) -> bool:
    looks = (path.pen, path.fill, path.tint, path.name)
    return looks == (other.pen, other.fill, other.tint, other.name)


def drawn(path: Path) -> str:
    """The `d` of a path."""
    x, y = path.steps[0]
    text = f"M{number(x)} {number(y)}"
    for step in path.steps[1:]:
        if len(step) == 2:
            text += f"L{number(step[0])} {number(step[1])}"
        else:
            text += "C" + " ".join(number(value) for value in step)
    return text
