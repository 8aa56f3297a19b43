"""What goes through a network over a whole run, depth by step, as bytes on a logarithmic scale."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.drawing.captions import card_name
from explorer.network import Network
from explorer.report import analyze
from explorer.shape import ShapeError
from explorer.training.events import Telemetry
from explorer.training.telemetry import LARGEST

Values = NDArray[np.float64]  # (rows, columns): from the input down, from the first step on

NOTHING, OVERFLOWN = 0, 255  # bytes of what has no number: no gradient at all, and one that is not finite
DECADES = 12  # powers of ten that a scale spans at most; what is smaller has its first colour
ROWS, CELLS = 256, 20_000  # of one heat at most
QUANTITIES = ("gradient", "activation")


@dataclass(frozen=True)
class Rows:
    """How a network's cards and their copies stand in telemetry."""

    names: tuple[str, ...]  # of the cards, numbered
    copies: tuple[int, ...]
    weighted: tuple[bool, ...]  # whether a card has weights, whose gradient can be looked at
    classes: int  # that the network tells apart

    def of_copies(self, cards: Sequence[Any]) -> list[Any]:
        """Something of each card, once for each of its copies."""
        return [one for one, count in zip(cards, self.copies, strict=True) for _ in range(count)]


@lru_cache(maxsize=64)
def rows(text: str) -> Rows | None:
    """Of a network as JSON; None where this version does not read it."""
    try:
        report = analyze(Network.from_json(text))
    except (ValueError, ShapeError):
        return None
    assert report.network is not None
    return Rows(
        tuple(card_name(card) for card in report.cards),
        tuple(block.copies for block in report.network.blocks),
        tuple(card.params > 0 for card in report.cards),
        report.output_shape[0],
    )


def values(readings: Sequence[Telemetry], field: str, count: int) -> Values:
    """One field of all readings (count, readings)."""
    kept = [getattr(reading, field) for reading in readings]
    fit = [one if len(one) == count else (0.0,) * count for one in kept]
    return np.array(fit, np.float64).reshape(len(fit), count).T


def scale(parts: Sequence[Values]) -> tuple[int, int]:
    """The powers of ten from which and to which the colours go, for all of these alike."""
    known = np.concatenate([part[(part > 0) & (part < LARGEST)] for part in parts] or [np.empty(0)])
    if not known.size:
        return -1, 0
    high = ceil(float(np.log10(known.max())) - 1e-9)
    low = min(floor(float(np.log10(known.min())) + 1e-9), high - 1)
    return max(low, high - DECADES), high


def levels(part: Values, low: int, high: int) -> NDArray[np.uint8]:
    """Bytes 1 to 254 between the two powers of ten."""
    with np.errstate(divide="ignore"):
        share = (np.log10(part) - low) / (high - low)
    made = (1 + np.clip(share, 0, 1) * 253).round()
    made[part <= 0] = NOTHING
    made[part >= LARGEST] = OVERFLOWN
    return made.astype(np.uint8)


def exact(level: int, low: int, high: int) -> float:
    """The middle of what a byte stands for."""
    return float(10 ** (low + (level - 1) / 253 * (high - low)))


def pooled(part: Values, most: int = ROWS) -> tuple[Values, int]:
    """At most so many rows, each the largest of so many neighbours."""
    together = ceil(len(part) / most)
    if together <= 1:
        return part, 1
    missing = -len(part) % together
    padded = np.concatenate([part, np.zeros((missing, part.shape[1]))])
    return padded.reshape(-1, together, part.shape[1]).max(1), together


def columns(readings: Sequence[Telemetry], count: int) -> list[Telemetry]:
    """As many readings as a heat of so many rows may have, evenly spread; the first and the last always among them."""
    most = max(2, CELLS // max(1, min(count, ROWS)))
    if len(readings) <= most:
        return list(readings)
    return [readings[round(at * (len(readings) - 1) / (most - 1))] for at in range(most)]


def packed(part: NDArray[np.uint8]) -> str:
    """The bytes, row after row."""
    return b64encode(np.ascontiguousarray(part).tobytes()).decode()


def heats(runs: Sequence[tuple[Rows, Sequence[Telemetry]]]) -> tuple[list[dict[str, Any]], dict[str, list[int]]]:
    """Of each run its heats, folded by card and with every copy; and the scale of each quantity that all share."""
    made: list[dict[str, Any]] = []
    kept: list[dict[str, dict[str, Values]]] = []
    for form, readings in runs:
        total = sum(form.copies)
        shown = columns(readings, total)
        parts: dict[str, dict[str, Values]] = {}
        together = 1
        for quantity in QUANTITIES:
            copies, together = pooled(values(shown, f"copy_{quantity}s", total))
            parts[quantity] = {"cards": values(shown, f"{quantity}s", len(form.copies)), "copies": copies}
        kept.append(parts)
        made.append(
            {
                "at": [reading.step for reading in shown],
                "names": list(form.names),
                "copies": list(form.copies),
                "starts": [0, *accumulate(form.copies)][:-1],
                "together": together,
            }
        )
    scales: dict[str, list[int]] = {}
    for quantity in QUANTITIES:
        low, high = scale([parts[quantity]["copies"] for parts in kept])
        scales[quantity] = [low, high]
        for one, parts in zip(made, kept, strict=True):
            one[quantity] = {what: packed(levels(part, low, high)) for what, part in parts[quantity].items()}
    return made, scales
