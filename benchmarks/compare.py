"""How long a person waits on the Compare page with six networks, among them one of 1,202 layers.

As on the Inspect page: the real app in a real browser, every view opened once, tasks from the browser's own trace. The
views that plotly draws stand apart: the first of them loads plotly, whose script is one task.
"""

import shutil
import time
from statistics import median

from benchmarks.clock import Line
from benchmarks.inspect import TASK, at_most, longest_task, milliseconds
from benchmarks.server import BROWSERS, server
from explorer import presets

ROUNDS = 3
FIRST = 2.0  # seconds to the first view
SIX = ("resnet50", "googlenet", "inception_v3", "resnet34", "cifar_resnet1202")  # and the plain twin of the first
OWN = (("Numbers", ".xc-totals"), ("Pictures", ".xc-paper .card"), ("Blocks", ".xc-blocks"))
PLOTLY = (
    ("Along the depth", "[class*=st-key-compare-chart-depth] .js-plotly-plot"),
    ("Accuracy", "[class*=st-key-compare-chart-accuracy] .js-plotly-plot"),
    ("Along the depth", "[class*=st-key-compare-chart-depth] .js-plotly-plot"),
)


def views() -> list[Line]:
    """The first view and the longest task, of the views drawn by the app itself and of those that plotly draws."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return [Line("Compare in the browser", "not measured: needs Chromium", "", None, "", None)]
    first, own, slowest, loading, charts = measured(browser)
    return [
        at_most("Compare, six networks: to the first view", first, f"slowest view {milliseconds(slowest)}", FIRST),
        at_most("the same, longest task of Blocks, Numbers, Pictures, CPU", own, "", TASK),
        Line(
            "the same, longest task of the first chart, CPU", milliseconds(loading), "plotly's script", None, "", None
        ),
        Line("the same, longest task of later charts, CPU", milliseconds(charts), "36 curves", None, "", None),
    ]


def measured(browser: str) -> tuple[float, float, float, float, float]:
    """Seconds to the first view, of three longest tasks between, and to the slowest view; medians of some rounds."""
    from playwright.sync_api import Browser, Page, sync_playwright

    networks = [presets.load(name) for name in SIX]
    link = "~".join(network.token() for network in (networks[0], networks[0].plain(), *networks[1:]))

    def opened(page: Page, tab: str, mark: str) -> float:
        start = time.perf_counter()
        page.get_by_role("tab", name=tab, exact=True).click()
        page.locator(mark).first.wait_for(timeout=60_000)
        took = time.perf_counter() - start
        page.wait_for_timeout(1000)
        return took

    def traced(chromium: Browser, page: Page, tabs: tuple[tuple[str, str], ...]) -> tuple[float, list[float]]:
        chromium.start_tracing(page=page, categories=["toplevel"])
        times = [opened(page, tab, mark) for tab, mark in tabs]
        return longest_task(chromium.stop_tracing())[0], times

    def visit(chromium: Browser) -> tuple[float, float, float, float, float]:
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        page.goto(address)
        page.locator(".xp-card").first.wait_for(timeout=60_000)
        page.wait_for_timeout(3000)
        start = time.perf_counter()
        page.goto(f"{address}/compare?compare={link}")
        page.locator(".xc-blocks").first.wait_for(timeout=60_000)
        first = time.perf_counter() - start
        page.wait_for_timeout(2000)
        own, times = traced(chromium, page, OWN)
        loading, _ = traced(chromium, page, PLOTLY[:1])
        charts, _ = traced(chromium, page, PLOTLY[1:])
        return first, own, max(times), loading, charts

    with server() as (_, address), sync_playwright() as playwright:
        rounds = []
        for _ in range(ROUNDS + 1):
            chromium = playwright.chromium.launch(executable_path=browser)
            rounds.append(visit(chromium))
            chromium.close()
    firsts, own, slowest, loading, charts = zip(*rounds[1:], strict=True)  # the first warms up the server
    return median(firsts), median(own), median(slowest), median(loading), median(charts)
