"""What the gradients of a run are called, on real short runs and at the thresholds."""

import math
from functools import cache

import pytest

from explorer import Network, presets
from explorer.training.events import Failed, Telemetry
from explorer.training.loop import train
from explorer.training.recipe import Recipe
from explorer.training.telemetry import LARGEST
from explorer.ui.live import naming
from explorer.ui.live.heat import rows

DEEP = presets.load("digits_resnet56")


def without_norms(network: Network) -> Network:
    for at, block in enumerate(network.blocks):
        if hasattr(block, "norm"):
            network = network.apply({"op": "set", "at": at, "fields": {"norm": "none"}})
    return network


@cache
def readings(name: str, steps: int) -> tuple[Telemetry, ...]:
    """Those of the first steps of a run of 150, by SGD at 0.03 as demos have it."""
    network = {"residual": DEEP, "plain": DEEP.plain(), "no norms": without_norms(DEEP.plain())}[name]
    found: list[Telemetry] = []
    for event in train(network, Recipe(steps=150)):
        if isinstance(event, Telemetry):
            found.append(event)
            if event.step >= steps:
                break
    return tuple(found)


def said(name: str, network: Network, steps: int) -> str:
    form = rows(network.to_json())
    assert form is not None
    return naming.sentence(readings(name, steps), form.of_copies(form.weighted), naming.normless(network))


def reading(gradients: list[float], step: int = 1) -> Telemetry:
    numbers = tuple(gradients)
    return Telemetry(
        step=step, gradients=numbers, activations=numbers, copy_gradients=numbers, copy_activations=numbers
    )


def flow(*shares: float, without: bool = False) -> str:
    """The sentence of eight blocks whose last seven have a gradient of 1 and whose first has these, from reading on."""
    found = [reading([share, *[1.0] * 7], 1 + 5 * at) for at, share in enumerate(shares)]
    return naming.sentence(found, [True] * 8, without)


def test_a_deep_plain_net_with_batch_norm_explodes_at_first_and_then_starves_and_never_vanishes() -> None:
    first, last = readings("plain", 31)[0], readings("plain", 31)[-1]
    assert first.copy_gradients[0] > 100 * first.copy_gradients[-1]
    assert last.copy_gradients[0] < last.copy_gradients[-1] / 10
    sentence = said("plain", DEEP.plain(), 31)
    assert sentence.startswith("The gradients at first exploded towards the input (")
    assert "; at step 31 the first blocks starve of them (1/" in sentence
    assert "vanish" not in sentence


def test_the_first_reading_of_that_net_explodes() -> None:
    form = rows(DEEP.plain().to_json())
    assert form is not None
    sentence = naming.sentence(readings("plain", 31)[:1], form.of_copies(form.weighted), False)
    assert sentence.startswith("The gradients explode towards the input at step 1: the first block has ")
    assert sentence.endswith("times the gradient of the last blocks.")


def test_without_norms_they_vanish() -> None:
    network = without_norms(DEEP.plain())
    first = readings("no norms", 11)[0]
    assert first.copy_gradients[0] < first.copy_gradients[-1] / 1000
    sentence = said("no norms", network, 11)
    assert sentence.startswith(
        "Without norms the gradients vanish towards the input: at step 11 the first block has 1/"
    )


def test_the_residual_net_is_healthy() -> None:
    assert said("residual", DEEP, 21).startswith("Healthy, the gradients reach the input: at step 21 the first block")


def test_a_shallow_plain_net_is_healthy_too() -> None:
    shallow = presets.load("digits_resnet20").plain()
    found = [event for event in train(shallow, Recipe(steps=12)) if isinstance(event, Telemetry)]
    form = rows(shallow.to_json())
    assert form is not None
    assert naming.sentence(found, form.of_copies(form.weighted), False).startswith("Healthy")


@pytest.mark.parametrize(
    ("share", "without", "kind"),
    [
        (30.1, False, "explodes"), (30.1, True, "explodes"), (29.9, False, "even"), (0.1, True, "even"),
        (0.099, False, "starves"), (1e-9, False, "starves"), (0.0, False, "starves"), (0.099, True, "shrinks"),
        (0.001, True, "shrinks"), (0.00099, True, "vanishes"), (0.0, True, "vanishes"),
    ],
)  # fmt: skip
def test_thresholds(share: float, without: bool, kind: str) -> None:
    assert naming.kind(share, without) == kind


def test_a_net_with_norms_never_vanishes_whatever_its_numbers() -> None:
    for share in [0.0, *(10.0**power for power in range(-30, 31, 3))]:
        for then in (0.0, 1e-30, 1e-2, 1.0, 1e3):
            assert "vanish" not in flow(share, then, then) and "Without norms" not in flow(share, then, then)
            assert "starve" not in flow(share, then, then, without=True)


def test_the_trend_is_said() -> None:
    assert flow(1e-5, 0.9, 1.1, 1.0, without=True) == (
        "Without norms the gradients at first vanished towards the input (1/100,000); "
        "at step 16 they reach it, which is healthy (1/1)."
    )
    assert flow(1200, 1.8) == (
        "The gradients at first exploded towards the input (1,200 times); at step 6 this changes fast (now 1.8 times)."
    )
    assert flow(0, 0, 0, without=True).endswith("the first block has a gradient of exactly 0 in float32.")
    assert flow(1, 1, 1) == (
        "Healthy, the gradients reach the input: at step 11 the first block has about the gradient of the last blocks."
    )


def test_what_grows_everywhere_or_broke_off_is_not_healthy() -> None:
    grown = [reading([0.01] * 8), reading([0.011] * 8, 6), reading([2.0] * 8, 11)]
    assert naming.sentence(grown, [True] * 8, False) == (
        "The gradients grow in all blocks: at step 11 they are 200 times those of step 1."
    )
    level = [reading([1.0] * 8), reading([1.0] * 8, 6)]
    assert naming.sentence(level, [True] * 8, False, broke=True) == (
        "The gradients reached the input until the run broke off: "
        "at step 6 the first block had about the gradient of the last blocks."
    )
    assert "ealthy" not in naming.sentence(level[:1], [True] * 8, False, broke=True)


def test_a_loss_above_that_of_guessing_is_not_healthy() -> None:
    level = [reading([1.0] * 8), reading([1.0] * 8, 6)]
    assert naming.sentence(level, [True] * 8, False, loss=10.9) == (
        "The gradients reach the input, but the loss of 10.9 is above that of guessing, 2.3: the updates are too large."
    )
    assert naming.sentence(level, [True] * 8, False, loss=10.9, classes=100_000).startswith("Healthy")
    assert naming.sentence(level, [True] * 8, False, loss=2.4).startswith("Healthy")


def test_a_real_run_that_diverges_is_not_called_healthy() -> None:
    network = without_norms(presets.load("digits_resnet20"))
    found = list(train(network, Recipe(steps=30, learning_rate=9.0)))
    assert isinstance(found[-1], Failed)
    form = rows(network.to_json())
    assert form is not None
    seen = [event for event in found if isinstance(event, Telemetry)]
    assert "ealthy" not in naming.sentence(seen, form.of_copies(form.weighted), True, broke=True)


def test_blocks_without_weights_do_not_count_and_few_blocks_have_no_depth() -> None:
    numbers = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]
    weighted = [True, False, True, False, True, True]
    assert naming.ratio(numbers, weighted) == 1
    assert naming.ratio(numbers[:4], weighted[:4]) is None
    assert naming.sentence([reading(numbers[:4])], weighted[:4], False) == ""
    assert naming.sentence([], weighted, False) == ""


def test_numbers_that_outgrew_float32_are_said_to() -> None:
    assert naming.sentence([reading([1.0] * 4), reading([LARGEST] * 4, 6)], [True] * 4, False) == (
        "At step 6 the gradients have outgrown float32."
    )
    assert naming.ratio([LARGEST, 1, 1, 1], [True] * 4) is None


def test_the_last_blocks_are_the_last_quarter_of_those_with_weights() -> None:
    numbers = [8.0, *[100.0] * 5, 1.0, 4.0]
    assert naming.ratio(numbers, [True] * 8) == pytest.approx(8 / math.sqrt(4))


def test_norms_are_those_of_most_copies() -> None:
    assert not naming.normless(DEEP) and naming.normless(without_norms(DEEP))
    one = DEEP.apply({"op": "set", "at": 1, "fields": {"norm": "none"}})
    assert not naming.normless(one)
