"""What an edit costs the server: the real one, with a real browser that presses the buttons of ResNet-50's cards."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.clock import Line
from explorer import presets

APP = Path(__file__).parent.parent / "explorer" / "ui" / "app.py"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CARD = 2  # ResNet-50's second stage, whose stride every edit below it feels
BUTTONS = ("One copy more", "Duplicate", "Remove", "One copy less")  # in turn, they leave the network as it was
TURNS = 10
TARGET = 0.060  # seconds of CPU


def edit_by_button() -> Line:
    """CPU seconds of the server for one edit, rerun and answer included."""
    what, target = "server, one edit by button, ResNet-50", f"≤ {TARGET * 1000:.0f} ms"
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or not Path("/proc/self/stat").exists():
        return Line(what, "not measured: needs Chromium and Linux", "", None, target, None)
    with server() as (process, address):
        seconds, reruns = press(process.pid, address, browser)
    edits = TURNS * len(BUTTONS)
    figure = f"{seconds / edits * 1000:.1f} ms"
    return Line(what, figure, f"{edits} edits, {reruns} reruns", None, target, seconds / edits <= TARGET)


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The app on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ("--server.address=127.0.0.1", f"--server.port={port}", "--server.headless=true")
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *options, "--server.fileWatcherType=none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health").close()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield process, address
    finally:
        process.terminate()
        process.wait()


def press(pid: int, address: str, browser: str) -> tuple[float, int]:
    """CPU seconds of process `pid` while the buttons are pressed, and how many reruns that made."""
    from playwright.sync_api import WebSocket, sync_playwright
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    finished = 0

    def listen(socket: WebSocket) -> None:
        def received(frame: str | bytes) -> None:
            nonlocal finished
            if isinstance(frame, bytes):
                finished += ForwardMsg.FromString(frame).WhichOneof("type") == "script_finished"

        socket.on("framereceived", received)

    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser).new_page()
        page.on("websocket", listen)
        page.goto(f"{address}/?net={presets.load('resnet50').token()}")
        card = page.locator(".xp-card").nth(CARD)
        card.wait_for(timeout=60_000)
        page.wait_for_timeout(3000)  # the first runs of a session, and the browser's own first work

        def turn() -> None:
            for name in BUTTONS:
                before = finished
                card.hover()
                card.get_by_role("button", name=name).first.click()
                for _ in range(1000):
                    if finished > before:
                        break
                    page.wait_for_timeout(5)
                else:
                    raise RuntimeError(f"pressing {name!r} made no rerun")
                page.wait_for_timeout(20)

        turn()
        start, reruns = cpu_seconds(pid), finished
        for _ in range(TURNS):
            turn()
        return cpu_seconds(pid) - start, finished - reruns


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
