"""A picture of one's own on the Inspect page, in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import presets
from tests import hostile
from tests.browser.screen import Screen

DIGITS = presets.load("digits_resnet20")
WAIT = 60_000  # milliseconds: the first look loads plotly and runs a network


def looking(chromium: Browser, address: str, **how: object) -> tuple[Screen, Page]:
    """The view, with the digits network that comes trained."""
    screen = Screen(chromium, address, f"?net={DIGITS.token()}", **how)  # type: ignore[arg-type]
    page = screen.page
    page.get_by_role("link", name="Inspect").click()
    page.get_by_role("tab", name="On a picture").click(timeout=WAIT)
    expect(page.locator(".xo-seen")).to_be_visible(timeout=WAIT)
    expect(page.locator(".xo-maps img").first).to_be_visible(timeout=WAIT)
    return screen, page


def titles(page: Page) -> Locator:
    return page.locator(".xo-maps figcaption b")


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A photograph of a 3 in ink, as a camera would give it: JPEG, in colour, larger than any input."""
    sample = Path(__file__).parents[2] / "assets" / "samples" / "three.png"
    Image.open(sample).convert("RGB").resize((900, 900)).save(tmp_path / "three.jpg", quality=92)
    return tmp_path / "three.jpg"


def test_an_uploaded_picture_is_read_and_a_bad_one_changes_nothing(
    chromium: Browser, address: str, drawn: Path, tmp_path: Path
) -> None:
    screen, page = looking(chromium, address)
    page.get_by_text("File", exact=True).click()
    chooser = page.locator('[data-testid="stFileUploader"] input[type="file"]')
    chooser.set_input_files(drawn)
    expect(page.locator(".xo-words", has_text="three.jpg, 900×900, kept at 640 px")).to_be_visible(timeout=WAIT)
    expect(page.locator(".xo-words", has_text="inverted")).to_be_visible(timeout=WAIT)
    expect(page.locator(".xo-top > span").first).to_have_text("3", timeout=WAIT)
    seen = page.locator(".xo-seen").get_attribute("src")
    bad = tmp_path / "bad.png"
    bad.write_bytes(hostile.png(90_000, 90_000))
    chooser.set_input_files(bad)
    expect(page.locator(".xp-refused")).to_contain_text("The picture before it is still here", timeout=WAIT)
    assert page.locator(".xo-seen").get_attribute("src") == seen
    page.get_by_role("tab", name="Volumes").click()
    page.get_by_role("tab", name="On a picture").click()
    expect(page.locator(".xo-seen")).to_have_attribute("src", seen or "", timeout=WAIT)
    screen.close()


def test_the_chart_the_arrows_and_the_strip_select_one_and_the_same_block(chromium: Browser, address: str) -> None:
    screen, page = looking(chromium, address)
    expect(titles(page)).to_have_text(["x", "F(x)", "F(x) + x"])
    points = page.locator(".st-key-on-picture-chart .scatterlayer .point")
    residual = sum(block.copies for block in DIGITS.blocks if block.has_shortcut())
    expect(points).to_have_count(residual, timeout=WAIT)
    box = points.nth(3).bounding_box()  # the first copy of the second stage
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(titles(page)).to_have_text(["x", "Shortcut", "F(x)", "F(x) + shortcut"], timeout=WAIT)
    expect(page.get_by_text("3 of 5", exact=True)).to_be_visible(timeout=WAIT)  # the strip above all views
    page.locator(".st-key-on-picture-on button").first.click()
    expect(page.locator(".st-key-on-picture-block .xo-words")).to_have_text("3 Basic block, copy 2 of 3", timeout=WAIT)
    page.locator(".st-key-on-picture-back button").first.click()
    expect(page.locator(".st-key-on-picture-block .xo-words")).to_have_text("3 Basic block, copy 1 of 3", timeout=WAIT)
    screen.close()


@pytest.mark.parametrize(("dark", "size"), [(False, (1280, 720)), (True, (1280, 720)), (True, (390, 844))])
def test_nothing_is_cut_off_in_either_theme_or_on_a_phone(
    chromium: Browser, address: str, dark: bool, size: tuple[int, int]
) -> None:
    screen, page = looking(chromium, address, dark=dark, size=size)
    wide = "[document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
    assert max(page.evaluate(wide)) <= size[0]
    for picture in [page.locator(".xo-seen"), *page.locator(".xo-maps img").all()]:
        box = picture.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= size[0]
    colours = page.evaluate("[...document.querySelectorAll('.xo-words')].map(e => getComputedStyle(e).color)")
    light = [np.mean([float(part) for part in re.findall(r"[\d.]+", colour)[:3]]) for colour in colours]
    assert all((one > 128) == dark for one in light)
    screen.close()
