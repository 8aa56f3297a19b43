"""The pages Runs and Family in a real browser: the table, what is done to runs, links, and a family to its end."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import presets
from explorer.runs import Store
from explorer.training.recipe import Recipe
from tests.browser.screen import SOON, Screen, server
from tests.kept import SMALL, keep

DEEP = presets.load("digits_resnet20")
RUNS = 60  # more than stand on one page of the table


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with runs that nobody trained."""
    folder = tmp_path_factory.mktemp("server")
    store = Store(folder / "runs")
    for seed in range(RUNS - 4):
        keep(store, recipe=Recipe(steps=4, seed=seed % 3), made=4)
    for seed in (0, 1, 2):
        keep(store, DEEP, recipe=Recipe(steps=20, seed=seed))
    keep(store, SMALL.model_copy(update={"name": "<b>bold</b>"}), status="failed", made=2)
    with server(folder) as url:
        yield url


@pytest.fixture
def listed(screen: Screen) -> Page:
    """The Runs page."""
    page = screen.page
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(lines(page).first).to_be_visible(timeout=SOON)
    return page


def lines(page: Page) -> Locator:
    return page.locator(".xl-table tbody tr")


def count(page: Page) -> Locator:
    return page.locator(".xl-count")


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search runs").fill(text)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def choose(page: Page, number: int) -> None:
    lines(page).nth(number).get_by_role("checkbox").check()


def test_runs_are_searched_ordered_and_turned_over(listed: Page) -> None:
    page = listed
    expect(count(page)).to_have_text(f"{RUNS} runs")
    expect(lines(page)).to_have_count(50)
    button(page, "Older →").click()
    expect(lines(page)).to_have_count(RUNS - 50, timeout=SOON)
    search(page, "name:depth seed:2")
    expect(count(page)).to_have_text(f"1 of {RUNS} runs", timeout=SOON)
    expect(lines(page).locator(".xl-accuracy")).to_have_text("92.0%")
    search(page, "name:depth")
    expect(lines(page)).to_have_count(3, timeout=SOON)
    button(page, "Test").click()
    expect(lines(page).locator(".xl-accuracy")).to_have_text(["92.0%", "91.0%", "90.0%"], timeout=SOON)
    button(page, "Test ↓").click()
    expect(lines(page).locator(".xl-accuracy")).to_have_text(["90.0%", "91.0%", "92.0%"], timeout=SOON)
    search(page, "bold")
    expect(lines(page)).to_have_count(1, timeout=SOON)
    expect(lines(page).locator(".xl-open")).to_have_text("<b>bold</b>", timeout=SOON)


def test_stars_and_tags_stay_over_a_reload(listed: Page) -> None:
    page = listed
    search(page, "seed:1 name:depth")
    expect(lines(page)).to_have_count(1, timeout=SOON)
    lines(page).get_by_role("button", name="Star").click()
    expect(lines(page).get_by_role("button", name="Take the star away")).to_be_visible()
    choose(page, 0)
    button(page, "Tag").click()
    field = page.get_by_role("textbox", name="New tag")
    field.fill("On Stage")
    field.press("Enter")
    expect(lines(page).locator(".xl-tag")).to_have_text("on-stage", timeout=SOON)
    page.reload()
    expect(count(page)).to_have_text(f"{RUNS} runs", timeout=4 * SOON)
    search(page, "tag:on-stage is:starred")
    expect(lines(page).locator(".xl-tag")).to_have_text("on-stage", timeout=SOON)


def test_chosen_runs_are_deleted_and_undone(listed: Page) -> None:
    page = listed
    search(page, "name:small seed:0")
    expect(count(page)).to_have_text(f"19 of {RUNS} runs", timeout=SOON)
    first = lines(page).nth(1)
    choose(page, 1)
    lines(page).nth(3).get_by_role("checkbox").click(modifiers=["Shift"])  # the range between
    expect(count(page)).to_contain_text("3 chosen")
    button(page, "Delete").click()
    expect(page.get_by_text("3 runs were deleted.")).to_be_visible(timeout=SOON)
    search(page, "")
    expect(count(page)).to_have_text(f"{RUNS - 3} runs", timeout=SOON)
    button(page, "Undo").click()
    expect(count(page)).to_have_text(f"{RUNS} runs · 3 chosen", timeout=SOON)
    expect(first).to_be_visible()


def test_seeds_are_one_line_and_the_link_opens_the_same(listed: Page, screen: Screen) -> None:
    page = listed
    search(page, "name:depth")
    expect(lines(page)).to_have_count(3, timeout=SOON)
    page.get_by_role("checkbox", name="Choose all on this page").check()
    search(page, "bold")
    expect(lines(page)).to_have_count(1, timeout=SOON)
    choose(page, 0)
    expect(count(page)).to_contain_text("4 chosen")
    button(page, "Compare").click()
    expect(page.get_by_role("heading", name="4 runs compared")).to_be_visible(timeout=SOON)
    legend = page.locator(".xl-legend > span")
    expect(legend).to_have_count(2, timeout=SOON)
    expect(legend.first).to_contain_text("3 seeds")
    button(page, "Copy link").click()
    expect(button(page, "Link copied")).to_be_visible(timeout=SOON)
    other = screen.context.new_page()
    other.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(other.locator(".xl-legend > span")).to_have_text(legend.all_inner_texts(), timeout=4 * SOON)
    page.get_by_text("Mean over seeds").click()
    expect(legend).to_have_count(4, timeout=SOON)
    button(page, "← All runs").click()
    expect(count(page)).to_contain_text("4 chosen", timeout=SOON)


def test_runs_are_taken_away(listed: Page, tmp_path: Path) -> None:
    page = listed
    search(page, "seed:2 name:depth")
    expect(lines(page)).to_have_count(1, timeout=SOON)
    lines(page).locator(".xl-open").click()
    expect(page.locator(".xl-facts")).to_be_visible(timeout=SOON)
    button(page, "Export").click()
    for label, begins in (
        ("CSV, a line a step", b"run,name,seed,step"), ("JSON", b'{\n "format"'), ("TensorBoard", b"PK"),
        ("PNG of the chart", b"\x89PNG"), ("Weights, state dict", b"weights"),
    ):  # fmt: skip
        with page.expect_download() as download:
            button(page, label).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert path.read_bytes().startswith(begins), label
    (packed,) = tmp_path.glob("*.zip")
    (name,) = zipfile.ZipFile(io.BytesIO(packed.read_bytes())).namelist()
    assert "events.out.tfevents." in name


def test_the_table_is_used_by_keys_alone(listed: Page) -> None:
    page = listed
    page.get_by_role("searchbox", name="Search runs").focus()
    page.keyboard.type("name:depth seed:0")
    page.keyboard.press("Enter")
    expect(lines(page)).to_have_count(1, timeout=SOON)
    lines(page).get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    expect(count(page)).to_contain_text("1 chosen")
    expect(lines(page).get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".xl-facts")).to_be_visible(timeout=SOON)


@pytest.mark.parametrize(("dark", "size"), [(False, (1280, 720)), (True, (390, 844))])
def test_nothing_is_wider_than_the_screen(chromium: Browser, address: str, dark: bool, size: tuple[int, int]) -> None:
    screen = Screen(chromium, address, dark=dark, size=size)
    page = screen.page
    for link, seen in (("Runs", ".xl-table tbody tr"), ("Family", ".xl-grid tbody tr")):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.locator(seen).first).to_be_visible(timeout=4 * SOON)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{link} at {size}"
        for each in page.locator(".st-key-header a").all():
            box = each.bounding_box()
            assert box is not None and box["x"] + box["width"] <= size[0], f"a link of the header at {size}"
    page.goto(f"{address}runs")
    button(page, "Export").click(timeout=4 * SOON)
    said = page.locator("[data-testid=stPopoverBody] .xl-words")
    expect(said).to_contain_text("all that are shown", timeout=SOON)
    colour = said.evaluate("box => getComputedStyle(box).color")  # a menu does not inherit the page's colours
    bright = sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3
    assert bright > 128 if dark else bright < 128, colour
    screen.close()


def test_a_family_is_trained_to_its_end_and_a_point_opens(chromium: Browser, address: str) -> None:
    screen = Screen(chromium, address, f"?net={SMALL.token()}")
    page = screen.page
    page.get_by_role("link", name="Family", exact=True).click()
    depths = page.get_by_role("textbox", name="Depth, weighted layers")
    expect(depths).to_be_visible(timeout=SOON)
    depths.fill("4, 5, 6")
    depths.press("Enter")
    expect(page.locator(".xl-refused")).to_have_count(2, timeout=SOON)
    steps = page.get_by_role("spinbutton", name="Steps")
    steps.fill("4")
    steps.press("Enter")
    start = button(page, "Train 8 runs")
    expect(start).to_be_enabled(timeout=8 * SOON)
    start.click()
    expect(page.get_by_text("8 finished")).to_be_visible(timeout=8 * SOON)
    expect(page.locator(".st-key-library-chart-family .js-plotly-plot")).to_be_visible(timeout=SOON)
    assert "family=" in page.url
    page.wait_for_selector('[data-testid=stApp][data-test-script-state="notRunning"]')
    point = page.get_by_role("combobox", name="Point")
    point.click()
    point.fill("depth 6, shortcut none")
    page.get_by_role("option", name="depth 6, shortcut none").click()
    page.wait_for_selector('[data-testid=stApp][data-test-script-state="notRunning"]')
    button(page, "Open in Design").click()
    expect(screen.cards.nth(1)).to_contain_text("×2", timeout=4 * SOON)
    screen.close()
