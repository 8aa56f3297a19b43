"""Milliseconds of blocks: what is measured, how often and how large; never how fast."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from explorer import Network, Shape, analyze, blocks, presets
from explorer.network import walk
from explorer.runs import Manager
from explorer.runs.messages import ANSWER, JOB
from explorer.runs.timings import KEPT, Timings
from explorer.training import timing
from explorer.training.events import Failed
from explorer.training.timing import Timed, Timing, TimingEnded
from tests.stacks import any_stacks, valid_stacks

CPU = torch.device("cpu")
SOON = 60.0  # seconds that a loaded machine may take for what takes one

SMALL = Network(
    input=Shape(1, 8, 8),
    blocks=(
        blocks.Stem(form="cifar", channels=4),
        blocks.Basic(channels=4, repeat=3),
        blocks.Basic(channels=8, stride=2, repeat=3),
        blocks.Classifier(),
    ),
)
BROKEN = SMALL.replace(2, blocks.Basic(channels=8, stride=2, repeat=3, shortcut="identity"))
# a first copy that fits and a second that does not: the card counts as a whole or not at all
HALF = SMALL.replace(2, blocks.Conv(channels=6, groups=2, repeat=1)).insert(
    3, blocks.Residual(width=4000, merge="concat", convolutions=1, kernel=1, repeat=4)
)


def measured(network: Network, batch: int = 4) -> list[Any]:
    return list(timing.measure(network, batch, CPU))


# What is measured


def test_every_distinct_block_is_measured_once_and_said_as_a_plain_record() -> None:
    begin, *middle, end = measured(SMALL)
    # stem and head, and of each of the two cards the first copy and the later ones
    assert begin == Timing(device=begin.device, batch=4, blocks=6)
    assert all(isinstance(event, Timed) for event in middle) and isinstance(end, TimingEnded)
    assert [event.key for event in middle] == list(dict.fromkeys(part.key for part in timing.parts(SMALL)))
    assert all(event.forward > 0 and event.backward > 0 for event in middle)
    for event in (begin, *middle, end):
        assert ANSWER.validate_json(event.model_dump_json()) == event


@settings(max_examples=20)
@given(any_stacks())
def test_parts_are_the_counted_copies_of_the_stack(network: Network) -> None:
    report = analyze(network, partial=True)
    found = timing.parts(network)
    for card in report.cards:
        copies = sum(part.count for part in found if part.card == card.index)
        assert copies == (card.repeat if card.status == "ok" else 0)
    # each carries what its record was found with
    for part, step in zip(found, walk_until_error(network), strict=False):
        assert part.record is step.record


def walk_until_error(network: Network) -> Iterator[Any]:
    steps = walk(network)
    while True:
        try:
            yield next(steps)
        except (StopIteration, ValueError):
            return


def test_a_key_is_of_what_takes_the_same_time() -> None:
    keys = [part.key for part in timing.parts(SMALL)]
    assert len(set(keys)) == len(keys) == 6
    longer = SMALL.replace(1, blocks.Basic(channels=4, repeat=9, label="Stage 1"))
    assert {part.key for part in timing.parts(longer)} == {part.key for part in timing.parts(SMALL)}
    other = SMALL.replace(1, blocks.Basic(channels=4, repeat=3, activation="gelu"))
    assert len({part.key for part in timing.parts(other)} & {part.key for part in timing.parts(SMALL)}) == 4
    # a first block needs no gradient of its input, and saves the time that it would take
    alone = Network(input=Shape(4, 8, 8), blocks=(blocks.Conv(channels=4),))
    behind = Network(input=Shape(4, 8, 8), blocks=(blocks.Conv(channels=4, kernel=1), blocks.Conv(channels=4)))
    assert timing.parts(alone)[0].key != timing.parts(behind)[1].key


@pytest.mark.parametrize("network", [BROKEN, HALF], ids=["broken", "half"])
def test_a_stack_with_an_error_is_measured_up_to_the_failing_card(network: Network) -> None:
    report = analyze(network, partial=True)
    assert report.error is not None
    keys = {part.key for part in timing.parts(network)}
    assert {part.card for part in timing.parts(network)} == set(range(report.error.index or 0))
    assert {event.key for event in measured(network) if isinstance(event, Timed)} == keys


def test_what_cannot_be_measured_says_so_in_a_sentence() -> None:
    [failed] = measured(Network(input=Shape(1, 8, 8)))
    assert failed == Failed(reason="There is no block to measure: the stack is empty or its first block does not fit.")
    huge = Network(input=Shape(3, 4096, 4096), blocks=(blocks.Conv(channels=8192),))
    [failed] = measured(huge)
    assert failed.reason.startswith("Block 1 (Convolution) needs about ")
    # 31 · 31 · 64 · 64 MACs at each of 226 · 226 positions: 1.2 TMACs for two images there and back
    long = Network(input=Shape(64, 256, 256), blocks=(blocks.Conv(kernel=31, padding="valid", norm="none"),))
    assert timing.refuse(timing.parts(long), CPU) == (
        "Block 1 (Convolution) takes too long to be measured, even with 2 images."
    )


def test_a_large_stack_is_measured_with_fewer_images() -> None:
    def images(name: str, asked: int) -> int:
        return timing.batch_for(timing.parts(presets.load(name)), asked, CPU)

    assert images("digits_resnet56", 64) == 64
    assert images("digits_resnet56", 1) == timing.LEAST_IMAGES
    assert images("digits_resnet56", 65_536) <= timing.MOST_IMAGES
    assert images("digits_resnet56", 60) == 60, "what was asked for, where it can be"
    large = images("resnet152", 60)
    assert 2 <= large < 60 and large & (large - 1) == 0


def test_images_are_fewer_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = timing.parts(presets.load("resnet18"))
    most = max(part.bytes(8) for part in parts)
    monkeypatch.setattr(timing.device, "free_bytes", lambda on: 2 * most)
    images = timing.batch_for(parts, 1024, CPU)
    assert max(part.bytes(images) for part in parts) <= most < max(part.bytes(2 * images) for part in parts)


@settings(max_examples=15)
@given(valid_stacks())
def test_memory_is_never_more_than_was_reckoned(network: Network) -> None:
    """What autograd keeps, with weights, gradients and borders, against the figure that batches are chosen by."""
    for part in timing.parts(network):
        traced = part.record.trace
        held = 8 * traced.params + 3 * (traced.saved_bytes + traced.output_bytes) + traced.saved_fixed
        assert part.bytes(3) >= held


def test_a_measurement_ends_in_time_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "SECONDS", -1.0)
    begin, failed = measured(SMALL)
    assert isinstance(begin, Timing)
    assert failed.reason.startswith("Measuring was ended after -1 s, with 0 of 6 blocks measured.")


def test_running_out_of_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(*_: object) -> tuple[float, float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(timing, "time_part", out_of_memory)
    assert measured(SMALL)[-1].reason == "CPU, 1 thread ran out of memory while blocks were measured."

    def wrong(*_: object) -> tuple[float, float]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(timing, "time_part", wrong)
    with pytest.raises(RuntimeError, match="a bug"):
        measured(SMALL)


# How it is measured


class Watched(nn.Module):
    """Counts what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.seen: list[tuple[Any, ...]] = []

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        clean = self.conv.weight.grad is None and image.grad is None
        self.seen.append((tuple(image.shape), image.dtype, image.requires_grad, self.training, clean, image.stride()))
        return self.conv(image)


@pytest.mark.parametrize(("tick", "passes"), [(1e-6, 9), (0.1, 3), (0.5, 2), (30.0, 1)])
def test_passes_are_as_many_as_time_allows_after_one_that_warms_up(
    tick: float, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = Network(input=Shape(1, 4, 4), blocks=(blocks.Stem(form="cifar", channels=2), blocks.Conv(channels=2)))
    part = timing.parts(behind)[1]
    watched, clock = Watched(), itertools.count()
    monkeypatch.setattr(blocks.Conv, "build", lambda *_: watched)
    monkeypatch.setattr(timing, "clock_of", lambda on: lambda: next(clock) * tick)
    forward, backward = timing.time_part(part, 5, CPU)
    assert (forward, backward) == pytest.approx((1000 * tick, 1000 * tick)), "the clock ticks once there and once back"
    assert watched.seen == [((5, 2, 4, 4), torch.float32, True, True, True, (32, 16, 4, 1))] * (1 + passes)
    assert watched.conv.weight.grad is None


def test_the_median_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([(9.0, 9.0), (0.001, 0.004), (0.003, 0.002), (0.2, 0.3)])
    monkeypatch.setattr(timing, "one_pass", lambda *_: next(times))
    assert timing.time_part(timing.parts(SMALL)[0], 2, CPU) == (3.0, 4.0)


def test_an_input_lies_in_memory_as_the_block_before_leaves_it() -> None:
    network = Network(
        input=Shape(3, 8, 8), blocks=(blocks.Stem(form="patch", channels=16), blocks.Pool(), blocks.Conv(channels=4))
    )
    pool = timing.parts(network)[1]
    model = network.build()
    real = model[0](torch.randn(3, 3, 8, 8))
    assert timing.empty((3, *pool.record.in_shape), pool.strides).stride() == real.stride() != (64, 4, 2, 1)


def test_blocks_without_weights_take_no_time_back_where_nothing_needs_a_gradient() -> None:
    first, second = (
        event
        for event in measured(Network(input=Shape(3, 8, 8), blocks=(blocks.Pool(), blocks.Conv(channels=4))))
        if isinstance(event, Timed)
    )
    assert first.forward > 0 and first.backward == 0 < second.backward


@pytest.mark.parametrize("name", ["article", "inception_resnet_small", "preact_resnet18"])
def test_every_block_of_a_preset_can_be_timed(name: str) -> None:
    network = presets.load(name).apply({"op": "input", "shape": [3, 64, 64]})
    begin, *middle, end = measured(network, 2)
    assert isinstance(end, TimingEnded) and len(middle) == begin.blocks
    assert all(event.forward > 0 for event in middle)


# In a worker


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    manager = Manager(tmp_path_factory.mktemp("runs"), workers=1)
    yield manager
    manager.close()


def process(manager: Manager, timing_id: str) -> int:
    """The process that measures."""
    limit = time.monotonic() + SOON
    while manager.timings.read(timing_id).status == "queued":
        assert time.monotonic() < limit
        time.sleep(0.02)
    return next(worker._process.pid for worker in manager.workers._workers if worker.task is not None)


def test_a_worker_measures_and_nothing_is_listed_as_a_run(manager: Manager) -> None:
    timing_id = manager.timings.start(SMALL, 4)
    assert manager.timings.read(timing_id).active
    assert manager.timings.wait(timing_id, SOON)
    found = manager.timings.read(timing_id)
    assert (found.status, found.reason, found.active) == ("done", "", False)
    begin, *middle, end = found.events
    assert begin.batch == 4 and begin.device.startswith(("CPU, 1 thread", "NVIDIA", "Apple"))
    assert {event.key for event in middle} == {part.key for part in timing.parts(SMALL)}
    assert isinstance(end, TimingEnded)
    assert manager.store.recent() == ()
    assert manager.timings.read("another") is None

    failed = manager.timings.start(Network(input=Shape(1, 8, 8)), 4)
    assert manager.timings.wait(failed, SOON)
    assert manager.timings.read(failed).reason.startswith("There is no block to measure")


def test_a_measurement_can_be_stopped_and_a_killed_worker_is_a_sentence(manager: Manager) -> None:
    long = presets.load("inception_v3")
    first, queued = manager.timings.start(long, 64), manager.timings.start(long, 64)
    pid = process(manager, first)
    assert manager.timings.read(queued).status == "queued"
    manager.timings.stop(queued)
    assert manager.timings.read(queued).reason == "It was stopped before it began."
    manager.timings.stop(first)
    assert manager.timings.wait(first, SOON)
    assert manager.timings.read(first).reason == "It was stopped."
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

    killed = manager.timings.start(long, 64)
    os.killpg(process(manager, killed), signal.SIGKILL)
    assert manager.timings.wait(killed, SOON)
    found = manager.timings.read(killed)
    assert found.status == "failed" and found.reason.startswith("The worker was killed.")


def test_only_the_latest_measurements_are_kept(tmp_path: Path) -> None:
    class Nobody:
        """Takes everything in and does nothing."""

        def __init__(self) -> None:
            self.stopped: list[Any] = []

        def submit(self, *tasks: Any) -> None:
            pass

        def stop(self, task: Any) -> None:
            self.stopped.append(task)

    workers = Nobody()
    timings = Timings(workers)  # type: ignore[arg-type]
    ids = [timings.start(SMALL, 4) for _ in range(KEPT + 2)]
    assert [timings.read(each) is None for each in ids] == [True, True, *[False] * KEPT]
    assert len(workers.stopped) == 2


@pytest.mark.parametrize("batch", [0, 1025, "many"])
def test_a_job_is_validated(batch: object) -> None:
    with pytest.raises(ValueError):
        JOB.validate_python({"job": "time", "network": {"input": [1, 8, 8], "blocks": []}, "batch": batch})
