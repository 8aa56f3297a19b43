"""A figure as one page of PDF: vectors, text that can be searched, and subsets of its fonts. Nothing else, no scripts.

PDF 32000-1:2008; objects are numbered as they are written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from fontTools.ttLib import TTFont

from explorer.drawing.figure.fonts import Face, Font, face_of, fonts
from explorer.drawing.palette import Palette
from explorer.drawing.picture.canvas import ROUND
from explorer.drawing.picture.scene import SIZES, Box, Circle, Group, Item, Path, Pen, Scene, Text

DASHES = {"solid": "", "dashed": "4.5 3", "dotted": "0.1 3.2"}
MONOSPACED, SYMBOLIC = 1, 4  # flags of a font


def pdf(scene: Scene, colours: Palette, ground: bool, point: float) -> bytes:
    """The file; one pixel of the scene is `point` points."""
    file = File()
    used = {font.face: Embedded(file, font) for font in fonts(scene.parts)}
    page = Page(colours, used, scene.height)
    if ground:
        page.box(Box(0, 0, scene.width, scene.height, 0, Pen(), "background"))
    page.draw(scene.parts)
    content = f"{fixed(point)} 0 0 {fixed(point)} 0 0 cm 1 J 1 j\n" + "\n".join(page.lines)
    stream = file.stream("", content.encode("ascii"))
    names = " ".join(f"/{font.name} {font.number} 0 R" for font in used.values())
    size = f"{fixed(scene.width * point)} {fixed(scene.height * point)}"
    pages = file.reserve()
    leaf = file.add(
        f"<</Type/Page/Parent {pages} 0 R/MediaBox[0 0 {size}]/Resources<</Font<<{names}>>>>/Contents {stream} 0 R>>"
    )
    file.fill(pages, f"<</Type/Pages/Kids[{leaf} 0 R]/Count 1>>")
    root = file.add(f"<</Type/Catalog/Pages {pages} 0 R>>")
    info = file.add(f"<</Title {text_string(scene.label)}/Producer {text_string('Architecture Explorer')}>>")
    return file.written(root, info)


def fixed(value: float) -> str:
    """A number as PDF has it, with at most four decimals."""
    return f"{value:.4f}".rstrip("0").rstrip(".") if value else "0"


def text_string(text: str) -> str:
    """Any text as a string of PDF: in UTF-16 and hexadecimal, so that nothing in it means anything."""
    return f"<FEFF{text.encode('utf-16-be', 'replace').hex().upper()}>"


class File:
    """Numbered objects and where each begins."""

    def __init__(self) -> None:
        self.objects: list[bytes] = []

    def reserve(self) -> int:
        self.objects.append(b"")
        return len(self.objects)

    def fill(self, number: int, body: str | bytes) -> None:
        self.objects[number - 1] = body.encode("ascii") if isinstance(body, str) else body

    def add(self, body: str | bytes) -> int:
        number = self.reserve()
        self.fill(number, body)
        return number

    def stream(self, entries: str, data: bytes) -> int:
        packed = zlib.compress(data, 9)
        head = f"<<{entries}/Filter/FlateDecode/Length {len(packed)}>>\nstream\n".encode("ascii")
        return self.add(head + packed + b"\nendstream")

    def written(self, root: int, info: int) -> bytes:
        """The whole file with its table of places."""
        made = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
        places = []
        for number, body in enumerate(self.objects, 1):
            places.append(len(made))
            made += f"{number} 0 obj\n".encode("ascii") + body + b"\nendobj\n"
        start = len(made)
        made += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode("ascii")
        made += b"".join(f"{place:010d} 00000 n \n".encode("ascii") for place in places)
        trailer = f"<</Size {len(places) + 1}/Root {root} 0 R/Info {info} 0 R>>"
        made += f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode("ascii")
        return bytes(made)


class Embedded:
    """One font in a file: glyphs by number, how wide each is, and which letters they are."""

    def __init__(self, file: File, font: Font) -> None:
        made: TTFont = font.subset()
        self.name = f"F{['inter-regular', 'inter-semibold', 'jetbrains-mono-regular'].index(font.face)}"
        letters: dict[int, str] = made.getBestCmap()
        self.glyphs = {chr(code): made.getGlyphID(name) for code, name in letters.items()}
        unit = 1000 / made["head"].unitsPerEm
        order = made.getGlyphOrder()
        widths = " ".join(f"{round(made['hmtx'][name][0] * unit)}" for name in order)
        tag = "".join(chr(65 + (len(font.letters) * prime + sum(map(ord, font.letters))) % 26) for prime in range(1, 7))
        title = f"{tag}+{made['name'].getDebugName(6)}"
        head, across = made["head"], made["hhea"]
        box = " ".join(f"{round(side * unit)}" for side in (head.xMin, head.yMin, head.xMax, head.yMax))
        data = font.file()
        program = file.stream(f"/Length1 {len(data)}", data)
        flags = SYMBOLIC + (MONOSPACED if font.family == "JetBrains Mono" else 0)
        descriptor = file.add(
            f"<</Type/FontDescriptor/FontName/{title}/Flags {flags}/FontBBox[{box}]/ItalicAngle 0"
            f"/Ascent {round(across.ascent * unit)}/Descent {round(across.descent * unit)}"
            f"/CapHeight 727/StemV {round(font.weight / 5)}/FontFile2 {program} 0 R>>"
        )
        inner = file.add(
            f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{title}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            f"/Supplement 0>>/FontDescriptor {descriptor} 0 R/W[0[{widths}]]/CIDToGIDMap/Identity>>"
        )
        letters_of = file.stream("", to_unicode(self.glyphs).encode("ascii"))
        self.number = file.add(
            f"<</Type/Font/Subtype/Type0/BaseFont/{title}/Encoding/Identity-H/DescendantFonts[{inner} 0 R]"
            f"/ToUnicode {letters_of} 0 R>>"
        )

    def written(self, letters: str) -> str:
        """Letters as glyph numbers; one that the font lacks is its empty box."""
        return "".join(f"{self.glyphs.get(sign, 0):04X}" for sign in letters)


def to_unicode(glyphs: dict[str, int]) -> str:
    """The table by which a reader copies text; at most a hundred lines a section."""
    pairs = [f"<{glyph:04X}><{sign.encode('utf-16-be').hex().upper()}>" for sign, glyph in glyphs.items()]
    sections = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    lines = "".join(f"{len(part)} beginbfchar\n" + "\n".join(part) + "\nendbfchar\n" for part in sections)
    return (
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)"
        "/Supplement 0>>def/CMapName/Adobe-Identity-UCS def/CMapType 2 def 1 begincodespacerange<0000><FFFF>"
        f"endcodespacerange\n{lines}endcmap CMapName currentdict/CMap defineresource pop end end"
    )


class Page:
    """The drawing of a page, line by line; PDF counts from the bottom."""

    def __init__(self, colours: Palette, used: dict[Face, Embedded], height: float) -> None:
        self.colours, self.used, self.height = colours, used, height
        self.lines: list[str] = []

    def draw(self, parts: Sequence[Item]) -> None:
        for part in parts:
            match part:
                case Group():
                    self.draw(part.parts)
                case Box():
                    self.box(part)
                case Circle():
                    self.circle(part)
                case Path():
                    self.outline(part.steps, part.pen, part.fill, part.tint)
                case Text():
                    self.text(part)

    def box(self, box: Box) -> None:
        self.outline(rounded(box), box.pen, box.fill, box.tint)

    def circle(self, circle: Circle) -> None:
        x, y, r = circle.x, circle.y, circle.radius
        self.outline(rounded(Box(x - r, y - r, 2 * r, 2 * r, r)), circle.pen, circle.fill, 1.0)

    def outline(self, steps: Sequence[tuple[float, ...]], pen: Pen, fill: str, tint: float) -> None:
        """A path filled, drawn, or both."""
        if not (pen.colour or fill):
            return
        if fill:
            self.lines.append(f"{self.paint(self.colours.tinted(fill, tint))} rg")
        if pen.colour:
            thick = pen.width + (0.4 if pen.dash == "dotted" else 0)
            colour = self.paint(getattr(self.colours, pen.colour))
            self.lines.append(f"{colour} RG {fixed(thick)} w [{DASHES[pen.dash]}] 0 d")
        closed = len(steps) > 2 and steps[0] == steps[-1][-2:]
        drawn = " ".join(f"{' '.join(self.place(step))} {'mlc'[self.kind(at, step)]}" for at, step in enumerate(steps))
        self.lines.append(f"{drawn}{' h' if closed else ''} {'B' if fill and pen.colour else 'f' if fill else 'S'}")

    @staticmethod
    def kind(at: int, step: tuple[float, ...]) -> int:
        """0 begins, 1 is a line, 2 a curve."""
        return 0 if at == 0 else 1 if len(step) == 2 else 2

    def place(self, step: tuple[float, ...]) -> Iterator[str]:
        for number, value in enumerate(step):
            yield fixed(self.height - value if number % 2 else value)

    @staticmethod
    def paint(colour: str) -> str:
        return " ".join(fixed(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))

    def text(self, text: Text) -> None:
        font, size = self.used[face_of(text)], SIZES[text.role]
        back = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * text.width
        x, y = text.x, self.height - text.y
        place = f"1 0 0 1 {fixed(x - back)} {fixed(y)}"
        if text.turned:
            place = f"0 1 -1 0 {fixed(x)} {fixed(y - back)}"
        colour = self.paint(getattr(self.colours, text.colour))
        self.lines.append(f"BT {colour} rg /{font.name} {fixed(size)} Tf {place} Tm <{font.written(text.text)}> Tj ET")


def rounded(box: Box) -> list[tuple[float, ...]]:
    """The outline of a box."""
    x, y, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    r = min(box.radius, box.width / 2, box.height / 2)
    if r <= 0:
        return [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)]
    c = r * (1 - ROUND)
    return [
        (x + r, y),
        (right - r, y),
        (right - c, y, right, y + c, right, y + r),
        (right, bottom - r),
        (right, bottom - c, right - c, bottom, right - r, bottom),
        (x + r, bottom),
        (x + c, bottom, x, bottom - c, x, bottom - r),
        (x, y + r),
        (x, y + c, x + c, y, x + r, y),
    ]
