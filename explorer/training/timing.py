"""Milliseconds of every distinct block, forward and backward, measured on a device: a stream of plain records.

Measured is one copy at a time, in float32 and in training mode as runs have it, on random numbers of the shape that the
copy receives. Distinct is what a record of counts is keyed by: the block's fields, whether the copy is the first, the
input's shape and layout, and whether the input needs a gradient. A card's time is the sum over its copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from time import perf_counter, process_time
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.layers import weights
from explorer.network import Network, initialise, walk
from explorer.record import Record as BlockRecord
from explorer.shape import ShapeError
from explorer.training import device
from explorer.training.estimate import WEIGHT_MACS
from explorer.training.events import Count, Failed, Record

MOST_IMAGES = 1024
LEAST_IMAGES = 2  # as runs have it: norms over one image's single pixel are refused by torch
SECONDS = 40.0  # for a whole stack; what is not measured by then is left out and said
BLOCK_SECONDS = 0.25  # for the timed passes of one block, after one that warms up: at least three, at most nine
HEAVY_SECONDS = 2.0  # passes that take this long end with the first or second
REPEATS = (3, 9)
ELEMENT_MACS = 30  # that an element of an activation or a pool takes as long as, there and back
CPU_PASS = 6e10  # MACs of one pass over all distinct blocks, some two or three seconds of one core
CPU_BLOCK = 2e11  # of one pass of a single block, beyond which nothing is tried
FASTER = 500  # times that a GPU is given more
CPU_BYTES = 4 * 10**9
Milliseconds = Annotated[float, Field(ge=0)]


class Timing(Record):
    """What is going to be measured."""

    event: Literal["timing"] = "timing"
    device: Annotated[str, Field(max_length=200)]
    batch: Annotated[int, Field(ge=1)]  # images; fewer than were asked for where the stack is large
    blocks: Count  # distinct ones


class Timed(Record):
    """One copy of a distinct block, for the whole batch: medians of several passes."""

    event: Literal["timed"] = "timed"
    key: Annotated[str, Field(max_length=64)]
    forward: Milliseconds
    backward: Milliseconds


class TimingEnded(Record):
    """Every distinct block was measured."""

    event: Literal["timing_ended"] = "timing_ended"
    seconds: Annotated[float, Field(ge=0)]


TimingEvent = Timing | Timed | TimingEnded | Failed


@dataclass(frozen=True, slots=True)
class Part:
    """Equal copies in a row, with what decides how long one of them takes."""

    card: int
    count: int
    first: bool
    requires_grad: bool
    strides: tuple[int, ...] | None  # of the input; None: contiguous
    record: BlockRecord

    @property
    def key(self) -> str:
        """The same for copies that take the same time, and for no others."""
        found = self.record
        fields = found.block.model_dump_json(exclude={"label", "repeat"})
        place = (self.first, tuple(found.in_shape), self.requires_grad, self.strides)
        return sha256(f"{fields}{place}".encode()).hexdigest()[:24]

    def work(self, batch: int) -> float:
        """One pass there and back, in MACs."""
        traced = self.record.trace
        return batch * (3 * traced.macs + ELEMENT_MACS * traced.elements) + WEIGHT_MACS * traced.params

    def bytes(self, batch: int) -> int:
        """Memory of one pass, generously: weights and gradients, input and output with theirs, what is saved."""
        traced, shape = self.record.trace, self.record.in_shape
        borders = 8 * shape.channels * shape.height * shape.width + 12 * traced.output_bytes // 4
        return 8 * traced.params + 2 * (batch * (borders + traced.saved_bytes) + traced.saved_fixed)


def parts(network: Network) -> tuple[Part, ...]:
    """The copies of every card, up to the one that does not fit."""
    found: list[Part] = []
    requires_grad, strides = False, None
    try:
        for step in walk(network):
            found.append(Part(step.card, step.count, step.first == 0, requires_grad, strides, step.record))
            requires_grad, strides = step.record.trace.output_requires_grad, step.record.trace.output_strides
    except ShapeError as error:
        return tuple(part for part in found if part.card != error.index)
    return tuple(found)


def measure(network: Network, batch: int, on: torch.device | None = None) -> Iterator[TimingEvent]:
    """Measures each distinct block once and says its milliseconds; ends in one TimingEnded or one Failed."""
    on = on or device.choose()
    try:
        yield from _measure(network, batch, on)
    except RuntimeError as error:
        if not device.is_out_of_memory(error):
            raise
        yield Failed(reason=f"{device.describe(on)} ran out of memory while blocks were measured.")


def _measure(network: Network, batch: int, on: torch.device) -> Iterator[TimingEvent]:
    began = perf_counter()
    distinct = list({part.key: part for part in parts(network)}.values())
    if not distinct:
        yield Failed(reason="There is no block to measure: the stack is empty or its first block does not fit.")
        return
    if refusal := refuse(distinct, on):
        yield Failed(reason=refusal)
        return
    images = batch_for(distinct, batch, on)
    yield Timing(device=device.describe(on), batch=images, blocks=len(distinct))
    for done, part in enumerate(distinct):
        if perf_counter() - began > SECONDS:
            reason = f"Measuring was ended after {SECONDS:.0f} s, with {done} of {len(distinct)} blocks measured."
            yield Failed(reason=f"{reason} A smaller batch or input takes less.")
            return
        forward, backward = time_part(part, images, on)
        yield Timed(key=part.key, forward=forward, backward=backward)
    yield TimingEnded(seconds=perf_counter() - began)


def limits(on: torch.device) -> tuple[float, float, int]:
    """What is tried on a device: MACs of one pass over all, MACs of one block, bytes."""
    factor = 1 if on.type == "cpu" else FASTER
    free = device.free_bytes(on)
    most = CPU_BYTES if on.type == "cpu" or free is None else free
    return factor * CPU_PASS, factor * CPU_BLOCK, min(most, (free or most) // 2)


def refuse(distinct: Sequence[Part], on: torch.device) -> str:
    """Why these blocks cannot be measured even with the fewest images; empty where they can."""
    _, most_work, most_bytes = limits(on)
    for part in distinct:
        name = f"Block {part.card + 1} ({part.record.block.title})"
        if part.bytes(LEAST_IMAGES) > most_bytes:
            return (
                f"{name} needs about {part.bytes(LEAST_IMAGES) / 1e9:.1f} GB for {LEAST_IMAGES} images, and "
                f"{most_bytes / 1e9:.1f} GB are there to measure it."
            )
        if part.work(LEAST_IMAGES) > most_work:
            return f"{name} takes too long to be measured, even with {LEAST_IMAGES} images."
    return ""


def batch_for(distinct: Sequence[Part], asked: int, on: torch.device) -> int:
    """As many images as asked for, or the largest power of two below that keeps within the limits."""
    most_work, _, most_bytes = limits(on)
    images = max(LEAST_IMAGES, min(asked, MOST_IMAGES))
    while images > LEAST_IMAGES and (
        sum(part.work(images) for part in distinct) > most_work
        or max(part.bytes(images) for part in distinct) > most_bytes
    ):
        images = max(LEAST_IMAGES, 1 << ((images - 1).bit_length() - 1))
    return images


def time_part(part: Part, batch: int, on: torch.device) -> tuple[float, float]:
    """Milliseconds of the forward and of the backward of one copy: medians of several passes."""
    block = part.record.block
    with weights("blank"):
        module = block.build(part.record.in_shape, part.first)
    initialise(module, block, "0", seed=0)
    module = module.to(on).train()
    numbers = torch.Generator().manual_seed(0)
    image = empty((batch, *part.record.in_shape), part.strides).normal_(generator=numbers).to(on)
    gradient = torch.randn((batch, *part.record.out_shape), generator=numbers).to(on)
    if on.type == "cuda":  # as runs have it
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        image, gradient = (
            tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
            for tensor in (image, gradient)
        )
    image.requires_grad_(part.requires_grad)
    clock = clock_of(on)
    one_pass(module, image, gradient, on, clock)
    times: list[tuple[float, float]] = []
    spent, (least, most) = 0.0, REPEATS
    while len(times) < most and (not times or spent < (HEAVY_SECONDS if len(times) < least else BLOCK_SECONDS)):
        times.append(one_pass(module, image, gradient, on, clock))
        spent += sum(times[-1])
    forward, backward = (median(column) for column in zip(*times, strict=True))
    return 1000 * forward, 1000 * backward


def clock_of(on: torch.device) -> Callable[[], float]:
    """CPU time where one thread computes, which a neighbour's burst of work does not stretch; else the wall's."""
    return process_time if on.type == "cpu" and torch.get_num_threads() == 1 else perf_counter


def empty(shape: tuple[int, ...], strides: tuple[int, ...] | None) -> Tensor:
    """Memory (N, C, H, W) laid out as the copy receives it."""
    return torch.empty(shape) if strides is None else torch.empty_strided(shape, strides)


def one_pass(
    module: nn.Module, image: Tensor, gradient: Tensor, on: torch.device, clock: Callable[[], float]
) -> tuple[float, float]:
    """Seconds there and back, each waited for; the gradients are let go before the next."""
    device.synchronise(on)
    began = clock()
    result = module(image)
    device.synchronise(on)
    turned = clock()
    ended = turned
    if result.requires_grad:
        result.backward(gradient)
        device.synchronise(on)
        ended = clock()
    module.zero_grad(set_to_none=True)
    image.grad = None
    return max(0.0, turned - began), max(0.0, ended - turned)
