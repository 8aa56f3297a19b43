"""The training script of a recipe: runnable as it is, and the same losses as the app's own loop."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from explorer import Network, Shape, ShapeError, blocks, presets
from explorer.export.script import CLASSES, TEST_IMAGES, training_script
from explorer.runs.local import ONE_THREAD
from explorer.training import data
from explorer.training.events import Evaluated, Finished, Step
from explorer.training.loop import train
from explorer.training.recipe import Recipe
from tests import exported

STEPS = 25  # past the end of an epoch of 22
CPU = torch.device("cpu")
DROPPING = Network(
    name="With dropout, other input",
    input=Shape(3, 11, 6),
    blocks=(
        blocks.Stem(form="cifar", channels=6),
        blocks.Basic(channels=8, norm="none"),
        blocks.Dropout(rate=0.25),
        blocks.Classifier(classes=12, hidden=(16,), dropout=0.5),
    ),
)
CASES = {
    "sgd": (presets.load("digits_resnet20"), Recipe(steps=STEPS, evaluations=2, seed=3)),
    "adamw": (DROPPING, Recipe(steps=STEPS, optimizer="adamw", learning_rate=1e-3, clip=0.5, batch=300)),
}
PROGRAM = """
import json, runpy, sys, torch
module = runpy.run_path(sys.argv[1], run_name="exported")
network = module["Network"](module["SEED"])
losses = list(module["train"](network, torch.device("cpu")))
torch.save(network.state_dict(), sys.argv[2])
print(json.dumps(losses))
"""


def run(*arguments: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-I", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": "", **ONE_THREAD},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


@pytest.mark.parametrize("name", CASES)
def test_the_losses_are_those_of_the_apps_own_loop(name: str, tmp_path: Path) -> None:
    """To the last bit: images, order, weights and updates are the same numbers, and one thread sums in one order."""
    network, recipe = CASES[name]
    file = tmp_path / "script.py"
    file.write_text(training_script(network, recipe), encoding="utf-8")
    *told, losses = run("-c", PROGRAM, str(file), str(tmp_path / "theirs.pt"))
    events = list(train(network, recipe, CPU, tmp_path / "ours.pt"))
    assert json.loads(losses) == [event.loss for event in events if isinstance(event, Step)]
    shares = [event.accuracy for event in events if isinstance(event, Evaluated)]
    shares += [event.test_accuracy for event in events if isinstance(event, Finished)]
    assert [int(line.split()[2]) / TEST_IMAGES for line in told] == pytest.approx(shares)
    ours, theirs = (torch.load(tmp_path / f"{whose}.pt", weights_only=True) for whose in ("ours", "theirs"))
    assert list(ours) == list(theirs) and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_script_runs_as_it_is(tmp_path: Path) -> None:
    network = presets.load("digits_resnet20")
    file = tmp_path / "script.py"
    file.write_text(training_script(network, Recipe(steps=2, batch=8)), encoding="utf-8")
    first, second, tested, weights = run(str(file))
    assert first.startswith("step 1: loss 2.") and second.startswith("step 2: loss 2.")
    assert tested.endswith(f"of {TEST_IMAGES} test images are right")
    assert weights == f"weights: {tmp_path / 'script.pt'}"
    network.build().load_state_dict(torch.load(tmp_path / "script.pt", weights_only=True))


def test_scripts_are_clean_and_need_torch_and_scikit_learn_alone(tmp_path: Path) -> None:
    for name, (network, recipe) in CASES.items():
        (tmp_path / f"{name}.py").write_text(training_script(network, recipe), encoding="utf-8")
    frequent = Recipe(evaluations=100, clip=1000, weight_decay=0, warmup=0, learning_rate=1e-300)
    (tmp_path / "frequent.py").write_text(training_script(presets.load("article").apply(
        {"op": "set", "at": 8, "fields": {"classes": 10}}), frequent), encoding="utf-8")  # fmt: skip
    exported.are_clean(tmp_path, {"torch", "sklearn"})


def test_the_script_knows_the_data_set() -> None:
    digits = data.load("digits")
    assert len(digits.classes) == CLASSES and len(digits.test_labels) == TEST_IMAGES


def test_a_recipe_is_written_out() -> None:
    source = training_script(DROPPING)  # a block without norm: AdamW
    for line in ("CLIP = 1.0 ", "LEARNING_RATE = 0.001\n", "torch.optim.AdamW(", "SHAPE = (3, 11, 6) "):
        assert line in source
    assert "MOMENTUM" not in source
    assert "MOMENTUM = 0.9\n" in training_script(presets.load("digits_resnet20"))


def test_what_cannot_be_trained_has_no_script() -> None:
    with pytest.raises(ValueError, match="The network ends in a map"):
        training_script(Network(input=Shape(1, 8, 8), blocks=(blocks.Conv(channels=4),)))
    few = Network(input=Shape(1, 8, 8), blocks=(blocks.Classifier(classes=3),))
    with pytest.raises(ValueError, match="The network has 3 classes, the images 10"):
        training_script(few)
    with pytest.raises(ShapeError):
        training_script(Network(input=Shape(1, 8, 8), blocks=(blocks.Basic(channels=4, shortcut="identity"),)))
