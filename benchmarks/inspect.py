"""How long a person waits on the Inspect page with a network of 1,202 layers, and with a stack of 400 cards.

The real app in a real browser. Every view is opened once, and in each the next block is chosen; while a task runs, the
browser answers nothing. Tasks are taken from the browser's own trace, in CPU time of the page's main thread, which
neighbours on the same machine disturb least, and by the clock.
"""

import json
import shutil
import time
from statistics import median

from benchmarks.clock import Line
from benchmarks.server import BROWSERS, server
from explorer import Network, Shape, blocks, presets

ROUNDS = 3
FIRST = 2.0  # seconds to the first view
TASK = 0.200  # seconds of the longest task

# Each view by its tab, what is pressed there first, and what is there once it is drawn.
VIEWS = (
    ("Graph", "", ".xi-paper .card"),
    ("Volumes", "", ".xi-box"),
    ("Costs", "", ".xi-bar"),
    ("Costs", "Treemap", ".xi-leaf"),
    ("Receptive field", "", ".xi-row"),
    ("Memory", "", ".xi-life"),
    ("Table", "", "[data-testid=stDataFrame] canvas"),
    ("torchinfo", "", '.xi-torchinfo span, button:has-text("Run torchinfo")'),
)
TASKS = ("RunTask", "ThreadControllerImpl::RunTask")


def views() -> list[Line]:
    """The first view and the longest task, of both networks."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return [Line("Inspect in the browser", "not measured: needs Chromium", "", None, "", None)]
    stack = (blocks.Stem(form="cifar", channels=16), *(blocks.Basic(channels=16) for _ in range(398)))
    tall = Network(name="400 cards", input=Shape(3, 32, 32), blocks=(*stack, blocks.Classifier(classes=10)))
    lines = []
    for name, network in (("CIFAR ResNet-1202", presets.load("cifar_resnet1202")), ("400 cards", tall)):
        first, slowest, longest, clock = measured(browser, network)
        lines += [
            at_most(f"Inspect, {name}: to the first view", first, f"slowest view {milliseconds(slowest)}", FIRST),
            at_most("the same, longest task of all views, CPU", longest, f"by the clock {milliseconds(clock)}", TASK),
        ]
    return lines


def at_most(what: str, seconds: float, peer: str, target: float) -> Line:
    """A line that must not take longer than its target."""
    return Line(what, milliseconds(seconds), peer, None, f"≤ {milliseconds(target)}", seconds <= target)


def milliseconds(seconds: float) -> str:
    """`83 ms`."""
    return f"{seconds * 1000:.0f} ms"


def longest_task(trace: bytes) -> tuple[float, float]:
    """Seconds of CPU and by the clock of the longest task of a page's main thread."""
    events = json.loads(trace)["traceEvents"]
    named = (event for event in events if event.get("name") == "thread_name")
    mains = {(event["pid"], event["tid"]) for event in named if event["args"]["name"] == "CrRendererMain"}
    tasks = [
        (event.get("tdur", 0) / 1e6, event["dur"] / 1e6)
        for event in events
        if event.get("name") in TASKS and "dur" in event and (event["pid"], event["tid"]) in mains
    ]
    assert tasks, "the trace has no tasks"
    return max(cpu for cpu, _ in tasks), max(clock for _, clock in tasks)


def measured(browser: str, network: Network) -> tuple[float, float, float, float]:
    """Seconds to the first view, to the slowest view, and of the longest task twice; medians of some rounds."""
    from playwright.sync_api import Browser, Page, sync_playwright

    def drawn(page: Page, what: str) -> None:
        page.locator(what).first.wait_for(timeout=60_000)

    def visit(opened: Browser) -> tuple[float, float, float, float]:
        page = opened.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/?net={network.token()}")
        drawn(page, ".xp-card")
        page.wait_for_timeout(3000)  # the first runs of a session, and the browser's own first work
        opened.start_tracing(page=page, categories=["toplevel"])
        start = time.perf_counter()
        page.get_by_role("link", name="Inspect").click()
        drawn(page, VIEWS[0][2])
        first = time.perf_counter() - start
        page.wait_for_timeout(1000)
        times = []
        for tab, press, what in VIEWS:
            start = time.perf_counter()
            page.get_by_role("tab", name=tab, exact=True).click()
            if press:
                page.get_by_text(press, exact=True).click()
            drawn(page, what)
            times.append(time.perf_counter() - start)
            page.wait_for_timeout(500)
            by = "Next block" if page.get_by_role("button", name="Next block").is_enabled() else "Previous block"
            page.get_by_role("button", name=by).click()
            page.wait_for_timeout(500)
        return first, max(times), *longest_task(opened.stop_tracing())

    with server() as (_, address), sync_playwright() as playwright:
        rounds = []
        for _ in range(ROUNDS + 1):
            opened = playwright.chromium.launch(executable_path=browser)
            rounds.append(visit(opened))
            opened.close()
    firsts, slowest, longest, clock = zip(*rounds[1:], strict=True)  # the first warms up the server
    return median(firsts), median(slowest), median(longest), median(clock)
