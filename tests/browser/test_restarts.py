"""Neither a restart of the server nor a crash of the browser loses anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from explorer import presets
from tests.browser.screen import SOON, Screen, repeated, server

OPENING = presets.load("digits_resnet56")


class Restartable:
    """A server that can be ended and begun anew at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running = ExitStack()
        self.address = self.running.enter_context(server(folder))

    def end(self) -> None:
        self.running.close()

    def begin(self) -> None:
        self.running.enter_context(server(self.folder, urlsplit(self.address).port))


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Restartable]:
    made = Restartable(tmp_path)
    yield made
    made.end()


def more(screen: Screen, card: int = 1) -> None:
    """One copy more of a card."""
    screen.cards.nth(card).get_by_role("button", name="One copy more").click()


def states(screen: Screen) -> list[str]:
    """What the timeline says, the oldest first."""
    screen.page.get_by_role("button", name="History").click()
    screen.settled()
    said = screen.page.locator(".xp-states li b").all_inner_texts()
    screen.page.keyboard.press("Escape")
    return said[::-1]


def test_a_restart_of_the_server_loses_no_state_and_no_edit_made_meanwhile(
    chromium: Browser, restartable: Restartable
) -> None:
    screen = Screen(chromium, restartable.address)
    for times in (10, 11):
        more(screen)
        screen.shows(repeated(OPENING, 1, times))
    screen.settled()
    before = states(screen)
    assert before == ["opened Digits, depth 56", "Basic block ×9 → ×10", "Basic block ×10 → ×11"]

    restartable.end()
    more(screen)
    more(screen, 2)
    restartable.begin()

    after = repeated(repeated(OPENING, 1, 12), 2, 10)
    expect(screen.page.locator(".xp[data-waiting='0']")).to_be_visible(timeout=4 * SOON)
    screen.shows(after)
    assert states(screen) == [*before, "Basic block ×11 → ×12", "Basic block ×9 → ×10"]
    for _ in range(4):
        screen.page.keyboard.press("Control+z")
    screen.shows(OPENING)
    screen.context.close()


@pytest.mark.parametrize("away", [0, 12_000])  # milliseconds, the longer outlasts several attempts to connect again
def test_the_first_edit_of_all_may_fall_into_a_restart(chromium: Browser, restartable: Restartable, away: int) -> None:
    screen = Screen(chromium, restartable.address)
    screen.shows(OPENING)
    restartable.end()
    more(screen)
    screen.page.wait_for_timeout(away)
    restartable.begin()
    expect(screen.page.locator(".xp[data-waiting='0']")).to_be_visible(timeout=4 * SOON)
    screen.shows(repeated(OPENING, 1, 10))
    assert states(screen) == ["opened Digits, depth 56", "Basic block ×9 → ×10"]
    screen.context.close()


def test_a_crash_of_the_browser_loses_no_state(chromium: Browser, address: str) -> None:
    screen = Screen(chromium, address)
    more(screen)
    screen.page.locator(".xp-batch input").fill("7")
    screen.page.keyboard.press("Enter")
    screen.open_preset("resnet18")
    screen.shows(presets.load("resnet18"))
    screen.page.keyboard.press("Control+z")
    screen.shows(repeated(OPENING, 1, 10))
    screen.settled()
    before = states(screen)
    kept = screen.context.storage_state()  # what a browser has on disk; the tab's own storage is gone with it
    screen.context.close()

    again = Screen(chromium, address, kept=kept)
    again.shows(repeated(OPENING, 1, 10))
    expect(again.page.locator(".xp-batch input")).to_have_value("7")
    assert states(again) == before
    again.page.keyboard.press("Control+Shift+z")
    again.shows(presets.load("resnet18"))
    again.close()


def test_two_tabs_keep_their_own(screen: Screen) -> None:
    more(screen)
    screen.shows(repeated(OPENING, 1, 10))
    screen.settled()
    other = screen.open()
    other.locator(".xp-card").nth(1).get_by_role("button", name="One copy less").click()
    expect(other.locator(".xp-card").nth(1)).to_contain_text("×9")
    other.locator(".xp-card").nth(1).get_by_role("button", name="One copy less").click()
    expect(other.locator(".xp[data-waiting='0']")).to_be_visible()
    screen.page.reload()
    screen.shows(repeated(OPENING, 1, 10))
    other.reload()
    expect(other.locator(".xp-card").nth(1)).to_contain_text("×8")


def test_what_was_handed_back_is_not_sent_again_with_every_later_message(screen: Screen) -> None:
    for _ in range(3):
        more(screen)
    screen.shows(repeated(OPENING, 1, 12))
    screen.settled()
    sent: list[int] = []

    def listen(socket: Any) -> None:
        socket.on("framesent", lambda frame: sent.append(frame.count(b"origin") if isinstance(frame, bytes) else 0))

    screen.page.on("websocket", listen)
    screen.page.reload()
    screen.shows(repeated(OPENING, 1, 12))
    screen.settled()
    assert sum(sent) == 1
    more(screen)
    screen.shows(repeated(OPENING, 1, 13))
    assert sum(sent) == 1
