"""Weights and images from a fixed formula: the same bits on every machine and in every version of torch.

Whole numbers are hashed, turned into float64 and rounded once to float32; no random generator takes part. Weights are
He-scaled and branches of residual blocks damped, so that the logits keep a scale of about one at every depth, and the
statistics of the norms are far from their defaults, so that each of them is felt in the output.
"""

import hashlib
import math
import zlib
from collections.abc import Mapping, Sequence

import torch

BITS = 31  # the hash stays below 2**31, so that a product with a 31-bit constant never overflows int64
MASK = 2**BITS - 1
PERIOD = 65_521  # a prime, so that no period lines up with rows of a weight; hashing all of them takes seconds


def mix(state: torch.Tensor) -> torch.Tensor:
    """A 31-bit integer hash of each element."""
    state = (state ^ (state >> 16)) * 0x45D9F3B & MASK
    state = (state ^ (state >> 15)) * 0x2C1B3C6D & MASK
    return state ^ (state >> 16)


def uniform(name: str, count: int) -> torch.Tensor:
    """Float64 values in (-1, 1), of variance 1/3, that depend on the name and the position only; at most a period."""
    key = mix(torch.tensor(zlib.crc32(name.encode()) & MASK))
    hashed = mix(mix(torch.arange(min(count, PERIOD))) ^ key)
    return (hashed * 2 + 1).double() / 2**BITS - 1


def spread(value: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Rounds to float32 and fills the shape, from the start again after each period."""
    count = math.prod(shape)
    return value.float().repeat(-(-count // PERIOD))[:count].reshape(tuple(shape))


def image(shape: Sequence[int]) -> torch.Tensor:
    """An input of mean 0 and variance 1, (batch, channels, height, width), float32."""
    return spread(uniform("image", math.prod(shape)) * math.sqrt(3), shape)


def weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    """A float32 state dict for torchvision's parameter names and shapes."""
    return {name: tensor(name, shape, shapes) for name, shape in shapes.items()}


def tensor(name: str, shape: Sequence[int], shapes: Mapping[str, Sequence[int]]) -> torch.Tensor:
    """The values of one entry; its neighbours in `shapes` tell a norm from a convolution."""
    module, _, leaf = name.rpartition(".")
    if leaf == "num_batches_tracked":
        return torch.tensor(100)
    value = uniform(name, math.prod(shape))
    if f"{module}.running_mean" in shapes:
        value = norm_value(leaf, value, last_of_branch(module, shapes))
    elif leaf == "bias":
        value = value / 8
    else:
        gain = 2 if len(shape) == 4 else 1 / 16  # a ReLU halves the second moment; logits of about one
        value = value * math.sqrt(3 * gain / math.prod(shape[1:]))
    return spread(value, shape)


def norm_value(leaf: str, value: torch.Tensor, damped: bool) -> torch.Tensor:
    """Weight around 1 (0.2 at the end of a residual branch), bias and mean around 0, variance between 0.5 and 1.5."""
    if leaf == "weight":
        return (1 + value / 4) * (0.2 if damped else 1)
    if leaf == "running_var":
        return 1 + value / 2
    return value / 4


def last_of_branch(module: str, shapes: Mapping[str, Sequence[int]]) -> bool:
    """Whether this norm is followed by the addition of a torchvision residual block."""
    block, _, leaf = module.rpartition(".")
    return leaf == ("bn3" if f"{block}.bn3.weight" in shapes else "bn2") and block.startswith("layer")


def digest(state: Mapping[str, torch.Tensor]) -> str:
    """A fingerprint of all values, to show that two environments made the same bits."""
    total = hashlib.sha256()
    for name in sorted(state):
        total.update(name.encode())
        total.update(state[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()[:16]
