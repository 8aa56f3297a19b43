"""The block kinds. The folder is the registry: each module in it is one kind, and importing this package finds it."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from explorer.block import KINDS, Block, register

for _found in iter_modules(__path__):
    _module = import_module(f"{__name__}.{_found.name}")
    for _value in list(vars(_module).values()):
        if isinstance(_value, type) and issubclass(_value, Block) and _value.__module__ == _module.__name__:
            globals()[_value.__name__] = register(_value)

_in_palette_order = sorted(KINDS.items(), key=lambda item: item[1].order_in_palette)
KINDS.clear()
KINDS.update(_in_palette_order)

__all__ = ["KINDS", *(kind.__name__ for kind in KINDS.values())]

if TYPE_CHECKING:

    def __getattr__(name: str) -> type[Block]: ...
