"""How long a person waits: from a drop to all numbers in the page, and from a change of slot to the ghost's numbers.

The real app in a real browser, with real drags of a mouse. Times are taken inside the page, from the pointer's event to
the change of the document.
"""

import shutil
from collections.abc import Sequence
from statistics import median, quantiles

from benchmarks.clock import Line
from benchmarks.server import BROWSERS, cpu_seconds, server
from explorer import Network, blocks, presets

DRAGS = 40
DROP = (0.120, 0.250)  # seconds, median and 95th percentile
GHOST = 0.150  # seconds, 95th percentile
SERVER = 0.030  # seconds of CPU of one drop

# Keeps times of drops and of slots. An editor tells by `data-waiting` how many of its messages are not yet answered;
# the gap bears the number of its slot as soon as it shows what a drop there would give.
WATCH = """() => {
  const kept = (window.kept = { drops: [], ghosts: [] });
  const editor = document.querySelector('.xp');
  let dropped = null, moved = 0, slot = null;
  addEventListener('pointerup', () => { if (document.querySelector('.xp-gap')) dropped = performance.now(); }, true);
  addEventListener('pointermove', () => { moved = performance.now(); }, true);
  new MutationObserver(() => {
    if (dropped === null || editor.dataset.waiting !== '0') return;
    kept.drops.push(performance.now() - dropped);
    dropped = null;
  }).observe(editor, { attributes: true, attributeFilter: ['data-waiting'] });
  new MutationObserver((changes) => {
    for (const { type, addedNodes, target } of changes) {
      if (type === 'childList' && [...addedNodes].some((node) => node.classList?.contains('xp-gap'))) slot = moved;
      if (slot !== null && document.querySelector('.xp-gap')?.dataset.slot) {
        kept.ghosts.push(performance.now() - slot);
        slot = null;
      }
    }
  }).observe(document.querySelector('.xp-list'),
    { childList: true, subtree: true, attributes: true, attributeFilter: ['data-slot'] });
}"""


def drags() -> list[Line]:
    """Drops and ghosts in ResNet-50, and in a stack of 150 cards."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return [Line("a drop in the browser", "not measured: needs Chromium", "", None, "", None)]
    drops, ghosts, seconds = measured(browser, presets.load("resnet50"), DRAGS)
    tall = Network(
        name="150 cards", blocks=(*(blocks.Basic(channels=16) for _ in range(149)), blocks.Classifier(classes=10))
    )
    many, _, _ = measured(browser, tall, 8)
    middle, late = median(drops), quantiles(drops, n=20)[-1]
    ghost = quantiles(ghosts, n=20)[-1]
    return [
        Line(
            "from drop to numbers, ResNet-50, median",
            milliseconds(middle),
            f"{len(drops)} drags",
            None,
            f"≤ {milliseconds(DROP[0])}",
            middle <= DROP[0],
        ),
        Line("the same, 95th percentile", milliseconds(late), "", None, f"≤ {milliseconds(DROP[1])}", late <= DROP[1]),
        Line(
            "from slot to ghost's numbers, 95th percentile",
            milliseconds(ghost),
            f"{len(ghosts)} slots, median {milliseconds(median(ghosts))}",
            None,
            f"≤ {milliseconds(GHOST)}",
            ghost <= GHOST,
        ),
        Line(
            "server's CPU, a drag and its drop",
            milliseconds(seconds),
            "",
            None,
            f"≤ {milliseconds(2 * SERVER)}",
            seconds <= 2 * SERVER,
        ),
        Line(
            "from drop to numbers, 150 cards, median", milliseconds(median(many)), f"{len(many)} drags", None, "", None
        ),
    ]


def milliseconds(seconds: float) -> str:
    """`83 ms`."""
    return f"{seconds * 1000:.0f} ms"


def measured(browser: str, network: Network, times: int) -> tuple[Sequence[float], Sequence[float], float]:
    """Seconds of each drop and of each slot, and CPU seconds of the server for one drag with its drop."""
    from playwright.sync_api import sync_playwright

    with server() as (process, address), sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser).new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/?net={network.token()}")
        cards = page.locator(".xp-card")
        cards.first.wait_for(timeout=60_000)
        page.wait_for_timeout(3000)  # the first runs of a session, and the browser's own first work
        page.evaluate(WATCH)

        def drag(start: int, slot: int) -> None:
            source = cards.nth(start).bounding_box()
            target = cards.nth(slot).bounding_box()
            assert source and target
            mouse = page.mouse
            mouse.move(source["x"] + 60, source["y"] + 26)
            mouse.down()
            mouse.move(source["x"] + 72, source["y"] + 30)
            mouse.move(target["x"] + 120, target["y"] + 8, steps=12)
            page.wait_for_function("document.querySelector('.xp-gap')?.dataset.slot")
            mouse.up()
            page.wait_for_function("document.querySelector('.xp').dataset.waiting === '0'")
            page.wait_for_timeout(60)

        for _ in range(2):
            drag(3, 1)
            drag(1, 4)
        page.evaluate("kept.drops.length = kept.ghosts.length = 0")
        start = cpu_seconds(process.pid)
        for turn in range(times):
            drag(*((3, 1) if turn % 2 == 0 else (1, 4)))
        used = cpu_seconds(process.pid) - start
        kept = page.evaluate("kept")
        assert len(kept["drops"]) == times, (len(kept["drops"]), times)
        return [each / 1000 for each in kept["drops"]], [each / 1000 for each in kept["ghosts"]], used / times
