"""Published networks as data: `load("resnet50")` is a Network, `about("resnet50")` says where it comes from."""

from difflib import get_close_matches

from explorer.network import Network
from explorer.presets import cifar, inception, own, resnet
from explorer.presets.preset import Accuracy, Preset

__all__ = ["Accuracy", "Preset", "about", "load", "names"]

_PRESETS = {preset.name: preset for part in (resnet, cifar, inception, own) for preset in part.PRESETS}


def names() -> tuple[str, ...]:
    """All names that `load` knows, family by family."""
    return tuple(_PRESETS)


def about(name: str) -> Preset:
    """Title, summary, source and published accuracy of a preset. Raises ValueError for an unknown name."""
    if name in _PRESETS:
        return _PRESETS[name]
    close = get_close_matches(str(name), _PRESETS, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(_PRESETS)}"
    raise ValueError(f"there is no preset {name!r}; {hint}")


def load(name: str) -> Network:
    """The network of a preset. Raises ValueError for an unknown name."""
    return about(name).network
