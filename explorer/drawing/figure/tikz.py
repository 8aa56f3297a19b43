r"""A figure as TikZ: a document of its own that pdfLaTeX and LuaLaTeX compile, or a picture to \input into another.

Letters are LaTeX's own, in the sizes of the figure; each text is squeezed into the width that it was laid out with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from explorer.drawing.palette import Palette
from explorer.drawing.picture.scene import SIZES, Box, Circle, Group, Item, Path, Pen, Scene, Text
from explorer.drawing.picture.widths import CHARACTERS

# What has a meaning in LaTeX, and what pdfLaTeX does not read as it is.
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "−": "$-$",
    "′": r"$^{\prime}$",
    "″": r"$^{\prime\prime}$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
PLAIN = frozenset(CHARACTERS) - frozenset(SPECIAL) - frozenset("\xa0\xad")
MISSING = r"{\fboxsep0pt\framebox[0.6em]{\rule{0pt}{0.7em}}}"
LIGATURE = re.compile("([,-])(?=\\1)")  # of two signs that T1 fonts would make one
ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}

HEAD = r"""% {label}
% Compile it alone, or \input what lies between begin and end{{tikzpicture}} with these packages and commands.
\documentclass[tikz,border=0pt]{{standalone}}
\usepackage[T1]{{fontenc}}
\IfFileExists{{lmodern.sty}}{{\usepackage{{lmodern}}}}{{}}
\usepackage{{textcomp}}
\providecommand\figuretext[2]{{% #1: the greatest width, #2: the text
  \sbox0{{#2}}\ifdim\wd0>#1\relax\resizebox{{#1}}{{\height}}{{\usebox0}}\else\usebox0\fi}}
{colours}
\begin{{document}}
\begin{{tikzpicture}}[x={point}bp,y=-{point}bp,line cap=round,line join=round,inner sep=0pt,outer sep=0pt]
\useasboundingbox (0,0) rectangle ({width},{height});
"""
TAIL = r"""\end{tikzpicture}
\end{document}
"""


def tikz(scene: Scene, colours: Palette, ground: bool, point: float) -> str:
    """The text of the file; one pixel of the scene is `point` points."""
    picture = Picture(colours, point)
    if ground:
        picture.outline(Box(0, 0, scene.width, scene.height, 0, Pen(), "background"))
    picture.draw(scene.parts)
    head = HEAD.format(
        label=comment(scene.label),
        colours="\n".join(rf"\definecolor{{{name}}}{{HTML}}{{{value}}}" for value, name in picture.named.items()),
        point=f"{point:.7f}",
        width=fixed(scene.width),
        height=fixed(scene.height),
    )
    return head + "\n".join(picture.lines) + "\n" + TAIL


def fixed(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) >= 0.0005 else "0"


def comment(text: str) -> str:
    """Text behind a %: one line of plain characters, so that nothing in it is read."""
    return "".join(sign if sign in PLAIN else " " for sign in text)


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is; a character that it could not set becomes an empty box."""
    return LIGATURE.sub(r"\1{}", "".join(sign if sign in PLAIN else SPECIAL.get(sign, MISSING) for sign in text))


class Picture:
    """The commands of one picture, and the colours that they name."""

    def __init__(self, colours: Palette, point: float) -> None:
        self.colours, self.point = colours, point
        self.named: dict[str, str] = {}  # of each colour as HTML's six digits
        self.lines: list[str] = []

    def colour(self, name: str, tint: float = 1.0) -> str:
        value = self.colours.tinted(name, tint)[1:].upper()
        return self.named.setdefault(value, f"figure{len(self.named) + 1}")

    def draw(self, parts: Sequence[Item]) -> None:
        for part in parts:
            match part:
                case Group():
                    if "stands" in part.data:
                        self.lines.append(f"% {comment(part.title.splitlines()[0] if part.title else 'input')}")
                    self.draw(part.parts)
                case Text():
                    self.text(part)
                case _:
                    self.outline(part)

    def outline(self, part: Box | Circle | Path) -> None:
        """A shape filled, drawn, or both."""
        tint = 1.0 if isinstance(part, Circle) else part.tint
        styles = list(self.pen(part.pen))
        if part.fill:
            styles.append(f"fill={self.colour(part.fill, tint)}")
        if not styles:
            return
        match part:
            case Box():
                if part.radius:
                    styles.append(f"rounded corners={fixed(part.radius * self.point)}bp")
                path = f"({place(part.x, part.y)}) rectangle ({place(part.x + part.width, part.y + part.height)})"
            case Circle():
                path = f"({place(part.x, part.y)}) circle [radius={fixed(part.radius)}]"
            case Path():
                path = steps(part.steps)
        self.lines.append(rf"\path[{','.join(styles)}] {path};")

    def pen(self, pen: Pen) -> Iterator[str]:
        if pen.colour:
            thick = pen.width + (0.4 if pen.dash == "dotted" else 0)
            yield f"draw={self.colour(pen.colour)},line width={fixed(thick * self.point)}bp{self.dashes(pen)}"

    def dashes(self, pen: Pen) -> str:
        if pen.dash == "solid":
            return ""
        on, off = (4.5, 3.0) if pen.dash == "dashed" else (0.1, 3.2)
        return f",dash pattern=on {fixed(on * self.point)}bp off {fixed(off * self.point)}bp"

    def text(self, text: Text) -> None:
        size = SIZES[text.role] * self.point
        face = {"shape": r"\ttfamily", "title": r"\sffamily\bfseries"}.get(text.role, r"\sffamily")
        turned = ",rotate=90" if text.turned else ""
        font = rf"\fontsize{{{fixed(size)}bp}}{{{fixed(size * 1.2)}bp}}{face}\selectfont"
        width = f"{fixed(text.width * self.point)}bp"
        look = f"anchor={ANCHORS[text.anchor]},text={self.colour(text.colour)}{turned}"
        words = rf"{font}\figuretext{{{width}}}{{{escaped(text.text)}}}"
        self.lines.append(rf"\node[{look}] at ({place(text.x, text.y)}) {{{words}}};")


def place(x: float, y: float) -> str:
    return f"{fixed(x)},{fixed(y)}"


def steps(path: Sequence[tuple[float, ...]]) -> str:
    """Lines and curves as TikZ writes them."""
    written = f"({place(*path[0])})"
    for step in path[1:]:
        if len(step) == 2:
            written += f" -- ({place(*step)})"
        else:
            x1, y1, x2, y2, x, y = step
            written += f" .. controls ({place(x1, y1)}) and ({place(x2, y2)}) .. ({place(x, y)})"
    closed = len(path) > 2 and path[0] == path[-1][-2:]
    return f"{written} -- cycle" if closed else written
