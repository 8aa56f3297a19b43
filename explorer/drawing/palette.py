"""The colours of every picture, light and dark; the same values as the page's own style sheet has.

Families after Tol's colour-blind-safe "vibrant" set, moved until any two stay apart for every kind of sight (ΔE of at
least 10, with cones missing too; `tests/test_figure.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from explorer.block import Family

FONT = "Inter, system-ui, sans-serif"
MONOSPACE = "'JetBrains Mono', ui-monospace, monospace"


@dataclass(frozen=True)
class Palette:
    """Colours of one theme."""

    background: str
    surface: str
    line: str
    strong_line: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_soft: str
    error: str
    error_soft: str
    stem: str
    residual: str
    inception: str
    plain: str
    head: str

    def family(self, family: Family) -> str:
        """The colour of a family of blocks."""
        return str(getattr(self, family))

    def tinted(self, name: str, tint: float) -> str:
        """A colour of the palette as it looks where it covers so much of the background."""
        pairs = ((str(getattr(self, each))[at : at + 2] for each in (name, "background")) for at in (1, 3, 5))
        mixed = (round(tint * int(over, 16) + (1 - tint) * int(under, 16)) for over, under in pairs)
        return "#" + "".join(f"{part:02x}" for part in mixed)

    @property
    def residual_run(self) -> str:
        """The colour of a residual network in every chart."""
        return self.residual

    @property
    def plain_run(self) -> str:
        """The colour of a plain twin in every chart."""
        return self.inception


LIGHT = Palette(
    background="#f6f6f3",
    surface="#ffffff",
    line="#e4e3de",
    strong_line="#cfcec8",
    text="#1b1d21",
    muted="#5f646d",
    faint="#6d727b",
    accent="#1f5fd6",
    accent_soft="#e8effc",
    error="#c22f12",
    error_soft="#fdeeea",
    stem="#0077bb",
    residual="#00665c",
    inception="#d9621a",
    plain="#7b7f87",
    head="#c2246b",
)
DARK = Palette(
    background="#0f1115",
    surface="#171a20",
    line="#282d36",
    strong_line="#3a414d",
    text="#e9ebee",
    muted="#9aa3b0",
    faint="#88919e",
    accent="#7aa7ff",
    accent_soft="#1b2740",
    error="#ff7a5c",
    error_soft="#331a15",
    stem="#45aae6",
    residual="#33e0cc",
    inception="#f39150",
    plain="#9aa0aa",
    head="#c95a8a",
)


def palette(dark: bool = False) -> Palette:
    """The colours of the dark or the light theme."""
    return DARK if dark else LIGHT


def following(scope: str) -> str:
    """CSS that lets pictures already on the page, in the elements that `scope` selects, follow a change of theme.

    Pictures carry one theme's colours; each is read as what it stands for, by its value, and shown in the theme's own.
    """
    rules = []
    for field in fields(Palette):
        light, dark = getattr(LIGHT, field.name), getattr(DARK, field.name)
        for paint in ("fill", "stroke"):
            selectors = [f'{scope} [{paint}="{colour}"]' for colour in (light, dark)]  # as graphviz writes it
            for colour in (light, dark):  # as plotly does
                red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
                selectors.append(f'{scope} [style*="{paint}: rgb({red}, {green}, {blue})"]')
            rules.append(f"{', '.join(selectors)} {{ {paint}: light-dark({light}, {dark}) !important; }}")
    return "\n".join(rules)
