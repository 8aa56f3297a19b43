"""Architecture Explorer: stack a convolutional network, count it exactly, train it beside its plain twin.

The public names load on first use, so that `import explorer` alone costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer import blocks, export, presets, weights
    from explorer.network import Network
    from explorer.report import analyze, analyze_module
    from explorer.shape import Shape, ShapeError

__all__ = ["Network", "Shape", "ShapeError", "analyze", "analyze_module", "blocks", "export", "presets", "weights"]

_HOMES = {
    "Network": "explorer.network",
    "Shape": "explorer.shape",
    "ShapeError": "explorer.shape",
    "analyze": "explorer.report",
    "analyze_module": "explorer.report",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"explorer.{name}")
    raise AttributeError(f"module 'explorer' has no attribute {name!r}")
