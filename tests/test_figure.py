"""Figures: every block once or in a ×N, nothing over anything else, no wider than asked, files that open anywhere."""

import base64
import re
import shutil
import subprocess
import zlib
from collections import Counter
from io import BytesIO
from itertools import combinations, product
from math import dist, log2
from pathlib import Path as File
from typing import Any, Literal
from xml.etree import ElementTree

import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from made import conv
from PIL import Image
from pydantic import ValidationError
from scenes import complaints, named, parts
from stacks import valid_stacks

from explorer import Network, Shape, analyze, analyze_module, blocks, presets
from explorer.__main__ import main
from explorer.drawing.figure import LEAST_PT, DoesNotFit, Figure, Options, figure
from explorer.drawing.figure.compose import PAGE
from explorer.drawing.figure.fonts import FOLDER, texts
from explorer.drawing.figure.pages import too_long
from explorer.drawing.figure.pdf import Page
from explorer.drawing.figure.rows import WIRE, fold
from explorer.drawing.figure.themes import GREY, THEMES
from explorer.drawing.figure.units import KIND_WORDS
from explorer.drawing.figure.volumes import OCTAVES, Solid, VolumeBody
from explorer.drawing.palette import palette
from explorer.drawing.picture.layout import DASHES
from explorer.drawing.picture.scene import Box, Path, Pen, Text
from explorer.drawing.picture.widths import BOLD, CHARACTERS, REGULAR
from explorer.report import Report
from tests.goldens.figures import CASES, NETWORKS, drawn
from tests.goldens.figures import FOLDER as GOLDENS

SVG = "{http://www.w3.org/2000/svg}"
FAMILIES = ("stem", "residual", "inception", "plain", "head")
LEVELS = (
    ("blocks", "stages"),
    ("blocks", "blocks"),
    ("blocks", "operations"),
    ("volumes", "stages"),
    ("volumes", "blocks"),
)
LOOKS = [
    {"style": style, "level": level, "layout": layout}
    for (style, level), layout in product(LEVELS, ("horizontal", "folded"))
]
HOSTILE = [
    r"\input{/etc/passwd}",
    "</text><script>alert(1)</script>",
    "100% $x$ #1 _a_ ^2 ~ & {} ^^5c",
    'a" onload="x',
    "--,,``''<<>>?`!`",
    "日本語 🦆 ﷽",
    "a\u202eevil\u2066 b",
    "\x00\x1f\ufffe \n%nul",
    *(CHARACTERS[at : at + 24] for at in range(0, len(CHARACTERS), 24)),
]


def of(name: str, **options: Any) -> Figure:
    return figure(analyze(presets.load(name)), Options(**options))


def stack(*labels: str, name: str = "") -> Report:
    made = tuple(blocks.Conv(channels=16, label=label[:40]) for label in labels)
    return analyze(Network(name=name, input=Shape(16, 8, 8), blocks=made))


def stands(made: Figure) -> Counter[int]:
    """How many copies of each card are drawn."""
    count: Counter[int] = Counter()
    for group in named(made.scene, "unit"):
        for each in group.data["stands"].split():
            card, copies = each.split("×")
            count[int(card)] += int(copies)
    return count


def check(made: Figure, report: Report) -> None:
    """What holds for every figure of a network."""
    assert stands(made) == {card.index: card.repeat for card in report.cards if card.status == "ok"}
    assert complaints(made.scene) == []
    assert made.width_cm <= made.options.width_cm + 1e-9
    assert made.smallest_pt == pytest.approx(made.options.smallest_pt)


# Every block once or in a ×N, and nothing over anything else


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_is_drawn_whole_without_overlaps_in_every_style_layout_and_level(name: str) -> None:
    report = analyze(presets.load(name))
    for look in LOOKS:
        if look["level"] == "operations" and look["layout"] == "horizontal":
            with pytest.raises(DoesNotFit, match="take the layout folded"):
                figure(report, Options(**look))
        else:
            check(figure(report, Options(**look)), report)


@pytest.mark.parametrize("name", NETWORKS)
def test_without_shapes_there_are_none(name: str) -> None:
    report = analyze(presets.load(name))
    for style, layout in product(("blocks", "volumes"), ("horizontal", "folded")):
        bare = figure(report, Options(style=style, layout=layout, captions=False))
        check(bare, report)
        assert not [text for text in texts(bare.scene.parts) if text.role == "shape"]
        assert [text for text in texts(of(name, style=style, layout=layout).scene.parts) if text.role == "shape"]


@pytest.mark.parametrize("name", [*NETWORKS, "inception_v3"])
def test_known_networks_fit_a_narrow_column(name: str) -> None:
    report = analyze(presets.load(name))
    for style in ("blocks", "volumes"):
        check(figure(report, Options(style=style, layout="folded", width_cm=8.5)), report)


@settings(max_examples=12)
@given(network=valid_stacks())
def test_a_random_stack_is_drawn_whole_without_overlaps(network: Network) -> None:
    report = analyze(network)
    if not network.blocks:
        return
    for look in LOOKS:
        try:
            made = figure(report, Options(**look))
        except DoesNotFit:
            assert look["layout"] == "horizontal"
            continue
        check(made, report)


@pytest.mark.parametrize("case", CASES)
def test_a_figure_is_the_one_that_was_looked_at(case: str) -> None:
    golden = (GOLDENS / f"{case}.tex").read_text(encoding="utf-8")
    assert drawn(case).tikz() == golden, "look at it, then run .venv/bin/python -m tests.goldens.figures"


def test_copies_that_differ_are_noted_or_drawn_apart() -> None:
    said = [text.text for text in texts(of("resnet50").scene.parts)]
    assert said.count("×3") == 2 and "×4" in said and "×6" in said
    assert "first: /2," in said and "projection" in said  # of copies 1 of the later stages
    apart = [group.data["stands"] for group in named(of("resnet50", level="operations", layout="folded").scene, "unit")]
    assert apart == ["0×1", "1×1", "1×2", "2×1", "2×3", "3×1", "3×5", "4×1", "4×2", "5×1"]
    assert "×200" in [text.text for text in texts(of("cifar_resnet1202").scene.parts)]


def test_the_words_inside_a_block_are_its_trace() -> None:
    said = [text.text for text in texts(of("resnext50_32x4d").scene.parts)]
    assert said[said.index("1×1, 128") :][:4] == ["1×1, 128", "3×3, 128", "32 groups", "1×1, 256"]
    branches = [text.text for text in texts(of("googlenet", layout="folded").scene.parts) if "›" in text.text]
    assert branches[:3] == ["1×1, 96 › 3×3, 128", "1×1, 16 › 3×3, 32", "max 3×3 › 1×1, 32"]
    nested = [text.text for text in texts(of("inception_v3", layout="folded").scene.parts) if "|" in text.text]
    assert nested[:1] == ["1×1, 384 › (1×3, 384 | 3×1, 384)"]
    grows = figure(analyze(Network(input=Shape(8, 8, 8), blocks=(blocks.Residual(width=4, merge="concat", repeat=9),))))
    assert "each copy" in " ".join(text.text for text in texts(grows.scene.parts))


@pytest.mark.parametrize("name", ["resnet152", "googlenet", "inception_v3"])
def test_no_number_in_a_list_has_a_comma_of_its_own(name: str) -> None:
    for look in ({"level": "operations"}, {"level": "blocks"}, {"level": "stages"}, {"style": "volumes"}):
        said = [text.text for text in texts(of(name, layout="folded", **look).scene.parts)]
        assert [text for text in said if ", " in text] or look.get("level") != "operations"
        assert not [text for text in said if re.search(r", [^,]*\d,\d{3}|\d,\d{3}[^,]*, ", text)]


def explained(made: Figure) -> dict[str, set[Pen]]:
    """What the legend says of shortcuts, each with the lines before it."""
    found: dict[str, set[Pen]] = {}
    pens: set[Pen] = set()
    for item in made.scene.parts:
        if isinstance(item, Text) and item.text.endswith(" shortcut"):
            found[item.text.removesuffix(" shortcut")] = pens
        pens = pens | {item.pen} if isinstance(item, Path) and not item.name else set()
    return found


def arcs(made: Figure) -> dict[str, set[Pen]]:
    """The pens of the shortcuts that are drawn, each under its kind."""
    drawn = {path.pen for group in named(made.scene, "shortcut") if isinstance(path := group.parts[0], Path)}
    by_kind = {words: {pen for pen in drawn if pen.dash == DASHES[kind]} for kind, words in KIND_WORDS.items()}
    return {words: pens for words, pens in by_kind.items() if pens}


@pytest.mark.parametrize("level", ["blocks", "operations"])
@pytest.mark.parametrize("name", ["resnet18", "cifar_resnet20", "inception_resnet_small", "article"])
def test_the_legend_draws_shortcuts_as_the_figure_does(name: str, level: str) -> None:
    made = of(name, layout="folded", level=level)
    assert explained(made) and explained(made) == arcs(made)


def test_a_shortcut_of_two_families_is_explained_in_both_colours() -> None:
    module = blocks.Inception(branches="1x1:8 | 1x1:8 > 3x3:8", residual=True)
    mixed = Network(input=Shape(16, 8, 8), blocks=(blocks.Basic(channels=16), module))
    made = figure(analyze(mixed), Options(layout="folded"))
    assert {pen.colour for pen in explained(made)["identity"]} == {"residual", "inception"}
    assert explained(made) == arcs(made)
    check(made, analyze(mixed))


@pytest.mark.parametrize("theme", THEMES)
def test_the_legend_has_the_colour_of_shortcuts_in_every_file(theme: Literal["light", "dark", "grey"]) -> None:
    made = of("cifar_resnet20", theme=theme)
    colour = THEMES[theme].residual
    shown = ElementTree.fromstring(made.svg())
    [words] = [at for at, one in enumerate(shown) if one.text == "identity shortcut"]
    assert shown[words - 1].attrib["stroke"] == colour
    lines = made.tikz().splitlines()
    [words] = [at for at, line in enumerate(lines) if "identity shortcut" in line]
    [name] = re.findall(rf"definecolor{{(\w+)}}{{HTML}}{{{colour[1:].upper()}}}", made.tikz())
    assert f"draw={name}," in lines[words - 1]
    streams = re.findall(rb"stream\n(.*?)\nendstream", made.pdf(), re.S)
    [page] = [page for page in map(zlib.decompress, streams) if b" cm 1 J" in page]
    pen, _, words = page.decode("ascii").splitlines()[-3:]
    assert words.startswith("BT") and pen.startswith(f"{Page.paint(colour)} RG")


# Volumes


def test_volumes_are_to_scale_and_thick_by_the_logarithm() -> None:
    report = analyze(presets.load("googlenet"))
    fronts = []
    for group in named(figure(report, Options(style="volumes")).scene, "unit"):
        [front] = [part.item for part in parts([group]) if isinstance(part.item, Box)]
        fronts.append((front.width, front.height))
    shapes = [card.output_shape for card in report.cards]
    scale = fronts[0][1] / shapes[0][1]
    for (thick, high), shape in zip(fronts[:-1], shapes[:-1], strict=True):
        assert high == pytest.approx(scale * shape[1])
        assert thick == pytest.approx(OCTAVES[0] * (1 + log2(shape[0])))
    wide = Solid.of((16, 10, 40), 2.0, 1.0)
    assert (wide.high, wide.deep, wide.thick) == (20.0, 80.0, 5.0)


def test_the_legend_says_how_volumes_are_drawn() -> None:
    said = [text.text for text in texts(of("resnet50", style="volumes").scene.parts)]
    assert "height × width to scale" in said
    assert "thickness: channels, by their logarithm:" in said
    assert said[-4:] == ["1", "16", "256", "4,096"]


def test_an_input_far_larger_than_any_map_is_named_and_others_are_drawn() -> None:
    assert "3×224×224" in [text.text for text in texts(of("resnet50", style="volumes").scene.parts)]
    assert len(named(of("resnet50", style="volumes").scene, "unit")) == 6
    assert len(named(of("cifar_resnet20", style="volumes").scene, "unit")) == 6  # five cards and the input


def test_volumes_hide_what_is_behind_them() -> None:
    made = of("resnet50", style="volumes")
    assert "opacity" not in made.svg()
    faces = [part.item for part in parts(made.scene.parts) if isinstance(part.item, Path) and part.item.tint < 1]
    assert len(faces) == 2 * 6  # top and side of each


# Sizes and refusals


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("style", ["blocks", "volumes"])
@pytest.mark.parametrize("layout", ["horizontal", "folded"])
def test_the_published_networks_fit_a_page_in_type_of_at_least_six_points(name: str, style: str, layout: str) -> None:
    made = of(name, style=style, layout=layout)
    assert made.width_cm <= 17 and made.smallest_pt >= 6
    root = ElementTree.fromstring(made.svg())
    centimetres = float(root.attrib["width"].removesuffix("cm"))
    user = float(root.attrib["viewBox"].split()[2])
    smallest = min(float(text.attrib["font-size"]) for text in root.iter(f"{SVG}text"))
    assert centimetres <= 17 and smallest * centimetres / user / 2.54 * 72 >= 6 - 1e-3


def test_larger_type_takes_more_room_and_a_row_that_is_too_long_is_refused_with_the_way_out() -> None:
    assert of("resnet50", smallest_pt=8, layout="folded").height_cm > of("resnet50", layout="folded").height_cm
    with pytest.raises(DoesNotFit, match=r"needs \d+\.\d cm in type of 9 pt, and there are 12; take the layout folded"):
        of("googlenet", smallest_pt=9, width_cm=12)
    needed = float(re.search(r"needs ([\d.]+) cm", str(refusal(smallest_pt=9, width_cm=12)))[1])  # type: ignore[index]
    assert of("googlenet", smallest_pt=9, width_cm=needed).width_cm <= needed
    with pytest.raises(DoesNotFit):
        of("googlenet", smallest_pt=9, width_cm=needed - 0.2)
    with pytest.raises(DoesNotFit, match="widest block needs"):
        of("inception_v3", layout="folded", level="operations", width_cm=4, smallest_pt=24)


def test_no_figure_is_wider_than_asked_in_any_size() -> None:
    for name, style, width, size in product(NETWORKS, ("blocks", "volumes"), (4, 8.5), (6, 8, 12, 24)):
        report = analyze(presets.load(name))
        for level in ("stages", "blocks"):
            try:
                made = figure(
                    report, Options(style=style, layout="folded", level=level, width_cm=width, smallest_pt=size)
                )
            except DoesNotFit as refused:
                needed = float(re.search(r"needs ([\d.]+) cm", str(refused))[1])  # type: ignore[index]
                assert needed > width
                continue
            assert made.width_cm <= width + 1e-9


LONG = [
    ("inception_v3", {"level": "operations"}, "the level Blocks", {"level": "blocks"}),
    ("googlenet", {"level": "operations", "width_cm": 14}, "a width of 17 cm", {"level": "operations"}),
    ("inception_v3", {"smallest_pt": 12}, "type of 6 pt", {}),
    (
        "inception_v3",
        {"level": "operations", "smallest_pt": 12, "width_cm": 14},
        "the level Blocks with type of 6 pt and a width of 17 cm",
        {},
    ),
]


@pytest.mark.parametrize(("name", "asked", "words", "instead"), LONG, ids=["level", "width", "type", "all"])
def test_what_is_longer_than_a_page_names_a_choice_that_is_not(
    name: str, asked: dict[str, Any], words: str, instead: dict[str, Any]
) -> None:
    report, options = analyze(presets.load(name)), Options(layout="folded", **asked)
    said = too_long(report, options, figure(report, options).height_cm)
    better = of(name, layout="folded", **instead)
    assert f"; {words} makes it {better.height_cm:.1f} cm." in said
    assert better.height_cm <= PAGE and too_long(report, better.options, better.height_cm) == ""


def test_where_no_choice_fits_a_page_the_ways_are_named() -> None:
    report = stack(*(f"a layer with a name of its own, {at}" for at in range(400)))
    options = Options(layout="folded", level="stages", style="volumes", smallest_pt=24, width_cm=40)
    said = too_long(report, options, 100.0)
    assert said.startswith("At 100.0 cm the figure is longer than a page of that width, which holds some 56 cm; ")
    options = options.model_copy(update={"smallest_pt": LEAST_PT})
    assert "a greater width, smaller type or a level that says less" in too_long(report, options, 100.0)


def refusal(**options: Any) -> DoesNotFit:
    with pytest.raises(DoesNotFit) as refused:
        of("googlenet", **options)
    return refused.value


def test_options_have_bounds() -> None:
    for wrong in ({"smallest_pt": 5.9}, {"width_cm": 3}, {"width_cm": 1e9}, {"style": "x"}, {"colour": "red"}):
        with pytest.raises(ValidationError):
            Options(**wrong)
    with pytest.raises(ValidationError, match="volumes show the maps between blocks"):
        Options(style="volumes", level="operations")


def test_of_a_stack_that_does_not_fit_together_the_part_that_does_is_drawn() -> None:
    network = Network(
        input=Shape(16, 8, 8),
        blocks=(blocks.Basic(channels=16), blocks.Basic(channels=32, shortcut="identity"), blocks.Classifier()),
    )
    report = analyze(network, partial=True)
    for style in ("blocks", "volumes"):
        made = figure(report, Options(style=style))
        check(made, report)
        assert stands(made) == {0: 1}
    with pytest.raises(ValueError, match="nothing to draw"):
        figure(analyze(Network()))
    with pytest.raises(ValueError, match="no blocks"):
        figure(analyze_module(conv(), (4, 8, 8)))


def test_a_thousand_blocks_are_drawn_and_a_picture_beyond_memory_is_refused() -> None:
    report = stack(*["Layer"] * 1000)
    made = figure(report, Options(layout="folded", style="volumes"))
    assert sum(stands(made).values()) == 1000
    assert figure(stack(*["Layer"] * 100), Options(layout="folded", style="volumes")).height_cm < 26  # a page
    with pytest.raises(ValueError, match="million pixels, more than 60; take SVG or PDF"):
        made.png(dpi=2400)
    with pytest.raises(DoesNotFit, match="cm high, more than 500"):
        figure(report, Options(layout="folded", width_cm=5, smallest_pt=20))


def test_rows_are_even_and_none_is_too_long() -> None:
    lengths = [50.0, 80, 30, 60, 90, 20, 40, 70, 10]
    rows = fold(lengths, 200)
    assert [number for row in rows for number in row] == list(range(9))
    used = [sum(lengths[number] for number in row) + WIRE * (len(row) - 1) for row in rows]
    assert max(used) <= 200 and max(used) - min(used) < 60
    assert [len(row) for row in fold([300.0, 10, 10], 200)] == [1, 2]  # what is too long stands alone


# Colours


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_edges_stand_out_from_what_they_lie_on(theme: str) -> None:
    colours = THEMES[theme]
    for family in FAMILIES:
        assert contrast(getattr(colours, family), colours.background) >= 3
        assert contrast(colours.text, colours.tinted(family, 0.16)) >= 4.5
    for words in (colours.text, colours.muted):
        assert contrast(words, colours.background) >= 4.5 and contrast(words, colours.surface) >= 4.5
    assert contrast(colours.faint, colours.background) >= 3


def test_a_grey_figure_has_only_greys_and_dark_fills_its_ground() -> None:
    for style in ("blocks", "volumes"):
        made = of("article", style=style, theme="grey")
        used = set(re.findall(r"#[0-9a-f]{6}", made.svg()))
        assert used and all(colour[1:3] == colour[3:5] == colour[5:7] for colour in used)
        dark = of("article", style=style, theme="dark")
        assert f'fill="{THEMES["dark"].background}"/>' in dark.svg().split("</style>")[1][:120]
        assert Image.open(BytesIO(dark.png(50))).convert("RGB").getpixel((1, 1)) == (15, 17, 21)
        assert Image.open(BytesIO(of("article", style=style).png(50))).convert("RGB").getpixel((1, 1)) == (255,) * 3
    assert all(colour[1:3] == colour[3:5] == colour[5:7] for colour in vars(GREY).values())


# As people without red, green or blue cones see a colour, in linear light (Machado, Oliveira and Fernandes 2009).
CONES = {
    "none": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def seen(colour: str, lacks: str) -> tuple[float, float, float]:
    """A colour in CIELAB as it is seen."""
    values = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in values]
    red, green, blue = (
        min(1.0, max(0.0, sum(weight * part for weight, part in zip(row, linear, strict=True)))) for row in CONES[lacks]
    )
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.072175 * blue
    z = (0.0193339 * red + 0.119192 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def apart(one: str, other: str, lacks: str) -> float:
    return dist(seen(one, lacks), seen(other, lacks))


@pytest.mark.parametrize("lacks", CONES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_families_stay_apart_for_the_colour_blind(theme: str, lacks: str) -> None:
    for colours in (THEMES[theme], palette(theme == "dark")):
        families = [getattr(colours, family) for family in FAMILIES]
        assert min(apart(one, other, lacks) for one, other in combinations(families, 2)) >= 10


def test_the_check_of_colours_sees_a_confusion() -> None:
    assert apart("#c0392b", "#6f7a20", "none") > 60
    assert apart("#c0392b", "#6f7a20", "green") < 5


# Files


def test_the_fonts_are_as_wide_as_the_table_says_and_have_its_characters() -> None:
    for face, table in (("inter-regular", REGULAR), ("inter-semibold", BOLD)):
        font = TTFont(FOLDER / f"{face}.ttf")
        letters, unit = font.getBestCmap(), 1000 / font["head"].unitsPerEm
        for sign in CHARACTERS:
            assert abs(font["hmtx"][letters[ord(sign)]][0] * unit - table[sign]) <= 0.51
    mono = TTFont(FOLDER / "jetbrains-mono-regular.ttf")
    assert {mono["hmtx"][mono.getBestCmap()[ord(sign)]][0] for sign in CHARACTERS} == {600}


def test_an_svg_has_its_fonts_inside_and_nothing_from_elsewhere() -> None:
    made = of("resnet50")
    text = made.svg()
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "") and "var(" not in text
    faces = re.findall(r"font-family:'([\w ]+)';font-weight:(\d+);src:url\(data:font/woff;base64,([\w+/=]+)\)", text)
    assert [(family, weight) for family, weight, _ in faces] == [
        ("Inter", "400"),
        ("Inter", "600"),
        ("JetBrains Mono", "400"),
    ]
    for family, weight, data in faces:
        letters = set(map(chr, TTFont(BytesIO(base64.b64decode(data))).getBestCmap()))
        bold, mono = weight == "600", family == "JetBrains Mono"
        used = {
            sign
            for item in texts(made.scene.parts)
            if (item.role == "title", item.role == "shape") == (bold, mono)
            for sign in item.text
        }
        assert letters == used
    assert len(text) < 40_000


def test_a_pdf_has_its_size_its_fonts_and_text_that_can_be_copied() -> None:
    made = of("resnet50")
    data = made.pdf()
    assert data.startswith(b"%PDF-1.5") and data.rstrip().endswith(b"%%EOF")
    document = pypdfium2.PdfDocument(data)
    assert len(document) == 1
    width, height = document[0].get_size()
    assert width == pytest.approx(made.width_cm / 2.54 * 72, abs=0.01)
    assert height == pytest.approx(made.height_cm / 2.54 * 72, abs=0.01)
    copied = document[0].get_textpage().get_text_range()
    for words in ("Bottleneck", "7×7, 64 /2", "1024×14×14", "dense, 1000"):
        assert words in copied
    document.close()
    assert data.count(b"/FontFile2") == 3
    names = re.findall(rb"/BaseFont/([A-Z]{6})\+([\w-]+)/CIDSystemInfo", data)
    assert sorted(name for _, name in names) == [b"Inter-Regular", b"Inter-SemiBold", b"JetBrainsMono-Regular"]
    assert len({tag for tag, _ in names}) == 3
    assert b"/Image" not in data and b"/JavaScript" not in data and b"/URI" not in data


def test_the_places_in_a_pdf_are_where_its_objects_are() -> None:
    data = of("article", style="volumes").pdf()
    start = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    lines = data[start:].split(b"\n")
    assert lines[0] == b"xref"
    count = int(lines[1].split()[1])
    for number in range(1, count):
        place = int(lines[2 + number].split()[0])
        assert data[place:].startswith(b"%d 0 obj" % number)
    for head, body in re.findall(rb"/Length (\d+)>>\nstream\n(.*?)\nendstream", data, re.S):
        assert len(body) == int(head) and zlib.decompress(body)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_png_has_so_many_pixels_as_its_centimetres_ask_for_and_says_so(name: str) -> None:
    made = of(name)
    image = Image.open(BytesIO(made.png()))
    assert abs(image.width - made.width_cm / 2.54 * 300) <= 1
    assert abs(image.height - made.height_cm / 2.54 * 300) <= 1
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert len(image.convert("RGB").getcolors(1 << 24)) > 20


def test_tikz_is_balanced_and_names_each_colour_that_it_uses() -> None:
    text = figure(stack(*HOSTILE, name="\n\\input{x}\n%{"), Options(layout="folded")).tikz()
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    plain = re.sub(r"\\[{}]", "", body)
    assert plain.count("{") == plain.count("}")
    assert set(re.findall(r"[=\[,](figure\d+)", body)) == set(re.findall(r"definecolor\{(figure\d+)\}", body))
    commands = set(re.findall(r"\\([A-Za-z]+)", body.split(r"\begin{document}")[1]))
    assert not commands & {"input", "include", "write", "def", "openin", "catcode", "csname", "immediate"}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX")
@pytest.mark.parametrize("case", ["resnet50", "googlenet-volumes", "hostile"])
def test_tikz_compiles_to_the_same_size(case: str, tmp_path: File) -> None:
    if subprocess.run(["kpsewhich", "standalone.cls"], capture_output=True, check=False).returncode:
        pytest.skip("LaTeX is without the class standalone")
    made = figure(stack(*HOSTILE), Options(layout="folded")) if case == "hostile" else None
    made = made or of(case.split("-")[0], style="volumes" if "volumes" in case else "blocks")
    (tmp_path / "figure.tex").write_text(made.tikz(), encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "figure.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    assert "Missing character" not in log and "undefined" not in log
    with (tmp_path / "figure.pdf").open("rb") as file:
        document = pypdfium2.PdfDocument(file.read())
    width, height = document[0].get_size()
    assert width / 72 * 2.54 == pytest.approx(made.width_cm, abs=0.01)
    assert height / 72 * 2.54 == pytest.approx(made.height_cm, abs=0.01)
    document.close()


# Names


@pytest.mark.parametrize("style", ["blocks", "volumes"])
def test_names_are_text_and_nothing_else(style: str) -> None:
    report = stack(*HOSTILE, name=HOSTILE[1] + HOSTILE[0])
    made = figure(report, Options(style=style, layout="folded"))
    check(made, report)
    text = made.svg()
    root = ElementTree.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "style", "g", "title", "path", "rect", "circle", "text"
    }  # fmt: skip
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on") or "href" in name]
    assert "\u202e" not in "".join(item.text for item in texts(made.scene.parts))
    assert not re.search(r"\\input", made.tikz().split("begin{document}")[1])
    document = pypdfium2.PdfDocument(made.pdf())
    assert len(document) == 1
    document.close()
    assert made.png(50).startswith(b"\x89PNG")


def test_a_volume_is_as_large_as_its_body_says() -> None:
    unit = type("Unit", (), {"family": "stem", "shape": (64, 20, 30)})()
    body = VolumeBody(unit, 2.0, 2.6)  # type: ignore[arg-type]
    assert body.height == pytest.approx(40 + 60 * 0.24) and body.width == pytest.approx(2.6 * 7 + 60 * 0.34)


# The command


@pytest.mark.parametrize(
    ("file", "begins"), [("a.svg", b"<svg"), ("a.pdf", b"%PDF"), ("a.tex", b"%"), ("a.PNG", b"\x89PNG")]
)
def test_the_command_writes_what_the_file_is_called(
    file: str, begins: bytes, tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / file
    assert main(["figure", "resnet50", str(out), "--theme", "dark", "--style", "volumes", "--no-shapes"]) == 0
    assert out.read_bytes().startswith(begins)
    made = of("resnet50", theme="dark", style="volumes", captions=False)
    said = f"{out}: {made.width_cm:.1f} × {made.height_cm:.1f} cm, smallest type 6 pt\n"
    assert capsys.readouterr().out == said


def test_the_command_folds_what_does_not_fit_in_a_row_unless_a_row_was_asked_for(
    tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.svg"
    assert main(["figure", "googlenet", str(out), "--width", "8.5"]) == 0
    assert out.read_text(encoding="utf-8") == of("googlenet", width_cm=8.5, layout="folded").svg()
    assert main(["figure", "googlenet", str(out), "--width", "8.5", "--layout", "horizontal"]) == 1
    assert "take the layout folded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.gif"], "a.gif does not say what to write; end it in .svg, .pdf, .tex or .png"),
        (["a.svg", "--type", "3"], "--type 3.0: Input should be greater than or equal to 6"),
        (["a.svg", "--style", "volumes", "--level", "operations"], "volumes show the maps between blocks"),
        (["missing/a.svg"], "missing/a.svg cannot be written: No such file or directory"),
    ],
)
def test_the_command_says_in_one_sentence_what_cannot_be(
    arguments: list[str],
    sentence: str,
    tmp_path: File,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["figure", "resnet50", *arguments]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(f"explorer: {sentence}") and said.err.count("\n") == 1


def test_letters_that_the_fonts_lack_are_named() -> None:
    assert figure(stack("café", "1×1, 3′"), Options()).boxed == ""
    made = figure(stack("残差 🙂", "残"), Options())
    assert made.boxed == BOXED.format("差, 残, 🙂")
    many = figure(stack("一二三四五六七八九十"), Options()).boxed
    assert " for 一, 七, 三, 九, 二, 五, 八, 六 and 2 more: PDF" in many


BOXED = (
    "The fonts in the file have no glyph for {}: PDF, PNG and TikZ show a box in their place; in SVG the viewer's own "
    "fonts show them."
)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "googlenet", "cifar_resnet20"])
@pytest.mark.parametrize("style", ["blocks", "volumes"])
def test_a_folded_figure_is_as_wide_as_it_was_asked_for(name: str, style: Literal["blocks", "volumes"]) -> None:
    for width in (17.0, 25.0):
        made = figure(analyze(presets.load(name)), Options(layout="folded", style=style, width_cm=width))
        assert made.width_cm == pytest.approx(width)
