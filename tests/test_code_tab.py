"""The Code tab of the Export page by Streamlit's own test harness."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import Network, Shape, blocks, presets
from explorer.export import python_source
from explorer.export.check import Check
from explorer.export.script import training_script
from explorer.ui import session
from explorer.ui.takeaway import code

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
PAGE = str(ROOT / "pages" / "export.py")
DIGITS = presets.load("digits_resnet20")
HOSTILE = '<img src=x onerror=alert(1)> """ **x**\n\u202e'


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """The check without its process, which tests/test_source.py tries; a list of what it was asked for."""
    asked: list[str] = []

    def answer(network: Network, text: str) -> Check:
        assert text == python_source(network)
        asked.append(network.name)
        return getattr(request, "param", Check(0.0))

    monkeypatch.setattr(code, "check", answer)
    code._difference.clear()
    return asked


def opened(network: Network) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=60)
    app.query_params["net"] = network.token()
    app.run()
    app.switch_page(PAGE).run()
    assert not app.exception, app.exception
    return app


def written(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def test_a_small_network_is_checked_at_once(_found: list[str]) -> None:
    app = opened(DIGITS)
    assert [one.value for one in app.code] == [python_source(DIGITS).strip()]
    assert 'class="xp-proof same"' in written(app) and "same output, max |Δ| = 0" in written(app)
    assert _found == [DIGITS.name]
    app.run()
    assert _found == [DIGITS.name], "what was found is remembered"


def test_the_training_script_is_the_other_file() -> None:
    app = opened(DIGITS)
    app.segmented_control(key="code-file").set_value("Training script").run()
    assert [one.value for one in app.code] == [training_script(DIGITS).strip()]
    names = [one.proto.label for one in app.get("download_button")]
    assert names[:2] == ["Model", "Training script"]


def test_images_that_are_not_the_digits_lie_beside_the_script() -> None:
    app = opened(DIGITS)
    app.session_state[session.KEY]["recipe"] = {"data": "shapes:size=16,train=100,test=100"}
    app.run()
    assert not app.exception
    [images] = [one for one in app.get("download_button") if one.proto.label == "Its images"]
    assert images.proto.help.startswith("images_shapes_size_16_train_100_test_100.pt")


def test_a_large_network_waits_to_be_asked(_found: list[str]) -> None:
    app = opened(presets.load("resnet50"))
    assert not _found and "xp-proof same" not in written(app)
    app.button(key="code-check").click().run()
    assert _found == ["ResNet-50"] and "xp-proof same" in written(app)


@pytest.mark.parametrize(
    ("_found", "words"),
    [
        (Check(0.25), "different output, max |Δ| = 0.25"),
        (Check(None, "running the file took more than 120 s"), "not checked: running the file took more than 120 s"),
        (Check(None, "<b>no</b>"), "not checked: &lt;b&gt;no&lt;/b&gt;"),
    ],
    indirect=["_found"],
)
def test_a_difference_and_a_failure_are_said(_found: list[str], words: str) -> None:
    app = opened(DIGITS)
    assert words in written(app) and "xp-proof same" not in written(app)
    if "not checked" in words:
        app.run()
        assert len(_found) == 2, "what failed is tried again"


def test_what_has_no_file_says_so() -> None:
    assert "The stack is empty" in opened(Network()).info[0].value
    broken = Network(input=Shape(3, 8, 8), blocks=(blocks.Basic(channels=8, shortcut="identity"),))
    assert "does not fit together at block 1" in opened(broken).info[0].value
    app = opened(Network(input=Shape(3, 8, 8), blocks=(blocks.Conv(channels=8),)))
    assert len(app.code) == 1
    app.segmented_control(key="code-file").set_value("Training script").run()
    assert not app.code and "ends in a map" in app.info[0].value


def test_a_hostile_name_stays_a_name() -> None:
    app = opened(DIGITS.model_copy(update={"name": HOSTILE}))
    assert "<img src=x" not in written(app)
    text = app.code[0].value
    said = ast.get_docstring(ast.parse(text)) or ""
    assert compile(text, "file", "exec") and said.startswith('<img src=x onerror=alert(1)> """ **x**, in a file that')
