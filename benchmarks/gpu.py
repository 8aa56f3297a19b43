"""Runs the tests marked `gpu`, times training on the CUDA device, and adds a dated record to docs/gpu.md.

What is timed: a bare step of some networks with the memory that it takes beside what was foreseen; the app's loop in
its ways to be fast against the loop that people write; and how long a stacked network needs to 90 % on colour shapes.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from explorer import Network, Shape, analyze, blocks, presets
from explorer.training import data, loop
from explorer.training.data.shapes import Shapes
from explorer.training.events import Evaluated, Failed, Finished
from explorer.training.recipe import PRESETS, Recipe

RECORD = Path(__file__).parent.parent / "docs" / "gpu.md"
NETWORKS = (("digits_resnet56", 64), ("cifar_resnet110", 128), ("resnet50", 64))  # and images in a step

WANTED, WITHIN = 0.9, 30.0  # of the test images, and seconds
SHAPES = Shapes(size=32, difficulty=0.5, train=30_000, test=2_000)
WAYS: dict[str, dict[str, object]] = {  # of the app's loop
    "float32": {"precision": "float32"},
    "bf16": {"precision": "bf16"},
    "bf16, compiled": {"precision": "bf16", "compile": True},
}


def stacked() -> Network:
    """What a person stacks for small colour pictures: four stages of two basic blocks."""
    stages = [blocks.Basic(channels=64 << at, stride=2 if at else 1, repeat=2) for at in range(4)]
    stack = (blocks.Stem(form="cifar", channels=64), *stages, blocks.Classifier(classes=10))
    return Network(input=Shape(3, 32, 32), blocks=stack)


def plain_steps(network: Network, images: data.DataSet, batch: int, on: torch.device) -> Iterator[object]:
    """The loop that people write: DataLoader, eager, float32, `.item()` at every step; one step at a time."""
    mean, deviation = images.normalisation()
    pixels = (images.train_images.float() - mean) / deviation
    batches = DataLoader(TensorDataset(pixels, images.train_labels.long()), batch, shuffle=True, drop_last=True)
    model = network.build(seed=0).to(on).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
    while True:
        for inputs, labels in batches:
            logits = model(inputs.to(on))
            loss = F.cross_entropy(logits, labels.to(on))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            yield loss.item()


def own_steps(
    network: Network, name: str, batch: int, on: torch.device, fields: dict[str, object], steps: int
) -> Iterator[object]:
    """The app's loop, with augmentation and telemetry as it runs; one step at a time."""
    recipe = Recipe.model_validate(
        {"data": name, "batch": batch, "steps": steps, "warmup": 0, "evaluations": 1, "flip": True, "crop": 4, **fields}
    )
    for event in loop.train(network, recipe, on):
        if isinstance(event, Failed):
            raise RuntimeError(event.reason)
        if event.event == "step":
            yield event


def rate(steps: Iterator[object], batch: int, on: torch.device, count: int, warm_up: int) -> float:
    """Images a second over `count` steps, by the clock, the device waited for."""
    wait: Callable[[], object] = torch.cuda.synchronize if on.type == "cuda" else lambda: None
    for _ in range(warm_up):
        next(steps)
    wait()
    begun = time.perf_counter()
    for _ in range(count):
        next(steps)
    wait()
    return batch * count / (time.perf_counter() - begun)


def loops(
    network: Network, images: data.DataSet, batch: int, on: torch.device, count: int = 200, warm_up: int = 60
) -> list[str]:
    """Rows of a table: images a second of each loop, and the ratio to the plain one."""
    whole = warm_up + count + 20  # the last step is told with the tests behind it
    plain = rate(plain_steps(network, images, batch, on), batch, on, count, warm_up)
    rows = [f"| DataLoader, eager, float32, `.item()` | {plain:,.0f} | 1.00× |"]
    for title, fields in WAYS.items():
        if fields.get("compile") and on.type != "cuda":
            continue
        own = rate(own_steps(network, images.name, batch, on, fields, whole), batch, on, count, warm_up)
        rows.append(f"| the app's loop, {title} | {own:,.0f} | {own / plain:.2f}× |")
    return rows


def learnt(network: Network, recipe: Recipe, on: torch.device) -> tuple[float | None, float]:
    """Seconds from the call to the first test at or above `WANTED` (None: it was never), and the last accuracy."""
    begun, reached, last = time.perf_counter(), None, 0.0
    for event in loop.train(network, recipe, on):
        if isinstance(event, Failed):
            raise RuntimeError(event.reason)
        if isinstance(event, Evaluated | Finished):
            last = event.accuracy if isinstance(event, Evaluated) else event.test_accuracy
            if reached is None and last >= WANTED:
                reached = time.perf_counter() - begun
    return reached, last


def training(on: torch.device) -> list[str]:
    """What the app's own loop does on the device, as lines of the record."""
    network, images = stacked(), data.load(SHAPES.name)
    recipe = PRESETS["gpu"].recipe(network, SHAPES.name).model_copy(update={"seconds": 25.0, "evaluations": 10})
    seconds, accuracy = learnt(network, recipe, on)
    when = "not reached" if seconds is None else f"reached after {seconds:.1f} s, loading and the tests included"
    verdict = "ok" if seconds is not None and seconds < WITHIN else "miss"
    return [
        f"The app's loop on {SHAPES.facts().subject}, {SHAPES.size}×{SHAPES.size}, batches of 512:",
        "",
        "| loop | images/s | |",
        "| --- | --- | --- |",
        *loops(network, images, 512, on),
        "",
        f"{WANTED:.0%} of {SHAPES.test:,} test images by a stack of {analyze(network).params:,} parameters: {when}, "
        f"{accuracy:.1%} at the end (wanted: under {WITHIN:g} s; {verdict}).",
    ]


def step_time(name: str, batch: int, steps: int = 20, warm_up: int = 5) -> tuple[float, int]:
    """Seconds a training step (float32, SGD with momentum) and the most bytes that were allocated."""
    network = presets.load(name)
    device = torch.device("cuda")
    model = network.build().to(device).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    images = torch.randn(batch, *Shape(*network.input), device=device)
    (classes,) = analyze(network).output_shape
    labels = torch.randint(classes, (batch,), device=device)
    torch.cuda.reset_peak_memory_stats()
    start = 0.0
    for step in range(warm_up + steps):
        if step == warm_up:
            torch.cuda.synchronize()
            start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps, torch.cuda.max_memory_allocated()


def main() -> int:
    """The tests' exit code, or 1 with a sentence where no CUDA device is."""
    if not torch.cuda.is_available():
        print("No CUDA device was found: `make gpu` needs one, and PyTorch's CUDA build.", file=sys.stderr)
        return 1
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "gpu"], cwd=RECORD.parent.parent, capture_output=True, text=True
    )
    print(tests.stdout, end="")
    lines = [
        f"## {date.today().isoformat()}: {torch.cuda.get_device_name()}",
        "",
        f"torch {torch.__version__}, CUDA {torch.version.cuda}. Tests marked `gpu`: {tests.stdout.splitlines()[-1]}",
        "",
        "| network | batch | a step | images/s | MACs/s | peak memory | foreseen |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, batch in NETWORKS:
        seconds, peak = step_time(name, batch)
        report = analyze(presets.load(name), batch=batch)
        work = 3 * report.macs * batch / seconds  # forward once, backward twice
        lines.append(
            f"| {name} | {batch} | {seconds * 1000:.2f} ms | {batch / seconds:,.0f} | {work / 1e12:.2f} T "
            f"| {peak / 2**20:,.0f} MiB | {report.memory().total / 2**20:,.0f} MiB |"
        )
    lines += ["", *training(torch.device("cuda"))]
    record = "\n".join(lines)
    print(f"\n{record}")
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(f"\n{record}\n")
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main())
