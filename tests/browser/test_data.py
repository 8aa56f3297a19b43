"""Images to train on, in a browser: shapes are chosen and looked at, and a zip is brought and trained on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import Network
from tests.browser.screen import SOON, Screen
from tests.test_data_pictures import pets, zipped

LATE = 4 * SOON  # for what starts a process
TINY = Network.from_json(
    """{"name": "Tiny", "input": [3, 16, 16], "blocks": [{"kind": "stem", "form": "cifar", "channels": 8},
    {"kind": "basic", "channels": 8}, {"kind": "classifier", "classes": 10}]}"""
)


def train_page(screen: Screen) -> Page:
    """The Train page with a small network."""
    screen.page.goto(f"{screen.address}train?net={TINY.token()}")
    expect(screen.page.locator(".xi-strip")).to_be_visible(timeout=LATE)
    return screen.page


def choose(page: Page, title: str) -> None:
    """Takes a set of the list."""
    page.locator(".st-key-recipe-data input").first.click()
    page.get_by_role("option", name=title, exact=True).click()


def number(page: Page, field: str, value: str) -> None:
    """Types a number and leaves the field."""
    box = page.locator(f".st-key-recipe-{field} input")
    box.fill(value)
    box.press("Enter")
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning", timeout=LATE)


def within(page: Page, what: Locator) -> None:
    """Nothing of it lies beyond the window's sides."""
    box, size = what.bounding_box(), page.viewport_size
    assert box is not None and size is not None
    assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"] + 0.5


@pytest.mark.parametrize(
    ("dark", "size"), [(False, (1280, 720)), (True, (1920, 1080)), (False, (390, 844))], ids=["light", "dark", "phone"]
)
def test_shapes_are_chosen_looked_at_and_fitted(
    chromium: Browser, address: str, dark: bool, size: tuple[int, int]
) -> None:
    screen = Screen(chromium, address, dark=dark, size=size)
    page = train_page(screen)
    choose(page, "Colour shapes")
    hint = page.locator(".xi-hint")
    expect(hint).to_contain_text("takes 3×16×16: the images are made smaller", timeout=LATE)
    expect(page.locator(".xi-facts")).to_contain_text("4,000 + 1,000 images of 3×32×32, 10 classes")
    page.get_by_role("button", name="Look closer").click()
    window = page.get_by_role("dialog")
    expect(window.locator(".xi-classes img")).to_have_count(10, timeout=LATE)
    expect(window).to_contain_text("What the network is given, 3×16×16")
    loaded = "images => images.every(image => image.complete && image.naturalWidth > 0)"
    assert window.locator("img").evaluate_all(loaded)
    within(page, window)
    within(page, window.locator(".xi-classes"))
    for part in (".xi-name", ".xi-count", ".xi-figures", ".xt-words"):  # a window does not inherit the page's colours
        colour = window.locator(part).first.evaluate("box => getComputedStyle(box).color")
        bright = sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3
        assert bright > 128 if dark else bright < 128, (part, colour)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Fit the network").click()
    expect(hint).to_have_count(0, timeout=LATE)
    expect(window).to_have_count(0)  # it was closed for good
    screen.close()


def test_a_zip_is_brought_and_trained_on(chromium: Browser, address: str, tmp_path: Path) -> None:
    screen = Screen(chromium, address)
    page = train_page(screen)
    contents = pets(40) | {"cat/broken.png": b"no picture"}
    page.get_by_role("button", name="Bring pictures").click()
    window = page.get_by_role("dialog")
    window.locator("input[type=file]").set_input_files(zipped(tmp_path / "pets.zip", contents))
    title = window.get_by_label("What it is called")
    expect(title).to_have_attribute("placeholder", "pets", timeout=LATE)
    title.fill("My pets")
    window.get_by_role("button", name="Make the set").click()
    expect(page.locator(".xi-facts").first).to_contain_text("64 + 16 images of 3×32×32, 2 classes", timeout=2 * LATE)
    expect(page.locator(".st-key-recipe-data input").first).to_have_value("My pets (80 images of 32×32)")
    expect(page.locator(".xi-hint")).to_contain_text("tells 10 classes apart, and there are 2.")
    page.get_by_role("button", name="Look closer").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 file was left out", timeout=LATE)
    page.keyboard.press("Escape")
    number(page, "steps", "6")
    number(page, "batch", "16")
    page.get_by_role("button", name="Train alone").click()
    expect(page.locator("[data-testid=stMain]")).to_contain_text("of 16 test images", timeout=3 * LATE)
    screen.close()
