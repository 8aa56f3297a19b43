"""Published weights into the module of a preset: torchvision's names, translated to those of `Network.build`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, strided, zeros

from explorer.network import Network
from explorer.shape import show

# Layers of a residual network, ours and torchvision's. Stages are counted as cards are, since the stem is card 0.
RESNET = (
    (r"0\.layers\.0\.conv", r"conv1"),
    (r"0\.layers\.0\.norm", r"bn1"),
    (r"(\d+)\.(\d+)\.conv(\d)\.conv", r"layer\1.\2.conv\3"),
    (r"(\d+)\.(\d+)\.conv(\d)\.norm", r"layer\1.\2.bn\3"),
    (r"(\d+)\.(\d+)\.shortcut\.conv", r"layer\1.\2.downsample.0"),
    (r"(\d+)\.(\d+)\.shortcut\.norm", r"layer\1.\2.downsample.1"),
    (r"\d+\.fc", r"fc"),
)

# Convolutions of the Inception networks in the order in which both sides define them.
GOOGLENET_BRANCHES = "branch1 branch2.0 branch2.1 branch3.0 branch3.1 branch4.1"
GOOGLENET_MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
V3_A = "branch1x1 branch5x5_1 branch5x5_2 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3 branch_pool"
V3_B = "branch3x3 branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3"
V3_C = (
    "branch1x1 branch7x7_1 branch7x7_2 branch7x7_3 "
    "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5 branch_pool"
)
V3_D = "branch3x3_1 branch3x3_2 branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4"
V3_E = (
    "branch1x1 branch3x3_1 branch3x3_2a branch3x3_2b "
    "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a branch3x3dbl_3b branch_pool"
)
V3_MODULES = {
    "5b": V3_A,
    "5c": V3_A,
    "5d": V3_A,
    "6a": V3_B,
    "6b": V3_C,
    "6c": V3_C,
    "6d": V3_C,
    "6e": V3_C,
    "7a": V3_D,
    "7b": V3_E,
    "7c": V3_E,
}
GOOGLENET = (
    *("conv1", "conv2", "conv3"),
    *(f"inception{name}.{branch}" for name in GOOGLENET_MODULES for branch in GOOGLENET_BRANCHES.split()),
)
INCEPTION_V3 = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    *(f"Mixed_{name}.{branch}" for name, branches in V3_MODULES.items() for branch in branches.split()),
)


@dataclass(frozen=True)
class Names:
    """Torchvision's name of each layer of ours, and the beginnings of names that only its training needs."""

    layers: Mapping[str, str]
    ignored: tuple[str, ...] = ()

    def of(self, key: str) -> str:
        """Torchvision's name of one entry of our state dict."""
        layer, _, leaf = key.rpartition(".")
        return f"{self.layers[layer]}.{leaf}"


def from_torchvision(net: Network, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `net.build()` from one of torchvision's ResNets, GoogLeNet or Inception-v3.

    Auxiliary heads are ignored, and a norm's count of batches, which old files lack, starts at 0. Raises ValueError
    that names the first entry that is missing, is not what it should be, or has no place in `net`.
    """
    if not isinstance(state_dict, Mapping):
        raise ValueError(f"expected a state dict, names with tensors, got {type(state_dict).__name__}")
    return translated(net, published_names(net, net.skeleton().state_dict()), state_dict)


def translated(net: Network, names: Names, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `net.build()` from one of these names; ValueError as in `from_torchvision`."""
    ours = net.skeleton().state_dict()
    taken = {key: taken_tensor(names.of(key), like, state_dict) for key, like in ours.items()}
    expected = {names.of(key) for key in ours}
    for name in state_dict:
        if name not in expected and not str(name).startswith(names.ignored):
            raise ValueError(f"the state dict has {name!r}, which has no place in {net.name or 'this network'}")
    return taken


def fitted(net: Network, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict in the order of `net.build()`; ValueError that names the first entry that is not as there."""
    taken = {}
    for key, like in net.skeleton().state_dict().items():
        value = state.get(key)
        if value is None:
            raise ValueError(f"these weights are of another network: they lack {key!r}, of shape {show(like.shape)}")
        if value.shape != like.shape or value.is_floating_point() != like.is_floating_point():
            there = show(value.shape) or "a single number"
            raise ValueError(
                f"these weights are of another network: {key!r} should be of shape {show(like.shape)}, got {there}"
            )
        taken[key] = value.to(like.dtype)
    extra = next((key for key in state if key not in taken), None)
    if extra is not None:
        raise ValueError(f"these weights are of another network: it has no {extra[:80]!r}")
    return taken


def of_either_name(net: Network, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `net.build()` from one of its own names or of torchvision's; ValueError where it is neither."""
    try:
        return fitted(net, state)
    except ValueError as reason:
        try:
            return from_torchvision(net, state)
        except ValueError:
            raise reason from None


def published_names(net: Network, keys: Iterable[str]) -> Names:
    """What torchvision calls the layers of `net`; ValueError where it is built like none of its networks."""
    layers = list(dict.fromkeys(key.rpartition(".")[0] for key in keys))
    residual = {layer: name for layer in layers if (name := residual_name(layer))}
    if len(residual) == len(layers) > 0:
        return Names(residual)
    convolutions = [layer.removesuffix(".conv") for layer in layers if layer.endswith(".conv")]
    for published, ignored in ((GOOGLENET, ("aux1.", "aux2.")), (INCEPTION_V3, ("AuxLogits.",))):
        if len(convolutions) == len(published):
            pairs = zip(convolutions, published, strict=True)
            mixed = {
                f"{our}.{leaf}": f"{name}.{leaf.replace('norm', 'bn')}"
                for our, name in pairs
                for leaf in ("conv", "norm")
            }
            mixed[layers[-1]] = "fc"
            if list(mixed) == layers:
                return Names(mixed, ignored)
    raise ValueError(
        f"{net.name or 'this network'} is built like none of torchvision's ResNets, GoogLeNet or Inception-v3"
    )


def residual_name(layer: str) -> str | None:
    """torchvision's name of one layer of a residual network."""
    for ours, theirs in RESNET:
        if found := re.fullmatch(ours, layer):
            return found.expand(theirs)
    return None


def taken_tensor(name: str, like: Tensor, state_dict: Mapping[str, Tensor]) -> Tensor:
    """The entry `name`, of the shape and type of `like`."""
    if name not in state_dict:
        if name.endswith("num_batches_tracked"):
            return zeros(like.shape, dtype=like.dtype)
        raise ValueError(f"the state dict lacks {name!r}, of shape {show(like.shape)}")
    value = state_dict[name]
    if not isinstance(value, Tensor):
        raise ValueError(f"{name!r} should be a tensor of shape {show(like.shape)}, got {type(value).__name__}")
    if value.shape != like.shape:
        raise ValueError(
            f"{name!r} should be of shape {show(like.shape)}, got {show(value.shape) or 'a single number'}"
        )
    if value.layout != strided or value.is_meta or value.is_floating_point() != like.is_floating_point():
        kind = "of real numbers" if like.is_floating_point() else "of whole numbers"
        raise ValueError(f"{name!r} should be a dense tensor {kind}, got {value.dtype}, {value.layout}, {value.device}")
    return value.detach().to(like.dtype)
