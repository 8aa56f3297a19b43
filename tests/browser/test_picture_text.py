"""The widths that pictures are laid out by are those of the fonts in a browser."""

from html import escape
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from explorer import Shape, analyze, presets
from explorer.block import KINDS
from explorer.drawing.picture import inside_scene, network_scene
from explorer.drawing.picture.scene import Text
from explorer.drawing.picture.svg import svg
from tests.scenes import parts

FONTS = Path(__file__).parents[2] / "explorer" / "ui" / "static"


@pytest.mark.parametrize("features", ["normal", '"cv11", "ss03"'])
def test_text_is_as_wide_as_the_layout_believes(chromium: Browser, tmp_path: Path, features: str) -> None:
    scenes = [inside_scene(kind(**fields), shape) for kind in KINDS.values() for fields, shape in kind.examples]
    for name in ("resnet50", "inception_v3", "article"):
        report = analyze(presets.load(name))
        opened = frozenset(str(card.index) for card in report.cards)
        scenes += [
            network_scene(report, frozenset(), frozenset(), False),
            network_scene(report, opened, frozenset(), True),
        ]
    scenes.append(inside_scene(KINDS["conv"](), Shape(3, 4096, 4096)))
    faces = "".join(
        f"@font-face {{ font-family: {family}; src: url({(FONTS / file).as_uri()}); font-weight: 100 900 }}"
        for family, file in (("Inter", "inter.woff2"), ("'JetBrains Mono'", "jetbrains-mono.woff2"))
    )
    style = f"{faces} body {{ font-feature-settings: {escape(features, quote=False)} }}"
    file = tmp_path / "page.html"
    file.write_text(f"<meta charset=utf-8><style>{style}</style>{''.join(map(svg, scenes))}", encoding="utf-8")
    page = chromium.new_page()
    page.goto(file.as_uri())
    page.evaluate("document.fonts.ready")
    measured = page.evaluate(
        "[...document.querySelectorAll('text')].map(t => [t.textContent, t.getComputedTextLength()])"
    )
    page.close()
    texts = [part.item for scene in scenes for part in parts(scene.parts) if isinstance(part.item, Text)]
    assert len(measured) == len(texts) > 500
    apart = {(text.text, text.role): width - text.width for text, (_, width) in zip(texts, measured, strict=True)}
    # Kerning makes text narrower, which harms nothing.
    wrong = {key: difference for key, difference in apart.items() if not -4 < difference < 1}
    assert not wrong
