"""A network beside its plain twin: what differs before training, and what was seen after it, in words.

The words are computed. They say what short runs can show, slower optimisation in so many steps, and not He et al.'s
degradation, which is a statement about networks trained to the end.
"""

import math
from dataclasses import dataclass

import torch

from explorer.network import Network
from explorer.numbers import digits
from explorer.report import Report, analyze
from explorer.shape import ShapeError, signed
from explorer.training import initial
from explorer.training.adapt import EFFECT_DEPTH, depth
from explorer.training.events import Finished
from explorer.training.recipe import Recipe

SAME = "This network has no shortcuts: its plain twin is the same network."
DIVERGED = 1.5  # times the loss of guessing: updates that grew too large
UNLEARNED = 0.95  # of the loss of guessing
CLEAR_RATIO = 1.5  # between training losses; less is within what another seed may turn round
CLEAR_LOSS = 0.1


@dataclass(frozen=True)
class Difference:
    """What the plain twin lacks."""

    shortcuts: int
    projections: int  # of those shortcuts, the ones with weights of their own
    params: tuple[int, int]  # network, twin
    macs: tuple[int, int]
    depth: int  # weighted layers of the network
    shared: int  # parameter tensors that both have, in layers of the same shape
    reshaped: int  # of layers that have another shape in the twin, and so other first weights
    zeroed: int  # of those, the ones that start at zero in the network only, as the last of a branch

    @property
    def same(self) -> bool:
        """Whether the twin is the same network."""
        return self.shortcuts == 0

    @property
    def shallow(self) -> bool:
        """Whether the network is too shallow to show an effect."""
        return self.depth < EFFECT_DEPTH

    def sentence(self) -> str:
        """The difference in words."""
        if self.same:
            return SAME
        cut = f"{self.shortcuts} shortcut{'s' if self.shortcuts > 1 else ''}"
        if self.projections:
            cut += f", {self.projections} of them with weights"
        weights = "the same parameters"
        if self.params[0] != self.params[1]:
            weights = f"{signed(self.params[1] - self.params[0])} parameters ({self.params[1]:,})"
        macs = "the same MACs"
        if self.macs[0] != self.macs[1]:
            macs = f"{signed(self.macs[1] - self.macs[0])} MACs an image ({self.macs[1]:,})"
        start = f"Their {self.shared} common tensors of weights start equal to the bit"
        if self.zeroed:
            start += f", but for {self.zeroed} that start at zero where a shortcut stands beside them"
        if self.reshaped:
            start += f"; {self.reshaped} have another width there and start anew"
        return (
            f"The plain twin is without {cut}: {weights}, {macs}. {start}; both see the same batches in the same order."
        )

    def brief(self) -> str:
        """The difference in a line."""
        if self.same:
            return self.sentence()
        parts = [f"{self.shortcuts} shortcut{'s' if self.shortcuts > 1 else ''} fewer"]
        for (ours, theirs), unit in ((self.params, "parameters"), (self.macs, "MACs")):
            if ours != theirs:
                parts.append(f"{signed(theirs - ours)} {unit}")
        if len(parts) == 1:
            parts.append("the same parameters and MACs")
        return f"The plain twin: {', '.join(parts)}. Same first weights, same batches."


def difference(network: Network, start: str = "he") -> Difference:
    """What `network.plain()` lacks, counted; `start` is the recipe's initialisation."""
    twin = network.plain()
    ours, theirs = analyze(network), analyze(twin)
    both, reshaped = common_weights(network, twin)
    return Difference(
        shortcuts=sum(block.copies for block in network.blocks if block.has_shortcut()),
        projections=_weighted(ours) - _weighted(theirs),
        params=(ours.params, theirs.params),
        macs=(ours.macs, theirs.macs),
        depth=depth(ours),
        shared=len(both),
        reshaped=len(reshaped),
        zeroed=len(both & (zero_starts(network, start) ^ zero_starts(twin, start))),
    )


def twin_refusal(network: Network) -> str:
    """Why there is no plain twin to train beside this network; empty where there is one."""
    if not any(block.has_shortcut() for block in network.blocks):
        return SAME
    try:
        analyze(network.plain())
    except ShapeError as error:  # channels that a concatenating shortcut brought are missing further down
        return f"Without its shortcuts the stack does not fit together: {error}."
    return ""


def common_weights(network: Network, twin: Network) -> tuple[set[str], set[str]]:
    """Paths that both have: those of layers of the same shape, and those of layers whose shape differs.

    A layer counts as a whole: a bias is drawn by its layer's width, so it differs where the weight's shape does.
    """
    ours, theirs = (
        {name: tuple(parameter.shape) for name, parameter in each.skeleton().named_parameters()}
        for each in (network, twin)
    )
    both = ours.keys() & theirs.keys()
    changed = {name.rpartition(".")[0] for name in both if ours[name] != theirs[name]}
    reshaped = {name for name in both if name.rpartition(".")[0] in changed}
    return both - reshaped, reshaped


def zero_starts(network: Network, start: str = "he") -> set[str]:
    """Paths of the weights that start at zero, as their blocks or the recipe's initialisation ask for."""
    model = network.skeleton()
    layers = initial.zero_already(model, network)
    if start == "zero-last":
        layers += initial.last_of_branches(model, network)
    weights = {id(layer.weight) for layer in layers}
    return {name for name, parameter in model.named_parameters() if id(parameter) in weights}


def _weighted(report: Report) -> int:
    return sum(row.macs > 0 for row in report.operations)


def first_weights_that_differ(network: Network, seed: int) -> tuple[str, ...]:
    """Paths in layers that the network and its plain twin share and whose weights differ before the first step.

    None but those that start at zero beside a shortcut (`zero_starts`).
    """
    twin = network.plain()
    both, _ = common_weights(network, twin)
    ours, theirs = (dict(each.build(seed=seed).named_parameters()) for each in (network, twin))
    return tuple(name for name in ours if name in both and not torch.equal(ours[name], theirs[name]))


def alone(done: Finished) -> str:
    """What one run came to, where that is little; "" where it learned."""
    guessing = guess(done)
    if done.train_loss > DIVERGED * guessing:
        return "It did not learn: its loss grew far beyond that of guessing. A smaller learning rate helps."
    return (
        "It has not learned much yet: its loss is near that of guessing."
        if done.train_loss > UNLEARNED * guessing
        else ""
    )


def guess(done: Finished) -> float:
    """The loss of equal probabilities."""
    return math.log(max(2, len(done.confusion)))


def verdict(residual: Finished, plain: Finished, recipe: Recipe, gap: Difference) -> str:
    """What was seen, in words: both losses and accuracies, and which learned faster in these steps."""
    losses = f"{digits(residual.train_loss)} with shortcuts and {digits(plain.train_loss)} without"
    figures = (
        f"After {_made(residual, plain, recipe)} of {recipe.batch} images the training loss, averaged over the last "
        f"tenth, is {losses}; {residual.test_accuracy:.1%} and {plain.test_accuracy:.1%} of the test images are read "
        "correctly."
    )
    return f"{figures} {_seen(residual, plain)} {caution(recipe, gap, plain)}"


def brief_verdict(residual: Finished, plain: Finished, recipe: Recipe, gap: Difference) -> str:
    """The same in short."""
    few = f" {gap.depth} weighted layers are few: the difference shows from about {EFFECT_DEPTH}."
    losses = f"{digits(residual.train_loss, 2)} with shortcuts, {digits(plain.train_loss, 2)} without"
    return (
        f"{_seen(residual, plain)} {_made(residual, plain, recipe)}, training loss over the last tenth {losses}; test "
        f"{residual.test_accuracy:.1%} and {plain.test_accuracy:.1%}. One seed.{few if gap.shallow else ''}"
    )


def _made(residual: Finished, plain: Finished, recipe: Recipe) -> str:
    """How long both learned; by the clock each makes as many steps as it can."""
    if recipe.seconds is None:
        return f"{recipe.steps} steps"
    return f"{recipe.seconds:g} s ({residual.steps or 0} and {plain.steps or 0} steps)"


def _seen(residual: Finished, plain: Finished) -> str:
    low, high = sorted((residual.train_loss, plain.train_loss))
    guessing = guess(residual)
    worse = [each.train_loss > DIVERGED * guessing for each in (residual, plain)]
    if all(worse):
        return "Neither learned: both losses grew far beyond that of guessing. A smaller learning rate helps."
    if any(worse):
        which = "with" if worse[0] else "without"
        return f"The network {which} shortcuts did not learn: its loss grew far beyond that of guessing."
    if low > UNLEARNED * guessing:
        return "Neither has learned much yet: both losses are near that of guessing."
    if not (high > CLEAR_RATIO * low and high - low > CLEAR_LOSS):
        return "Both learned about equally fast."
    if plain.train_loss > residual.train_loss:
        return "Without shortcuts the same layers learned more slowly: the training loss itself stays behind."
    return "In these steps the network without shortcuts learned faster."


def caution(recipe: Recipe, gap: Difference, plain: Finished) -> str:
    """What these figures do not show."""
    limits = f"One seed ({recipe.seed}), and a short run: it shows how fast each learns, not where each would end."
    if plain.train_accuracy - plain.test_accuracy > 0.1:
        limits += (
            " The plain twin reads fewer test images than training images also because the running statistics "
            "of its norms lag behind in a short run."
        )
    if gap.shallow:
        limits += f" {shallow_sentence(gap)}"
    return limits


def shallow_sentence(gap: Difference) -> str:
    """Why a network of this depth shows little."""
    return (
        f"With {gap.depth} weighted layers both kinds learn well; on these images the difference shows from about "
        f"{EFFECT_DEPTH} on."
    )
