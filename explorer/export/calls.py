"""How a module is made, as the call that one writes in Python, laid out as ruff lays it out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

WIDTH = 120


@dataclass(frozen=True)
class Call:
    """`function(value, name=value)`; names are empty where an argument stands by its place."""

    function: str
    arguments: tuple[tuple[str, Expression], ...]

    def flat(self) -> str:
        """The call on one line."""
        return f"{self.function}({', '.join(_named(name) + flat(value) for name, value in self.arguments)})"

    def lines(self, indent: int, before: str = "", after: str = "") -> list[str]:
        """The call on as many lines as it needs: one, or its arguments on one of their own, or each on its own."""
        space, whole = " " * indent, f"{before}{self.flat()}{after}"
        if len(space + whole) <= WIDTH:
            return [space + whole]
        inner = ", ".join(_named(name) + flat(value) for name, value in self.arguments)
        opened, closed = f"{space}{before}{self.function}(", f"{space}){after}"
        if len(space) + 4 + len(inner) <= WIDTH:
            return [opened, f"{space}    {inner}", closed]
        rows: list[str] = []
        for name, value in self.arguments:
            rows += lines(value, indent + 4, _named(name), ",")
        return [opened, *rows, closed]


@dataclass(frozen=True)
class Repeated:
    """`*(call for _ in range(count))`: as many modules, each with weights of its own."""

    call: Call
    count: int

    def flat(self) -> str:
        """The argument on one line."""
        return f"*({self.call.flat()} for _ in range({self.count}))"

    def lines(self, indent: int, before: str = "", after: str = "") -> list[str]:
        """The argument on as many lines as it needs."""
        space = " " * indent
        if len(space + self.flat() + after) <= WIDTH:
            return [space + self.flat() + after]
        inner = self.flat()[2:-1]
        if len(space) + 4 + len(inner) <= WIDTH:
            return [f"{space}*(", f"{space}    {inner}", f"{space}){after}"]
        return [
            f"{space}*(",
            *self.call.lines(indent + 4),
            f"{space}    for _ in range({self.count})",
            f"{space}){after}",
        ]


Expression = Call | Repeated | str


def flat(value: Expression) -> str:
    """An argument on one line."""
    return value if isinstance(value, str) else value.flat()


def lines(value: Expression, indent: int, before: str = "", after: str = "") -> list[str]:
    """An argument on as many lines as it needs."""
    return [" " * indent + before + value + after] if isinstance(value, str) else value.lines(indent, before, after)


def call_of(module: nn.Module) -> Call:
    """The call that makes such a module: from the arguments it remembers, or, of torch's own, from its attributes."""
    kind = type(module)
    if kind is nn.Sequential:
        return Call("nn.Sequential", tuple(("", call_of(child)) for child in module.children()))
    made_with = getattr(module, "made_with", None)
    if isinstance(made_with, tuple):
        return Call(kind.__name__, tuple(_arguments(module, *made_with)))
    if getattr(nn, kind.__name__, None) is not kind:
        raise ValueError(f"{kind.__name__} does not remember how it was made: it is no Module of explorer/layers.py")
    parameters = list(inspect.signature(kind).parameters.values())
    held = {one.name: getattr(module, one.name) for one in parameters if hasattr(module, one.name)}
    return Call(f"nn.{kind.__name__}", tuple(_arguments(module, (), held)))


def _arguments(
    module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]
) -> Iterator[tuple[str, Expression]]:
    """What has to be written of a call: arguments without a default by their place, of the others those that differ."""
    signature = inspect.signature(module.__init__)  # type: ignore[misc]  # that of a class may be its __new__
    bound = signature.bind(*args, **kwargs)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield from (("", expression(value)) for value in bound.arguments.get(parameter.name, ()))
        elif parameter.kind is parameter.VAR_KEYWORD:
            pass  # of torch's Identity, which takes anything and looks at nothing
        elif parameter.default is parameter.empty:
            yield "", expression(bound.arguments[parameter.name])
        elif bound.arguments.get(parameter.name, parameter.default) != parameter.default:
            yield parameter.name, expression(bound.arguments[parameter.name])


def expression(value: object) -> Expression:
    """A value as it is written in Python."""
    if isinstance(value, nn.Module):
        return call_of(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple):
        inside = ", ".join(flat(expression(one)) for one in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise ValueError(f"a {type(value).__name__} cannot be written as an argument: {value!r}")


def _named(name: str) -> str:
    return f"{name}=" if name else ""
