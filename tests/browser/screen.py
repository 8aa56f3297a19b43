"""The app in a real browser: a server of its own, the page as a person sees it, and a person's gestures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Locator, Page, expect

from explorer import Network, analyze

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run"
)
SOON = 15_000  # milliseconds that a loaded machine may need for what takes a tenth of a second


@contextmanager
def server(folder: Path, port: int | None = None) -> Iterator[str]:
    """A server of the app on a free port, with a folder of its own for runs; complains of any traceback at the end."""
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    entry = ROOT / "explorer" / "ui" / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(entry), f"--server.port={port}"]
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--server.fileWatcherType=none"],
            cwd=folder,
            env={
                **os.environ,
                "EXPLORER_RUNS": str(folder / "runs"),
                "EXPLORER_DATA": str(folder / "data"),
                "OMP_NUM_THREADS": "1",
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{url}_stcore/health", timeout=1):
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)
    assert "Traceback" not in log.read_text(), log.read_text()


PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  document.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


class Screen:
    """The Design page as a person sees it; complains about anything that goes wrong in the browser."""

    def __init__(
        self,
        chromium: Browser,
        address: str,
        path: str = "",
        dark: bool = False,
        size: tuple[int, int] = (1280, 720),
        touch: bool = False,
        kept: Any = None,
    ) -> None:
        self.context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            permissions=["clipboard-read", "clipboard-write"],
            has_touch=touch,
            storage_state=kept,
        )
        self.address = address
        self.wrong: list[str] = []
        self.page = self.open(path)
        self.cards = self.page.locator(".xp-card")
        self.gap = self.page.locator(".xp-gap")

    def open(self, path: str = "") -> Page:
        """A tab with the app."""
        page = self.context.new_page()
        page.set_default_timeout(SOON)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._outside(request.url))
        page.goto(self.address + path)
        page.locator(".xp-card, .xp-hint:visible").first.wait_for(timeout=4 * SOON)  # the first one warms the server up
        return page

    def _outside(self, url: str) -> None:
        if not url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.wrong.append(f"asked {url}")

    def figure(self, label: str) -> str:
        return self.page.locator(".xp-figure", has_text=label).first.locator("> div.num").inner_text()

    def shows(self, network: Network) -> None:
        """Waits until the totals are those of this network."""
        number = f"{analyze(network, partial=True).params:,}"
        expect(self.page.locator(".xp-figure").first.locator("> div.num")).to_have_text(number, timeout=SOON)

    def settled(self) -> None:
        """Waits until everything that was sent is answered."""
        self.page.wait_for_function("document.querySelector('.xp')?.dataset.waiting === '0'")

    def paste(self, text: str) -> None:
        """What Ctrl+V does with this text in the clipboard."""
        self.page.evaluate(PASTE, text)

    def palette(self, kind: str) -> Locator:
        return self.page.locator(f'.xp-pal[data-kind="{kind}"]')

    def field(self, name: str) -> Locator:
        return self.page.locator(f'.st-key-form [class*="-{name}"]').first

    def open_preset(self, name: str) -> None:
        """Opens a published network from the gallery."""
        self.page.get_by_role("button", name="Gallery", exact=True).click()
        self.page.locator(f'.xp-entry[data-name="{name}"]').click()

    # gestures

    def grab(self, what: Locator) -> None:
        """Presses the mouse on something and moves far enough that a drag has begun."""
        what.scroll_into_view_if_needed()
        box = what.bounding_box()
        assert box is not None
        x, y = box["x"] + min(70, box["width"] / 2), box["y"] + min(26, box["height"] / 2)
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 6, y + 4)
        mouse.move(x + 12, y + 6)

    def over(self, slot: int) -> None:
        """Moves the mouse to the gap before the card that stood at `slot` when the drag began."""
        x, y = self.point(slot)
        self.page.mouse.move(x, y, steps=4)

    def point(self, slot: int) -> tuple[float, float]:
        boxes = [box for box in map(lambda card: card.bounding_box(), self.cards.all()) if box]
        left = boxes[0]["x"] + 200
        if slot < len(boxes):
            return left, boxes[slot]["y"] + 6
        return left, boxes[-1]["y"] + boxes[-1]["height"] + 8

    def drop(self) -> None:
        self.page.mouse.up()

    def drag(self, what: Locator, slot: int) -> None:
        """A whole drag with the mouse."""
        self.grab(what)
        self.over(slot)
        self.drop()

    def finger(self) -> CDPSession:
        return self.context.new_cdp_session(self.page)

    def touch_drag(self, start: Sequence[float], end: Sequence[float], hold: int = 350) -> None:
        """A finger that rests, then moves, then lifts."""
        session = self.finger()

        def touch(kind: str, points: list[dict[str, Any]]) -> None:
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", [{"x": start[0], "y": start[1]}])
        self.page.wait_for_timeout(hold)
        for part in range(1, 11):
            at = [a + (b - a) * part / 10 for a, b in zip(start, end, strict=True)]
            touch("touchMove", [{"x": at[0], "y": at[1]}])
            self.page.wait_for_timeout(16)
        touch("touchEnd", [])

    def close(self) -> None:
        assert not self.wrong, self.wrong
        self.context.close()


def repeated(network: Network, at: int, times: int) -> Network:
    return network.apply({"op": "set", "at": at, "fields": {"repeat": times}})
