"""The tabs Files and Open of the Export page by Streamlit's own test harness."""

import io
import json
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import ModuleType, SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor

from explorer import Network, Shape, blocks, checkpoint, presets
from explorer.export.apart import OnnxFile
from explorer.runs import Manager
from explorer.ui import carried
from explorer.ui.takeaway import files, opening
from explorer.weights import published_names

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
PAGE = str(ROOT / "pages" / "export.py")
DIGITS = presets.load("digits_resnet20")
BROKEN = Network(
    input=Shape(3, 8, 8), blocks=(blocks.Stem(form="cifar"), blocks.Basic(channels=8, shortcut="identity"))
)
FAMILY = Network(
    name="ResNet-18, 7 classes",
    input=Shape(3, 224, 224),
    blocks=(
        blocks.Stem(channels=64),
        *(blocks.Basic(channels=64 * 2**stage, stride=1 + (stage > 0), repeat=2) for stage in range(4)),
        blocks.Classifier(classes=7),
    ),
)
HOSTILE = "<img src=x onerror=alert(1)>.pth"


@pytest.fixture(autouse=True)
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A run store of the test's own, and no file made before."""
    made = Manager(tmp_path / "runs", workers=1)
    monkeypatch.setattr(carried, "manager", lambda: made)
    files._made.clear()
    yield made
    made.close()


def opened(network: Network, tab: str) -> AppTest:
    app = AppTest.from_file(ENTRY, default_timeout=60)
    app.query_params["net"] = network.token()
    app.run()
    app.switch_page(PAGE)
    app.session_state["export-view"] = tab
    app.run()
    assert not app.exception, app.exception
    return app


def on_screen(app: AppTest) -> Network:
    return Network.from_token(app.session_state["explorer"]["history"]["now"]["network"])


def written(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def bring(app: AppTest, name: str, content: bytes) -> AppTest:
    """A file through the browser."""
    kept = app.session_state[opening.STATE]["round"] if opening.STATE in app.session_state else 0
    app.file_uploader(key=f"opening-file-{kept}").set_value((name, content, "application/octet-stream"))
    app.run()
    assert not app.exception, app.exception
    return app


def saved(state: Mapping[str, Tensor]) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def published(network: Network, seed: int = 1) -> dict[str, Tensor]:
    """Weights under torchvision's names."""
    state = network.build(seed=seed).state_dict()
    names = published_names(network, state)
    return {names.of(key): value for key, value in state.items()}


def button(app: AppTest, key: str) -> list:
    return [one for one in app.button if one.key == key]


# Open.


def test_weights_of_torchvision_are_shown_then_opened_and_stay_at_hand() -> None:
    app = bring(opened(DIGITS, "Open"), HOSTILE, saved({"state_dict": published(FAMILY)}))
    text = written(app)
    assert "ResNet-18, 7 classes, with torchvision&#x27;s names" in text
    assert "stages of stride 1, 2, 2, 2, ReLU" in text
    assert "11,180,103" in text and "3×224×224 → 7" in text
    assert "&lt;img" in text and "<img src=x" not in text
    assert on_screen(app) == DIGITS  # shown, not yet opened
    button(app, "opening-open")[0].click().run()
    assert on_screen(app) == FAMILY
    assert app.session_state["explorer"]["history"]["before"] == DIGITS.token()  # one step, which undo takes back
    [weights, _] = carried.at_hand(FAMILY)
    assert weights.title == HOSTILE
    state = carried.load(FAMILY, weights.key)
    assert all(torch.equal(state[key], value) for key, value in FAMILY.build(seed=1).state_dict().items())
    assert not button(app, "opening-open") and "It is on screen" in written(app)
    app.session_state["export-view"] = "Files"
    app.run()
    assert app.selectbox(key="files-weights").options[0] == HOSTILE


def test_weights_of_the_network_on_screen_need_not_be_opened() -> None:
    app = bring(opened(DIGITS, "Open"), "mine.safetensors", checkpoint.write(DIGITS.build(seed=5).state_dict()))
    assert f"Weights of {DIGITS.name}" in written(app)
    assert not button(app, "opening-open")
    assert carried.at_hand(DIGITS)[0].title == "mine.safetensors"


def test_json_is_shown_then_opened() -> None:
    article = presets.load("article")
    app = bring(opened(DIGITS, "Open"), "network.JSON", article.to_json().encode())
    assert "The article&#x27;s network" in written(app)
    button(app, "opening-open")[0].click().run()
    assert on_screen(app) == article


def test_the_file_that_is_shown_is_named_until_something_else_is() -> None:
    taken = "<p class='xp-taken'>Read from <b>{}</b></p>".format
    app = bring(opened(DIGITS, "Open"), "mine.json", presets.load("article").to_json().encode())
    assert taken("mine.json") in written(app)
    button(app, "opening-open")[0].click().run()
    assert taken("mine.json") in written(app)  # also when it is on screen
    bring(app, "weights.safetensors", checkpoint.write(DIGITS.build(seed=5).state_dict()))
    assert taken("weights.safetensors") in written(app) and "mine.json" not in written(app)
    bring(app, "<b>&.json", DIGITS.to_json().encode())
    assert taken("&lt;b&gt;&amp;.json") in written(app)
    bring(app, "half.json", b"{")
    assert "xp-taken'" not in written(app) and "half.json" in written(app)  # the refusal names it
    bring(app, "mine.json", DIGITS.to_json().encode())
    app.text_area(key="opening-text").set_value(DIGITS.token())
    next(one for one in app.button if one.label == "Read").click().run()
    assert "xp-taken'" not in written(app)


@pytest.mark.parametrize("form", ["link", "token", "JSON"])
def test_a_pasted_text_is_shown_then_opened(form: str) -> None:
    article = presets.load("article")
    text = {
        "link": f"http://127.0.0.1:8501/?net={article.token()}",
        "token": article.token(),
        "JSON": article.to_json(),
    }
    app = opened(DIGITS, "Open")
    app.text_area(key="opening-text").set_value(text[form])
    next(one for one in app.button if one.label == "Read").click().run()
    assert on_screen(app) == DIGITS
    button(app, "opening-open")[0].click().run()
    assert on_screen(app) == article


def test_a_broken_stack_can_be_brought_and_is_described() -> None:
    app = opened(DIGITS, "Open")
    app.text_area(key="opening-text").set_value(BROKEN.token())
    next(one for one in app.button if one.label == "Read").click().run()
    assert "Untitled network" in written(app) and "adds 64×8×8 to 8×8×8" in written(app)
    button(app, "opening-open")[0].click().run()
    assert on_screen(app) == BROKEN


REFUSED = [
    ("w.pth", b"hello", "w.pth is neither a checkpoint of torch"),
    ("w.pth", b"", "w.pth is empty"),
    ("w.pt", saved({"epoch": 3}), "w.pt holds no tensors under names"),
    (
        "w.pt",
        saved({"features.0.weight": torch.ones(1)}),
        "w.pt cannot be opened: names such as &#x27;features.0.weight",
    ),
    ("w.safetensors", b"\xff" * 8 + b"{}", "w.safetensors is damaged: its header claims"),
    ("n.json", b"{", "n.json: this is no network: invalid JSON"),
    ("n.json", b"\xff\xfe", "n.json is not UTF-8 text"),
    ("n.json", b"{" + b" " * 2_000_000 + b"}", "n.json has 2,000,002 bytes, more than the 2,000,000 of any network"),
    ("n.json", json.dumps({"blocks": [{"kind": "odd"}]}).encode(), "n.json: this is no network: blocks[0]"),
    (HOSTILE, b"hello", "&lt;img src=x onerror=alert(1)&gt;.pth is neither"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), REFUSED, ids=[sentence[:40] for *_, sentence in REFUSED])
def test_what_cannot_be_opened_costs_a_sentence_and_nothing_else(name: str, content: bytes, sentence: str) -> None:
    app = bring(opened(DIGITS, "Open"), name, content)
    refusal = next(
        one.proto.body for one in app.get("html") if "xp-refusal" in one.proto.body and "<p" in one.proto.body
    )
    assert refusal.startswith(f"<p class='xp-refusal'>{sentence}")
    assert refusal.endswith("What is on screen is unchanged.</p>")
    assert on_screen(app) == DIGITS
    assert [one.key for one in carried.at_hand(DIGITS)] == ["box:digits_resnet20", "random:0"]


def test_a_refusal_takes_the_last_ones_button_along_and_goes_with_the_next() -> None:
    app = bring(opened(DIGITS, "Open"), "network.json", presets.load("article").to_json().encode())
    bring(app, "w.pth", b"hello")
    assert "The article&#x27;s network" not in written(app) and "w.pth is neither" in written(app)
    assert not button(app, "opening-open")
    bring(app, "network.json", presets.load("resnet18").to_json().encode())
    assert "w.pth is neither" not in written(app) and "ResNet-18" in written(app)


def test_weights_that_are_not_finite_are_said() -> None:
    state = {key: value.clone() for key, value in DIGITS.build().state_dict().items()}
    state["0.layers.0.conv.weight"][0, 0, 0, 0] = torch.nan
    app = bring(opened(DIGITS, "Open"), "w.safetensors", checkpoint.write(state))
    assert f"1 of its {len(state)} tensors hold numbers that are not finite." in written(app)


def test_the_session_keeps_plain_json() -> None:
    app = bring(opened(DIGITS, "Open"), "w.pth", saved(published(FAMILY)))
    kept = dict(app.session_state[opening.STATE])
    assert json.loads(json.dumps(kept)) == kept
    assert kept["weights"].startswith("file:") and kept["round"] == 1


def test_weights_by_torchvision_are_offered_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(DIGITS, "Open")
    assert not button(app, "opening-download")
    data = saved(published(presets.load("resnet18")))
    path = tmp_path / f"resnet18-{sha256(data).hexdigest()[:8]}.pth"
    path.write_bytes(data)
    models = ModuleType("torchvision.models")
    models.get_model_weights = lambda name: {"IMAGENET1K_V1": SimpleNamespace(url=(tmp_path / path.name).as_uri())}
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    monkeypatch.setattr(opening, "has_torchvision", lambda: True)
    button(app.run(), "opening-download")[0].click().run()
    assert "ResNet-18, with torchvision&#x27;s names" in written(app)
    assert carried.at_hand(presets.load("resnet18"))[0].title == "ResNet-18 by torchvision"
    path.write_bytes(data[:-1])  # no longer what its name says
    button(app, "opening-download")[0].click().run()
    assert "ResNet-18 by torchvision: invalid hash value" in written(app)


# Files.


def test_link_token_and_json_open_the_same_network() -> None:
    app = opened(DIGITS, "Files")
    link, token = (one.value for one in app.code)
    assert Network.from_token(token) == DIGITS
    assert parse_qs(urlsplit(link).query)["net"] == [token]
    assert files.link_to(DIGITS, "https://example.org/app/export") == f"https://example.org/app/?net={token}"
    assert files.link_to(DIGITS, "http://127.0.0.1:8501/export").startswith("http://127.0.0.1:8501/?net=1")


def test_the_file_of_weights_is_the_state_dict_of_the_chosen_ones() -> None:
    app = opened(DIGITS, "Files")
    choice = app.selectbox(key="files-weights")
    assert choice.options == ["Trained on digits, 98.9% (comes with the app)", "Random weights, seed 0"] or (
        choice.options[0].startswith("Trained on digits, ") and choice.options[1] == "Random weights, seed 0"
    )
    assert not any("random" in one.value for one in app.caption)
    data = files._weights_file(DIGITS.to_json(), choice.value)
    state = checkpoint.read(data)
    expected = carried.load(DIGITS, "box:digits_resnet20")
    assert state.keys() == expected.keys() and all(torch.equal(state[key], expected[key]) for key in state)
    choice.set_value("random:0").run()
    assert any("These weights are random" in one.value for one in app.caption)


def test_onnx_is_made_when_asked_with_its_options_and_says_what_its_check_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple] = []

    def made(network: Network, state: Mapping[str, Tensor], *, softmax: bool, dynamic_batch: bool) -> OnnxFile:
        asked.append((network, len(state), softmax, dynamic_batch))
        return OnnxFile(b"onnx", 2e-6, 1.0, "onnxruntime")

    monkeypatch.setattr(files, "onnx_file", made)
    app = opened(DIGITS, "Files")
    assert not asked
    button(app, "files-onnx-make")[0].click().run()
    assert asked == [(DIGITS, len(DIGITS.build().state_dict()), False, True)]
    assert 'class="xp-proof same"' in written(app)
    assert "same output as torch in onnxruntime, max |Δ| = 2.0e-06" in written(app)
    app.run()
    assert len(asked) == 1  # remembered
    app.toggle(key="files-onnx-softmax").set_value(True).run()
    assert "xp-proof same" not in written(app)  # of other options, so it waits to be asked again
    app.toggle(key="files-onnx-batch").set_value(False).run()
    button(app, "files-onnx-make")[0].click().run()
    assert asked[1:] == [(DIGITS, len(DIGITS.build().state_dict()), True, False)]


def test_a_file_that_cannot_be_made_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> OnnxFile:
        raise ValueError("writing the file needs some 9.0 GiB of memory, and 1.0 GiB are free")

    monkeypatch.setattr(files, "onnx_file", refuses)
    app = opened(DIGITS, "Files")
    button(app, "files-onnx-make")[0].click().run()
    [error] = app.error
    assert error.value == "Writing the file needs some 9.0 GiB of memory, and 1.0 GiB are free."


def test_a_stack_that_does_not_fit_still_leaves_as_json_and_link() -> None:
    app = opened(BROKEN, "Files")
    assert Network.from_token(app.code[1].value) == BROKEN
    weights, onnx = app.info  # each part says why it is empty
    assert weights.value == onnx.value
    assert weights.value.startswith("The stack does not fit together at block 2.")
    assert not app.selectbox and not button(app, "files-onnx-make")


def test_an_empty_stack_says_so_in_both_parts_that_need_weights() -> None:
    app = opened(Network(), "Files")
    assert [one.value[:20] for one in app.info] == ["The stack is empty. "] * 2


def test_weights_beyond_what_a_file_holds_are_refused() -> None:
    large = Network(input=Shape(8192, 8, 8), blocks=(blocks.Conv(channels=8192, kernel=7), blocks.Classifier()))
    weights, onnx = opened(large, "Files").info
    assert weights.value == onnx.value == "The weights need 13.2 GB; files of up to 1.90 GB are made here."


def test_different_output_is_shown_as_such() -> None:
    assert 'class="xp-proof different"' in files.badge(OnnxFile(b"", 0.1, 1.0, "<b>"))
    assert "<b>" not in files.badge(OnnxFile(b"", 0.1, 1.0, "<b>"))
