"""The network as a figure for a paper or a slide: options, the figure as it will be, and its files."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import Any, get_args

import streamlit as st

from explorer.drawing.figure import DoesNotFit, Figure, Kind, Options, figure
from explorer.drawing.figure.pages import too_long
from explorer.report import Report
from explorer.ui import filenames
from explorer.ui.takeaway import obstacle

FIELDS = Options.model_fields
FORMS: dict[Kind, tuple[str, str, str]] = {
    "svg": ("SVG", "image/svg+xml", "For pages, Inkscape and Illustrator; its fonts are inside."),
    "pdf": ("PDF", "application/pdf", "For LaTeX's \\includegraphics and for print; vectors, its fonts are inside."),
    "tex": ("TikZ", "text/x-tex", "A LaTeX document of its own, in LaTeX's own fonts."),
    "png": ("PNG", "image/png", "300 dots an inch."),
}
STYLE = """
.st-key-figure-options { gap: 10px; }
.st-key-figure-options [data-testid="stBaseButton-segmented_control"],
.st-key-figure-options [data-testid="stBaseButton-segmented_controlActive"] { padding-inline: 10px; }
.xp-sheet { border: 1px solid var(--xp-line); border-radius: 11px; padding: 26px; background: #fff; overflow: auto;
  max-height: max(360px, calc(100vh - 235px)); text-align: center; }
.xp-sheet.dark { background: #0f1115; }
.xp-sheet img { max-width: 100%; height: auto; }
.xp-size { color: var(--xp-muted); font-size: 12px; }
"""


def show(report: Report) -> None:
    """Options on the left; beside them the figure, its size and its files."""
    counted = sum(card.status == "ok" for card in report.cards)
    if not counted:
        st.info(obstacle(report) or "There is no block to draw.")
        return
    st.html(f"<style>{STYLE}</style>")
    left, right = st.columns([1, 3.6], gap="medium")
    with left, st.container(key="figure-options"):
        options = ask()
    with right:
        try:
            made = figure(report, options)
        except DoesNotFit as refusal:
            st.info(str(refusal))
            return
        if report.error is not None:
            st.caption(f"The figure is of the first {counted} of {len(report.cards)} blocks, which fit together.")
        for said in (made.boxed, too_long(report, options, made.height_cm)):
            if said:
                st.caption(said)
        preview(made)
        assert report.network is not None
        files(made, filenames.stem(report.network.name))


def ask() -> Options:
    """The options that are chosen."""
    style = choice("style", ("blocks", "volumes"), "blocks")
    levels = get_args(FIELDS["level"].annotation)
    level = choice("level", levels if style == "blocks" else levels[:2], "blocks", of=str(style))
    layout = choice("layout", get_args(FIELDS["layout"].annotation), "folded")
    theme = choice("theme", get_args(FIELDS["theme"].annotation), "light")
    with st.container(horizontal=True, gap="small"):
        width = number("width_cm", 4.0, 100.0, 0.5)
        smallest = number("smallest_pt", 6.0, 24.0, 0.5)
    captions = st.toggle(
        FIELDS["captions"].title or "", value=True, help=FIELDS["captions"].description,
        key="figure-captions", persist_state="session",
    )  # fmt: skip
    return Options(
        style=style, level=level, layout=layout, theme=theme, captions=captions, width_cm=width, smallest_pt=smallest
    )


def choice(name: str, offered: tuple[str, ...], usual: str, of: str = "") -> Any:
    """One of a few words; `of` parts the choices that are offered otherwise."""
    return st.segmented_control(
        FIELDS[name].title or "", offered, default=usual, required=True, format_func=str.capitalize,
        help=FIELDS[name].description, key=f"figure-{name}{of and '-'}{of}", persist_state="session",
    )  # fmt: skip


def number(name: str, least: float, most: float, step: float) -> float:
    """A length with its unit."""
    field = FIELDS[name]
    unit = field.json_schema_extra["unit"] if isinstance(field.json_schema_extra, dict) else ""
    value = st.number_input(
        f"{field.title}, {unit}", least, most, float(field.default), step, format="%g", help=field.description,
        key=f"figure-{name}", persist_state="session",
    )  # fmt: skip
    return float(value if value is not None else field.default)


def preview(made: Figure) -> None:
    """The very SVG that is written, on a sheet."""
    data = b64encode(made.file("svg")).decode()
    dark = " dark" if made.ground else ""
    width = f"{made.width_cm * 1.6:.2f}cm"  # larger than in print, where there is room
    st.html(
        f'<div class="xp-sheet{dark}"><img alt="The figure" style="width:{width}" '
        f'src="data:image/svg+xml;base64,{data}"></div>'
    )


def files(made: Figure, stem: str) -> None:
    """How large the figure is, and a button for each kind of file."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(
            f'<span class="xp-size"><span class="num">{made.width_cm:.1f} × {made.height_cm:.1f} cm</span>, '
            f'smallest type <span class="num">{made.smallest_pt:g} pt</span></span>'
        )
        for kind, (label, mime, words) in FORMS.items():
            too_large = kind == "png" and not made.fits_pixels()
            st.download_button(
                label,
                partial(made.file, kind),  # made when it is asked for
                f"{stem}.{kind}",
                mime,
                icon=":material/download:",
                on_click="ignore",
                disabled=too_large,
                help="More pixels than fit into memory; take SVG or PDF." if too_large else words,
                key=f"figure-{kind}",
            )
