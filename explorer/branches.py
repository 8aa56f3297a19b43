"""Branches side by side as one line, `1x1:64 | 1x1:96 > 3x3:128 | maxpool > (1x3:32 | 3x1:32)`, and as rows of chips.

`|` separates branches, `>` follows on, a branch may end in a split in parentheses. A place in a line is the path
(branch, step), and again (branch, step) for each split that this step is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from explorer.shape import MAX_CHANNELS

Place = tuple[int, ...]
Chip = dict[str, Any]  # {"text": "3x3:64/2v"} or {"split": rows}
Row = list[Chip]

MAX_DEPTH = 16
STEP = re.compile(
    r"(?:(?P<pool>maxpool|avgpool)|(?P<height>\d{1,2})x(?P<width>\d{1,2}):(?P<channels>\d{1,5}))(?:/(?P<stride>[12]))?(?P<valid>v)?"
)


@dataclass(frozen=True)
class Step:
    """One convolution (`channels` set) or 3×3 pool of a branch."""

    pool: str | None
    kernel: tuple[int, int]
    channels: int
    stride: int
    valid: bool

    @property
    def shrinks(self) -> bool:
        """Whether it can leave a smaller map than it takes."""
        return self.stride > 1 or (self.valid and self.kernel != (1, 1))

    def __str__(self) -> str:
        what = self.pool or f"{self.kernel[0]}x{self.kernel[1]}:{self.channels}"
        return f"{what}{'/2' if self.stride > 1 else ''}{'v' if self.valid else ''}"


@dataclass(frozen=True)
class Split:
    """Branches side by side."""

    branches: tuple[tuple[Step | Split, ...], ...]


@lru_cache(maxsize=1024)
def parse(line: str) -> Split:
    """The branches that a line writes; a ValueError says where and why it is none."""
    tokens = [(found.group(), found.start() + 1) for found in re.finditer(r"[|>()]|[^\s|>()]+", line)]
    split, end = _split(tokens, 0, 0)
    if end < len(tokens):
        raise ValueError(f"unexpected {tokens[end][0]!r} at character {tokens[end][1]}")
    return split


def _split(tokens: list[tuple[str, int]], at: int, depth: int) -> tuple[Split, int]:
    if depth > MAX_DEPTH:
        raise ValueError(f"splits nest deeper than {MAX_DEPTH} at character {tokens[at - 1][1]}")
    branches = []
    while True:
        branch, at = _branch(tokens, at, depth)
        branches.append(branch)
        if at >= len(tokens) or tokens[at][0] != "|":
            return Split(tuple(branches)), at
        at += 1


def _branch(tokens: list[tuple[str, int]], at: int, depth: int) -> tuple[tuple[Step | Split, ...], int]:
    steps: list[Step | Split] = []
    while True:
        word, place = tokens[at] if at < len(tokens) else ("the end", 0)
        where = f" at character {place}" if place else " of the line"
        if word == "(":
            inner, at = _split(tokens, at + 1, depth + 1)
            if at >= len(tokens) or tokens[at][0] != ")":
                raise ValueError(f"the parenthesis opened{where} is not closed")
            at += 1
            if at < len(tokens) and tokens[at][0] == ">":
                raise ValueError(f"a split ends its branch, so nothing can follow at character {tokens[at][1]}")
            return (*steps, inner), at
        steps.append(_step(word, where))
        at += 1
        if at >= len(tokens) or tokens[at][0] != ">":
            return tuple(steps), at
        at += 1


def _step(word: str, where: str) -> Step:
    found = STEP.fullmatch(word)
    if found is None:
        raise ValueError(f"expected a step such as 3x3:64, 3x3:64/2v or maxpool, got {word!r}{where}")
    stride, valid = int(found["stride"] or 1), bool(found["valid"])
    if found["pool"]:
        return Step(found["pool"], (3, 3), 0, stride, valid)
    kernel, channels = (int(found["height"]), int(found["width"])), int(found["channels"])
    if not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"channels must be 1 to {MAX_CHANNELS:,}, got {channels:,}{where}")
    if not all(1 <= size <= 31 for size in kernel):
        raise ValueError(f"kernels must be 1 to 31, got {word!r}{where}")
    if not valid and not all(size % 2 for size in kernel):
        raise ValueError(f"an even kernel needs the suffix v (no padding), got {word!r}{where}")
    return Step(None, kernel, channels, stride, valid)


def chips(line: str) -> list[Row]:
    """The branches as rows of chips, each step written the short way. Raises ValueError as `parse` does."""
    return _rows(parse(line))


def _rows(split: Split) -> list[Row]:
    return [
        [{"split": _rows(step)} if isinstance(step, Split) else {"text": str(step)} for step in branch]
        for branch in split.branches
    ]


def joined(rows: Sequence[Sequence[Chip]]) -> str:
    """The line of these rows."""
    return " | ".join(
        " > ".join(f"({joined(chip['split'])})" if "split" in chip else chip["text"] for chip in row) for row in rows
    )


def steps(split: Split, place: Place = ()) -> Iterator[tuple[Place, Step]]:
    """Every step with its place: branch by branch, each from its end to its beginning."""
    for number, branch in enumerate(split.branches):
        yield from steps_of(branch, (*place, number))


def steps_of(branch: Sequence[Step | Split], place: Place) -> Iterator[tuple[Place, Step]]:
    """The steps of the branch at `place`, from its end to its beginning."""
    for number, step in reversed(list(enumerate(branch))):
        if isinstance(step, Split):
            yield from steps(step, (*place, number))
        else:
            yield (*place, number), step
