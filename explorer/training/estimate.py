"""What a run will take, from a step that was really made and timed."""

from __future__ import annotations

from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import Tensor

from explorer.report import Report, analyze
from explorer.training import data, device
from explorer.training.events import Count, Failed, Record
from explorer.training.loop import build, obstacle, predict, update
from explorer.training.recipe import Recipe

if TYPE_CHECKING:
    from explorer.network import Network

PROBE_BATCH = 8
PROBE_MACS = 30e9  # of forward and backward in one probe, some seconds of one core; a network beyond gets fewer images
ENOUGH_SECONDS = 1.0  # a step this long tells what a larger one takes
HEAVY_SECONDS = 3.0  # a full step that would take longer is reckoned from a smaller batch
WEIGHT_MACS = 300  # that a weight's gradient and update take as long as; wide networks on small maps are mostly that
TIMED_SECONDS = 0.6
TIMED_STEPS = 12


class Measured(Record):
    """Seconds and bytes of one step at full batch, and what a run costs besides."""

    event: Literal["measured"] = "measured"
    build_seconds: float = Field(ge=0)
    step_seconds: float = Field(ge=0)
    evaluation_seconds: float = Field(ge=0)
    bytes: Count

    def seconds(self, recipe: Recipe) -> float:
        """The estimated time of a whole run of `recipe`."""
        steps = recipe.steps * self.step_seconds
        tests = recipe.evaluations * self.evaluation_seconds
        if recipe.seconds is not None:  # the tests on the way are within the budget, the last one is not
            steps, tests = recipe.seconds, self.evaluation_seconds
        return self.build_seconds + steps + tests


def measure(network: Network, recipe: Recipe, on: torch.device | None = None) -> Measured | Failed:
    """Makes a few steps of the run and throws them away; Failed where the run could not be made at all."""
    on = on or device.choose()
    report = analyze(network, batch=recipe.batch)
    refusal = refuse_size(report, recipe, on)
    if refusal:
        return Failed(reason=refusal)
    # CPU time, which a neighbour's burst of work does not stretch: what the run takes on a core of its own
    clock = process_time if on.type == "cpu" and torch.get_num_threads() == 1 else perf_counter
    try:
        images = data.Prepared(data.load(recipe.data), network.input, on)
    except (ValueError, OSError) as error:
        return Failed(reason=f"There are no images to train on: {error}.".replace("..", "."))
    refusal = obstacle(network, images.classes)
    if refusal:
        return Failed(reason=refusal)
    began = clock()
    model, optimizer = build(network, recipe, on)
    device.synchronise(on)
    build_seconds = clock() - began

    def step(size: int) -> float:
        """Seconds of one update with `size` images."""
        began = clock()
        inputs, labels = images.train_batch(torch.arange(size, device=on))
        update(model, optimizer, recipe, 0, inputs, labels)
        device.synchronise(on)
        return clock() - began

    batch = min(recipe.batch, len(images.train_labels))
    probe = max(4, min(PROBE_BATCH, int(PROBE_MACS / (3 * report.macs + 1))))
    saved = SavedBytes()
    with torch.autograd.graph.saved_tensors_hooks(saved.count, lambda tensor: tensor):
        step(probe)
    activations = (saved.total - _parameter_bytes(model, saved)) * batch // probe
    held = [tensor for state in optimizer.state.values() for tensor in state.values() if isinstance(tensor, Tensor)]
    weights = sum(parameter.nbytes for parameter in model.parameters())
    total = activations + 2 * weights + sum(tensor.nbytes for tensor in held)

    def work(size: int) -> float:
        """What a step costs, in MACs: its images, and what it takes for the weights alone."""
        return 3 * report.macs * size + WEIGHT_MACS * report.params

    size, seconds = probe, step(probe)
    while size < batch and seconds < ENOUGH_SECONDS:
        size = min(batch, 2 * size)
        seconds = step(size)
    step_seconds = seconds * work(batch) / work(size)
    if step_seconds > HEAVY_SECONDS:
        evaluation_seconds = step_seconds * len(images.test_labels) / batch / 3  # the forward's part
    else:
        step(batch)
        times = [step(batch)]
        while len(times) < TIMED_STEPS and sum(times) < TIMED_SECONDS:
            times.append(step(batch))
        step_seconds = median(times)
        began = clock()
        predict(model, images)
        evaluation_seconds = clock() - began
    return Measured(
        build_seconds=build_seconds, step_seconds=step_seconds, evaluation_seconds=evaluation_seconds, bytes=total
    )


class SavedBytes:
    """Counts the memory of what autograd keeps for the backward pass, each tensor once."""

    def __init__(self) -> None:
        self.seen: dict[int, Tensor] = {}  # held, so that no address is used twice

    def count(self, tensor: Tensor) -> Tensor:
        """A hook for `saved_tensors_hooks`."""
        self.seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    @property
    def total(self) -> int:
        """Bytes of all of them."""
        return sum(tensor.untyped_storage().nbytes() for tensor in self.seen.values())


def _parameter_bytes(model: torch.nn.Module, saved: SavedBytes) -> int:
    """Bytes among the saved ones that are the weights themselves."""
    return sum(p.nbytes for p in model.parameters() if p.untyped_storage().data_ptr() in saved.seen)


def refuse_size(report: Report, recipe: Recipe, on: torch.device) -> str:
    """Why the run cannot fit into memory, from the exact count, before anything is tried; empty where it can."""
    needed = report.memory(recipe.optimizer).total
    free = device.free_bytes(on)
    if free is None or needed <= free:
        return ""
    return (
        f"Training at {recipe.batch} images a step needs about {needed / 1e9:.1f} GB, "
        f"{device.describe(on)} has {free / 1e9:.1f} GB free. A smaller batch or input needs less."
    )
