"""A figure as SVG in centimetres, with its fonts inside."""

from __future__ import annotations

from base64 import b64encode

from explorer.drawing.figure.fonts import fonts
from explorer.drawing.palette import FONT, Palette
from explorer.drawing.picture.scene import Scene
from explorer.drawing.picture.svg import Writer, clean, number


def svg(scene: Scene, colours: Palette, ground: bool, size_cm: tuple[float, float]) -> str:
    """The text of the file; `ground` fills it with the palette's background."""
    faces = "".join(
        f"@font-face{{font-family:{font.family!r};font-weight:{font.weight};"
        f"src:url(data:font/woff;base64,{b64encode(font.file('woff')).decode()}) format('woff')}}"
        for font in fonts(scene.parts)
    )
    width, height = number(scene.width), number(scene.height)
    fill = f'<rect width="{width}" height="{height}" fill="{colours.background}"/>' if ground else ""
    parts = "".join(Writer(colours, opaque=True).parts(scene.parts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size_cm[0]:.3f}cm" height="{size_cm[1]:.3f}cm" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{clean(scene.label)}" fill="none" '
        f'stroke-linecap="round" stroke-linejoin="round" font-family="{clean(FONT)}">'
        f"<style>{faces}text{{font-kerning:none}}</style>{fill}{parts}</svg>\n"
    )
