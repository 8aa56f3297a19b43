"""Maps, filters and classes as they stand on the page."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.probe.maps import GAP, VIRIDIS, Filters, Maps, coloured, grid, on_one_scale, png
from explorer.shape import show

STYLE = f"""<style>
.st-key-on-picture [data-testid="stVerticalBlock"] {{ gap: 8px; }}
.st-key-on-picture-samples {{ gap: 4px !important; flex-wrap: wrap; }}
.st-key-on-picture-samples > * {{ width: auto !important; flex: none !important; }}
.st-key-on-picture-samples button {{ width: 34px; height: 34px; min-height: 34px; padding: 0; font-size: 0; }}
.st-key-on-picture-samples button {{ background-size: cover; border: 1px solid var(--xp-line2); }}
.st-key-on-picture-samples button p {{ font-size: 0 !important; }}
.st-key-on-picture label p {{ font-size: 12px !important; color: var(--xp-muted); }}
.st-key-on-picture [data-testid="stFileUploaderDropzone"] {{ padding: 10px; border: 1px dashed var(--xp-line2); }}
.st-key-on-picture-number [data-testid="stNumberInput"] {{ display: flex; align-items: center; gap: 10px; }}
.st-key-on-picture-number [data-testid="stWidgetLabel"] {{ margin: 0; flex: none; min-height: 0; }}
.xo-words {{ margin: 0; font-size: 12px; line-height: 1.45; color: var(--xp-muted); overflow-wrap: anywhere; }}
.xo-words b {{ color: var(--xp-text); font-weight: 600; }}
.xo-random {{ margin: 0; padding: 6px 9px; border: 1px solid var(--xp-line2); border-radius: 7px; font-size: 12px; }}
.xo-random {{ line-height: 1.4; color: var(--xp-text); background: var(--xp-raised); }}
.xo-answer {{ display: flex; flex-wrap: wrap; gap: 8px 10px; align-items: flex-start; }}
.xo-seen {{ display: block; width: 100px; max-height: 150px; object-fit: contain; flex: none; }}
.xo-seen {{ border: 1px solid var(--xp-line2); border-radius: 4px; image-rendering: pixelated; }}
.xo-seen.xo-smooth {{ image-rendering: auto; }}
.xo-classes {{ flex: 1 1 112px; min-width: 0; }}
.xo-top {{ display: grid; grid-template-columns: minmax(min-content, auto) minmax(16px, 1fr) auto; gap: 3px 6px; }}
.xo-top {{ align-items: center; font-size: 12px; margin-top: 5px; }}
.xo-top .num {{ font-size: 11px; }}
.xo-top i {{ height: 8px; border-radius: 2px; background: var(--xp-line); overflow: hidden; display: block; }}
.xo-top i u {{ display: block; height: 100%; background: var(--xp-head); min-width: 1px; }}
.xo-top > span:nth-child(3n+1) {{ overflow-wrap: anywhere; line-height: 1.2; }}
.xo-maps {{ display: flex; flex-wrap: wrap; gap: 12px 14px; align-items: flex-start; }}
.xo-maps figure {{ margin: 0; min-width: 0; }}
.xo-maps figcaption {{ font-size: 12px; color: var(--xp-muted); line-height: 1.4; margin-bottom: 5px; }}
.xo-maps figcaption b {{ color: var(--xp-text); font-weight: 620; font-size: 13px; margin-right: 6px; }}
.xo-maps .xo-roll {{ overflow-x: auto; max-width: 100%; }}
.xo-maps img {{ display: block; image-rendering: pixelated; max-width: none; }}
.xo-scale {{ display: flex; align-items: center; gap: 7px; margin-top: 6px; font-size: 11px; color: var(--xp-muted); }}
.xo-scale i {{ width: 92px; height: 7px; border-radius: 2px; }}
.xo-scale i {{ background: linear-gradient(90deg, {", ".join(VIRIDIS)}); }}
</style>"""
TILE = 72  # pixels that a map takes at most
PICTURE = 400  # and the picture itself
WIDE = 928  # and a grid of them
SMALL = 290  # and one of three grids side by side
NARROW = 230  # and one of four


@dataclass(frozen=True)
class Panel:
    """A grid of maps with its heading."""

    title: str
    maps: Maps
    note: str = ""


def style() -> None:
    st.html(STYLE)


def address(file: bytes) -> str:
    """A PNG file as an image's address."""
    return f"data:image/png;base64,{b64encode(file).decode()}"


def panels(shown: Sequence[Panel], own_scale: bool, width: int) -> None:
    """Grids side by side, each in this width, on one scale together or each map on its own."""
    low, high = min(one.maps.low for one in shown), max(one.maps.high for one in shown)
    parts = "".join(_panel(one, own_scale, low, high, width) for one in shown)
    st.html(f"<div class='xo-maps'>{parts}</div>")


def _panel(one: Panel, own_scale: bool, low: float, high: float, width: int) -> str:
    kept = one.maps
    count, across, tile = _layout(len(kept.pixels), kept.pixels.shape[1:], width)
    pixels = (kept.pixels if own_scale else on_one_scale(kept, low, high))[:count]
    made = grid(pixels, across, tile)
    total = kept.shape[0]
    which = (
        "1 channel"
        if total == 1
        else f"{count:,} of {total:,} channels"
        if count < total
        else f"all {total:,} channels"
    )
    words = [which, *([] if kept.kept_whole else ["averaged down"]), *([one.note] if one.note else [])]
    if not kept.finite:
        words.append("values that are not finite are shown as 0")
    ends = ("least", "greatest of each") if own_scale else (number(low), number(high))
    alt = f"{one.title}: {which}, the strongest first, values from {number(kept.low)} to {number(kept.high)}"
    return (
        f"<figure style='max-width: {width}px'><figcaption><b>{html.escape(one.title)}</b>"
        f"<span class='num'>{show(kept.shape)}</span><br>{html.escape('; '.join(words))}</figcaption>"
        f"<div class='xo-roll'><img src='{address(coloured(made))}' width='{made.shape[1]}' height='{made.shape[0]}' "
        f"alt='{html.escape(alt, quote=True)}'></div>"
        f"{_scale(*ends)}</figure>"
    )


def _layout(count: int, size: tuple[int, ...], width: int) -> tuple[int, int, int]:
    """How many maps are shown in this width, how many stand in a row, and how wide each may be.

    Where several grids share the page each is a square; the one grid of a block's output fills the width.
    """
    height, breadth = size
    fits = max(1, (width + GAP) // (breadth + GAP))
    if width > SMALL:
        large = max(1, TILE // max(height, breadth)) * breadth
        return count, max(1, min(count, 16, (width + GAP) // (large + GAP))), TILE
    across = min(fits, ceil(sqrt(count)))
    for fewer in range(across - 1, 2, -1):  # fewer where they are then much larger: maps grow by whole numbers alone
        if _used(size, fewer, width) > 1.25 * _used(size, across, width):
            across = fewer
    return min(count, across**2), across, min(TILE, (width + GAP) // across - GAP)


def _used(size: tuple[int, ...], across: int, width: int) -> int:
    """Pixels of the width that so many maps side by side fill."""
    tile = min(TILE, (width + GAP) // across - GAP)
    return across * size[1] * max(1, tile // max(size))


def _scale(low: str, high: str, colours: str = "") -> str:
    """The colours of a grid and what their ends stand for."""
    style = f" style='background: linear-gradient(90deg, {colours})'" if colours else ""
    return f"<div class='xo-scale'><span class='num'>{low}</span><i{style}></i><span class='num'>{high}</span></div>"


def number(value: float) -> str:
    """Three significant digits with a true minus."""
    return f"{value:.3g}".replace("-", "−")


def filters(shown: Filters) -> None:
    """The filters of the first layer."""
    count, inner, height, width = shown.shape
    pixels, factor = shown.pixels, max(1, 48 // max(height, width))
    if pixels.ndim == 4:
        made = _colour_grid(pixels, 16, factor)
        file, words = png(made), "; red, green and blue of each as such, grey for 0"
    else:
        made = grid(pixels, min(16, len(pixels)), factor * max(height, width))
        file, words = coloured(made), "" if inner == 1 else f"; each the mean over its {inner:,} channels"
    which = f"{len(pixels):,} of {count:,} filters" if len(pixels) < count else f"all {count:,} filters"
    colours = "" if pixels.ndim == 3 else "#000, #808080, #fff"
    st.html(
        f"<div class='xo-maps'><figure><figcaption><b>Filters of the first layer</b>"
        f"<span class='num'>{show(shown.shape[1:])}</span><br>{which}{words}</figcaption>"
        f"<div class='xo-roll'><img src='{address(file)}' width='{made.shape[1]}' height='{made.shape[0]}' "
        f"alt='Filters of the first layer: {which} of {height}×{width}'></div>"
        f"{_scale(number(-shown.greatest), number(shown.greatest), colours)}</figure></div>"
    )


def _colour_grid(pixels: NDArray[np.uint8], across: int, factor: int) -> NDArray[np.uint8]:
    """Filters (N, h, w, 3) as one picture, transparent between them."""
    count, height, width, _ = pixels.shape
    height, width = height * factor, width * factor
    rows, across = -(-count // across), min(across, count)
    picture = np.zeros((rows * (height + GAP) - GAP, across * (width + GAP) - GAP, 4), np.uint8)
    for number, one in enumerate(pixels):
        top, left = number // across * (height + GAP), number % across * (width + GAP)
        picture[top : top + height, left : left + width, :3] = one.repeat(factor, 0).repeat(factor, 1)
        picture[top : top + height, left : left + width, 3] = 255
    return picture


def answer(pixels: NDArray[np.uint8], title: str, classes: str) -> None:
    """The picture as the network sees it, and beside it what it is taken for."""
    step = -(-max(pixels.shape[:2]) // PICTURE)
    pixels = np.ascontiguousarray(pixels[::step, ::step])
    smooth = " xo-smooth" if min(pixels.shape[:2]) > 100 else ""
    alt = html.escape(f"{title}, as the network sees it", quote=True)
    image = f"<img class='xo-seen{smooth}' src='{address(png(pixels))}' alt='{alt}' width='100'>"
    st.html(f"<div class='xo-answer'>{image}<div class='xo-classes'>{classes}</div></div>")


def top_five(top: Sequence[tuple[int, float]], names: Sequence[str], classes: int) -> str:
    """The likeliest classes as bars."""
    rows = ""
    for index, share in top:
        name = html.escape(names[index] if names else f"class\u00a0{index:,}")
        rows += f"<span>{name}</span><i><u style='width:{share:.2%}'></u></i><span class='num'>{share:.1%}</span>"
    heading = f"<p class='xo-words'><b>Softmax</b>, {len(top)} of {classes:,}</p>"
    return f"{heading}<div class='xo-top'>{rows}</div>"


def words(text: str) -> str:
    """A line of text as HTML."""
    return f"<p class='xo-words'>{html.escape(text)}</p>"


def say(text: str, kind: str = "xo-words") -> None:
    """A line of text."""
    st.html(f"<p class='{kind}'>{html.escape(text)}</p>")
