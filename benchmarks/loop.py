"""The training loop against the loop that people write and PyTorch Lightning's Trainer: `python -m benchmarks.loop`.

One run, in which the four take turns, on one thread: the same ResNet-20 with the same first weights, the same images
of 16×16, the same batch, optimiser and augmentation (padded by 2, cropped, flipped). Figures are process CPU time of
one step, the least of the turns, from the second turn on; starting up is no part of it. Ours has channels-last on, as
the recipe's field does; bfloat16 is measured only where the CPU computes in it.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.clock import Line, at_least, milliseconds, table
from explorer import Network, presets
from explorer.training import data, device, loop
from explorer.training.recipe import Recipe
from explorer.training.telemetry import APART, Watch

BATCH = 64
STEPS = 20  # of one turn
Turn = Callable[[], float | None]  # runs STEPS steps; gives their CPU seconds where not all that it takes counts
TURNS = 6
PAD = 2
WITH_BF16, WITHOUT = 1.6, 1.25  # wanted of the plain loop's CPU time over ours
LR, MOMENTUM, DECAY = 0.03, 0.9, 5e-4


def network() -> Network:
    """CIFAR ResNet-20 on digits enlarged to 16×16."""
    return presets.load("digits_resnet20").apply({"op": "input", "shape": [1, 16, 16]})


@dataclass
class Images(Dataset[tuple[Tensor, int]]):
    """The images as people hand them out: one picture at a time, each changed at random by itself.

    What torchvision's RandomCrop, RandomHorizontalFlip, ToTensor and Normalize do, written out.
    """

    pictures: list[Image.Image]
    labels: list[int]
    mean: float
    deviation: float

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = self.pictures[index]
        width, height = picture.size
        padded = ImageOps.expand(picture, PAD)
        top, left = torch.randint(2 * PAD + 1, (2,)).tolist()
        picture = padded.crop((left, top, left + width, top + height))
        if torch.rand(1) < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = torch.from_numpy(numpy.array(picture))[None].float().div(255)
        return image.sub_(self.mean).div_(self.deviation), self.labels[index]


def prepared() -> data.Prepared:
    """The digits at the network's size."""
    return data.Prepared(data.load("digits"), network().input, torch.device("cpu"))


def loader() -> DataLoader[tuple[Tensor, int]]:
    """Batches of `Images`, shuffled; in this process, since the other core would hide what they cost."""
    ready = prepared()
    large = nn.functional.interpolate(ready.train_images.float(), ready.shape[1:], mode="bilinear").byte()
    pictures = [Image.fromarray(image[0].numpy()) for image in large]
    images = Images(pictures, ready.train_labels.tolist(), ready.mean / 255, ready.deviation / 255)
    return DataLoader(images, batch_size=BATCH, shuffle=True, drop_last=True)


def usual_optimiser(model: nn.Module) -> torch.optim.Optimizer:
    """As people write it."""
    return torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY)


def plain_loop() -> Turn:
    """DataLoader, eager, float32, `.item()` at every step."""
    model = network().build(seed=0).train()
    optimiser, batches = usual_optimiser(model), loader()

    def turn() -> None:
        losses, right = [], []
        made = 0
        while made < STEPS:
            for images, labels in batches:
                logits = model(images)
                loss = nn.functional.cross_entropy(logits, labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
                right.append((logits.argmax(1) == labels).float().mean().item())
                made += 1
                if made == STEPS:
                    break

    return turn


def lightning() -> Turn:
    """The same under PyTorch Lightning's Trainer, which logs loss and accuracy to nowhere."""
    import pytorch_lightning

    class Module(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = network().build(seed=0)

        def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
            images, labels = batch
            logits = self.model(images)
            loss = nn.functional.cross_entropy(logits, labels)
            self.log("loss", loss)
            self.log("accuracy", (logits.argmax(1) == labels).float().mean())
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return usual_optimiser(self.model)

    module, batches = Module(), loader()
    spent: list[float] = []

    class Clock(pytorch_lightning.Callback):
        """Only the steps: what a Trainer does before the first is no part of this."""

        def on_train_epoch_start(self, *about: object) -> None:
            spent.append(-time.process_time())

        def on_train_batch_end(self, trainer: pytorch_lightning.Trainer, *about: object) -> None:
            if trainer.global_step == trainer.max_steps:
                spent[-1] += time.process_time()

    def turn() -> float:
        trainer = pytorch_lightning.Trainer(
            max_steps=STEPS,
            accelerator="cpu",
            devices=1,
            logger=False,
            callbacks=[Clock()],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, batches)
        return spent[-1]

    return turn


def ours(precision: str, read: bool = True) -> Turn:
    """`explorer.training.train` as the app runs it, with telemetry or without; the tests at its end are left out."""
    recipe = Recipe.model_validate(
        {"steps": 100_000, "batch": BATCH, "warmup": 0, "flip": True, "crop": PAD}
        | {"precision": precision, "channels_last": True}
    )
    events = loop.train(network(), recipe, torch.device("cpu"), telemetry=read)
    steps = (event for event in events if event.event == "step")

    def turn() -> None:
        for _ in range(STEPS):
            next(steps)

    return turn


def seconds_of(turn: Turn) -> float:
    """CPU seconds of a step in one turn."""
    began = time.process_time()
    own = turn()
    return (time.process_time() - began if own is None else own) / STEPS


def take_turns(loops: dict[str, Turn]) -> dict[str, float]:
    """The least CPU seconds of a step of each; they take turns, so that a busy minute falls on all."""
    times: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(TURNS + 1):
        for name, turn in loops.items():
            seconds = seconds_of(turn)
            if number:  # the first warms up
                times[name].append(seconds)
    return {name: min(each) for name, each in times.items()}


def telemetry_share(rounds: int = 60) -> tuple[float, float]:
    """CPU seconds that one reading adds to a step, and those of the step: steps with and without by turns."""
    ready = prepared()
    recipe = Recipe(batch=BATCH, channels_last=True)
    model, optimiser = loop.build(network(), recipe, torch.device("cpu"))
    watch = Watch(model, network())
    inputs, labels = ready.train_batch(torch.arange(BATCH))

    def step(watched: bool) -> float:
        began = time.process_time()
        if watched:
            with watch.listening():
                _, reading = loop.update(model, optimiser, recipe, 0, inputs, labels, 0.0, watch)
            assert reading is not None
            watch.telemetry(1, reading).model_dump_json()
        else:
            loop.update(model, optimiser, recipe, 0, inputs, labels, 0.0)
        return time.process_time() - began

    step(True)
    pairs = [(step(False), step(True)) for _ in range(rounds)]
    usual = median(without for without, _ in pairs)
    return max(0.0, median(with_ - without for without, with_ in pairs)), usual


def lines() -> list[Line]:
    """What was measured."""
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    logging.disable(logging.WARNING)  # a Trainer's hints
    bf16 = device.computes_bf16(torch.device("cpu"))
    loops = {"plain": plain_loop(), "lightning": lightning(), "float32": ours("float32")}
    if bf16:
        loops["bf16"] = ours("bf16")
    seconds = take_turns(loops)

    def said(name: str) -> str:
        return f"{milliseconds(seconds[name])}, {BATCH / seconds[name]:,.0f} images/s"

    rows = []
    for name in ("float32", "bf16")[: 1 + bf16]:
        target = WITH_BF16 if name == "bf16" else WITHOUT
        ratio = seconds["plain"] / seconds[name]
        asked = at_least(f"a training step, {name}", said(name), f"plain loop {said('plain')}", ratio, target)
        if bf16 and name == "float32":
            asked = Line(asked.what, asked.figure, asked.peer, asked.ratio, "", None)
        rows.append(asked)
        rows.append(
            Line(
                f"a training step, {name}",
                said(name),
                f"Lightning {said('lightning')}",
                seconds["lightning"] / seconds[name],
                "",
                None,
            )
        )
    added, usual = telemetry_share()
    share = added / APART / usual
    rows.append(
        Line(
            f"telemetry, read every {APART} steps",
            f"{100 * share:.2g} % of a step",
            f"one reading {milliseconds(added)}, a step {milliseconds(usual)}",
            None,
            "≤ 2 %",
            share <= 0.02,
        )
    )
    return rows


def main() -> int:
    """Prints the table; 1 if a target is missed."""
    torch.set_num_threads(1)
    rows = lines()
    print(f"torch {torch.__version__}, one thread, process CPU time\n")
    print(table(rows))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
