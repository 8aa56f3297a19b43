"""The Inspect page in a real browser: a click anywhere selects everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import Network, Shape, analyze, blocks, presets
from tests.browser.screen import SOON, Screen

# How a view shows which block is selected; the table is a canvas and has a test of its own.
MARKED = {
    "Graph": ".xi-paper .card.on",
    "Volumes": ".xi-box.on",
    "Costs": ".xi-bar.on",
    "Receptive field": ".xi-row.on",
    "Memory": ".xi-life.on",
    "torchinfo": ".xi-torchinfo span.on",
}
PRESSED = {
    "Graph": '.xi-paper .card[data-card="{}"] rect',
    "Volumes": '.xi-box[data-card="{}"] polygon:not([display="none"])',
    "Costs": '.xi-bar[data-card="{}"] .hit',
    "Receptive field": '.xi-row[data-card="{}"]',
    "Memory": '.xi-life[data-card="{}"]',
    "torchinfo": '.xi-torchinfo span[data-card="{}"]',
}


@pytest.fixture
def inspector(chromium: Browser, address: str) -> Iterator[Page]:
    """ResNet-18 on the Inspect page."""
    screen = Screen(chromium, address)
    yield entered(screen, presets.load("resnet18"))
    screen.close()


def entered(screen: Screen, network: Network) -> Page:
    """The Inspect page on a network, as a first visitor sees it.

    Where work is kept, it is handed back a moment after the page is drawn, and the page is drawn again: a tab that is
    pressed right then is let go by Streamlit's tabs, seldom, on a busy machine.
    """
    screen.page.add_init_script("sessionStorage.clear(); localStorage.clear()")
    screen.page.goto(f"{screen.address}inspect?net={network.token()}")
    expect(screen.page.locator(".xi-strip")).to_be_visible(timeout=SOON)
    return screen.page


def look(page: Page, view: str) -> None:
    page.get_by_role("tab", name=view, exact=True).click()


def shown(page: Page, card: int) -> None:
    """Waits until the strip has the exact numbers of a card."""
    row = analyze(presets.load("resnet18"), batch=64).cards[card]
    strip = page.locator(".xi-strip")
    expect(strip.locator(".xi-place")).to_have_text(f"{card + 1} of 6")
    expect(strip.locator("strong")).to_have_text(re.compile(rf"^{card + 1} "))
    for number in (row.params, row.macs, 2 * row.macs, row.saved_bytes):
        expect(strip.locator("> dl")).to_contain_text(f"{number:,}")


def marked(page: Page, view: str, card: int) -> None:
    look(page, view)
    mark = page.locator(MARKED[view])
    expect(mark.first).to_have_attribute("data-card", str(card), timeout=SOON)
    assert set(mark.evaluate_all("all => all.map(each => each.dataset.card)")) == {str(card)}


def inside(what: Locator) -> tuple[float, float]:
    """A point of an area that belongs to it, however it is cut off or covered."""
    found = what.evaluate(
        """node => {
          const box = node.getBoundingClientRect(), card = node.closest("[data-card]");
          for (let y = 1; y < 20; y++) for (let x = 1; x < 20; x++) {
            const at = [box.left + box.width * x / 20, box.top + box.height * y / 20];
            if (document.elementFromPoint(...at)?.closest("[data-card]") === card) return at;
          }
          return null;
        }"""
    )
    assert found, "nothing of it can be pressed"
    return found[0], found[1]


def test_a_click_in_any_view_selects_the_block_in_all_of_them(inspector: Page) -> None:
    page = inspector
    shown(page, 1)
    for card, view in zip((2, 4, 3, 1, 2, 3), PRESSED, strict=True):
        look(page, view)
        target = page.locator(PRESSED[view].format(card)).first
        expect(target).to_be_visible(timeout=SOON)
        target.evaluate("node => node.scrollIntoView({ block: 'nearest' })")
        page.mouse.click(*inside(target))
        shown(page, card)
        expect(page.locator(MARKED[view]).first).to_have_attribute("data-card", str(card))
        for other in PRESSED:
            if other != view and card == 3:  # every other view once
                marked(page, other, card)
    page.get_by_role("button", name="Previous block").click()
    shown(page, 2)
    marked(page, "Graph", 2)
    page.get_by_role("link", name="Design").click()
    expect(page.locator('.xp-card[aria-current="true"]')).to_have_attribute(
        "aria-label", re.compile("^3 of 6: Basic block"), timeout=SOON
    )


def test_a_row_of_the_table_selects_and_the_selected_block_has_its_row(inspector: Page) -> None:
    page = inspector
    look(page, "Table")
    grid = page.locator("[data-testid=stDataFrame]")
    expect(grid).to_be_visible(timeout=SOON)
    box = grid.bounding_box()
    assert box
    page.mouse.click(box["x"] + 17, box["y"] + 28 + 2.5 * 28)  # the third operation, of the stem
    shown(page, 0)
    expect(page.locator(".xi-within b")).to_have_text("layers.0.act")
    page.get_by_role("button", name="Next block").click()
    page.get_by_role("button", name="Next block").click()
    shown(page, 2)
    for what in ("Operations", "Blocks"):
        with page.expect_download(timeout=SOON) as download:
            page.get_by_role("button", name=f"{what} as CSV").click()
        assert download.value.suggested_filename == f"resnet-18-{what.lower()}.csv"
    page.get_by_text("Selected block", exact=True).click()
    expect(grid.locator("canvas + table, table").first.locator("tbody tr").first).to_contain_text("2.0.conv1.conv")


def test_what_is_inside_a_block_opens_and_is_selected_with_its_own_numbers(inspector: Page) -> None:
    page = inspector
    page.locator('.xi-paper [data-toggle="1"]').focus()
    page.keyboard.press("Enter")
    page.locator('.xi-paper [data-toggle="1.0"]').click()
    page.locator('.xi-paper [data-path="1.0.conv2"]').click()
    within = page.locator(".xi-within")
    expect(within).to_contain_text("conv2 in copy 1")
    rows = [row for row in analyze(presets.load("resnet18")).operations if row.path.startswith("1.0.conv2.")]
    expect(within).to_contain_text(f"{sum(row.macs for row in rows):,}")
    expect(page.locator(".xi-inside .node.on-inner")).to_have_count(1)
    expect(page.locator(".xi-operations tr.on-inner")).to_have_count(2)
    look(page, "Memory")
    expect(page.locator(".xi-tensor.on-inner")).to_have_count(2)
    look(page, "Costs")
    page.get_by_text("Treemap", exact=True).click()
    page.get_by_text("MACs per image", exact=True).click()
    expect(page.locator(".xi-treemap .xi-note")).to_contain_text("1,814,073,344 MACs per image")
    expect(page.locator(".xi-leaf.on-inner").first).to_have_attribute("data-inner", re.compile(r"1\.\*\.conv2"))
    deep = page.locator('.xi-leaf.xi-deep[data-card="3"]').first
    page.mouse.click(*inside(deep.locator("rect")))
    shown(page, 3)
    page.get_by_role("button", name="whole block").click()
    expect(within).to_be_hidden()


def test_volumes_turn_without_selecting_and_units_are_chosen_on_the_picture(inspector: Page) -> None:
    page = inspector
    look(page, "Volumes")
    face = page.locator('.xi-box[data-card="-1"] polygon:not([display="none"])').first
    expect(face).to_be_visible(timeout=SOON)
    before, (x, y) = face.get_attribute("points"), inside(face)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 30, steps=4)
    page.mouse.up()
    expect(face).not_to_have_attribute("points", before or "")
    shown(page, 1)
    page.get_by_role("button", name="Reset view").click()
    expect(face).to_have_attribute("points", before or "")
    page.locator('.xi-box[data-card="2"]').hover()
    expect(page.locator(".xi-tip:visible")).to_contain_text("128×28×28 = 100,352 values")

    look(page, "Receptive field")
    said = page.locator(".xi-left .xi-note")
    expect(said).to_contain_text("row 29, column 29 sees 43×43", timeout=SOON)
    page.locator(".xi-frame").click(position={"x": 1, "y": 1})
    expect(said).to_contain_text("row 1, column 1 sees 43×43 pixels: rows −20 to 22")
    expect(said).to_contain_text("Clipped here to the 22×22 that are picture")
    page.get_by_role("slider", name="Column of the unit").press("End")
    expect(said).to_contain_text("column 56 sees")
    page.get_by_role("button", name="Centre unit").click()
    expect(said).to_contain_text("row 29, column 29")


def test_1202_layers_and_400_cards_are_few_drawings(chromium: Browser, address: str) -> None:
    deep = presets.load("cifar_resnet1202")
    tall = Network(
        input=Shape(3, 16, 16), blocks=(*(blocks.Basic(channels=16) for _ in range(399)), blocks.Classifier(classes=10))
    )
    screen = Screen(chromium, address)
    for network, most in ((deep, 120), (tall, 2500)):
        page = entered(screen, network)
        cards = page.locator(".xi-paper .card")
        expect(cards).to_have_count(len(network.blocks), timeout=SOON)
        for view, mark in MARKED.items():
            if view != "torchinfo":
                look(page, view)
                expect(page.locator(mark).first).to_be_attached(timeout=SOON)
                assert page.evaluate("document.querySelectorAll('.xi svg g').length") < most, view
    screen.close()


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=["desktop", "phone"])
def test_views_fit_the_screen(chromium: Browser, address: str, size: tuple[int, int]) -> None:
    named = presets.load("resnet18").model_copy(update={"name": "<img src=x onerror=alert(1)>"})
    screen = Screen(chromium, address, dark=True, size=size)
    page = entered(screen, named)
    expect(page.get_by_role("heading", level=1)).to_have_text("<img src=x onerror=alert(1)>")
    for view, mark in MARKED.items():
        look(page, view)
        expect(page.locator(mark).first).to_be_visible(timeout=SOON)
        page.wait_for_timeout(150)  # heights follow what stands above
        main = "document.querySelector('[data-testid=stMain]')"
        assert page.evaluate(f"{main}.scrollWidth <= innerWidth"), view
        if size[0] == 1280:
            assert page.evaluate(f"{main}.scrollHeight <= innerHeight"), view
    screen.close()


OVERLAPS = """() => {
  const texts = [...document.querySelectorAll(".xi svg text")].filter((text) => text.textContent);
  const shared = (a, b, low, high) => Math.min(a[high], b[high]) - Math.max(a[low], b[low]);
  const cover = (one, other) => {
    if (one.parentElement === other.parentElement && one.parentElement.localName === "g") return false;
    const [a, b] = [one, other].map((text) => text.getBoundingClientRect());
    return shared(a, b, "left", "right") > 1 && shared(a, b, "top", "bottom") > 4;
  };
  return texts.flatMap((one, at) => texts.slice(at + 1).filter((other) => cover(one, other))
    .map((other) => `${one.textContent} | ${other.textContent}`));
}"""


def test_bars_of_operations_have_the_names_of_the_table_cut_on_the_left_alone(inspector: Page) -> None:
    page = inspector
    look(page, "Costs")
    page.get_by_text("Operations", exact=True).click()
    expect(page.locator(".xi-bar").first).to_be_attached(timeout=SOON)
    page.get_by_role("button", name="Previous block").click()
    shown(page, 0)
    texts = page.locator(".xi-bars svg .xi-tick[text-anchor=middle]")
    expect(texts.filter(has_text="layers.0.conv")).to_have_count(1, timeout=SOON)
    paths = [row.path.partition(".")[2] for row in analyze(presets.load("resnet18")).operations]
    for text in texts.all_text_contents():
        assert any(path.endswith(text.lstrip("…")) for path in paths), text


@pytest.mark.parametrize("name", ["inception_v3", "digits_resnet56"])
def test_words_in_charts_never_cover_each_other(chromium: Browser, address: str, name: str) -> None:
    screen = Screen(chromium, address)
    page = entered(screen, presets.load(name))
    for view in ("Volumes", "Costs", "Memory"):
        look(page, view)
        expect(page.locator(MARKED[view]).first).to_be_attached(timeout=SOON)
        assert page.evaluate(OVERLAPS) == [], view
    page.get_by_role("tab", name="Costs").click()
    page.get_by_text("Treemap", exact=True).click()
    expect(page.locator(".xi-leaf.on").first).to_be_attached(timeout=SOON)
    assert page.evaluate(OVERLAPS) == []
    screen.close()


# What of the labels of volumes is hard to read: those that an edge runs through, and those on a face without a ground.
HARD = """() => {
  const inside = (points, x, y) => points.reduce((odd, [x1, y1], at) => {
    const [x2, y2] = points.at(at - 1);
    return odd !== ((y1 > y) !== (y2 > y) && x < x1 + (x2 - x1) * (y - y1) / (y2 - y1));
  }, false);
  const faces = [...document.querySelectorAll(".xi-box polygon:not([display=none])")]
    .map((face) => face.getAttribute("points").split(" ").map((point) => point.split(",").map(Number)));
  const hard = [];
  for (const label of document.querySelectorAll(".xi-label")) {
    const ground = label.querySelector(".ground")?.getAttribute("display") === "inline";
    for (const text of label.querySelectorAll("text")) {
      const { x, y, width, height } = text.getBBox();
      const places = Array.from({ length: 41 * 9 }, (_, at) => [x + width * (at % 41) / 40, y + 3 + (height - 6) * Math.floor(at / 41) / 8]);
      for (const face of faces) {
        const count = places.filter((place) => inside(face, ...place)).length;
        if (count && count < places.length) hard.push(`an edge in ${text.textContent}`);
        if (count && !ground) hard.push(`no ground behind ${text.textContent}`);
      }
    }
  }
  return hard;
}"""  # noqa: E501


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=["small", "large"])
def test_no_edge_of_a_volume_runs_through_a_label(chromium: Browser, address: str, size: tuple[int, int]) -> None:
    screen = Screen(chromium, address, size=size)
    for name in ("resnet18", "resnet50", "googlenet", "cifar_resnet1202"):
        page = entered(screen, presets.load(name))
        look(page, "Volumes")
        expect(page.locator(".xi-label").first).to_be_visible(timeout=SOON)
        assert page.evaluate(HARD) == [], name
    page.evaluate(  # and the check sees a label that is moved onto a box
        """() => document.querySelectorAll(".xi-label text").forEach((text) => {
          const { x, y, width } = document.querySelector(".xi-box").getBBox();
          text.setAttribute("x", x + width);
          text.setAttribute("y", y + 60);
        })"""
    )
    assert page.evaluate(HARD)
    screen.close()


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)], ids=["desktop", "phone"])
def test_volumes_have_their_names_and_no_two_cover_each_other(
    chromium: Browser, address: str, size: tuple[int, int]
) -> None:
    network = presets.load("googlenet")
    screen = Screen(chromium, address, size=size)
    page = entered(screen, network)
    look(page, "Volumes")
    named = 1 + len(network.blocks)  # the input is one of them
    expect(page.locator(".xi-label")).to_have_count(named, timeout=SOON)
    boxes = [box for label in page.locator(".xi-label").all() if (box := label.bounding_box())]
    for at, one in enumerate(boxes):
        assert one["x"] >= 0 and one["x"] + one["width"] <= size[0]
        for other in boxes[at + 1 :]:
            apart = one["x"] + one["width"] <= other["x"] + 1 or other["x"] + other["width"] <= one["x"] + 1
            assert apart or one["y"] + one["height"] <= other["y"] + 4 or other["y"] + other["height"] <= one["y"] + 4
    look(page, "Costs")
    ticks = page.locator(".xi-bars .xi-tick")
    expect(ticks.first).to_be_attached(timeout=SOON)
    assert not [text for text in ticks.all_text_contents() if "…" in text]
    screen.close()
