"""The fonts of figures: which letters are written in which, and only these, to put into a file.

`explorer/drawing/fonts` holds Inter at weights 400 and 600 and JetBrains Mono at 400 (SIL Open Font Licence), each with
the characters whose widths `picture/widths.py` knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from explorer.drawing.picture.scene import Box, Circle, Group, Item, Text
from explorer.drawing.picture.scene import Path as Lines
from explorer.drawing.picture.widths import CHARACTERS, TIMES

FOLDER = Path(__file__).parents[1] / "fonts"
Face = Literal["inter-regular", "inter-semibold", "jetbrains-mono-regular"]


@dataclass(frozen=True, slots=True)
class Font:
    """The letters of one face that a figure needs."""

    face: Face
    letters: str

    @property
    def family(self) -> str:
        return "JetBrains Mono" if self.face == "jetbrains-mono-regular" else "Inter"

    @property
    def weight(self) -> int:
        return 600 if self.face == "inter-semibold" else 400

    def subset(self) -> TTFont:
        """The font with these letters alone."""
        font = TTFont(FOLDER / f"{self.face}.ttf", recalcTimestamp=False)
        options = Options(notdef_outline=True, name_IDs=[1, 2, 4, 6], recalc_timestamp=False)
        subsetter = Subsetter(options)
        subsetter.populate(text=self.letters)
        subsetter.subset(font)
        return font

    def file(self, flavor: Literal["woff"] | None = None) -> bytes:
        """The subset as a file: TrueType, or that packed for a page."""
        font = self.subset()
        font.flavor = flavor
        written = BytesIO()
        font.save(written, reorderTables=None)
        return written.getvalue()


def face_of(text: Text) -> Face:
    if text.role == "shape":
        return "jetbrains-mono-regular"
    return "inter-semibold" if text.role == "title" else "inter-regular"


def shown(text: Text) -> str:
    """The letters that are written: without what has no look or changes the direction of writing, `3x3` as 3×3."""
    letters = "".join(sign if sign.isprintable() else " " if sign.isspace() else "" for sign in text.text).strip()
    return letters if text.role == "shape" else TIMES.sub("×", letters)


def texts(parts: Sequence[Item]) -> Iterator[Text]:
    """All texts of a scene."""
    for part in parts:
        if isinstance(part, Group):
            yield from texts(part.parts)
        elif isinstance(part, Text):
            yield part
        else:
            assert isinstance(part, Box | Circle | Lines)


def lacking(parts: Sequence[Item]) -> str:
    """The letters of a scene that these fonts have no glyph for, each once, in the order of their code points."""
    return "".join(sorted({sign for text in texts(parts) for sign in text.text} - set(CHARACTERS)))


def fonts(parts: Sequence[Item]) -> list[Font]:
    """The fonts that a scene needs."""
    letters: dict[Face, set[str]] = {}
    for text in texts(parts):
        letters.setdefault(face_of(text), set()).update(set(text.text) & set(CHARACTERS))
    return [Font(face, "".join(sorted(found))) for face, found in sorted(letters.items())]
