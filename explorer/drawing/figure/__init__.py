"""Figures for papers and slides: a network drawn by the one renderer to a width in centimetres.

Its writers make SVG, PDF, TikZ and PNG of one scene. No browser, no LaTeX and no `dot` is needed; text is measured by
the fonts that go into the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from explorer.drawing.figure.compose import PT_CM, DoesNotFit, compose
from explorer.drawing.figure.fonts import lacking, texts
from explorer.drawing.figure.options import LEAST_PT, Options
from explorer.drawing.figure.themes import THEMES
from explorer.drawing.palette import Palette
from explorer.drawing.picture.scene import SIZES, Scene
from explorer.report import Report

__all__ = ["LEAST_PT", "DoesNotFit", "Figure", "Kind", "Options", "figure"]

SHOWN = 8  # letters that a sentence names
Kind = Literal["svg", "pdf", "tex", "png"]


@dataclass(frozen=True)
class Figure:
    """A drawn network, its size, and the writers of its files."""

    scene: Scene
    point: float  # how many points a pixel of the scene is
    options: Options

    @property
    def width_cm(self) -> float:
        return self.scene.width * self.point / PT_CM

    @property
    def height_cm(self) -> float:
        return self.scene.height * self.point / PT_CM

    @property
    def smallest_pt(self) -> float:
        """The size of the smallest type in it."""
        return min(SIZES[text.role] for text in texts(self.scene.parts)) * self.point

    @property
    def colours(self) -> Palette:
        return THEMES[self.options.theme]

    @property
    def ground(self) -> bool:
        """Whether the background is filled: on paper it is the paper's."""
        return self.options.theme == "dark"

    @property
    def boxed(self) -> str:
        """What becomes of letters that the fonts lack, in a sentence; empty where they lack none."""
        signs = lacking(self.scene.parts)
        if not signs:
            return ""
        named = ", ".join(signs[:SHOWN]) + (f" and {len(signs) - SHOWN:,} more" if len(signs) > SHOWN else "")
        return (
            f"The fonts in the file have no glyph for {named}: PDF, PNG and TikZ show a box in their place; in SVG the "
            "viewer's own fonts show them."
        )

    def svg(self) -> str:
        """SVG with its fonts inside."""
        from explorer.drawing.figure.svg import svg

        return svg(self.scene, self.colours, self.ground, (self.width_cm, self.height_cm))

    def pdf(self) -> bytes:
        """One page of PDF in the figure's size, fonts inside."""
        return self._pdf

    @cached_property
    def _pdf(self) -> bytes:
        from explorer.drawing.figure.pdf import pdf

        return pdf(self.scene, self.colours, self.ground, self.point)

    def tikz(self) -> str:
        """A LaTeX document with one TikZ picture."""
        from explorer.drawing.figure.tikz import tikz

        return tikz(self.scene, self.colours, self.ground, self.point)

    def png(self, dpi: float = 300) -> bytes:
        """Pixels. Raises ValueError where `fits_pixels` says that there would be too many."""
        from explorer.drawing.figure.png import MOST, png

        if not self.fits_pixels(dpi):
            millions = f"{self.pixels(dpi) / 1e6:,.0f} million pixels, more than {MOST / 1e6:g}"
            raise ValueError(f"At {dpi:g} dpi this figure has {millions}; take SVG or PDF, or fewer dpi.")
        return png(self.pdf(), dpi)

    def pixels(self, dpi: float) -> float:
        return self.width_cm * self.height_cm * (dpi / 2.54) ** 2

    def fits_pixels(self, dpi: float = 300) -> bool:
        """Whether so many pixels can be held."""
        from explorer.drawing.figure.png import MOST

        return self.pixels(dpi) <= MOST

    def file(self, kind: Kind) -> bytes:
        """The file of that kind, as it is written."""
        match kind:
            case "svg":
                return self.svg().encode()
            case "tex":
                return self.tikz().encode()
            case "pdf":
                return self.pdf()
            case "png":
                return self.png()


def figure(report: Report, options: Options | None = None) -> Figure:
    """The network of a report as a figure; of a stack that does not fit together, the part that does.

    Raises DoesNotFit, with the way out, where the options leave too little room, and ValueError where there is nothing
    to draw.
    """
    options = options or Options()
    scene, point = compose(report, options)
    return Figure(scene, point, options)
