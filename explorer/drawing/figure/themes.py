"""The colours of a figure: the page's own on white paper, on a dark slide, and greys that stay apart in print."""

from __future__ import annotations

from dataclasses import replace

from explorer.drawing.palette import DARK, LIGHT, Palette

PAPER = replace(LIGHT, background="#ffffff", faint="#60656e", muted="#4d525a")
SLIDE = replace(DARK, surface=DARK.background)
GREY = Palette(
    background="#ffffff",
    surface="#ffffff",
    line="#e2e2e2",
    strong_line="#c8c8c8",
    text="#161616",
    muted="#4a4a4a",
    faint="#5e5e5e",
    accent="#303030",
    accent_soft="#eeeeee",
    error="#202020",
    error_soft="#e6e6e6",
    stem="#7c7c7c",
    residual="#2e2e2e",
    inception="#545454",
    plain="#8c8c8c",
    head="#101010",
)
THEMES = {"light": PAPER, "dark": SLIDE, "grey": GREY}
