"""The README's tour in a real browser, with a server of its own."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, expect

from explorer import Network, analyze, presets
from tests.browser.screen import SOON, Screen, repeated


def test_the_tour(screen: Screen) -> None:
    page, opening = screen.page, presets.load("digits_resnet56")
    expect(screen.cards).to_have_count(5)
    screen.shows(opening)

    # a stage grows by a press, and the difference stands beside the total
    screen.cards.nth(1).get_by_role("button", name="One copy more").click()
    screen.shows(repeated(opening, 1, 10))
    difference = analyze(repeated(opening, 1, 10)).params - analyze(opening).params
    expect(page.locator(".xp-change").first).to_have_text(f"+{difference:,}")

    # a card's form, and a stack that does not fit together
    screen.cards.nth(2).locator(".xp-what").click()
    expect(page.get_by_role("tab", name="3 of 5 · Basic block")).to_be_visible()
    expect(page.locator(".st-key-form").get_by_role("spinbutton", name="Channels")).to_have_value("32")
    page.locator(".st-key-form").get_by_role("radio", name="identity", exact=True).click()
    wrong = screen.cards.nth(2)
    expect(wrong.get_by_role("alert")).to_contain_text("16×8×8 to 32×4×4")
    expect(page.locator(".xp-upto")).to_have_text("Counted up to block 2 of 5.")
    expect(screen.cards.nth(3)).to_contain_text("waits for the block above")

    # a way out by one click, which undo takes back, and everything before it
    wrong.get_by_role("button", name='Shortcut "pad"').click()
    expect(page.locator(".xp-upto")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".xp-upto")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".xp-upto")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    screen.shows(opening)

    # presets, table and graph
    screen.open_preset("resnet50")
    screen.shows(presets.load("resnet50"))
    page.get_by_role("button", name="Table", exact=True).click()
    page.get_by_role("button", name="Operations of 2 Bottleneck").click()
    expect(page.locator(".xp-table .level2").first).to_contain_text("1.0.conv1")
    page.get_by_role("button", name="Graph", exact=True).click()
    expect(page.locator(".xp-paper svg .node").first).to_be_visible()
    page.get_by_role("button", name="Stack", exact=True).click()

    # the network from the inside
    page.get_by_role("link", name="Inspect").click()
    expect(page.get_by_role("tab", name="torchinfo")).to_be_visible(timeout=SOON)
    page.get_by_role("tab", name="Costs").click()
    expect(page.get_by_text("Parameters: 25,557,032 in all").first).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Design").click()
    screen.shows(presets.load("resnet50"))

    # a link, and a reload
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".xp-toast")).to_contain_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    entries = page.evaluate("history.length")
    page.reload()
    screen.shows(presets.load("resnet50"))
    assert page.evaluate("history.length") == entries
    page.goto(link)
    screen.shows(presets.load("resnet50"))
    expect(page).not_to_have_url(link)


def test_train_twin_from_the_first_screen_to_the_end(screen: Screen) -> None:
    page, network = screen.page, presets.load("digits_resnet56")
    for at in (1, 2, 3):
        network = repeated(network, at, 1)
        screen.cards.nth(at).focus()
        for _ in range(8):
            page.keyboard.press("-")
    screen.shows(network)
    dock = page.locator(".st-key-dock")
    dock.get_by_role("button", name="Train twin").click()
    expect(dock.get_by_role("button", name="Stop both")).to_be_visible(timeout=30_000)
    page.reload()  # the runs go on, and are found again
    expect(dock.get_by_role("button", name="Train twin again")).to_be_visible(timeout=45_000)
    expect(dock).to_contain_text("plain twin")
    expect(dock).to_contain_text("One seed")
    expect(dock.locator(".xl-chart .xl-line").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.get_by_role("link", name="Confusion matrix").click()
    expect(page.get_by_text("Confusion matrix").first).to_be_visible(timeout=SOON)


def test_training_waits_for_a_stack_that_can_be_trained(screen: Screen) -> None:
    screen.page.get_by_role("button", name="File").click()
    screen.page.get_by_role("button", name="Empty stack").click()
    expect(screen.page.locator(".st-key-dock")).to_contain_text("A classifier at the end makes it trainable.")
    screen.page.get_by_role("button", name="Undo").click()
    expect(screen.page.locator(".st-key-dock")).to_contain_text("Train twin")


def test_keys_alone_build_and_take_back(screen: Screen) -> None:
    page, opening = screen.page, presets.load("digits_resnet56")
    screen.cards.nth(1).focus()
    page.keyboard.press("+")
    screen.shows(repeated(opening, 1, 10))
    page.keyboard.press("-")
    screen.shows(opening)
    page.keyboard.press("Control+d")
    expect(screen.cards).to_have_count(6)
    expect(screen.cards.nth(2)).to_be_focused()
    page.keyboard.press("Delete")
    expect(screen.cards).to_have_count(5)
    page.keyboard.press("Alt+ArrowDown")
    screen.shows(opening.move(2, 3))
    expect(screen.cards.nth(3)).to_be_focused()
    for _ in range(5):
        page.keyboard.press("Control+z")
    screen.shows(opening)
    page.keyboard.press("Control+Shift+z")
    screen.shows(repeated(opening, 1, 10))


def test_undo_keys_belong_to_a_text_field_while_one_types(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("tab", name="Network").click()
    name = page.locator(".st-key-form input[type=text]").first
    name.fill("Mine")
    name.press("Control+z")
    name.fill("Mine")
    name.press("Enter")
    expect(page.locator(".xp-name strong")).to_have_text("Mine")


def test_quick_edits_are_all_kept(screen: Screen) -> None:
    page, opening = screen.page, presets.load("digits_resnet56")
    screen.cards.nth(2).focus()
    page.keyboard.press("ArrowUp")
    for _ in range(25):
        page.keyboard.press("+")
    expect(screen.cards.nth(1).locator(".xp-times")).to_have_text("×34")
    screen.shows(repeated(opening, 1, 34))
    conv = page.locator('.xp-pal[data-kind="conv"]')
    for _ in range(6):
        conv.click(delay=0)
    expect(screen.cards).to_have_count(11)
    expect(page.locator(".xp-card.s-ok")).to_have_count(11)


def test_everything_is_on_one_screen_without_scrolling(chromium: Browser, address: str) -> None:
    for dark in (False, True):
        screen = Screen(chromium, address, dark=dark)
        page = screen.page
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        for part in (".xp-palette", ".xp-stack", ".xp-totals", ".st-key-form"):
            box = page.locator(part).bounding_box()
            assert box is not None and box["height"] > 100, part
            assert box["x"] >= 0 and box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= 721, (part, box)
        last = page.locator(".xp-pal").last.bounding_box()
        assert last is not None and last["y"] + last["height"] <= 720
        assert page.get_by_text("Deploy").count() == 0
        background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert background == ("rgb(15, 17, 21)" if dark else "rgb(246, 246, 243)")
        screen.close()


def test_two_tabs_keep_their_own_networks(chromium: Browser, address: str) -> None:
    screen = Screen(chromium, address)
    screen.page.get_by_role("button", name="File").click()
    screen.page.get_by_role("button", name="Empty stack").click()
    expect(screen.cards).to_have_count(0)
    other = screen.context.new_page()
    other.goto(address)
    expect(other.locator(".xp-hint")).to_be_visible(timeout=SOON)  # a new tab begins with the last one's
    other.get_by_role("button", name="Open the gallery").click()
    other.locator('.xp-entry[data-name="resnet18"]').click()
    expect(other.locator(".xp-card")).to_have_count(6)
    screen.page.reload()
    expect(screen.page.locator(".xp-hint")).to_be_visible(timeout=SOON)
    screen.close()


def test_a_bad_link_says_so_once_and_opens_what_was_here(chromium: Browser, address: str) -> None:
    screen = Screen(chromium, address, path="?net=1garbage")
    expect(screen.page.locator(".xp-toast")).to_contain_text("link")
    expect(screen.cards).to_have_count(5)
    expect(screen.page).to_have_url(address)
    screen.close()


def test_a_file_goes_out_and_comes_back(screen: Screen, tmp_path: Path) -> None:
    page = screen.page
    page.get_by_role("button", name="File").click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Keep the network").click()
    kept = tmp_path / "mine.json"
    caught.value.save_as(kept)
    assert Network.from_json(kept.read_text()) == presets.load("digits_resnet56")
    page.get_by_role("button", name="File").click()
    page.get_by_role("button", name="Empty stack").click()
    expect(screen.cards).to_have_count(0)
    page.locator("input[type=file][accept*=json]").set_input_files(kept)
    expect(screen.cards).to_have_count(5)
    page.locator("input[type=file][accept*=json]").set_input_files(
        {"name": "bad.json", "mimeType": "application/json", "buffer": json.dumps({"blocks": 5}).encode()}
    )
    expect(page.locator(".xp-toast")).to_contain_text("This file cannot be opened.")
    expect(screen.cards).to_have_count(5)
