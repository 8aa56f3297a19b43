"""How the learning rate goes over a run, as a share of its highest value.

Everything is said in shares of the run, so that the same schedule serves a run of so many steps and one of so many
seconds.
"""

import math
from typing import Literal

Schedule = Literal["constant", "one-cycle", "cosine", "step"]

PEAK = 0.3  # the share of a run at which one cycle is highest
LOWEST = 0.04  # where one cycle begins
DROPS = (0.5, 0.75)  # He et al. 2015: a tenth from 32,000 and 48,000 of 64,000 steps on


def factor(schedule: Schedule, share: float) -> float:
    """The learning rate over its highest value where `share` (0 to 1) of the run is over."""
    if schedule == "one-cycle":  # Smith 2018: up and down in straight lines
        if share < PEAK:
            return LOWEST + (1 - LOWEST) * share / PEAK
        return max(0.0, (1 - share) / (1 - PEAK))
    if schedule == "cosine":  # Loshchilov and Hutter 2017, without restarts
        return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    if schedule == "step":
        return float(0.1 ** sum(share >= drop for drop in DROPS))
    return 1.0


def warmed(step: int, warmup: int) -> float:
    """What the warm-up leaves of the learning rate at step `step`, counted from 0."""
    return min(1.0, (step + 1) / (warmup + 1))
