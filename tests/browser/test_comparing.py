"""The Compare page in a real browser: choosing, the alignment, the link, and what stays after a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import Network, blocks, presets
from explorer.ui.comparison.members import LINK, SEPARATOR, read_link
from tests.browser.screen import SOON, Screen, repeated

OPENING = presets.load("digits_resnet56")


@pytest.fixture
def compared(screen: Screen) -> Iterator[Page]:
    """The Compare page of a first visit."""
    visit(screen.page)
    yield screen.page


def visit(page: Page) -> None:
    page.get_by_role("link", name="Compare").click()
    expect(lines(page).first).to_be_visible(timeout=SOON)


def lines(page: Page) -> Locator:
    return page.locator(".xc-blocks tbody tr")


def heads(page: Page) -> Locator:
    return page.locator(".xc-card h2")


def settled(page: Page) -> None:
    page.wait_for_selector('[data-testid=stApp][data-test-script-state="notRunning"]')


def add(page: Page, name: str) -> None:
    """Adds a published network by its list."""
    title = presets.about(name).title
    field = page.get_by_role("combobox", name="A published network")
    field.click()
    field.fill(title)
    page.get_by_role("option", name=title, exact=True).click()
    expect(heads(page).filter(has_text=title).last).to_be_visible(timeout=SOON)
    settled(page)


def menu(page: Page, number: int) -> None:
    settled(page)  # a run that is still under way would close it again
    page.get_by_role("button", name="⋯").nth(number).click()


def test_two_presets_are_added_aligned_linked_and_opened_elsewhere(compared: Page, screen: Screen) -> None:
    page = compared
    expect(heads(page)).to_have_text([OPENING.name, f"{OPENING.name} plain twin"])
    for name in ("resnet18", "resnet50"):
        add(page, name)
    for left in (3, 2):
        menu(page, 0)
        page.get_by_role("button", name="Remove").click()
        expect(heads(page)).to_have_count(left, timeout=SOON)  # before that the run may not even have begun
    expect(heads(page)).to_have_text(["ResNet-18", "ResNet-50"])
    expect(lines(page)).to_have_count(6)
    expect(lines(page).nth(1).locator("td").last).to_contain_text("2 Bottleneck ×3")
    expect(page.locator(".xc-blocks .xc-replaced")).to_have_count(4)
    assert f"{LINK}=" not in page.url  # written only when it is copied

    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert page.url == link
    networks, complaints = read_link(link.partition(f"{LINK}=")[2])
    assert complaints == [] and networks == [presets.load("resnet18"), presets.load("resnet50")]

    other = screen.context.new_page()
    other.on("pageerror", lambda error: screen.wrong.append(str(error)))
    other.goto(link)
    expect(heads(other)).to_have_text(["ResNet-18", "ResNet-50"], timeout=SOON)
    expect(other.locator(".xc-blocks .xc-replaced")).to_have_count(4)
    expect(other.get_by_role("link", name="Compare")).to_be_visible()

    # once something else is on screen the address no longer claims it
    add(other, "resnet34")
    expect(other).not_to_have_url(link)
    assert f"{LINK}=" not in other.url


def test_an_edit_is_compared_with_the_state_before_it(screen: Screen) -> None:
    page = screen.page
    screen.cards.nth(1).get_by_role("button", name="One copy more").click()
    screen.shows(repeated(OPENING, 1, 10))
    screen.settled()
    visit(page)
    changed = page.locator(".xc-blocks .xc-changed")
    expect(changed).to_have_count(1)
    expect(changed).to_contain_text("×9 → ×10")
    page.get_by_role("tab", name="Numbers").click()
    expect(page.locator(".xc-totals")).to_contain_text("+4,672")  # two 3×3 convolutions of 16→16, two norms
    page.get_by_role("tab", name="Along the depth").click()
    expect(page.locator(".js-plotly-plot .scatterlayer .trace").first).to_be_attached(timeout=SOON)
    page.get_by_role("tab", name="Pictures").click()
    expect(page.locator(".xc-pictures svg .card.selected")).to_have_count(2)


def test_a_reload_keeps_the_set_and_what_of_it_is_live(compared: Page, screen: Screen) -> None:
    page = compared
    add(page, "googlenet")
    page.reload()
    expect(heads(page)).to_have_text([OPENING.name, f"{OPENING.name} plain twin", "GoogLeNet"], timeout=SOON)
    expect(page.locator(".xc-note").first).to_contain_text("live")
    page.get_by_role("link", name="Design").click()
    screen.cards.nth(1).get_by_role("button", name="One copy more").click()
    screen.shows(repeated(OPENING, 1, 10))
    screen.settled()
    visit(page)
    expect(page.locator(".xc-blocks td.xc-first").nth(1)).to_contain_text("×10")
    expect(heads(page)).to_have_count(3)


def test_a_copied_set_is_begun_afresh_and_stays_so_over_a_reload(compared: Page, screen: Screen) -> None:
    page = compared
    expect(page.get_by_role("button", name="Start afresh")).to_be_disabled()
    add(page, "googlenet")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    page.reload()
    expect(page.locator(".xc-note").filter(has_text="from a link")).to_have_count(3, timeout=SOON)
    page.get_by_role("button", name="Start afresh").click()
    expect(heads(page)).to_have_text([OPENING.name, f"{OPENING.name} plain twin"], timeout=SOON)
    expect(page.locator(".xc-note").filter(has_text="live")).to_have_count(2)
    expect(page).not_to_have_url(re.compile(f"{LINK}="))
    page.reload()
    expect(heads(page)).to_have_text([OPENING.name, f"{OPENING.name} plain twin"], timeout=SOON)
    expect(page.locator(".xc-note").filter(has_text="live")).to_have_count(2)


def test_a_network_is_opened_on_the_design_page_and_undone(compared: Page, screen: Screen) -> None:
    page = compared
    add(page, "resnet18")
    menu(page, 2)
    page.get_by_role("button", name="Open on the Design page").click()
    settled(page)
    expect(page.locator(".xc-note").nth(2)).to_contain_text("live · on screen")
    page.get_by_role("link", name="Design").click()
    screen.shows(presets.load("resnet18"))
    page.get_by_role("button", name="Undo").click()
    screen.shows(OPENING)


def test_a_hostile_link_opens_what_can_be_read(screen: Screen) -> None:
    good = presets.load("resnet18").model_copy(update={"name": "<img src=x onerror=alert(1)>"})
    link = SEPARATOR.join((good.token(), "1<script>", presets.load("resnet34").token()))
    page = screen.context.new_page()
    page.on("pageerror", lambda error: screen.wrong.append(str(error)))
    page.on("dialog", lambda dialog: screen.wrong.append(dialog.message))
    page.goto(f"{screen.address}compare?{LINK}={link}")
    expect(heads(page)).to_have_text(["<img src=x onerror=alert(1)>", "ResNet-34"], timeout=SOON)
    expect(page.get_by_role("alert").first).to_contain_text("Network 2 of the link is left out")
    for tab in ("Numbers", "Along the depth", "Pictures", "Runs", "Accuracy"):
        page.get_by_role("tab", name=tab).click()
        settled(page)
    assert page.locator("img[src=x]").count() == 0


def test_six_large_networks_fit_the_screen_and_their_parts_are_few(chromium: Browser, address: str) -> None:
    long = Network(blocks=(blocks.Stem(), *[blocks.Basic(channels=64), blocks.Conv(channels=64)] * 74))
    names = ("cifar_resnet1202", "resnet50", "googlenet", "inception_v3")
    networks = [*map(presets.load, names), long, long.remove(70)]
    screen = Screen(chromium, address, dark=True)
    page = screen.page
    page.goto(f"{address}compare?{LINK}={SEPARATOR.join(network.token() for network in networks)}")
    expect(heads(page)).to_have_count(6, timeout=SOON)
    expect(lines(page).first).to_be_visible()
    for tab in ("Blocks", "Numbers", "Along the depth", "Pictures"):
        page.get_by_role("tab", name=tab).click()
        settled(page)
        assert page.evaluate("document.querySelectorAll('*').length") < 6000
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # what is wide scrolls in itself
    screen.close()


PLACED = """() => {
  const cards = [...document.querySelectorAll("[class*=st-key-compare-card-]")];
  return [".xc-picture svg", ".xc-figures"].map((part) => cards.map((card) => {
    const box = card.querySelector(part).getBoundingClientRect(), frame = card.getBoundingClientRect();
    return [box.left - frame.left, box.top - frame.top, box.width, box.height].map(Math.round).join();
  }));
}"""


@pytest.mark.parametrize(
    ("size", "count", "exact"), [((1920, 1080), 5, True), ((1280, 720), 6, False), ((1280, 720), 3, True)]
)
def test_all_cards_of_a_row_have_one_layout_and_exact_numbers_where_there_is_room(
    size: tuple[int, int], count: int, exact: bool, chromium: Browser, address: str
) -> None:
    names = ("resnet18", "preact_resnet18", "inception_v3", "cifar_resnet1202", "digits_resnet20", "googlenet")[:count]
    broken = presets.load("digits_resnet20").apply({"op": "set", "at": 2, "fields": {"shortcut": "identity"}})
    networks = [*map(presets.load, names[:-1]), broken]
    screen = Screen(chromium, address, size=size)
    page = screen.page
    page.goto(f"{address}compare?{LINK}={SEPARATOR.join(network.token() for network in networks)}")
    expect(heads(page)).to_have_count(count, timeout=SOON)
    expect(page.locator(".xc-picture svg")).to_have_count(count, timeout=SOON)
    settled(page)
    pictures, figures = page.evaluate(PLACED)
    assert len(pictures) == len(figures) == count
    assert len(set(pictures)) == len(set(figures)) == 1
    first = page.locator(".xc-figures dd").first
    assert first.inner_text() == ("11,689,512" if exact else "11.7 M")
    assert first.get_attribute("title") == "11,689,512"
    cards = page.locator(".xc-figures").all()
    assert all(card.evaluate("node => node.scrollWidth <= node.clientWidth") for card in cards)
    screen.close()


COVERED = """() => {
  const chart = document.querySelector(".js-plotly-plot");
  const inner = (node, by) => {
    const { left, right, top, bottom } = node.getBoundingClientRect();
    return { node, left: left + by, right: right - by, top: top + by, bottom: bottom - by };
  };
  const names = [...chart.querySelectorAll(".annotation .annotation-text")].map((node) => inner(node, 1.5));
  const points = [...chart.querySelectorAll(".points path")].map((node) => inner(node, 0.5));
  const lines = [...chart.querySelectorAll(".lines path")].map((node) => inner(node, -0.5));
  const others = [...points, ...lines];
  const meet = (one, other) =>
    one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
  return names.flatMap((one, at) => [...others, ...names.slice(at + 1)].filter((other) => meet(one, other))
    .map((other) => `${one.node.textContent} on ${other.node.textContent || other.node.getAttribute("class")}`));
}"""


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_in_the_scatter_compared_networks_have_names_that_lie_on_nothing(
    size: tuple[int, int], chromium: Browser, address: str
) -> None:
    screen = Screen(chromium, address, size=size)
    page = screen.page
    for chosen in (
        ("resnet18", "googlenet", "inception_v3", "cifar_resnet1202"),
        ("resnet50", "googlenet", "inception_v3", "preact_resnet50"),
    ):
        networks = [presets.load(name) for name in chosen]
        page.goto(f"{address}compare?{LINK}={SEPARATOR.join(network.token() for network in networks)}")
        page.get_by_role("tab", name="Accuracy").click()
        names = page.locator(".js-plotly-plot .annotation-text")
        for network in networks:
            name = re.compile(f"^{re.escape(network.name)}$")
            expect(names.filter(has_text=name)).to_have_count(2 if network.input.height > 32 else 0, timeout=SOON)
        assert page.evaluate(COVERED) == []
    screen.close()


def test_files_are_named_after_the_networks(compared: Page) -> None:
    page = compared
    page.get_by_role("tab", name="Numbers").click()
    for what in ("Totals", "Blocks"):
        with page.expect_download(timeout=SOON) as download:
            page.get_by_role("button", name=f"{what} as CSV").click()
        name = f"digits-depth-56-vs-digits-depth-56-plain-twin-{what.lower()}.csv"
        assert download.value.suggested_filename == name


def test_on_a_phone_nothing_sticks_out(chromium: Browser, address: str) -> None:
    screen = Screen(chromium, address, size=(390, 844), touch=True)
    page = screen.page
    visit(page)
    for tab in ("Blocks", "Numbers", "Along the depth", "Accuracy"):
        page.get_by_role("tab", name=tab).click()
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screen.close()
