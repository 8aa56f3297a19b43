"""Training: data sets, recipe, and the loop, which is a stream of plain records."""

from explorer.training.adapt import adapted_copy, deepen
from explorer.training.events import Evaluated, Event, Failed, Finished, Started, Step
from explorer.training.loop import train
from explorer.training.recipe import Recipe, reason_for

__all__ = [
    "Evaluated",
    "Event",
    "Failed",
    "Finished",
    "Recipe",
    "Started",
    "Step",
    "adapted_copy",
    "deepen",
    "reason_for",
    "train",
]
