"""The choice of images on the Train page, by Streamlit's own test harness: previews, ways out and what is refused."""

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import Network, analyze
from explorer.pictures import bring
from explorer.runs import Manager
from explorer.shape import Shape
from explorer.training import data
from explorer.training.augment import Augmentation
from explorer.training.data import own, places
from explorer.training.recipe import Recipe
from explorer.ui import images
from explorer.ui.images import look, pictures
from explorer.ui.session import KEY as SESSION
from tests.test_data_pictures import pets, zipped

ROOT = Path(__file__).parents[1]
ENTRY = str(ROOT / "explorer" / "ui" / "app.py")
SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with nothing in it, and a manager that begins nothing."""
    monkeypatch.setenv("EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(places, "DEBIAN", tmp_path / "debian")
    made = Manager(tmp_path / "runs", workers=1)
    monkeypatch.setattr("explorer.runs.jobs._manager", [made])
    monkeypatch.setattr(Manager, "estimate", lambda *_, **__: None)
    data.load.cache_clear()
    yield tmp_path / "data"
    data.load.cache_clear()
    made.close()


class Page:
    """The Train page."""

    def __init__(self, network: Network = SMALL) -> None:
        self.app = AppTest.from_file(ENTRY, default_timeout=60)
        self.app.query_params["net"] = network.token()
        self.run()
        self.app.switch_page(str(ROOT / "pages" / "train.py"))
        self.run()

    def run(self) -> None:
        self.app.run()
        assert not self.app.exception, self.app.exception

    def choose(self, name: str) -> None:
        self.app.selectbox(key="recipe-data").set_value(name)
        self.run()

    def number(self, field: str, value: Any) -> None:
        self.app.number_input(key=f"recipe-data-{field}").set_value(value)
        self.run()

    def press(self, key: str) -> None:
        self.app.button(key=key).click()
        self.run()

    @property
    def recipe(self) -> dict[str, Any]:
        return self.app.session_state[SESSION]["recipe"]

    @property
    def text(self) -> str:
        return "\n".join(element.proto.body for element in self.app.get("html"))

    @property
    def network(self) -> Network:
        return Network.from_token(self.app.session_state[SESSION]["history"]["now"]["network"])


def opened(address: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(address.partition(",")[2])))


def test_shapes_are_chosen_set_and_the_network_is_fitted_to_them() -> None:
    page = Page()
    assert "Train on handwritten digits" in page.text and "<p class='xi-hint'>" not in page.text
    page.choose("shapes")
    assert page.recipe == {"data": "shapes"}
    assert "Train on colour shapes, difficulty 0.3" in page.text
    assert "The network takes 1×8×8: the images are made grey and smaller." in page.text
    page.number("size", 16)
    page.number("train", 200)
    page.number("difficulty", 0.25)
    assert page.recipe == {"data": "shapes:size=16,difficulty=0.25,train=200"}
    assert "200 + 1,000</span> images of <span class='num'>3×16×16</span>, 10 classes" in page.text
    page.press("images-fit-button")
    assert page.network.input == Shape(3, 16, 16) and analyze(page.network).output_shape == (10,)
    assert "<p class='xi-hint'>" not in page.text
    page.press("recipe-preset-gpu")  # presets change what is done to the images and not which they are
    assert page.recipe["data"] == "shapes:size=16,difficulty=0.25,train=200" and page.recipe["flip"]


def test_a_parameter_that_cannot_be_is_said_once_and_not_taken() -> None:
    page = Page()
    page.choose("shapes")
    page.number("size", 96)
    assert "5,000 images of 96×96 are more than the 3,640 that are drawn" in page.text
    assert page.recipe == {"data": "shapes"} and page.app.number_input(key="recipe-data-size").value == 32
    page.run()
    assert "3,640" not in page.text


def test_a_set_that_is_not_here_is_offered_and_nothing_is_fetched_until_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("explorer.pictures.apart.Errands.download", lambda self, kind: asked.append(kind) or kind)
    page = Page()
    page.choose("cifar10")
    assert "There are no images to train on: CIFAR-10 is not on this machine" in page.text
    assert "The download has 170 MB and is checked by its hash" in page.text and asked == []
    assert not any(button.key in ("train-twin", "images-look") for button in page.app.button)
    page.press("images-download")
    assert asked == ["cifar10"]


def test_brought_pictures_are_listed_by_their_titles_and_a_set_that_is_gone_is_said(tmp_path: Path) -> None:
    name = bring(zipped(tmp_path / "pets.zip", pets()), 16, "<b>Pets</b>")
    page = Page()
    assert "<b>Pets</b> (10 images of 16×16)" in page.app.selectbox(key="recipe-data").options
    page.choose(name)
    assert page.recipe == {"data": name} and "Train on &lt;b&gt;Pets&lt;/b&gt;" in page.text
    assert "The network takes 1×8×8: the images are made grey and smaller. It tells 10 classes apart" in page.text
    page.press("images-fit-button")
    assert analyze(page.network).output_shape == (2,)
    own.remove(name)
    page.run()
    assert f"The pictures {name} are not in" in page.text and "There are no images to train on" in page.text
    page.choose("digits")
    assert "It tells 2 classes apart, and there are 10: it cannot be trained so." in page.text
    assert "The network has 2 classes, the images 10: set it to 10." in page.text


def test_the_window_shows_samples_counts_and_changes() -> None:
    page = Page()
    page.choose("shapes")
    page.number("test", 100)
    page.press("images-look")
    said = page.text
    for name in data.facts("shapes").classes:
        assert f"alt='Images of {name}'" in said
    assert said.count(">400</span>") == 10 and "What the network is given, 1×8×8" in said
    mean = data.load("shapes:test=100").train_images.float().mean((0, 2, 3)).tolist()
    assert " · ".join(f"{value:.1f}" for value in mean) in said
    assert "The recipe changes nothing of them" in said
    page.run()  # a measured step and the end of a run have the page made anew, which closes no window
    assert "alt='Images of disc'" in page.text
    page.press("images-bring")
    assert "A zip with a folder a class" in page.text and "alt='Images of disc'" not in page.text
    page.run()
    assert "A zip with a folder a class" in page.text


@pytest.mark.parametrize(
    ("takes", "classes", "said"),
    [
        ((3, 32, 32), 10, ""),
        ((1, 32, 32), 10, "The network takes 1×32×32: the images are made grey."),
        ((3, 64, 64), 10, "The network takes 3×64×64: the images are made larger."),
        (
            (3, 16, 16),
            1000,
            "The network takes 3×16×16: the images are made smaller. It tells 1,000 classes apart, and ",
        ),
        ((3, 32, 32), 4, "The network tells 4 classes apart, and there are 10: it cannot be trained so."),
    ],
)
def test_how_images_and_network_differ_is_said(takes: tuple[int, int, int], classes: int, said: str) -> None:
    network = Network.model_validate(
        {"input": list(takes), "blocks": [{"kind": "stem"}, {"kind": "classifier", "classes": classes}]}
    )
    found = images.mismatch(network, data.facts("shapes"))
    assert found.startswith(said) and bool(found) == bool(said)


def test_a_network_that_images_do_not_fit_through_is_not_offered() -> None:
    deep = Network.model_validate(
        {
            "input": [3, 64, 64],
            "blocks": [*[{"kind": "pool", "kernel": 2, "stride": 2, "padding": 0}] * 5, {"kind": "classifier"}],
        }
    )
    assert images.suited(deep.to_json(), (3, 64, 64), 10)[0]
    assert images.suited(deep.to_json(), (3, 16, 16), 10) == ("", "")


# The pictures themselves


def test_a_sheet_holds_the_images_in_rows_with_gaps_between() -> None:
    shapes = data.load("shapes:size=32,train=100,test=100")
    sheet = opened(pictures.sheet(shapes.train_images[:7], 5, False))
    assert sheet.size == (5 * 34 - 2, 2 * 34 - 2) and sheet.mode == "RGBA"
    assert sheet.getpixel((34 + 3, 5))[:3] == tuple(shapes.train_images[1, :, 5, 3].tolist())  # type: ignore[index]
    assert sheet.getpixel((4 * 34, 60))[3] == 0  # type: ignore[index]
    small = opened(pictures.sheet(data.load("digits").train_images[:2], 2, True))
    assert small.size == (2 * 48 + 2, 48)  # 8×8 six times as large
    large = opened(pictures.sheet(data.load("shapes:size=96,train=100,test=100").train_images[:1], 1, False))
    assert large.size == (48, 48)


def test_strips_count_every_image_of_a_class() -> None:
    found = pictures.strips("shapes:size=16,train=205,test=100", "train", 40)
    assert [count for _, count in found] == [21] * 5 + [20] * 5
    assert len(pictures.strips("shapes:size=16,train=205,test=100", "test", 3)) == 3


def test_what_is_shown_of_changes_is_what_training_does() -> None:
    name, takes = "shapes:size=16,train=100,test=100", Shape(3, 16, 16)
    augmentation = Augmentation(flip=True, crop=2, cutout=4)
    given, first, second = pictures.changed(name, takes, augmentation, 3)
    assert len({given, first, second}) == 3
    assert pictures.changed(name, takes, Augmentation(), 3)[1] == given
    sheet = opened(given)  # unchanged, in the network's own size: the pixels themselves
    pixels = data.load(name).train_images[0]
    assert sheet.getpixel((3 * 5 + 1, 3 * 9 + 1))[:3] == tuple(pixels[:, 9, 5].tolist())  # type: ignore[index]


def test_digits_are_shown_as_ink_on_paper_and_photographs_are_not() -> None:
    assert data.load("digits").light_on_dark()
    assert not data.load("shapes:size=16,train=100,test=100").light_on_dark()


def test_every_set_of_the_choice_has_a_title() -> None:
    titles = images.options(Recipe(data="own:id=0123456789abcdef"))
    assert titles["digits"] == "Handwritten digits" and titles["cifar10"] == "CIFAR-10 (to download)"
    assert titles["own:id=0123456789abcdef"] == "own:id=0123456789abcdef"
    assert re.fullmatch(r"[\w (),.:=×-]+", "".join(titles.values()))
    assert images.own_or_kind("shapes:size=64") == "shapes" and images.own_or_kind("cats:x=1") == "cats:x=1"
    assert look.ROWS >= 10
