"""First weights that a recipe asks for, over those that a network is built with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from explorer.block import Block

if TYPE_CHECKING:
    from explorer.network import Network
    from explorer.training.recipe import Recipe


@torch.no_grad()
def start(model: nn.Module, network: Network, recipe: Recipe) -> None:
    """Sets the first weights of a model that `network.build` made as the recipe asks for."""
    if recipe.initialisation == "zero-last":
        for layer in last_of_branches(model, network):
            nn.init.zeros_(layer.get_parameter("weight"))
    elif recipe.initialisation == "dirac":
        zero = {id(layer) for layer in zero_already(model, network)}
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d) and passes_on(layer) and id(layer) not in zero:
                nn.init.dirac_(layer.weight, layer.groups)


def passes_on(layer: nn.Conv2d) -> bool:
    """Whether a convolution can be the identity: as many channels out as in, a size that it keeps at stride 1."""
    return layer.in_channels == layer.out_channels and all(size % 2 for size in layer.kernel_size)


def last_of_branches(model: nn.Module, network: Network) -> list[nn.Module]:
    """The layers at the end of each branch beside a shortcut: its norm where there is one, else its convolution."""
    layers = []
    for block, copy in copies(model, network):
        names = {id(layer): name for name, layer in copy.named_modules()}
        for layer in _ends(block, copy):
            holder = copy.get_submodule(names[id(layer)].rpartition(".")[0])
            norm = getattr(holder, "norm", None)
            # a norm that follows its convolution stands beside it; one of a whole module comes before
            follows = isinstance(norm, nn.Module) and holder is not copy and isinstance(layer, nn.Conv2d)
            layers.append(norm if follows and norm is not None else layer)
    return layers


def _ends(block: Block, copy: nn.Module) -> list[nn.Module]:
    """The layers that a block's kind says to start at zero where it has no norm."""
    fields = {"norm": "none"} if "norm" in type(block).model_fields else {}
    return block.with_fields(**fields).starts_at_zero(copy)


def zero_already(model: nn.Module, network: Network) -> list[nn.Module]:
    """The layers that start at zero however the rest is drawn."""
    return [layer for block, copy in copies(model, network) for layer in block.starts_at_zero(copy)]


def copies(model: nn.Module, network: Network) -> list[tuple[Block, nn.Module]]:
    """Each copy of each block, in order, with its module."""
    found: list[tuple[Block, nn.Module]] = []
    for block, card in zip(network.blocks, model.children(), strict=True):
        found += [(block, copy) for copy in (card.children() if block.repeats else (card,))]
    return found
