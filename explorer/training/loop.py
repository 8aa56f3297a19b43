"""The loop: one generator of plain records, the same in a terminal, a worker and a test.

It reads nothing back from the device but a handful of stacked losses every few steps, so a GPU is never waited for.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.network import Network
from explorer.numbers import digits
from explorer.report import analyze
from explorer.training import data, device, initial
from explorer.training.augment import Augmentation
from explorer.training.events import Evaluated, Event, Failed, Finished, Guess, Notice, Paused, Started, Step, Wrong
from explorer.training.recipe import Recipe, lacks_norm, usual_rate
from explorer.training.resume import Place, Progress, write
from explorer.training.telemetry import Rhythm, Watch

FLUSH_STEPS = 10  # losses are read, and looked at for numbers that are not finite, at least this often
FLUSH_SECONDS = 0.25
EVALUATION_BATCH = 256
LEAST_CHANNELS = 8  # of every map, for channels-last on a CPU
WRONG_SHOWN = 24
SAVE_SECONDS = 5.0  # between two writings of the state, and more where writing takes long
SAVE_SHARE = 50  # times what a writing took


def never() -> bool:
    """Not now."""
    return False


def train(
    network: Network,
    recipe: Recipe | None = None,
    on: torch.device | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
    pause: Callable[[], bool] = never,
    telemetry: bool = True,
    every: float | None = None,
) -> Iterator[Event]:
    """Trains `network` and says how it goes; ends in one Finished, one Failed or one Paused.

    `checkpoint` is where the state dict goes at the end. `resume` is where the state of the run is kept on the way:
    where it is there already, of this network and recipe, the run goes on from it, on a CPU with one thread to the
    same bits as if it had never stopped. It is written every `every` seconds at most, and where writing takes long less
    often. `pause` is asked every few steps. Seeds torch's global generator, which
    dropout draws from: a run belongs in a process of its own.
    """
    recipe = recipe or Recipe.default_for(network)
    on = on or device.choose()
    run = _Run(network, recipe, on, checkpoint, resume, pause, telemetry, SAVE_SECONDS if every is None else every)
    try:
        yield from run.events()
        return
    except RuntimeError as error:
        if not device.is_out_of_memory(error):
            raise
    del run  # and with it what it holds, before what is free is looked at
    yield Failed(reason=out_of_memory(network, recipe, on))


class _Waiting(NamedTuple):
    """A step that was made and not yet told: its number, rate, loss and accuracy, and what telemetry read of it."""

    step: int
    rate: float
    losses: Tensor
    reading: Tensor | None


class _Clock:
    """How far a run is, by its steps or by its seconds."""

    def __init__(self, recipe: Recipe, progress: Progress) -> None:
        self.recipe, self.done, self.before = recipe, progress.step, progress.seconds
        self.first = self.flushed = self.saved = perf_counter()

    def seconds(self) -> float:
        """Since the first step, a pause left out."""
        return self.before + perf_counter() - self.first

    def share(self, step: int) -> float:
        """How much of the run is over before a step."""
        return step / self.recipe.steps if self.recipe.seconds is None else self.seconds() / self.recipe.seconds

    def since_flush(self) -> float:
        """Seconds since the losses were read last."""
        return perf_counter() - self.flushed

    def since_save(self) -> float:
        """Seconds since the state was written last."""
        return perf_counter() - self.saved

    def flush(self) -> None:
        """The losses have been read, and the tests made that came after."""
        self.flushed = perf_counter()


class _Run:
    """One run on its way."""

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        on: torch.device,
        checkpoint: Path | None,
        resume: Path | None,
        pause: Callable[[], bool],
        telemetry: bool,
        every: float,
    ) -> None:
        self.network, self.recipe, self.on = network, recipe, on
        self.checkpoint, self.pause, self.telemetry = checkpoint, pause, telemetry
        self.place = Place.of(resume, network, recipe) if resume else None
        self.progress = Progress()
        self.history: list[tuple[float, float]] = []
        self.waiting: list[_Waiting] = []
        self.rest = self.every = every
        self.began, self.began_cpu = perf_counter(), process_time()

    def events(self) -> Iterator[Event]:
        """The whole run."""
        recipe, on = self.recipe, self.on
        torch.manual_seed(recipe.seed)
        try:
            images = data.Prepared(data.load(recipe.data), self.network.input, on)
        except (ValueError, OSError) as error:
            yield Failed(reason=f"There are no images to train on: {error}.".replace("..", "."))
            return
        if refusal := obstacle(self.network, images.classes) or too_few(images):
            yield Failed(reason=refusal)
            return
        self.model, self.optimizer = build(self.network, recipe, on)
        if self.place and (found := self.place.load(self.model, self.optimizer, on)):
            self.progress, self.history = found
        yield Started(
            device=device.describe(on),
            parameters=sum(parameter.numel() for parameter in self.model.parameters()),
            train_images=len(images.train_labels),
            test_images=len(images.test_labels),
            steps=recipe.steps if recipe.seconds is None else 0,
            order=order_digest(recipe, len(images.train_labels)),
            done=self.progress.step,
            precision=precision(recipe, on),
        )
        for event in self.steps(images):
            yield event
            if isinstance(event, Failed | Paused):
                return
        yield from self.end(images)

    def steps(self, images: data.Prepared) -> Iterator[Event]:
        """All updates, with the tests between them; a Failed or a Paused ends them early."""
        recipe, on, model = self.recipe, self.on, self.model
        size = len(images.train_labels)
        batch = min(recipe.batch, size)
        augmentation = Augmentation.of(recipe)
        # not on a CPU: 54 CPU seconds of compiling save 5 to 9 % of a step there
        fast = cast(nn.Module, torch.compile(model)) if recipe.compile and on.type == "cuda" else model
        watch = Watch(model, self.network) if self.telemetry else None
        clock = self.clock = _Clock(recipe, self.progress)
        rhythm = Rhythm(self.progress.read, clock.share(self.progress.read))
        order, drawn = torch.empty(0), torch.empty(0)
        step = self.progress.step
        share = clock.share(step)
        while share < 1:
            epoch, place = divmod(step, size // batch)
            if place == 0 or step == clock.done:
                order = data.batch_order(recipe.seed, epoch, size).to(on)
                if augmentation:
                    drawn = augmentation.draw(recipe.seed, epoch, size, *images.shape[1:]).to(on)
            part = slice(place * batch, (place + 1) * batch)
            inputs, labels = images.train_batch(order[part])
            if augmentation:
                inputs = augmentation.apply(inputs, drawn[part])
            looks = watch if watch is not None and rhythm.due(step, share) else None
            with looks.listening() if looks else nullcontext():
                seen = update(model if looks else fast, self.optimizer, recipe, step, inputs, labels, share, looks)
            step += 1
            self.waiting.append(_Waiting(step, recipe.rate(step - 1, share), *seen))
            share = clock.share(step)
            tests = self.tests_due(step, share)
            if not (len(self.waiting) >= FLUSH_STEPS or clock.since_flush() > FLUSH_SECONDS or share >= 1 or tests):
                continue
            yield from self.told(watch, batch)
            if len(self.history) < step:
                if self.place is not None:
                    self.place.clear()  # it would come to the same end again
                yield Failed(reason=not_finite(self.network, recipe, len(self.history) + 1, self.history))
                return
            if tests and share < 1:
                yield from self.tested(step, images)
            clock.flush()
            self.progress.step, self.progress.seconds, self.progress.read = step, clock.seconds(), rhythm.last
            if share < 1 and self.place is not None:
                for event in self.kept():
                    yield event
                    if isinstance(event, Failed | Paused):
                        return

    def told(self, watch: Watch | None, batch: int) -> Iterator[Event]:
        """The steps that wait to be told, up to the first whose loss is not finite."""
        waiting, self.waiting = self.waiting, []
        rows = torch.stack([each.losses for each in waiting]).tolist()
        now, each = self.clock.seconds(), self.clock.since_flush() / len(rows)
        pace = max(now - self.clock.before, 1e-9) / (waiting[-1].step - self.clock.done)  # seconds a step, so far
        for back, (loss, share), one in zip(range(len(rows) - 1, -1, -1), rows, waiting, strict=True):
            if not math.isfinite(loss):
                return
            self.history.append((loss, share))
            elapsed = max(0.0, now - back * each)
            left = (self.recipe.steps - one.step) * pace
            if self.recipe.seconds is not None:
                left = max(0.0, self.recipe.seconds - elapsed)
            yield Step(
                step=one.step,
                loss=loss,
                accuracy=share,
                images_per_second=batch / pace,
                seconds_left=left,
                learning_rate=one.rate,
                milliseconds=1000 * each,
                elapsed=elapsed,
            )
            if watch is not None and one.reading is not None:
                yield watch.telemetry(one.step, one.reading)

    def tests_due(self, step: int, share: float) -> bool:
        """Whether the test images are predicted after `step` steps, which are `share` of the run."""
        tests, recipe = self.recipe.evaluations, self.recipe
        if recipe.seconds is not None:
            return int(min(1.0, share) * tests) > self.progress.tests
        near = int(share * tests)
        return any(round(recipe.steps * part / tests) == step for part in range(max(1, near), min(tests, near + 1) + 1))

    def tested(self, step: int, images: data.Prepared) -> Iterator[Event]:
        """The test images on the way."""
        self.progress.tests += 1
        loss, logits = predict(self.model, images)
        if math.isfinite(loss):
            share = (logits.argmax(1) == images.test_labels).float().mean().item()
            self.keep_best(step, share)
            yield Evaluated(step=step, loss=loss, accuracy=share)

    def keep_best(self, step: int, accuracy: float) -> None:
        """Notes the best test."""
        if self.progress.best is None or accuracy > self.progress.best[0]:
            self.progress.best = (accuracy, step)

    def kept(self) -> Iterator[Event]:
        """Writes the state where it is time, and stops where that is asked for."""
        pausing = self.pause()
        if not pausing and self.clock.since_save() < self.rest:
            return
        began = perf_counter()
        try:
            self.save()
        except OSError as error:
            if pausing:
                yield Failed(reason=f"The run cannot be paused: its state was not written ({error}).")
                return
            yield Notice(text=f"The state of the run was not written ({error}): it cannot go on if it stops.")
            self.rest = math.inf
            return
        if pausing:
            yield Paused(step=self.progress.step)
            return
        self.clock.saved = perf_counter()
        self.rest = max(self.every, SAVE_SHARE * (self.clock.saved - began))

    def spent(self) -> tuple[float, float]:
        """Seconds and CPU seconds of the whole run, those before a pause included."""
        wall, cpu = perf_counter() - self.began, process_time() - self.began_cpu
        return self.progress.wall + wall, self.progress.cpu + cpu

    def save(self) -> None:
        """Writes the state; OSError where that fails."""
        assert self.place is not None
        wall, cpu = self.spent()
        self.place.save(
            self.model, self.optimizer, Progress(**{**vars(self.progress), "wall": wall, "cpu": cpu}), self.history
        )

    def end(self, images: data.Prepared) -> Iterator[Event]:
        """What the test images say, and the weights."""
        loss, logits = predict(self.model, images)
        if not math.isfinite(loss):
            yield Failed(
                reason=not_finite(
                    self.network, self.recipe, self.progress.step, self.history, "predictions of the test images"
                )
            )
            return
        if self.checkpoint is not None:
            try:
                save(self.model, self.checkpoint)
            except OSError as error:
                yield Notice(text=f"The weights were not written ({error}).")
        finished = result(loss, logits, images.test_labels, self.history, images.classes, self.spent())
        self.keep_best(self.progress.step, finished.test_accuracy)
        assert self.progress.best is not None
        best, at = self.progress.best
        yield finished.model_copy(update={"steps": self.progress.step, "best_accuracy": best, "best_step": at})
        if self.place:
            self.place.clear()


def build(network: Network, recipe: Recipe, on: torch.device) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The model with its first weights on the device, and the optimiser of the recipe."""
    model = network.build(seed=recipe.seed)
    initial.start(model, network, recipe)
    model = model.to(on).train()
    if on.type == "cuda":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    elif recipe.channels_last and on.type == "cpu" and wide(model, network):
        for layer in convolutions(model):
            if layer.in_channels >= LEAST_CHANNELS:  # one that reads the images gives what it gets, planes
                layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    parameters = list(model.parameters())
    groups: list[dict[str, object]] = [{"params": parameters}]
    if not recipe.decay_all:  # norms' weights and all biases are vectors
        groups = [
            {"params": [parameter for parameter in parameters if parameter.dim() > 1]},
            {"params": [parameter for parameter in parameters if parameter.dim() <= 1], "weight_decay": 0.0},
        ]
    if recipe.optimizer == "adamw":
        return model, torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    return model, torch.optim.SGD(
        groups,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov and recipe.momentum > 0,
        fused=True,
    )


def convolutions(model: nn.Module) -> list[nn.Conv2d]:
    """All convolutions of a model."""
    return [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]


def wide(model: nn.Module, network: Network) -> bool:
    """Whether channels-last is safe on a CPU: torch 2.13 writes past its buffers there at 2 to 6 channels.

    All maps have at least 8 channels but the images, which the first card alone may read.
    """
    reading = {id(layer) for layer in convolutions(next(iter(model.children())))}
    return all(
        layer.out_channels // layer.groups >= LEAST_CHANNELS
        and (
            layer.in_channels // layer.groups >= LEAST_CHANNELS
            or (id(layer) in reading and layer.in_channels == network.input.channels)
        )
        for layer in convolutions(model)
    )


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    step: int,
    inputs: Tensor,
    labels: Tensor,
    share: float | None = None,
    watch: Watch | None = None,
) -> tuple[Tensor, Tensor | None]:
    """One step; the loss and the accuracy of the batch as one tensor (2,), and what `watch` read, all on the device.

    `share` is how much of the run is over, by steps where it is not given.
    """
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate(step, share)
    half = precision(recipe, inputs.device) == "bf16"
    with torch.autocast(inputs.device.type, torch.bfloat16) if half else nullcontext():
        logits = model(inputs)
    loss = functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.smoothing)
    optimizer.zero_grad()
    loss.backward()
    reading = None if watch is None else watch.read()  # before gradients are clipped
    if recipe.clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step()
    with torch.no_grad():
        return torch.stack((loss, (logits.argmax(1) == labels).float().mean())), reading


def precision(recipe: Recipe, on: torch.device) -> str:
    """In what the convolutions of a run are computed on this device."""
    return "bf16" if recipe.precision == "bf16" and device.computes_bf16(on) else "float32"


@torch.no_grad()
def predict(model: nn.Module, images: data.Prepared) -> tuple[float, Tensor]:
    """Mean loss and logits (N, classes) of all test images, in evaluation mode."""
    model.eval()
    size = len(images.test_labels)
    logits = torch.cat(
        [model(images.test_batch(start, EVALUATION_BATCH)[0]) for start in range(0, size, EVALUATION_BATCH)]
    )
    model.train()
    return functional.cross_entropy(logits, images.test_labels).item(), logits


def obstacle(network: Network, classes: int) -> str:
    """Why this network cannot be trained on images of so many classes; empty where it can. Raises ShapeError."""
    shape = analyze(network).output_shape
    if len(shape) != 1:
        return "The network ends in a map, not in classes. A classifier at the end makes it trainable."
    if shape[0] < classes:
        return f"The network has {shape[0]} classes, the images {classes}: set it to {classes}."
    return ""


def too_few(images: data.Prepared) -> str:
    """Why there are too few images; empty where there are enough."""
    train_images, test_images = len(images.train_labels), len(images.test_labels)
    if train_images >= 2 and test_images >= 1:
        return ""
    return f"There are no images to train on: {train_images} to learn from and {test_images} to test with."


def out_of_memory(network: Network, recipe: Recipe, on: torch.device) -> str:
    """The sentence of a run that found no more memory, with the batch that would fit by our own count."""
    if on.type == "cuda":
        torch.cuda.empty_cache()
    free = device.free_bytes(on)
    said = f"{device.describe(on)} ran out of memory at {recipe.batch} images a step"
    if free is None:
        return f"{said}. A smaller batch or input needs less."
    one, full = (analyze(network, batch=size).memory(recipe.optimizer).total for size in (1, recipe.batch))
    said += f", which need about {full / 1e9:.1f} GB; {free / 1e9:.1f} GB are free"
    fits = fitting_batch(network, recipe, int(0.9 * free))
    if fits < 2:
        return f"{said}. Even one image needs {one / 1e9:.1f} GB: a smaller input or network needs less."
    return f"{said}. A batch of {fits} would fit."


def fitting_batch(network: Network, recipe: Recipe, free: int) -> int:
    """The largest batch below the recipe's that fits into `free` bytes by the count of what is saved; 0 where none."""
    one, two = (analyze(network, batch=size).memory(recipe.optimizer).total for size in (1, 2))
    images = (free - one) // max(1, two - one) + 1
    return max(0, min(images, recipe.batch // 2))  # the batch itself has just been seen not to fit


def not_finite(
    network: Network, recipe: Recipe, step: int, history: list[tuple[float, float]], what: str = "loss"
) -> str:
    """The sentence of a run whose numbers overflowed: when, why, and what helps."""
    before = f", after a highest loss of {digits(max(loss for loss, _ in history))}" if history else ""
    usual = usual_rate(recipe.optimizer)
    rate = usual if recipe.learning_rate > usual else recipe.learning_rate / 10
    ways = [f"a learning rate of {rate:g} in place of {recipe.learning_rate:g}"]
    if recipe.optimizer == "sgd":
        ways.append("AdamW at 0.001")
    if recipe.clip is None:
        ways.append("gradients clipped at 1")
    if lacks_norm(network):
        ways.append("a norm in every block")
    *front, end = ways
    helps = f"{', '.join(front)} or {end}" if front else end
    verb = "are" if what != "loss" else "is"
    return (
        f"The {what} {verb} no longer finite at step {step}{before}: the updates grew too large. What helps: {helps}."
    )


def result(
    loss: float,
    logits: Tensor,
    labels: Tensor,
    history: list[tuple[float, float]],
    classes: int,
    spent: tuple[float, float],
) -> Finished:
    """What the predictions of the test images say, counted; `spent` are seconds and CPU seconds."""
    predicted = logits.argmax(1).clamp(max=classes)  # a class beyond the data's shares one more column
    table = torch.zeros(classes, classes + 1, dtype=torch.long, device=logits.device)
    table.index_put_((labels, predicted), torch.ones_like(labels), accumulate=True)
    columns = classes + 1 if table[:, classes].any() else classes
    tail = history[-max(1, len(history) // 10) :]
    return Finished(
        seconds=spent[0],
        cpu_seconds=spent[1],
        train_loss=sum(row[0] for row in tail) / len(tail),
        train_accuracy=sum(row[1] for row in tail) / len(tail),
        test_loss=loss,
        test_accuracy=(logits.argmax(1) == labels).float().mean().item(),
        confusion=tuple(tuple(row[:columns]) for row in table.tolist()),
        wrong=wrong_predictions(logits, labels),
        wrong_count=int((logits.argmax(1) != labels).sum()),
    )


def wrong_predictions(logits: Tensor, labels: Tensor, shown: int = WRONG_SHOWN) -> tuple[Wrong, ...]:
    """The wrong predictions that the network was surest of, each with its three likeliest classes."""
    sure, guesses = functional.softmax(logits.float(), 1).topk(min(3, logits.shape[1]))
    wrong = (guesses[:, 0] != labels).nonzero().flatten()
    wrong = wrong[sure[wrong, 0].argsort(descending=True, stable=True)][:shown]
    return tuple(
        Wrong(
            index=index,
            label=label,
            guesses=tuple(Guess(label=guess, probability=min(p, 1.0)) for guess, p in zip(row, chances, strict=True)),
        )
        for index, label, row, chances in zip(
            wrong.tolist(), labels[wrong].tolist(), guesses[wrong].tolist(), sure[wrong].tolist(), strict=True
        )
    )


def order_digest(recipe: Recipe, size: int) -> str:
    """A digest of which images each batch of the run holds, in order; of the first epoch where the clock ends it."""
    digest = hashlib.sha256()
    per_epoch = size // min(recipe.batch, size)
    steps = recipe.steps if recipe.seconds is None else per_epoch
    for step in range(0, steps, per_epoch):
        order = data.batch_order(recipe.seed, step // per_epoch, size)
        used = min(per_epoch, steps - step) * min(recipe.batch, size)
        digest.update(order[:used].numpy().tobytes())
    return digest.hexdigest()[:16]


def save(model: nn.Module, path: Path) -> None:
    """Writes the state dict whole or not at all."""
    write({name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}, path)
