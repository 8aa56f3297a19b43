"""The stack editor as a person uses it: real drags, fingers, keys, several cards, chips, budget, timeline."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from explorer import Network, analyze, blocks, presets
from explorer.ui.desk import Desk, new_session
from tests.browser.screen import SOON, Screen, repeated

OPENING = presets.load("digits_resnet56")


def added(kind: str, at: int, network: Network = OPENING) -> Network:
    """What the app makes of a new block of this kind at this place."""
    desk = Desk(new_session())
    desk.load(network)
    desk.add(kind, at)
    return desk.network


def test_a_block_is_dragged_from_the_palette_and_its_numbers_stand_before_the_drop(screen: Screen) -> None:
    wanted = added("bottleneck", 2)
    screen.grab(screen.palette("bottleneck"))
    screen.over(2)
    expect(screen.gap).to_be_visible()
    expect(screen.gap.locator(".xp-shapes")).to_have_text("16×8×8 → 16×8×8")
    foreseen = screen.page.locator(".xp-totals[data-foreseen] .xp-figure").first.locator("> div.num")
    expect(foreseen).to_have_text(f"{analyze(wanted).params:,}")
    expect(screen.cards).to_have_count(5)
    screen.drop()
    expect(screen.cards).to_have_count(6)
    expect(screen.cards.nth(2)).to_have_attribute("data-kind", "bottleneck")
    screen.shows(wanted)
    expect(screen.gap).to_have_count(0)
    screen.page.keyboard.press("Control+z")
    expect(screen.cards).to_have_count(5)
    screen.shows(OPENING)


def test_a_role_stands_where_it_may_wherever_it_is_dropped(screen: Screen) -> None:
    screen.drag(screen.palette("classifier"), 1)
    expect(screen.cards).to_have_count(6)
    expect(screen.cards.nth(5)).to_have_attribute("data-kind", "classifier")


def test_cards_are_reordered_by_a_drag_and_escape_leaves_all_as_it_was(screen: Screen) -> None:
    screen.drag(screen.cards.nth(3), 1)
    screen.shows(OPENING.move(3, 1))
    expect(screen.page.locator(".xp-set").nth(1)).to_contain_text("channels 64")
    screen.page.keyboard.press("Control+z")
    screen.shows(OPENING)
    screen.grab(screen.cards.nth(3))
    screen.over(1)
    expect(screen.gap).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.gap).to_have_count(0)
    screen.drop()
    screen.settled()
    screen.shows(OPENING)
    # nothing is dropped beside the stack
    screen.grab(screen.cards.nth(3))
    screen.page.mouse.move(60, 600, steps=3)
    screen.drop()
    screen.settled()
    screen.shows(OPENING)


# The finger is lifted while a move of it is still on its way, as on a slow machine.
LIFT = """([x, y]) => {
  const at = {clientX: x, clientY: y, bubbles: true, cancelable: true, pointerId: 1, isPrimary: true, buttons: 1};
  const gap = document.querySelector(".xp-gap").dataset.slot;
  document.body.dispatchEvent(new PointerEvent("pointermove", at));
  document.body.dispatchEvent(new PointerEvent("pointerup", {...at, buttons: 0}));
  return gap;
}"""


def test_a_drop_falls_where_the_gap_stood_when_the_finger_was_lifted(screen: Screen) -> None:
    screen.grab(screen.palette("bottleneck"))
    screen.over(2)
    expect(screen.page.locator(".xp-gap:not(.s-asking)")).to_be_visible()
    assert screen.page.evaluate(LIFT, screen.point(4)) == "2"
    screen.drop()
    expect(screen.cards).to_have_count(6)
    expect(screen.cards.nth(2)).to_have_attribute("data-kind", "bottleneck")
    screen.shows(added("bottleneck", 2))


def test_a_drop_that_does_not_fit_says_so_before_and_offers_ways_out_after(screen: Screen) -> None:
    strict = OPENING.apply({"op": "set", "at": 2, "fields": {"shortcut": "identity", "stride": 1, "channels": 16}})
    screen.page.goto(f"{screen.address}?net={strict.token()}")
    screen.shows(strict)
    screen.grab(screen.cards.nth(3))
    screen.over(2)
    expect(screen.gap.locator(".xp-gapwhy")).to_contain_text("64×4×4 to 16×4×4")
    screen.drop()
    wrong = screen.cards.nth(3)
    expect(wrong.get_by_role("alert")).to_contain_text("64×4×4 to 16×4×4")
    wrong.get_by_role("button", name="Shortcut").first.click()
    expect(screen.page.locator(".xp-card.s-error")).to_have_count(0)
    screen.page.keyboard.press("Control+z")
    expect(screen.page.locator(".xp-card.s-error")).to_have_count(1)


def test_several_cards_step_move_duplicate_and_go_together(screen: Screen) -> None:
    page = screen.page
    screen.cards.nth(1).locator(".xp-what").click()
    screen.cards.nth(3).locator(".xp-what").click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar", name="The chosen cards")
    expect(bar).to_contain_text("3 cards")
    bar.get_by_role("button", name="One copy more of each").click()
    stepped = OPENING
    for at in (1, 2, 3):
        stepped = repeated(stepped, at, 10)
    screen.shows(stepped)
    page.keyboard.press("Control+z")  # one step for all three
    screen.shows(OPENING)
    screen.cards.nth(1).locator(".xp-what").click()
    screen.cards.nth(3).locator(".xp-what").click(modifiers=["Control"])
    expect(bar).to_contain_text("2 cards")
    bar.get_by_role("button", name="Duplicate").click()
    expect(screen.cards).to_have_count(7)
    screen.shows(OPENING.apply({"op": "arrange", "order": [0, 1, 2, 3, 1, 3, 4]}))
    bar.get_by_role("button", name="Remove").click()
    expect(screen.cards).to_have_count(5)
    screen.shows(OPENING)
    # dragging one of several takes all along
    screen.cards.nth(1).locator(".xp-what").click()
    screen.cards.nth(2).locator(".xp-what").click(modifiers=["Control"])
    screen.drag(screen.cards.nth(1), 4)
    screen.shows(OPENING.apply({"op": "arrange", "order": [0, 3, 1, 2, 4]}))


def test_the_keyboard_alone_lifts_moves_and_drops(screen: Screen) -> None:
    page = screen.page
    voice = page.locator(".xp-voice")
    screen.cards.nth(1).focus()
    page.keyboard.press(" ")
    expect(voice).to_contain_text("lifted")
    page.keyboard.press("ArrowDown")
    expect(screen.gap).to_be_visible()
    expect(voice).to_contain_text("3 of 5.")
    page.keyboard.press("ArrowDown")
    expect(voice).to_contain_text("4 of 5.")
    expect(voice).to_contain_text("parameters.")
    page.keyboard.press(" ")
    screen.shows(OPENING.move(1, 3))
    expect(voice).to_contain_text("moved to 4 of 5")
    expect(screen.cards.nth(3)).to_be_focused()
    page.keyboard.press(" ")
    page.keyboard.press("Home")
    page.keyboard.press("Escape")
    expect(screen.gap).to_have_count(0)
    screen.settled()
    screen.shows(OPENING.move(1, 3))
    page.keyboard.press("Control+a")
    expect(page.get_by_role("toolbar", name="The chosen cards")).to_contain_text("5 cards")
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar", name="The chosen cards")).to_be_hidden()


def test_cards_travel_between_tabs_as_text(screen: Screen) -> None:
    page = screen.page
    screen.cards.nth(1).locator(".xp-what").click()
    screen.cards.nth(2).locator(".xp-what").click(modifiers=["Shift"])
    page.keyboard.press("Control+c")
    expect(page.locator(".xp-toast")).to_contain_text("2 cards copied")
    text = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert [block["channels"] for block in text["blocks"]] == [16, 32]
    other = screen.open()
    other.bring_to_front()
    other.locator(".xp-card").nth(3).locator(".xp-what").click()
    other.keyboard.press("Control+v")
    expect(other.locator(".xp-card")).to_have_count(7)
    wanted = OPENING.apply({"op": "paste", "at": 4, "blocks": text["blocks"]})
    expect(other.locator(".xp-figure").first.locator("> div.num")).to_have_text(
        f"{analyze(wanted, partial=True).params:,}"
    )
    other.evaluate("navigator.clipboard.writeText('hello')")
    other.keyboard.press("Control+v")
    expect(other.locator(".xp-toast")).to_contain_text("The clipboard holds no cards")
    other.evaluate("navigator.clipboard.writeText(JSON.stringify({blocks: [{kind: 'bomb', x: 1}]}))")
    other.keyboard.press("Control+v")
    expect(other.locator(".xp-toast")).to_contain_text("Cannot")
    expect(other.locator(".xp-card")).to_have_count(7)


def test_a_card_and_the_network_are_renamed_in_place(screen: Screen) -> None:
    page = screen.page
    hostile = '<img src=x onerror="alert(1)">'
    screen.cards.nth(2).locator(".xp-what b").dblclick()
    page.locator(".xp-card .xp-rename").fill(hostile)
    page.keyboard.press("Enter")
    expect(screen.cards.nth(2).locator(".xp-what b")).to_have_text(hostile)
    expect(page.locator("img[src=x]")).to_have_count(0)
    screen.shows(OPENING)
    expect(screen.cards.nth(2)).to_be_focused()
    page.keyboard.press("F2")
    page.locator(".xp-card .xp-rename").fill("")
    page.keyboard.press("Enter")
    expect(screen.cards.nth(2).locator(".xp-what b")).to_have_text("Basic block")
    page.locator(".xp-name").dblclick()
    page.get_by_role("textbox", name="The network's name").fill("Mine")
    page.keyboard.press("Enter")
    expect(page.locator(".xp-name strong")).to_have_text("Mine")


def test_a_card_opens_to_what_is_inside(screen: Screen) -> None:
    card = screen.cards.nth(2)
    card.get_by_role("button", name="Open: what is inside").click()
    expect(card.locator(".xp-scene svg")).to_be_visible()
    expect(card.locator(".xp-scene svg .shortcut").first).to_be_attached()
    card.get_by_role("button", name="Close").click()
    expect(card.locator(".xp-scene")).to_be_hidden()


def test_branches_are_edited_as_chips_and_an_error_points_at_one(screen: Screen) -> None:
    page = screen.page
    screen.drag(screen.palette("inception"), 4)
    card = screen.cards.nth(4)
    card.get_by_role("button", name="Open: what is inside").click()
    chips = card.locator(".xp-step-chip input")
    expect(chips).to_have_count(7)
    chips.nth(0).fill("3x3:")
    expect(card.locator(".xp-chipwhy")).to_contain_text("Such as 3x3:64")
    chips.nth(0).fill("1x1:48")
    chips.nth(0).press("Enter")
    line = "1x1:48 | 1x1:96 > 3x3:128 | 1x1:16 > 5x5:32 | maxpool > 1x1:32"
    wanted = OPENING.insert(4, blocks.Inception(branches=line))
    screen.shows(wanted)
    chips.nth(2).fill("3x3:128/2")
    chips.nth(2).press("Enter")
    expect(card.get_by_role("alert").first).to_contain_text("end at different sizes")
    expect(card.locator(".xp-step-chip.wrong input")).to_have_value("3x3:128/2")
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Add a branch").click()
    expect(chips).to_have_count(8)
    card.locator(".xp-branch").nth(2).get_by_role("button", name="Remove this step").first.click()
    expect(chips).to_have_count(7)


def test_the_timeline_goes_to_any_state(screen: Screen) -> None:
    page = screen.page
    for at in (1, 2, 3):
        screen.cards.nth(at).get_by_role("button", name="One copy more").click()
    last = OPENING
    for at in (1, 2, 3):
        last = repeated(last, at, 10)
    screen.shows(last)
    page.get_by_role("button", name="History").click()
    states = page.locator(".xp-states button")
    expect(states).to_have_count(4)
    difference = analyze(last).params - analyze(repeated(repeated(OPENING, 1, 10), 2, 10)).params
    expect(states.first).to_contain_text(f"+{difference:,} parameters")
    states.nth(2).click()
    screen.shows(repeated(OPENING, 1, 10))
    expect(states.nth(2)).to_have_attribute("aria-current", "step")
    states.first.click()
    screen.shows(last)


def test_a_budget_is_set_and_met(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("button", name="Set a budget").click()
    page.get_by_role("textbox", name="At most").fill("lots")
    page.keyboard.press("Enter")
    expect(page.locator(".xp-target .xp-chipwhy")).to_be_visible()
    page.get_by_role("textbox", name="At most").fill("500k")
    page.keyboard.press("Enter")
    expect(page.locator(".xp-budget")).to_have_attribute("data-state", "over")
    expect(page.locator(".xp-budgettext")).to_contain_text("355 k over")
    page.get_by_role("button", name="Fit …").click()
    proposal = page.locator(".xp-proposal").first
    expect(proposal).to_be_visible(timeout=SOON)
    proposal.click()
    expect(page.locator(".xp-budget")).to_have_attribute("data-state", "within")
    number = int(page.locator(".xp-figure").first.locator("> div.num").inner_text().replace(",", ""))
    assert 400_000 < number <= 500_000
    page.keyboard.press("Control+z")
    screen.shows(OPENING)


def test_the_gallery_shows_pictures_and_opens_and_the_article_explains_itself(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("button", name="Gallery", exact=True).click()
    entries = page.locator(".xp-entry")
    expect(entries).to_have_count(len(presets.names()))
    expect(page.locator('.xp-entry[data-name="resnet50"]')).to_contain_text("76.13")
    expect(page.locator('.xp-entry[data-name="resnet50"] svg')).to_be_visible()
    page.get_by_role("searchbox").fill("googlenet 5×5")
    expect(page.locator(".xp-entry:visible")).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Start from the article").click()
    screen.shows(presets.load("article"))
    expect(page.locator(".xp-note:visible")).to_have_count(len(presets.load("article").blocks))
    page.get_by_role("button", name="Hide explanations").click()
    expect(page.locator(".xp-note:visible")).to_have_count(0)
    page.keyboard.press("Control+z")
    screen.shows(OPENING)


def test_milliseconds_are_measured_when_they_are_asked_for(screen: Screen) -> None:
    page = screen.page
    expect(screen.cards.nth(1).locator(".xp-overlay")).not_to_contain_text("ms")
    page.get_by_role("button", name="ms", exact=True).click()
    for at in range(5):
        expect(screen.cards.nth(at).locator(".xp-overlay")).to_contain_text("ms", timeout=60_000)
    screen.cards.nth(1).get_by_role("button", name="One copy more").click()
    expect(screen.cards.nth(4).locator(".xp-overlay")).to_contain_text("ms")


def test_the_big_picture_opens_levels_and_selects(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("button", name="Graph", exact=True).click()
    paper = page.locator(".xp-paper svg")
    expect(paper).to_be_visible()
    paper.locator('[data-toggle="2"]').first.click()
    paper.locator('[data-toggle="2.0"]').first.click()
    expect(paper.locator('[data-path^="2.0."]').first).to_be_attached()
    paper.locator('[data-card="3"]').first.click()
    expect(page.get_by_role("tab", name="4 of 5 · Basic block")).to_be_visible()
    page.get_by_role("button", name="Graphviz").click()
    expect(page.locator(".st-key-graph svg .node").first).to_be_visible()


@pytest.fixture
def phone(chromium: Browser, address: str) -> Iterator[Screen]:
    opened = Screen(chromium, address, size=(390, 844), touch=True)
    yield opened
    opened.close()


def test_a_thumb_builds_on_a_phone(phone: Screen) -> None:
    page = phone.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Blocks", exact=True).tap()
    phone.palette("basic").tap()
    expect(phone.cards).to_have_count(6)
    expect(phone.cards.nth(2)).to_be_visible()
    phone.shows(added("basic", 2))
    # a grip moves its card at once, a card after a moment's rest
    grip, card = phone.cards.nth(2).locator(".xp-grip").bounding_box(), phone.cards.nth(1).bounding_box()
    assert grip and card
    phone.touch_drag((grip["x"] + 8, grip["y"] + 20), (card["x"] + 100, card["y"] + 4), hold=0)
    phone.shows(added("basic", 2).move(2, 1))
    start, end = phone.cards.nth(1).bounding_box(), phone.cards.nth(3).bounding_box()
    assert start and end
    phone.touch_drag((start["x"] + 120, start["y"] + 12), (end["x"] + 120, end["y"] + 10))
    phone.shows(added("basic", 2))
    page.get_by_role("button", name="Settings", exact=True).tap()
    expect(page.locator(".st-key-form")).to_be_visible()
    page.get_by_role("button", name="Train", exact=True).tap()
    expect(page.locator(".st-key-dock").get_by_role("button", name="Train twin")).to_be_visible()
