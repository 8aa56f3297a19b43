"""Whether a figure is longer than a page, and which choice near the one that was made keeps it shorter."""

from __future__ import annotations

from collections.abc import Iterator

from explorer.drawing.figure.compose import PAGE, PT_CM, DoesNotFit, compose
from explorer.drawing.figure.options import LEAST_PT, Options
from explorer.report import Report

ACROSS = 17.0  # cm of A4 between its margins; `PAGE` is how much it has down


def longest(options: Options) -> float:
    """How high a page is in cm: A4 between its margins; for a wider figure as much more as it is wider."""
    return PAGE * max(1.0, options.width_cm / ACROSS)


def too_long(report: Report, options: Options, height_cm: float) -> str:
    """That a figure is longer than a page, and what makes it shorter, in a sentence; empty where it is not."""
    most = longest(options)
    if height_cm <= most:
        return ""
    page = "a page of A4" if options.width_cm <= ACROSS else "a page of that width"
    said = f"At {height_cm:.1f} cm the figure is longer than {page}, which holds some {most:.0f} cm"
    for words, other in shorter(options):
        try:
            scene, point = compose(report, other)
        except DoesNotFit:
            continue
        high = scene.height * point / PT_CM
        if high <= longest(other):
            return f"{said}; {words} makes it {high:.1f} cm."
    return f"{said}; a greater width, smaller type or a level that says less makes it shorter."


def shorter(options: Options) -> Iterator[tuple[str, Options]]:
    """Choices near these that take less height, the nearest first, each with its words."""
    near: list[tuple[str, dict[str, float]]] = []
    if options.smallest_pt > LEAST_PT:
        near.append((f"type of {LEAST_PT:g} pt", {"smallest_pt": LEAST_PT}))
    if options.width_cm < ACROSS:
        near.append((f"a width of {ACROSS:g} cm", {"width_cm": ACROSS}))
    if len(near) == 2:
        near.append((" and ".join(words for words, _ in near), {"smallest_pt": LEAST_PT, "width_cm": ACROSS}))
    for words, changed in near:
        yield words, options.model_copy(update=changed)
    levels = ("operations", "blocks", "stages")
    most = near[-1][1] if near else {}
    for level in levels[levels.index(options.level) + 1 :]:
        said = f"the level {level.capitalize()}"
        yield said, options.model_copy(update={"level": level})
        if near:
            yield f"{said} with {near[-1][0]}", options.model_copy(update={"level": level, **most})
