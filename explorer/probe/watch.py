"""What happens to one map inside a block: which maps it is joined from, and what follows.

A block's input goes in as a `Watched`, a tensor that notes each torch call made on it and is otherwise the same: the
same kernels on the same memory. Nothing is replaced in torch or in the modules, so other threads notice nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

WEIGHTED = frozenset({"conv2d", "linear"})
ADDITIONS = frozenset({"add", "__add__", "__radd__", "add_", "__iadd__"})
CONCATENATIONS = frozenset({"cat", "concat", "concatenate"})


@dataclass
class Joint:
    """Maps that were added or concatenated, in the order in which the forward wrote them, and what came of them."""

    how: str  # "add" or "cat"
    operands: tuple[Tensor, ...]
    depths: tuple[int, ...]  # weighted layers that lie between the block's input and each operand
    result: Tensor


class Watched(Tensor):
    """A map on its way through a block."""

    depth: int = 0
    joint: Joint | None = None  # the last one on the way
    joined: Joint | None = None  # the last concatenation on the way
    follows: tuple[str, ...] = ()  # what was called since the last joint

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = super().__torch_function__(func, types, args, dict(kwargs or {}))
        if isinstance(result, Watched):
            _note(func.__name__, list(_watched(args)), args, result)
        return result


def _watched(values: Iterable[Any]) -> Iterator[Watched]:
    for value in values:
        if isinstance(value, Watched):
            yield value
        elif isinstance(value, list | tuple):
            yield from _watched(value)


def _note(name: str, sources: Sequence[Watched], args: Sequence[Any], result: Watched) -> None:
    if not sources or any(result is source for source in sources):
        return
    way = max(sources, key=lambda source: source.depth)
    if name == "where" and len(args) == 3 and args[0].numel() == 1:  # one image: one of the two was taken
        way = args[1] if bool(args[0]) else args[2]
    result.depth = max(source.depth for source in sources) + (name in WEIGHTED)
    result.joint, result.joined, result.follows = way.joint, way.joined, (*way.follows, name)
    concatenates = name in CONCATENATIONS
    if len(sources) > 1 and (concatenates or name in ADDITIONS):
        how = "cat" if concatenates else "add"
        result.joint = Joint(how, tuple(map(bare, sources)), tuple(source.depth for source in sources), bare(result))
        result.follows = ()
        if concatenates:
            result.joined = result.joint


def bare(tensor: Tensor) -> Tensor:
    """The same memory as an ordinary tensor."""
    return tensor.as_subclass(Tensor)


@dataclass(frozen=True)
class Residual:
    """y = F(x) + s(x) as the block computed it, or [F(x), x]; the tensors are the forward's own."""

    how: str
    carried: Tensor  # what the shortcut carries: x, or what a projection or zero-padding made of it
    learned: Tensor  # F(x)
    total: Tensor
    follows: tuple[str, ...]  # calls between the joint and the block's output: ("relu",)
    carries_input: bool  # whether the shortcut carries x itself

    @property
    def strength(self) -> float | None:
        """‖F(x)‖ / ‖what the shortcut carries‖; None where that is nothing or no number."""
        whole, part = norm(self.carried), norm(self.learned)
        ratio = part / whole if whole > 0 else float("inf")
        return ratio if ratio < float("inf") else None


@dataclass(frozen=True)
class Seen:
    """One block's forward."""

    input: Tensor
    output: Tensor
    residual: Residual | None
    branches: tuple[Tensor, ...]  # of the last concatenation, in its order; () where nothing was concatenated


def norm(tensor: Tensor) -> float:
    """The Euclidean norm, summed in float64."""
    return float(torch.linalg.vector_norm(tensor, dtype=torch.float64))


@contextmanager
def watching(modules: Mapping[str, nn.Module], see: Callable[[str, Seen], None]) -> Iterator[None]:
    """While it lasts, each of these modules tells of its forward by its name. No module may lie in another."""
    handles = []
    inputs: dict[str, Tensor] = {}
    for name, module in modules.items():

        def enter(_: nn.Module, args: tuple[Tensor, ...], name: str = name) -> tuple[Tensor, ...]:
            inputs[name] = args[0]
            return (args[0].as_subclass(Watched), *args[1:])

        def leave(_: nn.Module, args: tuple[Tensor, ...], output: Tensor, name: str = name) -> Tensor:
            see(name, _seen(inputs.pop(name), output))
            return bare(output)

        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _seen(entered: Tensor, output: Tensor) -> Seen:
    """The block's forward read from the notes on its output."""
    joint = getattr(output, "joint", None)
    joined = getattr(output, "joined", None)
    residual = None
    if joint is not None and len(joint.operands) == 2:
        short = 0 if joint.depths[0] < joint.depths[1] else 1  # the shortcut has fewer weighted layers than F
        carried, learned = joint.operands[short], joint.operands[1 - short]
        same = carried.data_ptr() == entered.data_ptr() and carried.shape == entered.shape
        residual = Residual(joint.how, carried, learned, joint.result, output.follows, same)  # type: ignore[attr-defined]
    return Seen(entered, bare(output), residual, joined.operands if joined is not None else ())
