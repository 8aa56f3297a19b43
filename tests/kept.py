"""Runs that nobody trained, for tests of what is done with runs: their curves are written by a rule."""

from __future__ import annotations

from math import exp

from explorer.network import Network
from explorer.runs import Store
from explorer.training.events import Evaluated, Finished, Started, Step
from explorer.training.recipe import Recipe

SMALL = Network.from_json(
    """{"name": "Small", "input": [1, 8, 8], "blocks": [{"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4}, {"kind": "classifier", "classes": 10}]}"""
)
TRAIN_IMAGES, TEST_IMAGES = 1437, 360


def loss_at(step: int, seed: int) -> float:
    return 2.3 * exp(-step / 10) + 0.01 * seed


def keep(
    store: Store,
    network: Network = SMALL,
    recipe: Recipe | None = None,
    status: str = "finished",
    made: int | None = None,
    elapsed: bool = True,
    **more: str,
) -> str:
    """A run of the store with so many steps of its curve; the id."""
    recipe = recipe or Recipe(steps=20)
    run_id = store.create(network, recipe, more.pop("kind", "single"), **more)
    if status == "queued":
        return run_id
    store.begin(run_id)
    store.append(
        run_id,
        Started(
            device="CPU, one thread", parameters=1, train_images=TRAIN_IMAGES, test_images=TEST_IMAGES,
            steps=recipe.steps, order="0",
        ),
    )  # fmt: skip
    steps = recipe.steps if made is None else made
    for step in range(1, steps + 1):
        store.append(
            run_id,
            Step(
                step=step, loss=loss_at(step, recipe.seed), accuracy=min(1.0, step / recipe.steps), seconds_left=1.0,
                images_per_second=100.0, learning_rate=recipe.rate(step - 1), elapsed=step / 2 if elapsed else None,
            ),
        )  # fmt: skip
        if step == steps // 2:
            store.append(run_id, Evaluated(step=step, loss=1.0, accuracy=0.5))
    if status == "finished":
        done = Finished(
            seconds=steps / 2, cpu_seconds=steps / 2, train_loss=loss_at(steps, recipe.seed), train_accuracy=1.0,
            test_loss=0.2, test_accuracy=0.9 + 0.01 * recipe.seed, confusion=(), wrong=(), wrong_count=0, steps=steps,
        )  # fmt: skip
        store.append(run_id, done)
        store.end(run_id, "finished", finished=done)
        store.checkpoint(run_id).write_bytes(b"weights")
    elif status != "running":
        store.end(run_id, status, "It was stopped." if status == "stopped" else "It failed.")  # type: ignore[arg-type]
    return run_id
