"""Compares the estimate before a run with the run, over eleven different stacks: `python -m benchmarks.estimate`.

Each stack is measured and then trained in a warm worker, as the app does it; the ratio must lie within a factor of 1.5.
The estimate is of a core of one's own: on a busy machine the ratio to CPU seconds is the one to read.
"""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.training import warm
from explorer import presets
from explorer.network import Network
from explorer.runs import Manager
from explorer.training.adapt import adapted_copy
from explorer.training.recipe import Recipe


def stack(*blocks: dict[str, object], size: tuple[int, int, int] = (1, 8, 8)) -> Network:
    """A network of these cards between a stem and a classifier."""
    stem, head = {"kind": "stem", "form": "cifar", "channels": 16}, {"kind": "classifier", "classes": 10}
    return Network.model_validate({"input": size, "blocks": [stem, *blocks, head]})


def stacks() -> dict[str, tuple[Network, Recipe]]:
    """Eleven stacks that differ in depth, width, input, kind, optimiser and batch."""
    inception = {"kind": "inception", "branches": "1x1:16 | 1x1:16 > 3x3:32 | maxpool > 1x1:16"}
    resnet20 = presets.load("digits_resnet20")
    return {
        "digits, depth 20": (resnet20, Recipe()),
        "digits, depth 56": (presets.load("digits_resnet56"), Recipe(steps=60)),
        "digits, depth 56, plain": (presets.load("digits_resnet56").plain(), Recipe(steps=60)),
        "depth 20 at 16×16": (resnet20.apply({"op": "input", "shape": [1, 16, 16]}), Recipe(steps=60)),
        "depth 20 at 3×32×32": (resnet20.apply({"op": "input", "shape": [3, 32, 32]}), Recipe(steps=25)),
        "one basic block, 400 steps": (stack({"kind": "basic", "channels": 16}), Recipe(steps=400)),
        "bottlenecks, AdamW": (
            stack({"kind": "bottleneck", "channels": 128, "repeat": 6}), Recipe(steps=80, optimizer="adamw"),
        ),
        "two Inception modules, batch 128": (stack(inception, inception), Recipe(steps=60, batch=128)),
        "ResNet-18, adapted": (adapted_copy(presets.load("resnet18")), Recipe(steps=12)),
        "ResNet-50, adapted": (adapted_copy(presets.load("resnet50")), Recipe(steps=8)),
        "article, adapted, batch 16": (adapted_copy(presets.load("article")), Recipe(steps=60, batch=16)),
    }  # fmt: skip


def main() -> None:
    """Prints the ratios."""
    with TemporaryDirectory() as folder:
        manager = Manager(Path(folder), workers=2)
        warm(manager)
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
        print(f"{'stack':<34} estimate   actual  ratio  to CPU s  measured in")
        ratios, cpu_ratios = [], []
        for name, (network, recipe) in stacks().items():
            began = time.perf_counter()
            estimate = manager.estimate(network, recipe, wait=300)
            took = time.perf_counter() - began
            assert estimate is not None and not estimate.refusal, estimate
            run_id = manager.submit(network, recipe)
            manager.wait(run_id, 600)
            run = manager.read(run_id)
            assert run is not None and run.finished is not None, run
            actual = run.finished.seconds
            ratios.append(estimate.seconds / actual)
            cpu_ratios.append(estimate.seconds / run.finished.cpu_seconds)
            figures = f"{estimate.seconds:>6.1f} s {actual:>6.1f} s {ratios[-1]:>6.2f} {cpu_ratios[-1]:>9.2f}"
            print(f"{name:<34} {figures} {took:>10.1f} s", flush=True)
        for what, found in (("actual time", ratios), ("CPU seconds", cpu_ratios)):
            met = all(1 / 1.5 <= ratio <= 1.5 for ratio in found)
            span = f"{min(found):.2f} to {max(found):.2f}"
            print(f"all within a factor of 1.5 of {what}: {'ok' if met else 'miss'} ({span})")
        manager.close()


if __name__ == "__main__":
    main()
