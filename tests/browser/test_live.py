"""Training as it is seen: curves, heat and stripes while a twin trains, then a drawing read by the trained weights."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import Network
from tests.browser.screen import SOON, Screen

SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 8},
    {"kind": "basic", "channels": 8, "repeat": 3}, {"kind": "classifier", "classes": 10}]}"""
)
STEPS = 60
WAIT = 60_000  # milliseconds: the first run waits for workers that load torch
INKED = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3]) seen.add(data.slice(at, at + 3).join());
  return seen.size;
}"""
LETTERS = """root => [...document.querySelectorAll(root + ' *')].filter(e => [...e.childNodes].some(
  n => n.nodeType === 3 && n.textContent.trim()) && e.checkVisibility()).map(
    e => parseFloat(getComputedStyle(e).fontSize))"""


def points(line: Locator) -> int:
    """How many points a curve has."""
    return len(re.findall("[ML]", line.get_attribute("d") or ""))


def train(page: Page) -> None:
    """Starts a short run of the network and its twin from the Train page."""
    page.get_by_role("link", name="Train", exact=True).click()
    steps = page.locator(".st-key-recipe-steps input")
    steps.fill(str(STEPS), timeout=WAIT)
    steps.press("Enter")
    expect(page.get_by_text(f"{STEPS} steps of 64 images").first).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="Train twin", exact=True).click(timeout=WAIT)


@pytest.fixture(scope="module")
def trained(chromium: Browser, address: str) -> str:
    """The address of the Train page once a twin was trained there, by a person who watched the stack meanwhile."""
    screen = Screen(chromium, address, f"?net={SMALL.token()}")
    page = screen.page
    train(page)
    page.get_by_role("link", name="Design", exact=True).click()
    stripe = page.locator(".xp-heat.training")
    expect(stripe).to_have_count(3, timeout=WAIT)
    expect(stripe.nth(1).locator("i")).to_have_count(3)  # a cell a copy
    expect(stripe.nth(1)).to_have_attribute("title", re.compile(r"^Gradient norm [\d.e−]+ at step \d+"))
    coloured = "e => getComputedStyle(e).backgroundColor"
    assert "rgba(0, 0, 0, 0)" not in {cell.evaluate(coloured) for cell in stripe.locator("i").all()}
    dock = page.locator(".st-key-dock")
    expect(dock.locator(".xl-chart .xl-line").first).to_be_visible()
    expect(dock.get_by_role("button", name="Train twin again")).to_be_visible(timeout=WAIT)
    expect(page.locator(".xp-heat.over")).to_have_count(3, timeout=SOON)
    expect(stripe.nth(1)).to_have_attribute("title", re.compile("the run has ended"))
    page.locator(".xp-card").nth(1).focus()
    page.keyboard.press("+")  # another network: no run of it, so no heat
    expect(page.locator(".xp-heat.training")).to_have_count(0, timeout=SOON)
    screen.close()
    return f"train?net={SMALL.token()}"


def opened(chromium: Browser, address: str, path: str, **how: object) -> tuple[Screen, Page]:
    screen = Screen.__new__(Screen)  # the page without a stack
    screen.context = chromium.new_context(**how)  # type: ignore[arg-type]
    screen.address, screen.wrong = address, []
    page = screen.page = screen.context.new_page()
    page.set_default_timeout(SOON)
    page.on("pageerror", lambda error: screen.wrong.append(str(error)))
    page.goto(address + path)
    expect(page.locator(".xl-heat canvas")).to_have_count(2, timeout=WAIT)
    return screen, page


def test_curves_and_heat_of_both_runs_are_drawn_and_switched_in_the_browser(
    chromium: Browser, address: str, trained: str
) -> None:
    screen, page = opened(chromium, address, trained, viewport={"width": 1280, "height": 720})
    charts = page.locator(".xl-chart")
    expect(charts.locator("b")).to_have_text(["Loss", "Accuracy", "Learning rate", "Images/s", "Step time", "Memory"])
    for at in range(5):
        lines = charts.nth(at).locator(".xl-line")
        assert [points(line) for line in lines.all()] == [STEPS, STEPS]
    marks = charts.nth(1).locator(".xl-marks")
    assert all((mark.get_attribute("d") or "").count("M") == 1 for mark in marks.all())  # one test, at the end
    heats = page.locator(".xl-heat canvas")
    for heat in heats.all():
        expect(heat).to_have_attribute("data-rows", "5")
        assert heat.evaluate(INKED) > 10
    before = charts.first.locator(".xl-line").first.get_attribute("d")
    runs = page.locator('[data-test-script-state="notRunning"]')
    page.get_by_role("button", name="Seconds", exact=True).click()
    expect(runs).to_be_attached()
    assert charts.first.locator(".xl-line").first.get_attribute("d") != before
    page.get_by_role("button", name="Cards", exact=True).click()
    expect(heats.first).to_have_attribute("data-rows", "3")
    expect(page.locator(".xl-sentence").first).to_contain_text("gradient")
    page.get_by_role("button", name="Activation", exact=True).click()
    expect(heats.first).to_have_attribute("aria-label", re.compile("^activation by depth, residual: 3 rows"))
    expect(page.locator(".xl-meant")).to_contain_text("root mean square")
    expect(page.locator(".xl-sentence").first).to_have_text("")  # it speaks of gradients
    box = charts.first.locator("svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    expect(page.locator(".xl-place")).to_have_text(re.compile(r"at \d+\.\d s"))
    last = page.locator(".xl-heats").bounding_box()
    assert last is not None and last["y"] + last["height"] <= 720  # all of it without scrolling
    screen.close()


def test_a_drawing_is_read_by_the_weights_of_both_runs(chromium: Browser, address: str, trained: str) -> None:
    screen, page = opened(chromium, address, trained, viewport={"width": 1280, "height": 900})
    pad = page.locator(".xl-pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 84, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 84, box["y"] + 140, steps=6)
    page.mouse.up()
    expect(page.locator(".xt-tried")).to_have_count(2, timeout=WAIT)
    expect(page.locator(".xt-tried").first.locator(".xo-top > .num")).to_have_count(5)
    shares = [float(each.rstrip("%")) for each in page.locator(".xt-tried").first.locator(".num").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 100.3
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".xt-tried")).to_have_count(0, timeout=WAIT)
    with page.expect_download() as got:
        page.get_by_role("button", name="Weights .pt").first.click()
    assert got.value.suggested_filename.startswith("residual-")
    page.get_by_role("button", name="Look inside").nth(1).click()  # of the plain twin
    expect(page.locator(".xo-seen")).to_be_visible(timeout=WAIT)
    weights = page.locator(".st-key-on-picture-weights input").first
    expect(weights).to_have_value(re.compile("^Run of"), timeout=WAIT)
    expect(page.locator(".xp-inspect h1")).to_have_text("Small plain twin")
    screen.close()


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_nothing_is_small_or_cut_off(chromium: Browser, address: str, trained: str, size: tuple[int, int]) -> None:
    screen, page = opened(chromium, address, trained, viewport={"width": size[0], "height": size[1]})
    expect(page.locator(".xl-line").first).to_be_attached()
    assert min(page.evaluate(LETTERS, ".xl")) >= 11 and min(page.evaluate(LETTERS, ".st-key-try")) >= 11
    wide = "[document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
    assert max(page.evaluate(wide)) <= size[0]
    for part in [*page.locator(".xl svg").all(), *page.locator(".xl canvas").all(), page.locator(".xl-pad")]:
        box = part.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= size[0]
    screen.close()
