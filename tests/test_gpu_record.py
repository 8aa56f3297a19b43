"""The record of `make gpu` is made by code that runs anywhere: only its figures need a CUDA device."""

import re

import torch

from benchmarks import gpu
from explorer import Network, Shape, analyze, blocks
from explorer.training import data
from explorer.training.data.shapes import Shapes
from explorer.training.recipe import Recipe

CPU = torch.device("cpu")
IMAGES = Shapes(size=16, difficulty=0.0, train=400, test=100)
SMALL = Network(
    input=Shape(3, 16, 16),
    blocks=(blocks.Stem(form="cifar", channels=8), blocks.Basic(channels=8), blocks.Classifier(classes=10)),
)


def test_each_loop_is_timed_against_the_plain_one() -> None:
    rows = gpu.loops(SMALL, data.load(IMAGES.name), 32, CPU, count=2, warm_up=1)
    assert [row.split("|")[1].strip() for row in rows] == [
        "DataLoader, eager, float32, `.item()`",
        "the app's loop, float32",
        "the app's loop, bf16",
    ]
    rates = [float(row.split("|")[2].replace(",", "")) for row in rows]
    ratios = [float(re.sub("×", "", row.split("|")[3])) for row in rows]
    assert all(rate > 0 for rate in rates) and ratios[0] == 1


def test_what_never_learns_never_reaches_what_is_wanted() -> None:
    recipe = Recipe(data=IMAGES.name, steps=2, batch=32, warmup=0, learning_rate=1e-6, evaluations=1)
    seconds, accuracy = gpu.learnt(SMALL, recipe, CPU)
    assert seconds is None and 0 <= accuracy < gpu.WANTED


def test_the_stack_of_the_record_takes_the_images_of_the_record() -> None:
    network = gpu.stacked()
    assert analyze(network).output_shape == (10,)
    assert network.input == gpu.SHAPES.facts().shape
