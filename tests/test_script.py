"""The training script of a recipe: runnable as it is, and the same losses as the app's own loop."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from explorer import Network, Shape, ShapeError, blocks, presets
from explorer.export.script import TEST_IMAGES, images_file, images_name, training_script
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
SHARING = Network(
    input=Shape(1, 8, 8),
    blocks=(
        blocks.Stem(form="cifar", channels=8),
        blocks.Downsampling(channels=8, share="W", repeat=2),
        blocks.LinearProjection(channels=8),
        blocks.Basic(channels=12, order="pre"),
        blocks.Inception(branches="1x1:4 | 1x1:4 > 3x3:4", residual=True),
        blocks.Classifier(),
    ),
)
CASES = {
    "sgd": (presets.load("digits_resnet20"), Recipe(steps=STEPS, evaluations=2, seed=3)),
    "adamw": (DROPPING, Recipe(steps=STEPS, optimizer="adamw", learning_rate=1e-3, clip=0.5, batch=300)),
    "everything": (
        SHARING,
        Recipe(
            steps=STEPS,
            nesterov=True,
            decay_all=False,
            schedule="one-cycle",
            warmup=3,
            smoothing=0.1,
            flip=True,
            crop=2,
            cutout=3,
            initialisation="zero-last",
            compile=True,  # which a CPU leaves alone
            evaluations=4,
        ),
    ),
    "dirac": (
        SHARING,
        Recipe(steps=STEPS, initialisation="dirac", schedule="cosine", momentum=0, nesterov=True, precision="bf16"),
    ),
    "normless": (DROPPING, Recipe(steps=4, initialisation="dirac", schedule="step", cutout=1)),
    "wide": (presets.load("digits_resnet20"), Recipe(steps=3, channels_last=True)),
    "colours": (
        DROPPING.apply({"op": "set", "at": 3, "fields": {"classes": 10}}),
        Recipe(data="shapes:size=16,train=300,test=100", steps=7, flip=True, crop=1),
    ),
    "greyed": (SHARING, Recipe(data="shapes:size=16,train=200,test=100", steps=3)),
    "clock": (SHARING, Recipe(seconds=1.5, evaluations=3, warmup=0)),
}
Trained = tuple[list[str], list[float], dict[str, torch.Tensor]]
PROGRAM = """
import json, runpy, sys, torch
from pathlib import Path
for file in sorted(Path(sys.argv[1]).glob("*.py")):
    module = runpy.run_path(str(file), run_name="exported")
    network = module["Network"](module["SEED"])
    losses = list(module["train"](network, torch.device("cpu")))
    torch.save({"losses": losses, "state": network.state_dict()}, file.with_suffix(".pt"))
    print("end", file.stem)
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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """What each case's script printed, its losses and its weights, all from one process that loads torch once."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, (network, recipe) in CASES.items():
        (folder / f"{name}.py").write_text(training_script(network, recipe), encoding="utf-8")
        if images_name(recipe):
            (folder / images_name(recipe)).write_bytes(images_file(recipe))
    told: list[str] = []
    found = {}
    for line in run("-c", PROGRAM, str(folder)):
        told.append(line)
        if line.startswith("end "):
            kept = torch.load(folder / f"{line[4:]}.pt", weights_only=True)
            found[line[4:]] = told[:-1], kept["losses"], kept["state"]
            told = []
    return found


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"clock"}))
def test_the_losses_are_those_of_the_apps_own_loop(name: str, trained: dict[str, Trained], tmp_path: Path) -> None:
    """To the last bit: images, order, weights and updates are the same numbers, and one thread sums in one order."""
    network, recipe = CASES[name]
    told, losses, theirs = trained[name]
    events = list(train(network, recipe, CPU, tmp_path / "ours.pt"))
    assert losses == [event.loss for event in events if isinstance(event, Step)]
    shares = [event.accuracy for event in events if isinstance(event, Evaluated)]
    shares += [event.test_accuracy for event in events if isinstance(event, Finished)]
    assert [int(line.split()[2]) / len(data.load(recipe.data).test_labels) for line in told] == pytest.approx(shares)
    ours = torch.load(tmp_path / "ours.pt", weights_only=True)
    assert list(ours) == list(theirs) and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_run_by_the_clock_makes_the_same_steps(
    trained: dict[str, Trained],
) -> None:
    network, recipe = CASES["clock"]
    told, losses, _ = trained["clock"]
    events = train(network, Recipe(steps=min(len(losses), 30), warmup=recipe.warmup), CPU)
    ours = [event.loss for event in events if isinstance(event, Step)]
    assert ours == losses[: len(ours)]
    assert 1 <= len(told) <= recipe.evaluations and told[-1].startswith(f"step {len(losses)}: ")


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
    assert len(digits.test_labels) == TEST_IMAGES


def test_a_recipe_is_written_out() -> None:
    source = training_script(DROPPING)  # a block without norm: AdamW
    for line in ("CLIP = 1.0 ", "LEARNING_RATE = 0.001\n", "torch.optim.AdamW(", "SHAPE = (3, 11, 6) "):
        assert line in source
    assert "MOMENTUM" not in source
    assert "MOMENTUM = 0.9\n" in training_script(presets.load("digits_resnet20"))


def test_every_field_of_a_recipe_changes_the_script() -> None:
    wide = presets.load("digits_resnet20")  # narrow maps are never laid channels last
    other = {**Recipe().model_dump(), **CASES["everything"][1].model_dump()}
    other |= {"optimizer": "adamw", "learning_rate": 0.5, "momentum": 0.5, "weight_decay": 0.5, "clip": 0.5, "seed": 9}
    other |= {"seconds": 5.0, "batch": 9, "precision": "bf16", "channels_last": True}
    for name in Recipe.model_fields.keys() - {"data"}:
        assert other[name] != getattr(Recipe(), name), f"give {name} another value here, and a line in the script"
        network = wide if name == "channels_last" else SHARING
        changed = Recipe.model_validate({name: other[name]})
        assert training_script(network, changed) != training_script(network, Recipe()), name


def test_other_images_lie_beside_the_script() -> None:
    network, recipe = CASES["greyed"]
    source = training_script(network, recipe)
    assert images_name(recipe) == "images_shapes_size_16_train_200_test_100.pt"
    assert f'IMAGES = "{images_name(recipe)}"\n' in source and "sklearn" not in source
    assert "on colour shapes, difficulty 0.3; needs PyTorch." in source
    assert images_name(Recipe()) == ""


def test_images_that_are_not_here_have_no_file() -> None:
    with pytest.raises(ValueError, match="own"):
        training_script(SHARING, Recipe(data="own:id=0123456789abcdef"))


def test_dirac_weights_of_mixed_blocks_that_share_are_refused() -> None:
    shared = (
        blocks.Downsampling(channels=8, share="W"),
        blocks.Downsampling(channels=8, share="W", norm="none", bias="no"),
    )
    mixed = Network(input=Shape(1, 8, 8), blocks=(*shared, blocks.Classifier()))
    with pytest.raises(ValueError, match="no dirac weights"):
        training_script(mixed, Recipe(initialisation="dirac"))


def test_what_cannot_be_trained_has_no_script() -> None:
    with pytest.raises(ValueError, match="The network ends in a map"):
        training_script(Network(input=Shape(1, 8, 8), blocks=(blocks.Conv(channels=4),)))
    few = Network(input=Shape(1, 8, 8), blocks=(blocks.Classifier(classes=3),))
    with pytest.raises(ValueError, match="The network has 3 classes, the images 10"):
        training_script(few)
    with pytest.raises(ShapeError):
        training_script(Network(input=Shape(1, 8, 8), blocks=(blocks.Basic(channels=4, shortcut="identity"),)))
