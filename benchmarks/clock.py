"""Process CPU time, which neighbours on the same machine disturb least, and the table of what was measured."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


def cpu_time(
    work: Callable[[], object], repeats: int, before: Callable[[], object] = lambda: None
) -> tuple[float, float]:
    """Least and median CPU seconds of `work`; `before` runs outside the clock, and once unmeasured to warm up."""
    before()
    work()
    # Nobody pays for another's garbage. Frozen as in the app, since a full collection before each round walks through
    # all of torch's objects and leaves the processor's caches cold: a third more for a work of 2 ms.
    gc.collect()
    gc.freeze()
    seconds = []
    for _ in range(repeats):
        before()
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    gc.unfreeze()
    return min(seconds), median(seconds)


@dataclass(frozen=True)
class Line:
    """One line of the table: a figure, what it is compared with, and whether the target is met."""

    what: str
    figure: str
    peer: str
    ratio: float | None
    target: str
    met: bool | None  # None: nothing was asked, or nothing could be measured

    def cells(self) -> tuple[str, ...]:
        """The line as text."""
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}×"
        return self.what, self.figure, self.peer, ratio, self.target, {True: "ok", False: "miss", None: ""}[self.met]


HEADINGS = ("what", "figure", "against", "ratio", "target", "")


def at_least(what: str, figure: str, peer: str, ratio: float, target: float) -> Line:
    """A line whose ratio must not fall below `target`."""
    return Line(what, figure, peer, ratio, f"≥ {target:g}×", ratio >= target)


def at_most(what: str, figure: str, peer: str, ratio: float, target: float) -> Line:
    """A line whose ratio must not rise above `target`."""
    return Line(what, figure, peer, ratio, f"≤ {target:g}×", ratio <= target)


def milliseconds(seconds: float) -> str:
    """`6.02 ms`."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds * 1000:.0f} ms"


def table(lines: list[Line], markdown: bool = False) -> str:
    """The lines in aligned columns."""
    rows = [HEADINGS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    if markdown:
        text = ["| " + " | ".join(row) + " |" for row in padded]
        return "\n".join([text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]])
    return "\n".join("  ".join(row).rstrip() for row in padded)
