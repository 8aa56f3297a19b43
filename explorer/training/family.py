"""A family: one network varied over a grid, each point a network and a recipe of its own, all with the same seeds.

The same seed gives every member the same batches, and layers of the same shape and place the same first weights. What
cannot be is a member with a reason, and stops nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from explorer.block import Block, NormName, ShortcutName
from explorer.blocks import KINDS
from explorer.blocks.norm_activation import NormActivation
from explorer.network import EditError, Network
from explorer.report import Report, analyze
from explorer.training.adapt import depth
from explorer.training.loop import obstacle
from explorer.training.recipe import NORMLESS, Recipe, lacks_norm

What = Literal["depth", "width", "block", "shortcut", "norm", "initialisation"]
Value = int | float | str

MOST_AXES = 3
MOST_VALUES = 8  # of an axis
MOST_SEEDS = 10
MOST_RUNS = 90  # as many as one user may have waiting, with a little room
DEPTHS, WIDTHS = (3, 1300), (0.125, 8.0)

# What a block must know to stand in another's place: kinds that have all of it are types to choose from.
EXCHANGED = ("channels", "stride", "order", "shortcut", "norm", "repeat")
KEPT = (*EXCHANGED, "norm_eps", "activation", "bias", "label")
PRE = ", pre-activation"


def _types() -> tuple[str, ...]:
    """The block types: each kind as it is and with norm and activation before its convolutions."""
    kinds = [name for name, kind in KINDS.items() if all(each in kind.model_fields for each in EXCHANGED)]
    return tuple(f"{name}{order}" for order in ("", PRE) for name in kinds)


TYPES = _types()
TITLES: dict[What, str] = {
    "depth": "Depth",
    "width": "Width",
    "block": "Block type",
    "shortcut": "Shortcut",
    "norm": "Norm",
    "initialisation": "First weights",
}
CHOICES: dict[What, tuple[str, ...]] = {
    "block": TYPES,
    "shortcut": get_args(ShortcutName),
    "norm": get_args(NormName),
    "initialisation": get_args(Recipe.model_fields["initialisation"].annotation),
}


class Axis(BaseModel):
    """What is varied, and its values in the order that they were given."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    what: What
    values: Annotated[tuple[Value, ...], Field(min_length=1, max_length=MOST_VALUES)]

    @model_validator(mode="after")
    def _check(self) -> Axis:
        title = TITLES[self.what]
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"{title} has a value twice")
        for value in self.values:
            if self.what in CHOICES:
                if value not in CHOICES[self.what]:
                    raise ValueError(f"{title} {str(value)[:40]!r} is none of {', '.join(CHOICES[self.what])}")
            elif self.what == "depth":
                if not isinstance(value, int) or not DEPTHS[0] <= value <= DEPTHS[1]:
                    raise ValueError(f"a depth is a whole number from {DEPTHS[0]} to {DEPTHS[1]:,} (got {value})")
            elif isinstance(value, str) or not WIDTHS[0] <= value <= WIDTHS[1]:
                raise ValueError(f"a width is a factor from {WIDTHS[0]:g} to {WIDTHS[1]:g} (got {str(value)[:40]})")
        return self


class Plan(BaseModel):
    """The grid: one to three axes, and how many seeds each point is trained with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    axes: Annotated[tuple[Axis, ...], Field(min_length=1, max_length=MOST_AXES)]
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] = 2

    @model_validator(mode="after")
    def _check(self) -> Plan:
        if len({axis.what for axis in self.axes}) < len(self.axes):
            raise ValueError("two axes vary the same")
        return self

    @property
    def points(self) -> int:
        """Points of the grid, possible or not."""
        number = 1
        for axis in self.axes:
            number *= len(axis.values)
        return number


@dataclass(frozen=True)
class Member:
    """A point of the grid: a network to be trained, or why it cannot be."""

    values: tuple[Value, ...]  # one an axis
    network: Network | None = field(repr=False)
    recipe: Recipe | None  # with the first seed
    depth: int = 0
    params: int = 0
    macs: int = 0  # an image
    reason: str = ""  # why it is not trained
    note: str = ""  # in what its recipe differs from the others'

    def title(self, axes: Sequence[Axis]) -> str:
        """`depth 56, shortcut none`."""
        return ", ".join(map(say, axes, self.values))


def say(axis: Axis, value: Value) -> str:
    """`depth 56`, `width × 0.5`, `norm group`."""
    if axis.what == "width":
        return f"width × {value:g}"
    name = {"block": "", "initialisation": "weights "}.get(axis.what, f"{axis.what} ")
    return f"{name}{value}"


def numbers(text: str, what: Literal["depth", "width"]) -> tuple[Value, ...]:
    """The values of a line of text, `20, 32 56`. ValueError with a sentence where one is no number."""
    parts = text[:200].replace(",", " ").split()
    try:
        return tuple(int(part) if what == "depth" else float(part) for part in parts)
    except ValueError:
        raise ValueError(f"{TITLES[what]} is numbers with commas between them, such as 20, 56.") from None


def plan_of(axes: Iterable[tuple[What, Sequence[Value]]], seeds: int) -> Plan:
    """The plan of what a form says. ValueError with one sentence where it is none."""
    try:
        return Plan(axes=tuple(Axis(what=what, values=tuple(values)) for what, values in axes), seeds=seeds)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "too_long":
            message = f"at most {MOST_VALUES} values an axis, and {MOST_AXES} axes"
        elif first["loc"] == ("seeds",):
            message = f"a family has 1 to {MOST_SEEDS} seeds"
        elif first["type"] == "too_short":
            message = "each axis needs at least one value, and the family one axis"
        raise ValueError(f"{message[:1].upper()}{message[1:]}.") from None


def grid(network: Network, recipe: Recipe, plan: Plan, classes: int = 10) -> tuple[Member, ...]:
    """All points in order, the last axis fastest. ValueError with a sentence where they are too many."""
    runs = plan.points * plan.seeds
    if runs > MOST_RUNS:
        raise ValueError(f"{plan.points} points × {plan.seeds} seeds are {runs} runs; {MOST_RUNS} is the most at once.")
    found: list[Member] = []
    for values in product(*(axis.values for axis in plan.axes)):
        member = _member(network, recipe, plan, values, classes)
        twin = next((other for other in found if _same(other, member)), None)
        if twin is not None:
            member = Member(values, None, None, reason=f"The same network and recipe as {twin.title(plan.axes)}.")
        found.append(member)
    return tuple(found)


def _same(one: Member, other: Member) -> bool:
    if one.network is None or other.network is None:
        return False
    return one.network.unnamed() == other.network.unnamed() and one.recipe == other.recipe


def seeded(member: Member, seeds: int) -> list[Recipe]:
    """The recipes of a member's runs: the same for all members but for what their notes say."""
    assert member.recipe is not None
    first = member.recipe.seed
    return [member.recipe.model_copy(update={"seed": (first + number) % 2**31}) for number in range(seeds)]


def _member(network: Network, recipe: Recipe, plan: Plan, values: tuple[Value, ...], classes: int) -> Member:
    wanted: dict[What, Any] = {axis.what: value for axis, value in zip(plan.axes, values, strict=True)}
    try:
        made = varied(network, wanted)
        report = analyze(made)
        reason = obstacle(made, classes)
        deep = depth(report)
    except (ValueError, ValidationError) as error:  # a ShapeError and an EditError are ValueErrors
        text = str(error).partition("\n")[0]
        return Member(values, None, None, reason=f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}")
    if reason:
        return Member(values, None, None, reason=reason)
    changes: dict[str, Any] = {}
    note = ""
    if "initialisation" in wanted:
        changes["initialisation"] = wanted["initialisation"]
    if lacks_norm(made) and not lacks_norm(network):
        changes |= NORMLESS
        note = "A block has no norm: AdamW 0.001, clipped at 1, since SGD ends in numbers that are not finite."
    own = recipe.model_copy(update=changes)
    title = ", ".join(map(say, plan.axes, values))
    base = re.sub(r", depth \d+", "", network.name) if "depth" in wanted else network.name
    named = made.model_copy(update={"name": f"{base or 'Network'}, {title}"[:80]})
    return Member(values, named, own, deep, report.params, report.macs, note=note)


def varied(network: Network, wanted: dict[What, Any]) -> Network:
    """The network with these values. Types come before depth, so that a depth is what was asked for. ValueError."""
    edits: tuple[tuple[What, Callable[[Network, Any], Network]], ...] = (
        ("block", of_type),
        ("depth", of_depth),
        ("shortcut", with_shortcut),
        ("norm", with_norm),
        ("width", with_width),
    )
    for what, edit in edits:
        if what in wanted:
            network = edit(network, wanted[what])
    return network


def exchangeable(block: Block) -> bool:
    """Whether another type can stand in a block's place."""
    return all(name in type(block).model_fields for name in EXCHANGED)


def of_type(network: Network, value: str) -> Network:
    """Every block that can be is of this type, with its channels, stride, copies, shortcut, norm and activation.

    After the last block of a run with norm and activation first comes a norm and activation; after the others none.
    """
    kind, pre = KINDS[value.removesuffix(PRE)], value.endswith(PRE)
    if not any(map(exchangeable, network.blocks)):
        raise ValueError("no block of this network can be of another type: it has no basic block and no bottleneck")
    last = max(at for at, block in enumerate(network.blocks) if exchangeable(block))
    made: list[Block] = []
    for at, block in enumerate(network.blocks):
        if exchangeable(block):
            if type(block) is kind:
                made.append(block.with_fields(order="pre" if pre else "post"))
            else:
                kept = {name: getattr(block, name) for name in KEPT if name in kind.model_fields}
                made.append(kind(**{**kept, "order": "pre" if pre else "post"}))
            if at == last and pre and not _ends(network.blocks, at):
                block = made[-1]
                made.append(NormActivation(**block.model_dump(include={"norm", "activation"})))
        elif not pre and at == last + 1 and isinstance(block, NormActivation):
            continue  # it ended a run of pre-activation blocks
        else:
            made.append(block)
    return _with(network, made)


def _ends(blocks: Sequence[Block], at: int) -> bool:
    return at + 1 < len(blocks) and isinstance(blocks[at + 1], NormActivation)


def of_depth(network: Network, target: int) -> Network:
    """The network with so many weighted layers: its residual blocks stand as often as that takes, evenly.

    ValueError names the depths nearest to it where there is none of exactly that.
    """
    now = analyze(network)
    if depth(now) == target:
        return network
    growing = [at for at, block in enumerate(network.blocks) if block.family == "residual" and block.repeats]
    growing = [at for at in growing if _keeps_shape(network, now, at)]
    if not growing:
        raise ValueError("no block of this network can be repeated, so it has one depth")
    copies = dict.fromkeys(growing, 1)
    least = depth(analyze(_repeated(network, copies)))
    gains = {at: depth(analyze(_repeated(network, {**copies, at: 2}))) - least for at in growing}
    if target < least:
        raise ValueError(f"depth {target} is too shallow: with each block once the network has {least} layers")
    reached = least
    while reached < target:
        fitting = [at for at in growing if 0 < gains[at] <= target - reached]
        if not fitting:
            raise ValueError(f"no network of these blocks has depth {target}: {_near(reached, gains)} is near")
        at = min(fitting, key=lambda at: (copies[at], at))
        copies[at] += 1
        reached += gains[at]
    return _repeated(network, copies)


def _near(reached: int, gains: dict[int, int]) -> str:
    steps = [gain for gain in gains.values() if gain > 0]
    return f"{reached} or {reached + min(steps)}" if steps else str(reached)


def _keeps_shape(network: Network, report: Report, at: int) -> bool:
    """Whether a copy after the first gives what it receives."""
    try:
        more = analyze(_repeated(network, {at: network.blocks[at].copies + 1}))
    except ValueError:
        return False
    return more.cards[at].output_shape == report.cards[at].output_shape


def _repeated(network: Network, copies: dict[int, int]) -> Network:
    try:
        return _with(
            network,
            [
                block.with_fields(repeat=copies[at]) if at in copies else block
                for at, block in enumerate(network.blocks)
            ],
        )
    except ValidationError:
        raise EditError(f"a block would stand {max(copies.values()):,} times, more than one can") from None


def with_shortcut(network: Network, value: str) -> Network:
    """Every block that has a choice of shortcut has this one."""
    return _set(network, "shortcut", value, "has a shortcut to choose")


def with_norm(network: Network, value: str) -> Network:
    """Every block that has a choice of norm has this one, but those that are without one on purpose in a network that
    has norms elsewhere, such as the stem before pre-activation blocks."""
    norms = {at: block.model_dump()["norm"] for at, block in enumerate(network.blocks) if _has(block, "norm")}
    if not norms:
        raise ValueError("no block of this network has a norm to choose")
    some = any(norm != "none" for norm in norms.values())
    changed = {at for at, norm in norms.items() if norm != "none" or not some}
    return _with(
        network, [block.with_fields(norm=value) if at in changed else block for at, block in enumerate(network.blocks)]
    )


def with_width(network: Network, factor: float) -> Network:
    """Every width times the factor, as `Block.widened` rounds it."""
    return _with(network, [block.widened(factor) for block in network.blocks])


def _set(network: Network, name: str, value: Any, said: str) -> Network:
    if not any(_has(block, name) for block in network.blocks):
        raise ValueError(f"no block of this network {said}")
    return _with(
        network, [block.with_fields(**{name: value}) if _has(block, name) else block for block in network.blocks]
    )


def _has(block: Block, name: str) -> bool:
    return name in type(block).model_fields


def _with(network: Network, blocks: Sequence[Block]) -> Network:
    return Network(name=network.name, input=network.input, blocks=tuple(blocks))
