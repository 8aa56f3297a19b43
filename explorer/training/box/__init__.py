"""Trained weights in the box, so that no view ever opens on random weights only.

`python -m explorer.training.box` makes them again.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from explorer.network import Network
from explorer.training.events import Finished
from explorer.training.recipe import Recipe

FOLDER = Path(__file__).parent


class Trained(BaseModel):
    """Where weights come from and what they reach."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Network
    recipe: Recipe
    torch: str  # the version that trained
    steps_cpu_seconds: float
    train_loss: float  # at the end of the training, in float32
    test_accuracy: float  # of the float16 weights that lie here
    test_images: int
    result: Finished  # of the float16 weights: what the test images say


@lru_cache(maxsize=1)
def records() -> dict[str, Trained]:
    """What is in the box, by name."""
    text = (FOLDER / "recipe.json").read_text(encoding="utf-8")
    return {name: Trained.model_validate(record) for name, record in json.loads(text).items()}


def load(name: str) -> tuple[Network, dict[str, Tensor]]:
    """A trained network and its state dict in float32; ValueError names what there is."""
    if name not in records():
        raise ValueError(f"no trained weights are called {name!r}; there are: {', '.join(records())}")
    state = torch.load(FOLDER / f"{name}.pt", weights_only=True)
    return records()[name].network, unpack(state)


def find(network: Network) -> str | None:
    """The name of the trained weights of this very network, if they are in the box."""
    bare = network.unnamed()
    return next((name for name, it in records().items() if it.network.unnamed() == bare), None)


def pack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with weights in float16 on one storage, which halves it and saves an archive entry a tensor.

    The norms' running statistics stay float32: of a plain network they pass 65,504.
    """
    statistics = {name: tensor.float() for name, tensor in state.items() if "running_" in name}
    weights = {name: tensor for name, tensor in state.items() if tensor.is_floating_point() and name not in statistics}
    return {**_on_one_storage(weights, torch.float16), **_on_one_storage(statistics, torch.float32)}


def _on_one_storage(tensors: dict[str, Tensor], kind: torch.dtype) -> dict[str, Tensor]:
    flat = torch.cat([tensor.detach().flatten() for tensor in tensors.values()]).to(kind)
    if not flat.isfinite().all():
        raise ValueError(f"a weight is too large for {kind}")
    parts = flat.split([tensor.numel() for tensor in tensors.values()])
    return {name: part.view(tensor.shape) for (name, tensor), part in zip(tensors.items(), parts, strict=True)}


def unpack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `pack` packed, in float32; the norms' counts of batches, which nothing here reads, are 0."""
    counts = {
        name.removesuffix("running_mean") + "num_batches_tracked": torch.tensor(0)
        for name in state
        if name.endswith("running_mean")
    }
    return {name: tensor.float() for name, tensor in state.items()} | counts
