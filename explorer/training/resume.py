"""The state of a run on disk, so that it goes on where it was, to the bit, after a pause or a killed process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from explorer.network import Network
    from explorer.training.recipe import Recipe

FORMAT = 1


@dataclass
class Progress:
    """Where a run stands besides its weights."""

    step: int = 0  # that were made
    seconds: float = 0.0  # since the first of them
    wall: float = 0.0  # of the whole run, with its beginning
    cpu: float = 0.0
    tests: int = 0
    best: tuple[float, int] | None = None  # accuracy of the test images, and at which step
    read: int = 0  # the step, from 0, whose telemetry was read last


@dataclass
class Place:
    """The file of one run's state; another network's or recipe's is not taken for it."""

    path: Path
    key: str

    @classmethod
    def of(cls, path: Path, network: Network, recipe: Recipe) -> Place:
        """The place of the run of this network and recipe."""
        text = network.unnamed().model_dump_json() + recipe.model_dump_json() + torch.__version__
        return cls(path, sha256(text.encode()).hexdigest())

    def save(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        history: list[tuple[float, float]],
    ) -> None:
        """Writes everything whole or not at all. OSError where the disk does not take it."""
        write(
            {
                "format": FORMAT,
                "key": self.key,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "progress": vars(progress).copy(),
                "history": torch.tensor(history, dtype=torch.float64).reshape(-1, 2),
                "random": torch.get_rng_state(),
                "cuda_random": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
            },
            self.path,
        )

    def load(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, on: torch.device
    ) -> tuple[Progress, list[tuple[float, float]]] | None:
        """Puts model, optimiser and random numbers back; None where there is nothing of this run.

        A damaged file is nothing: the run then begins anew, and comes to the same end.
        """
        try:
            state: dict[str, Any] = torch.load(self.path, weights_only=True, map_location="cpu")
            if state["format"] != FORMAT or state["key"] != self.key:
                return None
            progress = Progress(**state["progress"])
            history = [(loss, share) for loss, share in state["history"].tolist()]
            if len(history) != progress.step:
                return None
        except Exception:  # torch's reader raises whatever it stumbles over
            return None
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if on.type == "cuda" and state["cuda_random"] is not None:
            torch.cuda.set_rng_state(state["cuda_random"])
        return progress, history

    def clear(self) -> None:
        """Removes the file: the run is over."""
        self.path.unlink(missing_ok=True)


def write(state: dict[str, Any], path: Path) -> None:
    """Writes a file for `torch.load(weights_only=True)` whole or not at all; OSError where that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        torch.save(state, part)
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch's own writer says RuntimeError when the disk is full
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise
        raise OSError(str(error).partition("\n")[0]) from error
