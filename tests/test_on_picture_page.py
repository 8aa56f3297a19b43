"""The view "On a picture" of the Inspect page by Streamlit's own test harness."""

import json
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import Network, Shape, analyze, blocks, presets
from explorer.probe import names, run
from explorer.training import data
from explorer.ui import carried, on_picture
from explorer.ui.on_picture import samples as on_picture_samples
from tests import hostile
from tests.test_inspect_page import BROKEN, HEADLESS, opened, texts

VIEW = "On a picture"
DIGITS = presets.load("digits_resnet20")
NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def seen(app: AppTest) -> np.ndarray:
    """The picture as the network sees it."""
    [found] = re.findall(r"class='xo-seen[^']*' src='data:image/png;base64,([^']+)'", texts(app))
    return np.asarray(Image.open(BytesIO(b64decode(found))))


def headings(app: AppTest) -> list[str]:
    """Titles of the grids with the shape of each."""
    return [f"{a} {b}" for a, b in re.findall(r"<figcaption><b>([^<]+)</b><span class='num'>([^<]+)<", texts(app))]


def upload(app: AppTest, content: bytes, name: str = "mine.png") -> AppTest:
    app.segmented_control(key="on-picture-source").set_value("File").run()
    app.file_uploader(key="on-picture-file").set_value((name, content, "image/png"))
    app.run()
    assert not app.exception, app.exception
    return app


def made(array: np.ndarray, kind: str = "PNG") -> bytes:
    file = BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    "network",
    [DIGITS, presets.load("digits_resnet56").plain(), presets.load("cifar_resnet20"), HEADLESS, BROKEN],
    ids=["1 channel", "plain", "3 channels", "no classifier", "broken"],
)
def test_it_opens_on_every_network_with_a_sample(network: Network) -> None:
    app = opened(network, VIEW)
    height, width = network.input[1:]
    assert seen(app).shape == ((height, width) if network.input.channels == 1 else (height, width, 3))
    said = texts(app)
    assert ("Softmax" in said) == (network.blocks[-1].kind == "classifier" and network is not BROKEN)
    assert len(app.get("plotly_chart")) == 1
    assert headings(app)


def test_an_empty_stack_and_one_that_fits_nowhere_say_so() -> None:
    assert "stack is empty" in opened(Network(), VIEW).info[0].value
    nothing = Network(input=Shape(3, 8, 8), blocks=(blocks.Basic(channels=8, shortcut="identity"),))
    app = opened(nothing, VIEW)
    assert "No block fits together yet" in texts(app)
    assert not app.get("plotly_chart")


def test_trained_weights_read_a_digit_and_say_what_it_is() -> None:
    app = opened(DIGITS, VIEW)
    digits = data.load("digits")
    assert "Trained on digits" in app.selectbox[0].options[0]
    assert "Random weights" not in texts(app)
    right = 0
    for number in (1, 2, 30, 77, 360):
        app.number_input(key="on-picture-number").set_value(number).run()
        assert not app.exception
        label = int(digits.test_labels[number - 1])
        assert f"A {label}: test image {number}" in texts(app)
        assert (seen(app) == digits.test_images[number - 1, 0].numpy()).all()
        first = re.search(r"class='xo-top'><span>(\d)</span>", texts(app))
        right += first is not None and first[1] == str(label)
    assert right >= 4


def test_random_weights_say_so_and_another_seed_gives_other_maps() -> None:
    app = opened(DIGITS, VIEW)
    app.selectbox[0].select_index(len(app.selectbox[0].options) - 1).run()
    assert "Random weights: nothing was learned" in texts(app)
    before = texts(app)
    app.number_input(key="on-picture-seed").set_value(7).run()
    assert not app.exception
    assert re.findall(r"<img[^>]+>", texts(app)) != re.findall(r"<img[^>]+>", before)


def test_weights_out_of_a_file_are_run_as_they_are() -> None:
    network = presets.load("cifar_resnet20").model_copy(update={"name": "Opened"})
    state = network.build(seed=11).state_dict()
    key = carried.keep(network, state, "mine.pth")
    try:
        app = opened(network, VIEW)
        assert app.selectbox[0].options[0] == "mine.pth"
        said = texts(app)
        assert "Random weights" not in said and "values as in training on handwritten digits" in said
        app.selectbox[0].select_index(len(app.selectbox[0].options) - 1).run()
        app.number_input(key="on-picture-seed").set_value(11).run()
        assert "Random weights" in texts(app)
        [scale] = [one for one in app.selectbox if one.label == "Values"]
        scale.select("as in training on handwritten digits").run()
        assert re.findall(r"alt='[^']+'", texts(app)) == re.findall(r"alt='[^']+'", said)
    finally:
        for path in Path(carried.manager().store.directory, "weights").glob(f"*-{key.partition(':')[2]}.safetensors"):
            path.unlink()


def test_an_own_picture_takes_the_place_of_the_sample_and_stays() -> None:
    app = opened(presets.load("cifar_resnet20"), VIEW)
    upload(app, made(NOISE), "<b>mine</b>.png")
    assert "60×40 px, its middle 40×40, resized to 32×32" in texts(app)
    assert "&lt;b&gt;mine&lt;/b&gt;.png, 60×40." in texts(app) and "<b>mine" not in texts(app)
    picture = seen(app)
    app.segmented_control(key="on-picture-source").set_value("Samples").run()
    assert (seen(app) == picture).all()
    app.button(key="sample-shapes").click().run()
    assert not (seen(app) == picture).all()
    app.button(key="sample-own").click().run()
    assert (seen(app) == picture).all()
    app.segmented_control(key="on-picture-source").set_value("Camera").run()
    app.camera_input(key="on-picture-camera").set_value(("shot.jpg", made(NOISE[::-1], "JPEG"), "image/jpeg"))
    app.run()
    assert not app.exception and "shot.jpg" in texts(app)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<svg onload=alert(1)>", "no PNG, JPEG, WebP or GIF picture"),
        (made(NOISE)[:700], "damaged or cut short"),
        (hostile.png(100_000, 100_000), "more than the 25,000,000 pixels"),
        (hostile.png(9_000, 9_000, packed=hostile.zeros(9_001 * 9_000)), "81,000,000 pixels, more than the 25,000,000"),
    ],
    ids=["text", "cut", "header", "bomb"],
)
def test_a_hostile_picture_is_refused_in_one_sentence_and_the_one_before_stays(content: bytes, said: str) -> None:
    app = opened(presets.load("cifar_resnet20"), VIEW)
    upload(app, made(NOISE))
    before = seen(app)
    upload(app, content, "bad.png")
    assert said in texts(app) and "The picture before it is still here" in texts(app)
    assert (seen(app) == before).all()
    assert headings(app)
    app.segmented_control(key="on-picture-source").set_value("Samples").run()
    assert said not in texts(app)


def test_ink_on_paper_is_turned_round_for_weights_trained_on_digits() -> None:
    app = opened(DIGITS, VIEW)
    app.button(key="sample-three").click().run()
    [turned] = [one for one in app.toggle if one.label == "Change light and dark"]
    assert turned.value
    assert "inverted" in texts(app)
    assert re.search(r"class='xo-top'><span>3</span>", texts(app))
    turned.set_value(False).run()
    assert "inverted" not in texts(app)
    assert seen(app)[0, 0] > 200


def test_a_residual_block_shows_x_f_and_their_sum_and_a_projection() -> None:
    app = opened(DIGITS, VIEW)
    assert headings(app) == ["x 16×8×8", "F(x) 16×8×8", "F(x) + x 16×8×8"]
    assert "ReLU follows and gives the block" in texts(app)
    on = app.button(key="on-picture-on")
    for _ in range(3):
        on = on.click().run().button(key="on-picture-on")
    assert "<b>3 Basic block</b>, copy 1 of 3" in texts(app)
    assert headings(app) == ["x 16×8×8", "Shortcut 32×4×4", "F(x) 32×4×4", "F(x) + shortcut 32×4×4"]
    assert app.session_state["explorer"]["history"]["now"]["selected"] == 2  # every view shows it
    what = next(one for one in app.segmented_control if one.label == "Shown")
    what.set_value("Output").run()
    assert headings(app) == ["Output 32×4×4"]
    next(one for one in app.segmented_control if one.label == "Shown").set_value("First filters").run()
    assert headings(app) == ["Filters of the first layer 1×3×3"]


def test_what_another_view_selects_is_shown_here_copy_and_all() -> None:
    app = opened(DIGITS, VIEW)
    app.session_state["inspect-strip-view"] = {"sent": {"number": 1, "op": "select", "card": 3, "path": "3.1.conv1"}}
    app.run()
    assert "<b>4 Basic block</b>, copy 2 of 3" in texts(app)
    app.session_state["inspect-strip-view"] = {"sent": {"number": 2, "op": "select", "card": 4, "path": ""}}
    app.run()
    assert "<b>5 Classifier</b>" in texts(app)
    assert "gives a vector and no map" in texts(app) or headings(app) == ["Filters of the first layer 1×3×3"]


def test_branches_stand_by_themselves() -> None:
    network = presets.load("inception_resnet_small")
    at = next(at for at, block in enumerate(network.blocks) if block.chips() and not block.has_shortcut())
    app = opened(network, VIEW)
    app.session_state["inspect-strip-view"] = {"sent": {"number": 1, "op": "select", "card": at, "path": ""}}
    app.run()
    rows = [line.strip().replace(">", "&gt;") for line in network.blocks[at].branches.split("|")]
    assert [one.rpartition(" ")[0] for one in headings(app)] == rows


def test_a_pressed_point_selects_its_block() -> None:
    app = opened(DIGITS, VIEW)
    lines = run.run(DIGITS, torch.zeros(1, *DIGITS.input)).lines
    places = {at: (line.card, line.copy) for at, line in enumerate(lines)}
    app.session_state["on-picture-chart"] = {"selection": {"points": [{"customdata": [6]}]}}
    state = app.session_state

    class Bound:
        session_state = state

    assert places[6] == (2, 2)
    with pytest.MonkeyPatch.context() as patch:
        went: list[tuple[int, int]] = []
        patch.setattr(on_picture, "st", Bound)
        patch.setattr(on_picture, "_go", lambda card, copy: went.append((card, copy)))
        on_picture._pressed(places)
        for other in ([], [{}], [{"customdata": []}], [{"customdata": "6"}], [{"customdata": 99}]):
            state["on-picture-chart"] = {"selection": {"points": other}}
            on_picture._pressed(places)
        assert went == [(2, 2)]


def test_a_run_is_made_once_for_the_same_network_weights_and_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    real = run.run
    monkeypatch.setattr(run, "run", lambda *args, **kwargs: runs.append(args) or real(*args, **kwargs))
    on_picture._look.clear()
    app = opened(DIGITS, VIEW)
    app.button(key="on-picture-on").click().run()
    app.toggle(key="on-picture-own").set_value(True).run()
    renamed = DIGITS.model_copy(update={"name": "Another name"})
    opened(renamed, VIEW)
    assert len(runs) == 1
    app.button(key="sample-flower").click().run()
    app.button(key="sample-digit").click().run()
    assert len(runs) == 2


def test_a_network_of_1202_layers_opens_and_keeps_few_maps() -> None:
    network = presets.load("cifar_resnet1202")
    app = opened(network, VIEW)
    assert headings(app) == ["x 16×32×32", "F(x) 16×32×32", "F(x) + x 16×32×32"]
    assert "outgrow float32" in texts(app)  # random weights, no statistics
    app.session_state["inspect-strip-view"] = {"sent": {"number": 1, "op": "select", "card": 3, "path": "3.199"}}
    app.run()
    assert "copy 200 of 200" in texts(app) and "not finite" in texts(app)
    assert len(texts(app)) < 400_000


def test_a_network_too_large_is_refused_with_its_size() -> None:
    network = Network(input=Shape(3, 8, 8), blocks=(blocks.Conv(channels=8192), blocks.Conv(channels=8192)))
    app = opened(network, VIEW)
    assert "takes 2.3 GiB" in app.error[0].value and "1 GiB for one picture" in app.error[0].value
    assert max(seen(app).shape) <= 400  # the picture itself
    wide = Network(input=Shape(8192, 4096, 4096), blocks=(blocks.Conv(channels=1),))
    assert "1 GiB for one picture" in opened(wide, VIEW).error[0].value


def test_weights_that_are_gone_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(network: Network, key: str) -> dict:
        raise ValueError("the weights of this run are gone; only the latest runs keep theirs")

    on_picture._look.clear()
    monkeypatch.setattr(on_picture.carried, "load", gone)
    app = opened(DIGITS, VIEW)
    assert app.error[0].value == "The weights of this run are gone; only the latest runs keep theirs."


def test_samples_are_there_with_their_licence() -> None:
    assert list(on_picture_samples.available()) == ["digit", "three", "shapes", "gratings", "flower", "china"]
    for key in on_picture_samples.available():
        assert max(on_picture_samples.picture(key).pixels.shape) <= 640
        assert "CC BY" in on_picture_samples.credit(key) or "Drawn for this app" in on_picture_samples.credit(key)
    folder = Path(__file__).parents[1] / "assets" / "samples"
    assert "MIT" in (folder / "README.md").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 60_000


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_imagenet_names_come_from_an_installed_package_without_running_it(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = presets.load("resnet18")
    titles = [f"thing {number}" for number in range(1000)]
    if package == "torchvision":
        (tmp_path / "torchvision/models").mkdir(parents=True)
        (tmp_path / "torchvision/models/_meta.py").write_text(f"raise SystemExit\n_IMAGENET_CATEGORIES = {titles}\n")
    else:
        files = tmp_path / "timm/data/_info"
        files.mkdir(parents=True)
        (files / "imagenet_synsets.txt").write_text("".join(f"n{number}\n" for number in range(1000)))
        rows = "".join(f"n{number}\tthing {number}, other\n" for number in range(1000))
        (files / "imagenet_synset_to_lemma.txt").write_text(rows)
    (tmp_path / package / "__init__.py").write_text("raise SystemExit\n")
    names.imagenet.cache_clear()
    assert names.class_names(network, "imagenet") == ()
    names.imagenet.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert names.class_names(network, "imagenet") == tuple(titles)
        assert names.class_names(DIGITS, "training") == tuple("0123456789")
        assert names.class_names(DIGITS, "signed") == ()
    finally:
        names.imagenet.cache_clear()


def test_the_ratio_on_the_chart_is_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[run.Look] = []
    real = run.run
    monkeypatch.setattr(run, "run", lambda *args, **kwargs: looks.append(real(*args, **kwargs)) or looks[-1])
    on_picture._look.clear()
    app = opened(DIGITS, VIEW)
    [look] = looks
    [figure] = [json.loads(one.proto.spec) for one in app.get("plotly_chart")]
    shown = figure["data"][0]
    expected = {at: line.ratio for at, line in enumerate(look.lines) if line.ratio is not None}
    assert shown["customdata"] == list(expected)
    assert len(expected) == sum(block.copies for block in DIGITS.blocks if block.has_shortcut())
    assert analyze(DIGITS).blocks[1].name == look.lines[1].path
