"""A recipe as it is typed, kept and put back, and runs that do not go well, or are another browser's."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, expect

from explorer import Network
from tests.browser.screen import SOON, Screen

WAIT = 60_000  # milliseconds: the first run waits for workers that load torch
NORMLESS = Network.from_json(
    """{"name": "No norms", "input": [1, 8, 8], "blocks": [
    {"kind": "stem", "form": "cifar", "channels": 8, "norm": "none"},
    {"kind": "basic", "channels": 8, "repeat": 4, "norm": "none"}, {"kind": "classifier", "classes": 10}]}"""
)
INCEPTION = Network.from_json(
    """{"name": "Small Inception", "input": [3, 16, 16], "blocks": [
    {"kind": "stem", "form": "cifar", "channels": 4}, {"kind": "pool"}, {"kind": "inception"},
    {"kind": "classifier", "classes": 10}]}"""
)
SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)


def box(page: Page, name: str) -> Locator:
    """The box of a recipe's number; a recipe that was put in place of another has new ones."""
    return page.locator(f'.st-key-recipe-{name} input, [class*="st-key-recipe-{name}-"] input').first


def fill(page: Page, name: str, value: str) -> None:
    """Types a number, in the group that it is in."""
    if not box(page, name).is_visible():
        page.locator('[class*="st-key-recipe-group"]', has=box(page, name)).locator("summary").click()
    box(page, name).fill(value)
    box(page, name).press("Enter")
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning", timeout=WAIT)


def button(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-train-{name} button").first


def says(page: Page, what: str) -> None:
    expect(page.get_by_text(re.compile(what)).first).to_be_visible(timeout=WAIT)


def opened(chromium: Browser, address: str, network: Network, dark: bool = False) -> tuple[Screen, Page]:
    """The Train page of a network, in a browser of its own."""
    screen = Screen(chromium, address, f"?net={network.token()}", dark=dark)
    screen.page.get_by_role("link", name="Train", exact=True).click()
    expect(box(screen.page, "steps")).to_be_visible(timeout=WAIT)
    return screen, screen.page


def test_a_recipe_is_kept_over_a_reload_and_put_back_with_what_was_out_of_bounds(
    chromium: Browser, address: str
) -> None:
    screen, page = opened(chromium, address, SMALL)
    fill(page, "steps", "77")
    says(page, "77 steps of 64 images")
    page.reload()
    expect(box(page, "steps")).to_have_value("77", timeout=WAIT)
    fill(page, "evaluations", "123456789")  # a number that is not taken stays red in its box
    expect(box(page, "evaluations")).to_have_attribute("aria-invalid", "true", timeout=SOON)
    page.get_by_role("button", name="Back to the usual recipe").click()
    says(page, "150 steps of 64 images")
    expect(box(page, "steps")).to_have_value("150", timeout=SOON)
    expect(box(page, "evaluations")).not_to_have_attribute("aria-invalid", "true", timeout=SOON)
    screen.close()


def test_a_run_whose_numbers_overflow_says_so_and_is_kept(chromium: Browser, address: str) -> None:
    screen, page = opened(chromium, address, NORMLESS)
    fill(page, "steps", "200")
    says(page, "200 steps of 64 images")
    fill(page, "learning_rate", "9")
    says(page, "AdamW 9")
    fill(page, "clip", "")  # the usual recipe without norms clips; that is taken out of the box
    expect(box(page, "clip")).to_have_value("", timeout=SOON)
    page.locator(".st-key-recipe-optimizer button", has_text="sgd").click()
    says(page, "SGD 9, momentum 0.9, seed 0")
    button(page, "single").click(timeout=WAIT)
    says(page, r"The loss is no longer finite at step \d+, after a highest loss of .*: the updates grew too large\.")
    says(page, r"What helps: a learning rate of 0\.03 in place of 9, AdamW at 0\.001, gradients clipped at 1 or a norm")
    expect(page.locator(".xl-key").first).to_have_text("◆ test · beyond 4 on the edge", timeout=SOON)
    says(page, "The gradients grow in all blocks")
    page.get_by_role("link", name="Runs", exact=True).click()
    row = page.locator(".xl-table tbody tr", has_text="No norms")
    expect(row).to_contain_text("failed", timeout=SOON)
    screen.close()


def test_a_network_without_shortcuts_trains_alone_on_shapes_of_another_difficulty(
    chromium: Browser, address: str
) -> None:
    screen, page = opened(chromium, address, INCEPTION)
    page.locator(".st-key-recipe-data input").first.click()
    page.get_by_role("option", name="Colour shapes").click()
    expect(box(page, "data-difficulty")).to_have_value("0.3", timeout=SOON)
    fill(page, "data-difficulty", "0.1")
    fill(page, "data-size", "16")
    fill(page, "steps", "20")
    says(page, "20 steps of 64 images of colour shapes \\(size 16, difficulty 0.1\\)")
    says(page, "This network has no shortcuts: its plain twin is the same network")
    twin, alone = button(page, "twin"), button(page, "single")
    expect(twin).to_be_disabled()
    colour, ground = twin.evaluate("""e => [getComputedStyle(e.querySelector('p')).color,
        getComputedStyle(e).backgroundColor]""")
    assert colour != ground and colour != "rgb(255, 255, 255)"  # a disabled button can be read
    expect(alone).to_have_attribute("data-testid", "stBaseButton-primary")
    alone.click(timeout=WAIT)
    says(page, r"After 20 steps the training loss, averaged over the last tenth, is [\d.]+; [\d.]+% of the test images")
    heat = page.locator(".xl-depth").first
    expect(heat).to_contain_text("3 Inception module", timeout=SOON)
    screen.close()


def test_a_run_is_shown_to_its_own_browser_alone_and_to_all_once_it_has_finished(
    chromium: Browser, address: str
) -> None:
    mine, page = opened(chromium, address, SMALL)
    fill(page, "steps", "50000")
    says(page, "50,000 steps of 64 images")
    button(page, "single").click(timeout=WAIT)
    asked = button(page, "anyway").or_(button(page, "stop"))
    expect(asked.first).to_be_visible(timeout=WAIT)
    if button(page, "anyway").count():
        button(page, "anyway").click()
    says(page, "images/s")
    theirs, other = opened(chromium, address, SMALL)
    expect(button(other, "single")).to_be_visible(timeout=WAIT)
    expect(button(other, "stop")).to_have_count(0)
    page.reload()
    expect(button(page, "stop")).to_be_visible(timeout=WAIT)  # it is still this browser's
    button(page, "stop").click()
    says(page, "It was stopped")
    other.reload()  # what broke off is for its own browser to resume
    expect(button(other, "single")).to_be_visible(timeout=WAIT)
    expect(other.get_by_text("It was stopped")).to_have_count(0)
    fill(page, "steps", "20")
    button(page, "single").click(timeout=WAIT)
    says(page, "of 360 test images")
    other.reload()
    says(other, "of 360 test images")
    for screen in (mine, theirs):
        screen.close()
