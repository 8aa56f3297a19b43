"""The figure on the Export page by Streamlit's own test harness."""

import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import pytest
from streamlit.testing.v1 import AppTest

from explorer import Network, Shape, analyze, blocks, presets
from explorer.drawing.figure import Options, figure

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
PAGE = str(ROOT / "pages" / "export.py")
HOSTILE = "<img src=x onerror=alert(1)> **x** $y$"


def opened(network: Network) -> AppTest:
    """The Export page on a network, with the figure in front."""
    app = AppTest.from_file(ENTRY, default_timeout=60)
    app.query_params["net"] = network.token()
    app.run()
    app.switch_page(PAGE)
    app.session_state["export-view"] = "Figure"
    return ran(app)


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def written(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def shown(app: AppTest) -> list[str]:
    """The pictures in the preview."""
    return [
        b64decode(data).decode() for data in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", written(app))
    ]  # the very files


def choose(app: AppTest, **chosen: object) -> AppTest:
    for name, value in chosen.items():
        app.session_state[f"figure-{name}"] = value
    return ran(app)


def test_the_preview_is_the_file_and_its_size_is_said() -> None:
    network = presets.load("googlenet")
    app = opened(network)
    made = figure(analyze(network), Options(layout="folded"))
    assert shown(app) == [made.svg()]
    assert f"{made.width_cm:.1f} × {made.height_cm:.1f} cm" in written(app)
    assert [one.proto.label for one in app.get("download_button")] == ["SVG", "PDF", "TikZ", "PNG"]
    assert not any(one.proto.disabled for one in app.get("download_button"))


def test_every_option_changes_the_preview() -> None:
    network = presets.load("resnet18")
    report = analyze(network)
    app = opened(network)
    seen = shown(app)
    known: dict[str, object] = {"layout": "folded"}
    for key, value, options in (
        ("theme", "grey", {"theme": "grey"}),
        ("captions", False, {"captions": False}),
        ("width_cm", 8.5, {"width_cm": 8.5}),
        ("layout", "horizontal", {"layout": "horizontal"}),
        ("layout", "folded", {"layout": "folded"}),
        ("smallest_pt", 7.0, {"smallest_pt": 7}),
        ("level-blocks", "operations", {"level": "operations"}),
        ("style", "volumes", {"style": "volumes", "level": "blocks"}),
        ("level-volumes", "stages", {"level": "stages"}),
    ):
        known |= options
        choose(app, **{key: value})
        assert shown(app) == [figure(report, Options(**known)).svg()]
        assert shown(app) != seen
        seen = shown(app)


def test_what_does_not_fit_says_how_much_it_needs() -> None:
    app = choose(opened(presets.load("inception_v3")), layout="horizontal", width_cm=8.5)
    assert not shown(app) and not app.get("download_button")
    assert "take the layout folded" in app.info[0].value


def test_a_figure_longer_than_a_page_says_what_is_shorter() -> None:
    app = opened(presets.load("inception_v3"))
    assert not app.caption
    choose(app, **{"level-blocks": "operations"})
    [said] = [one.value for one in app.caption]
    assert said.startswith("At 48.8 cm the figure is longer than a page of A4") and "the level Blocks" in said
    choose(app, **{"level-blocks": "blocks"})  # as it says
    assert len(shown(app)) == 1 and not app.caption


def test_a_picture_beyond_memory_has_no_png() -> None:
    network = Network(input=Shape(4, 8, 8), blocks=tuple(blocks.Conv(channels=4) for _ in range(200)))
    app = choose(opened(network), width_cm=40.0, smallest_pt=24.0)
    assert [one.proto.disabled for one in app.get("download_button")] == [False, False, False, True]


def test_of_a_stack_that_does_not_fit_together_the_part_that_does_is_drawn() -> None:
    parts = (blocks.Stem(form="cifar", channels=16), blocks.Basic(channels=32, shortcut="identity"))
    app = opened(Network(input=Shape(3, 32, 32), blocks=parts))
    assert any("first 1 of 2 blocks" in one.value for one in app.caption)
    assert len(shown(app)) == 1
    for broken in (Network(), Network(input=Shape(3, 8, 8), blocks=parts[1:])):
        app = opened(broken)
        assert not shown(app) and app.info


def test_names_are_text() -> None:
    layer = blocks.Conv(channels=4, label=HOSTILE)
    app = opened(Network(name=HOSTILE, input=Shape(4, 8, 8), blocks=(layer,)))
    assert "<img src=x" not in written(app)
    [picture] = shown(app)
    words = [text.text for text in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert "onerror=alert(1)>" in " ".join(filter(None, words))


@pytest.mark.parametrize("wrong", [{"width_cm": 1e9}, {"smallest_pt": -1.0}])
def test_numbers_out_of_bounds_are_not_taken(wrong: dict[str, float]) -> None:
    app = choose(opened(presets.load("resnet18")), **wrong)
    assert len(shown(app)) == 1
