"""The loop: one generator of plain records, the same in a terminal, a worker and a test.

It reads nothing back from the device but a handful of stacked losses every few steps, so a GPU is never waited for.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.network import Network
from explorer.report import analyze
from explorer.training import data, device
from explorer.training.events import Evaluated, Event, Failed, Finished, Guess, Started, Step, Wrong
from explorer.training.recipe import Recipe

FLUSH_STEPS = 10  # losses are read, and looked at for numbers that are not finite, at least this often
FLUSH_SECONDS = 0.25
EVALUATION_BATCH = 256
WRONG_SHOWN = 24


def train(
    network: Network, recipe: Recipe | None = None, on: torch.device | None = None, checkpoint: Path | None = None
) -> Iterator[Event]:
    """Trains `network` from scratch and says how it goes; ends in one Finished or one Failed.

    `checkpoint` is where the state dict goes at the end. Seeds torch's global generator, which dropout draws from: a
    run belongs in a process of its own.
    """
    recipe = recipe or Recipe.default_for(network)
    on = on or device.choose()
    try:
        yield from _train(network, recipe, on, checkpoint)
    except RuntimeError as error:
        if not device.is_out_of_memory(error):
            raise
        yield Failed(reason=f"{device.describe(on)} ran out of memory. A smaller batch or input needs less.")


def _train(network: Network, recipe: Recipe, on: torch.device, checkpoint: Path | None) -> Iterator[Event]:
    began, began_cpu = perf_counter(), process_time()
    torch.manual_seed(recipe.seed)
    images = data.Prepared(data.load(recipe.data), network.input, on)
    refusal = obstacle(network, images.classes)
    if refusal:
        yield Failed(reason=refusal)
        return
    model, optimizer = build(network, recipe, on)
    yield Started(
        device=device.describe(on),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        train_images=len(images.train_labels),
        test_images=len(images.test_labels),
        steps=recipe.steps,
        order=order_digest(recipe, len(images.train_labels)),
    )
    size = len(images.train_labels)
    batch = min(recipe.batch, size)
    marks = {round(recipe.steps * part / recipe.evaluations) for part in range(1, recipe.evaluations + 1)}
    waiting: list[Tensor] = []
    history: list[tuple[float, float]] = []
    flushed = first = perf_counter()
    order = torch.empty(0)
    for step in range(recipe.steps):
        epoch, place = divmod(step, size // batch)
        if place == 0 or step == 0:
            order = data.batch_order(recipe.seed, epoch, size).to(on)
        inputs, labels = images.train_batch(order[place * batch : (place + 1) * batch])
        waiting.append(update(model, optimizer, recipe, step, inputs, labels))
        last = step + 1 == recipe.steps
        if len(waiting) >= FLUSH_STEPS or perf_counter() - flushed > FLUSH_SECONDS or last or step + 1 in marks:
            rows: list[tuple[float, float]] = [(loss, share) for loss, share in torch.stack(waiting).tolist()]
            waiting, now = [], perf_counter()
            pace = max(now - first, 1e-9) / (step + 1)  # seconds a step, so far
            for place_in_run, (loss, share) in enumerate(rows, start=step + 2 - len(rows)):
                if not math.isfinite(loss):
                    yield Failed(reason=not_finite(recipe, place_in_run, history))
                    return
                history.append((loss, share))
                yield Step(
                    step=place_in_run,
                    loss=loss,
                    accuracy=share,
                    images_per_second=batch / pace,
                    seconds_left=pace * (recipe.steps - place_in_run),
                )
            flushed = now
        if step + 1 in marks and not last:
            loss, logits = predict(model, images)
            if math.isfinite(loss):
                share = (logits.argmax(1) == images.test_labels).float().mean().item()
                yield Evaluated(step=step + 1, loss=loss, accuracy=share)

    loss, logits = predict(model, images)
    if not math.isfinite(loss):
        yield Failed(reason=not_finite(recipe, recipe.steps, history, "predictions of the test images"))
        return
    if checkpoint is not None:
        save(model, checkpoint)
    spent = perf_counter() - began, process_time() - began_cpu
    yield result(loss, logits, images.test_labels, history, images.classes, spent)


def build(network: Network, recipe: Recipe, on: torch.device) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The model with its first weights on the device, and the optimiser of the recipe."""
    model = network.build(seed=recipe.seed).to(on).train()
    if on.type == "cuda":
        # not on a CPU, where it would save a sixth: torch 2.13 writes past its buffers there at 2 to 6 channels
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parameters = list(model.parameters())
    if recipe.optimizer == "adamw":
        return model, torch.optim.AdamW(
            parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
    return model, torch.optim.SGD(
        parameters,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def update(
    model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe, step: int, inputs: Tensor, labels: Tensor
) -> Tensor:
    """One step; the loss and the accuracy of the batch as one tensor (2,) that still lies on the device."""
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate(step)
    logits = model(inputs)
    loss = functional.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    if recipe.clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step()
    with torch.no_grad():
        return torch.stack((loss, (logits.argmax(1) == labels).float().mean()))


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


def not_finite(recipe: Recipe, step: int, history: list[tuple[float, float]], what: str = "loss") -> str:
    """The sentence of a run whose numbers overflowed: when, why, and what helps."""
    before = f", after a highest loss of {max(loss for loss, _ in history):.3g}" if history else ""
    ways = [f"a learning rate of {recipe.learning_rate / 10:g} in place of {recipe.learning_rate:g}"]
    if recipe.optimizer == "sgd":
        ways.append("AdamW at 0.001")
    if recipe.clip is None:
        ways.append("gradients clipped at 1")
    ways.append("a norm in every block")
    *front, end = ways
    helps = f"{', '.join(front)} or {end}"
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
    """A digest of which images each batch of the run holds, in order."""
    digest = hashlib.sha256()
    for step in range(0, recipe.steps, per_epoch := size // min(recipe.batch, size)):
        order = data.batch_order(recipe.seed, step // per_epoch, size)
        used = min(per_epoch, recipe.steps - step) * min(recipe.batch, size)
        digest.update(order[:used].numpy().tobytes())
    return digest.hexdigest()[:16]


def save(model: nn.Module, path: Path) -> None:
    """Writes the state dict whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}, part)
    os.replace(part, path)
