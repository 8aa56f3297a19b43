"""Runs as the lines of one chart: each alone, or those that differ in their seed alone as mean and deviation."""

from __future__ import annotations

import html
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import count

from explorer.drawing.overlay import Axis, Overlaid, Point, overlay, pattern_css
from explorer.runs import Run
from explorer.runs.courses import Course, course, mean_and_deviation, same_but_seed, spread, thinned
from explorer.runs.exported.tables import name_of
from explorer.ui.results import brief

__all__ = ["ACROSS", "Group", "groups", "legend", "lines", "overlay"]

PLAIN = 1  # the number of a plain twin's line
ACROSS: dict[Axis, str] = {"steps": "Steps", "seconds": "Seconds", "macs": "MACs spent"}
ACROSS_HELP = (
    "MACs spent are 3 × the MACs of a forward pass × the images of a batch × the steps: a step's backward pass makes "
    "two products for each one of its forward pass."
)


@dataclass(frozen=True)
class Group:
    """Runs that are one line."""

    number: int  # says colour and dash
    name: str
    runs: tuple[Run, ...]

    @property
    def seeds(self) -> str:
        """`seed 0`, `seeds 0, 1, 2`."""
        seeds = sorted({run.recipe.seed for run in self.runs})
        return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"

    def final(self) -> tuple[float, float] | None:
        """Mean and deviation of the test accuracy at the end."""
        reached = [run.finished.test_accuracy for run in self.runs if run.finished]
        return mean_and_deviation(reached) if reached else None


def groups(runs: Sequence[Run], together: bool, key: Callable[[Run], Hashable] = same_but_seed) -> list[Group]:
    """The lines: a run each, or those together that differ in nothing but their seed. No two have the same name."""
    found: dict[Hashable, list[Run]] = {}
    for run in runs:
        found.setdefault(key(run) if together else run.id, []).append(run)
    named: list[Group] = []
    names = [name_of(each[0]) for each in found.values()]
    numbers = _numbers([each[0].kind == "plain" for each in found.values()])
    for number, name, each in zip(numbers, names, found.values(), strict=True):
        if names.count(name) > 1 and len(each) == 1:
            name = f"{name}, seed {each[0].recipe.seed}"
        taken = {one.name for one in named}
        unlike, again = name, 2
        while unlike in taken:
            unlike, again = f"{name} ({again})", again + 1
        named.append(Group(number, unlike, tuple(each)))
    return named


def _numbers(plain: Sequence[bool]) -> list[int]:
    """A number a line: 0, teal, of a network before 1, orange, of a plain twin, as in all charts of training."""
    numbers: list[int] = []
    for is_plain in plain:
        kept = {PLAIN} if any(plain) and not is_plain else set()
        numbers.append(next(one for one in count(PLAIN * is_plain) if one not in kept.union(numbers)))
    return numbers


def lines(found: Sequence[Group], across: Axis) -> tuple[list[Overlaid], list[str]]:
    """The lines of the chart, and the names of the runs that do not tell what the axis needs."""
    drawn: list[Overlaid] = []
    without: list[str] = []
    for group in found:
        courses = [one for one in (course(run, across) for run in group.runs) if one is not None]
        if not courses:
            without.append(group.name)
        elif len(courses) == 1:
            drawn.append(_single(group, courses[0]))
        else:
            drawn.append(_mean(group, courses))
    return drawn, without


def _single(group: Group, one: Course) -> Overlaid:
    kept = thinned(len(one.at))
    at, loss, accuracy, rate = (each[kept].tolist() for each in (one.at, one.loss, one.accuracy, one.rate))
    tests = [Point(test.at, test.accuracy) for test in one.tests]
    return Overlaid(group.number, group.name, at, loss, accuracy, rate, tests)


def _mean(group: Group, courses: Sequence[Course]) -> Overlaid:
    found = spread(courses)
    kept = thinned(len(found.at))
    at, loss, accuracy, rate = (
        each[kept].tolist() for each in (found.at, found.mean["loss"], found.mean["accuracy"], found.mean["rate"])
    )
    deviations = (found.deviation["loss"][kept].tolist(), found.deviation["accuracy"][kept].tolist())
    tests = []
    fewest = min(len(one.tests) for one in courses)
    if fewest and all(len(one.tests) == fewest for one in courses):
        for place in range(fewest):
            share, apart = mean_and_deviation([one.tests[place].accuracy for one in courses])
            when, _ = mean_and_deviation([one.tests[place].at for one in courses])
            tests.append(Point(when, share, apart))
    return Overlaid(group.number, group.name, at, loss, accuracy, rate, tests, deviations)


def legend(found: Sequence[Group]) -> str:
    """The lines' names, and where each ended."""
    parts = []
    for group in found:
        said = f"<span class='num'>{html.escape(stands(group))}</span>"
        parts.append(f"<span><i style='{pattern_css(group.number)}'></i>{html.escape(group.name)}{said}</span>")
    return f"<div class='xl-legend'>{''.join(parts)}</div>"


def stands(group: Group) -> str:
    """`test 97.2 ± 0.3 %, 3 seeds`, or how far a run has come."""
    final = group.final()
    if final is None:
        last = group.runs[0].steps[-1] if group.runs[0].steps else None
        return group.runs[0].status if last is None else f"{group.runs[0].status}, loss {brief(last.loss)}"
    return f"test {accuracy_of(group)}"


def accuracy_of(group: Group) -> str:
    """`97.2 ± 0.3 %, 3 seeds`, and of a single run its accuracy alone; "" before the first has finished."""
    final = group.final()
    if final is None:
        return ""
    if len(group.runs) == 1:
        return f"{final[0]:.1%}"
    done = sum(run.finished is not None for run in group.runs)
    of = f"{done} seeds" if done == len(group.runs) else f"{done} of {len(group.runs)} seeds"
    return f"{share(final, done)}, {of}"


def share(value: tuple[float, float], count: int) -> str:
    """`97.2 ± 0.3 %`; one run has no deviation."""
    return f"{100 * value[0]:.1f} ± {100 * value[1]:.1f} %" if count > 1 else f"{value[0]:.1%}"
