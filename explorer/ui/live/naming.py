"""What the gradients of a run do along its depth, in one sentence, by its numbers.

With batch norm a plain network's gradients explode towards the input at the first weights (Yang et al. 2019) and
starve there after some steps; they vanish only where norms are missing. So "vanish" is never said of a network with
norms, whatever its numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from explorer.network import Network
from explorer.numbers import digits
from explorer.training.events import Telemetry
from explorer.training.telemetry import LARGEST

EXPLODES = 30.0  # times the gradient of the last blocks that the first block's is
STARVES = 1 / 10
VANISHES = 1 / 1000
LAST = 4  # the last blocks: this part of all that have weights, whose mean the first is measured by
RECENT = 3  # readings that "now" is the mean of
EARLY = 10  # steps up to which "at first" is said of the first reading
CHANGES = 20.0  # times that recent readings may differ and still be one state
ADRIFT = 1.5  # times the loss of guessing, from where no run is well, whatever its gradients are
GROWS = 100.0  # times the gradients of all blocks have grown since the first reading, where they reach the input
FEWEST = 4  # blocks with weights, below which there is no depth to speak of

Kind = str  # "explodes", "even", "starves", "shrinks" or "vanishes"


def normless(network: Network) -> bool:
    """Whether most of the copies that could have a norm have none."""
    norms = [(str(block.norm), block.copies) for block in network.blocks if hasattr(block, "norm")]
    without = sum(copies for norm, copies in norms if norm == "none")
    return 2 * without > sum(copies for _, copies in norms)


def ratio(gradients: Sequence[float], weighted: Sequence[bool]) -> float | None:
    """The first block's gradient by the geometric mean of those of the last quarter, all of them blocks with weights.

    None where that is no number, or where there are fewer than four such blocks.
    """
    known = [value for value, has in zip(gradients, weighted, strict=True) if has]
    if len(known) < FEWEST or max(known) >= LARGEST:
        return None
    last = _mean([value for value in known[-max(1, len(known) // LAST) :] if value > 0])
    return known[0] / last if last else None


def kind(share: float, without: bool) -> Kind:
    """What a ratio is called.

    Above 30 the gradients explode towards the input. Below a tenth they starve there; without norms they shrink, and
    vanish below a thousandth. Between a tenth and 30 they reach the input evenly.
    """
    if share > EXPLODES:
        return "explodes"
    if share >= STARVES:
        return "even"
    if not without:
        return "starves"
    return "vanishes" if share < VANISHES else "shrinks"


def sentence(
    readings: Sequence[Telemetry],
    weighted: Sequence[bool],
    without: bool,
    broke: bool = False,
    loss: float | None = None,
    classes: int = 10,
) -> str:
    """How the first reading was, and how the geometric mean of the last three is; "" where nothing can be said.

    `weighted` says of each copy whether it has weights, `without` whether the network has no norms, `broke` whether the
    run ended in numbers that are not finite or in another failure; `loss` is the training loss now, where the run is
    far enough for it to count, and `classes` how many the network tells apart.

    What has changed more than twentyfold within the last three readings is said to change, and gradients that all have
    grown a hundredfold are said to grow. Neither is called healthy, nor a run that broke off, nor one whose loss is far
    above that of guessing.
    """
    if not readings:
        return ""
    first, last = readings[0], readings[-1]
    if max(last.copy_gradients, default=0.0) >= LARGEST:
        return f"At step {last.step} the gradients have outgrown float32."
    shares = [ratio(one.copy_gradients, weighted) for one in readings]
    began, known = shares[0], [share for share in shares[1:][-RECENT:] if share is not None]
    if began is None:
        return ""
    was = kind(began, without)
    if not known and was == "even" and broke:
        return f"The gradients reached the input at step {first.step}, before the run broke off."
    if not known:
        return f"{_now(was, without)} at step {first.step}: the first block has {_figure(began)}."
    now = _mean(known) if min(known) > 0 else 0.0
    is_ = kind(now, without)
    step = f"at step {last.step}"
    recent = [share for share in shares[-RECENT:] if share is not None]
    if is_ == "even" and max(recent) > CHANGES * min(recent):
        return f"{_past(was, without)} ({_brief(began)}); {step} this changes fast (now {_brief(known[-1])})."
    growth = _level(last, weighted) / max(_level(first, weighted), 1e-300)
    if was == is_ == "even" and growth > GROWS:
        return f"The gradients grow in all blocks: {step} they are {_times(growth)} times those of step {first.step}."
    if is_ == "even" and broke:
        return f"The gradients reached the input until the run broke off: {step} the first block had {_figure(now)}."
    if is_ == "even" and loss is not None and loss > ADRIFT * log(classes):
        return (
            f"The gradients reach the input, but the loss of {digits(loss)} is above that of guessing, "
            f"{log(classes):.2g}: the updates are too large."
        )
    if was == is_ or first.step > EARLY:
        return f"{_now(is_, without)}: {step} the first block has {_figure(now)}."
    return f"{_past(was, without)} ({_brief(began)}); {step} {_then(is_)} ({_brief(now)})."


def _level(reading: Telemetry, weighted: Sequence[bool]) -> float:
    """The geometric mean of the gradients of all blocks that have weights and one."""
    known = zip(reading.copy_gradients, weighted, strict=True)
    return _mean([value for value, has in known if has and value > 0])


def _now(what: Kind, without: bool) -> str:
    norms = "Without norms the" if without else "The"
    return {
        "explodes": f"{norms} gradients explode towards the input",
        "even": "Healthy, the gradients reach the input",
        "starves": "The first blocks starve of gradient",
        "shrinks": f"{norms} gradients shrink towards the input",
        "vanishes": f"{norms} gradients vanish towards the input",
    }[what]


def _past(what: Kind, without: bool) -> str:
    norms = "Without norms the" if without else "The"
    return {
        "explodes": f"{norms} gradients at first exploded towards the input",
        "even": "The gradients at first reached the input",
        "starves": "The first blocks at first starved of gradient",
        "shrinks": f"{norms} gradients at first shrank towards the input",
        "vanishes": f"{norms} gradients at first vanished towards the input",
    }[what]


def _then(what: Kind) -> str:
    return {
        "explodes": "they explode there",
        "even": "they reach it, which is healthy",
        "starves": "the first blocks starve of them",
        "shrinks": "they shrink on the way there",
        "vanishes": "they vanish on the way there",
    }[what]


def _figure(share: float) -> str:
    """`1,200 times the gradient of the last blocks`."""
    if share == 0:
        return "a gradient of exactly 0 in float32"
    if 1 / 2 < share < 2:
        return "about the gradient of the last blocks"
    return f"{_brief(share)}{'' if share >= 2 else ' of'} the gradient of the last blocks"


def _brief(share: float) -> str:
    """`1,200 times`, `1/28`, of the last blocks."""
    if share == 0:
        return "exactly 0"
    if share >= 1:
        return f"{_times(share)} times"
    return f"1/{_times(1 / share)}"


def _times(number: float) -> str:
    """Two digits: `2.3`, `41`, `2,100`, `3e+20`."""
    if number >= 1e6:
        return f"{number:.0e}"
    return f"{number:.2g}" if number < 9.95 else f"{float(f'{number:.2g}'):,.0f}"


def _mean(numbers: Sequence[float]) -> float:
    """The geometric mean; 0 of none."""
    return exp(sum(map(log, numbers)) / len(numbers)) if numbers else 0.0
