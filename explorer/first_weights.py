"""First weights. Each is drawn from the seed and its own path alone, so that twins agree on the paths they share."""

import hashlib

import torch
from torch import nn


def draw_weights(module: nn.Module, seed: int = 0, path: str = "", fan_in: bool = False) -> None:
    """He-normal convolutions (He et al. 2015b), biases 0, linear layers as torch draws them; `path` is the module's."""
    for name, layer in module.named_modules(prefix=path):
        generator = generator_of(seed, name)
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, 0, "fan_in" if fan_in else "fan_out", "relu", generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator)


def generator_of(seed: int, path: str) -> torch.Generator:
    """The random numbers of one layer."""
    digest = hashlib.sha256(f"{seed}/{path}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
