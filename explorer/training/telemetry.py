"""What goes through a network at one step: gradient lengths and activation scales of its blocks.

Read at single steps only, as stacked tensors that stay on the device, so that neither a GPU nor the steps between pay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from explorer.training import device
from explorer.training.events import Telemetry
from explorer.training.initial import copies

if TYPE_CHECKING:
    from explorer.network import Network

LARGEST = float(torch.finfo(torch.float32).max)
READINGS = 200  # over a whole run, as many columns as a picture has room for
APART = 5  # steps between two readings at least; 10 and more cost nothing that can be measured


class Watch:
    """Reads one model's blocks. The hooks hang on its own modules and only while a step is read."""

    def __init__(self, model: nn.Module, network: Network) -> None:
        blocks = [copy for _, copy in copies(model, network)]
        self.modules = blocks
        self.per_card = [block.copies for block in network.blocks]
        owner: dict[nn.Parameter, int] = {}
        for at, module in enumerate(blocks):
            for parameter in module.parameters():
                owner.setdefault(parameter, at)  # a weight that blocks share counts where it stands first
        self.parameters = list(owner)
        self.owners = torch.tensor(list(owner.values()))
        self.given: list[Tensor] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Notes the scale of what each block gives while the model runs."""
        self.given = []
        handles = [module.register_forward_hook(self._note) for module in self.modules]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        output = output.detach()
        # one pass whatever the layout; torch.std_mean takes eleven times as long on channels-last
        self.given.append(torch.linalg.vector_norm(output, dtype=torch.float32) / math.sqrt(output.numel()))

    @torch.no_grad()
    def read(self) -> Tensor:
        """Gradient lengths and activation scales (2, copies) of the step just made, still on the device."""
        held = [(at, parameter.grad) for at, parameter in enumerate(self.parameters) if parameter.grad is not None]
        activations = torch.stack(self.given)
        gradients = torch.zeros(len(self.modules), dtype=torch.float64, device=activations.device)
        if held:
            lengths = torch.stack(torch._foreach_norm([gradient for _, gradient in held], 2, torch.float32))
            owners = self.owners[[at for at, _ in held]].to(activations.device)
            gradients.index_add_(0, owners, lengths.double().square())
        return torch.stack((gradients.sqrt(), activations.double()))

    def telemetry(self, step: int, read: Tensor) -> Telemetry:
        """What `read` gave as a record; waits for the device."""
        gradients, activations = read.tolist()
        return Telemetry(
            step=step,
            gradients=tuple(_written(math.sqrt(sum(x * x for x in part))) for part in self._cards(gradients)),
            activations=tuple(
                _written(math.sqrt(sum(x * x for x in part) / len(part))) for part in self._cards(activations)
            ),
            copy_gradients=tuple(map(_written, gradients)),
            copy_activations=tuple(map(_written, activations)),
            bytes=device.held_bytes(read.device),
        )

    def _cards(self, numbers: Sequence[float]) -> Iterator[Sequence[float]]:
        """The numbers of each card's copies; what is not finite as the largest number."""
        first = 0
        for count in self.per_card:
            yield [_finite(number) for number in numbers[first : first + count]]
            first += count


class Rhythm:
    """Which steps are read: the first, then evenly over the run and never close together."""

    def __init__(self, last: int, share: float) -> None:
        self.last, self.column = last, int(share * READINGS)

    def due(self, step: int, share: float) -> bool:
        """Whether step `step` (from 0) is read, before which `share` of the run is over."""
        column = int(share * READINGS)
        if step > 0 and not (step - self.last >= APART and column > self.column):
            return False
        self.last, self.column = step, column
        return True


def _finite(number: float) -> float:
    return min(number, LARGEST) if number == number else LARGEST


def _written(number: float) -> float:
    """Four digits, which is more than any picture shows."""
    return float(f"{_finite(number):.4g}")
