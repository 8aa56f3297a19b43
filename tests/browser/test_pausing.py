"""Runs on the Train page of a real browser: they wait, pause and go on, whatever happens to the server."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import Network
from tests.browser.screen import SOON, Screen, server

SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)
OTHER = SMALL.apply({"op": "set", "at": 1, "fields": {"repeat": 2}})
LONG = 50_000  # steps that take longer than a test


class Mortal:
    """A server with two workers that can be killed, and begun anew at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running = ExitStack()
        self.address = self.running.enter_context(server(folder))

    def kill(self) -> None:
        """Kills the process that owns the latest run, as `kill -9` does."""
        with closing(sqlite3.connect(self.folder / "runs" / "index.sqlite")) as index:
            [[owner]] = index.execute("SELECT owner FROM runs ORDER BY created DESC LIMIT 1")
        os.kill(int(owner.partition("@")[0]), signal.SIGKILL)
        self.running.close()

    def begin(self) -> None:
        self.running.enter_context(server(self.folder, urlsplit(self.address).port))


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mortal]:
    monkeypatch.setenv("EXPLORER_WORKERS", "2")
    made = Mortal(tmp_path)
    yield made
    made.running.close()


def button(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-train-{name} button").first


def shown(page: Page, name: str) -> Locator:
    """A button, once it is there."""
    found = button(page, name)
    expect(found).to_be_visible(timeout=4 * SOON)
    expect(found).to_be_enabled(timeout=SOON)
    return found


def says(page: Page, what: str) -> None:
    expect(page.get_by_text(re.compile(what)).first).to_be_visible(timeout=4 * SOON)


def train(page: Page, which: str) -> None:
    """Asks for a long run of the network on screen, whatever its estimate says."""
    steps = page.locator(".st-key-recipe-steps input")
    steps.fill(str(LONG))
    steps.press("Enter")
    says(page, f"{LONG:,} steps of 64 images")
    shown(page, which).click()
    asked = button(page, "anyway").or_(button(page, "unmeasured")).or_(button(page, "stop"))
    expect(asked.first).to_be_visible(timeout=4 * SOON)
    for name in ("anyway", "unmeasured"):
        if button(page, name).count():
            button(page, name).click()
    shown(page, "stop")


def opened(screen: Screen) -> Page:
    """The Train page of the network on screen."""
    screen.page.get_by_role("link", name="Train", exact=True).click()
    expect(screen.page.locator(".st-key-recipe-steps input")).to_be_visible(timeout=4 * SOON)
    return screen.page


def test_a_run_is_paused_and_goes_on_in_the_next_server_and_after_a_kill(chromium: Browser, mortal: Mortal) -> None:
    screen = Screen(chromium, mortal.address, f"?net={SMALL.token()}")
    page = opened(screen)
    train(page, "single")
    says(page, "images/s")
    shown(page, "pause").click()
    says(page, r"Paused after step [\d,]+\.")
    expect(button(page, "pause")).to_have_count(0)

    mortal.kill()
    mortal.begin()
    page.goto(f"{mortal.address}train?net={SMALL.token()}")
    shown(page, "resume").click()
    says(page, "images/s")

    mortal.kill()
    mortal.begin()
    page.goto(f"{mortal.address}train?net={SMALL.token()}")
    says(page, "closed before the end")
    says(page, "Resume goes on from the last state that was written")
    shown(page, "resume").click()
    shown(page, "stop").click()
    says(page, "It was stopped.")
    screen.context.close()


def test_a_page_left_open_answers_the_next_server(chromium: Browser, mortal: Mortal) -> None:
    screen = Screen(chromium, mortal.address, f"?net={SMALL.token()}")
    page = opened(screen)
    train(page, "single")
    shown(page, "stop").click()
    says(page, "It was stopped")
    app = page.locator("[data-test-connection-state]")
    mortal.kill()
    expect(app).not_to_have_attribute("data-test-connection-state", "CONNECTED", timeout=SOON)
    mortal.begin()
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=4 * SOON)
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=4 * SOON)
    answer = button(page, "anyway").or_(button(page, "stop")).first
    for patience in (
        SOON,
        SOON,
        2 * SOON,
    ):  # a press in the very moment of the return may come before the parts are known
        shown(page, "single").click()
        with suppress(AssertionError):
            expect(answer).to_be_visible(timeout=patience)
            break
    expect(answer).to_be_visible()
    screen.context.close()


def test_whoever_comes_second_is_told_their_place_and_has_the_next_turn(chromium: Browser, mortal: Mortal) -> None:
    first = Screen(chromium, mortal.address, f"?net={SMALL.token()}")
    train(opened(first), "twin")
    second = Screen(chromium, mortal.address, f"?net={OTHER.token()}")
    page = opened(second)
    train(page, "twin")
    says(page, "1st in the queue")
    [name], [other] = (
        [cookie["value"] for cookie in one.context.cookies() if cookie["name"] == "explorer_browser"]
        for one in (first, second)
    )
    assert name != other

    shown(page, "pause").click()
    says(page, "Both: Paused before it began.")
    shown(page, "resume").click()
    says(page, "1st in the queue")
    shown(first.page, "stop").click()
    says(page, "images/s")
    with closing(sqlite3.connect(mortal.folder / "runs" / "index.sqlite")) as index:
        users = [user for [user] in index.execute("SELECT user FROM runs ORDER BY created")]
    assert users == [name, name, other, other]

    again = first.open()  # another tab is the same user
    assert [cookie["value"] for cookie in again.context.cookies() if cookie["name"] == "explorer_browser"] == [name]
    shown(page, "stop").click()
    says(page, "It was stopped")  # the second may have waited for its worker to start anew
    for screen in (first, second):
        screen.close()
