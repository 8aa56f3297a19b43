"""A family as it is kept on disk beside its runs, and its runs as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.drawing.family import Reached
from explorer.runs import Run, manager
from explorer.runs.catalogue import Catalogue
from explorer.runs.courses import mean_and_deviation
from explorer.training.family import TITLES, Axis, Member, Plan, Value, say
from explorer.ui.library.lines import Group

NAME = Field(max_length=120)


class Point(BaseModel):
    """A member of the grid and its runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: tuple[Value, ...]
    title: Annotated[str, NAME]
    depth: int
    params: int
    macs: int
    note: str = ""
    runs: tuple[str, ...]


class Refusal(BaseModel):
    """A member that was not trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, NAME]
    reason: str


class Kept(BaseModel):
    """A family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, NAME]  # of the network that was varied
    recipe: str  # in words
    plan: Plan
    points: tuple[Point, ...]
    refused: tuple[Refusal, ...] = ()

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run_id for point in self.points for run_id in point.runs)

    def title(self) -> str:
        """`ResNet-20: depth × shortcut`."""
        return f"{self.name}: {' × '.join(TITLES[axis.what].lower() for axis in self.plan.axes)}"


def keep(group: str, name: str, recipe: str, plan: Plan, members: Sequence[Member], run_ids: Sequence[str]) -> None:
    """Remembers a family that was queued; the runs stand in the order of members and then of seeds."""
    ids = iter(run_ids)
    points, refused = [], []
    for member in members:
        title = member.title(plan.axes)
        if member.network is None:
            refused.append(Refusal(title=title[:120], reason=member.reason))
            continue
        points.append(
            Point(
                values=member.values, title=title[:120], depth=member.depth, params=member.params, macs=member.macs,
                note=member.note, runs=tuple(next(ids) for _ in range(plan.seeds)),
            )
        )  # fmt: skip
    made = Kept(name=name[:120], recipe=recipe, plan=plan, points=tuple(points), refused=tuple(refused))
    Catalogue(manager().store).keep_family(group, made.model_dump(mode="json"))


def read(group: str) -> Kept | None:
    """The family of a group; None where there is none, or where another version wrote it."""
    found = Catalogue(manager().store).family(group)
    if found is None:
        return None
    try:
        return Kept.model_validate(found.plan)
    except ValidationError:
        return None


def earlier() -> dict[str, tuple[float, Kept]]:
    """All families by their group, the latest first: when, and what."""
    made = {}
    for found in Catalogue(manager().store).families():
        try:
            made[found.group] = (found.created, Kept.model_validate(found.plan))
        except ValidationError:
            continue  # of another version
    return made


@dataclass(frozen=True)
class Stand:
    """A family with its runs, as they stand."""

    kept: Kept
    groups: tuple[Group, ...]  # a line of the curves a point, those without any run left out
    of_group: tuple[int, ...]  # the point of each
    missing: int  # runs that are not there any more

    @property
    def runs(self) -> tuple[Run, ...]:
        return tuple(run for group in self.groups for run in group.runs)


def stand(kept: Kept) -> Stand:
    """Reads the runs."""
    groups: list[Group] = []
    places: list[int] = []
    for place, point in enumerate(kept.points):
        runs = tuple(run for run in map(manager().read, point.runs) if run is not None)
        if runs:
            groups.append(Group(len(groups), point.title, runs))
            places.append(place)
    there = sum(len(group.runs) for group in groups)
    return Stand(kept, tuple(groups), tuple(places), len(kept.run_ids) - there)


def reached(family: Stand, over: int) -> list[Reached]:
    """The points whose runs have finished, some or all, over one axis of the grid."""
    axes = family.kept.plan.axes
    others: dict[tuple[Value, ...], int] = {}
    found = []
    for group, place in zip(family.groups, family.of_group, strict=True):
        point = family.kept.points[place]
        done = [run.finished for run in group.runs if run.finished]
        rest = tuple(value for number, value in enumerate(point.values) if number != over)
        line = others.setdefault(rest, len(others))
        if not done:
            continue
        accuracy, apart = mean_and_deviation([one.test_accuracy for one in done])
        loss, spread = mean_and_deviation([one.train_loss for one in done])
        named = [say(axis, value) for axis, value in zip(_but(axes, over), rest, strict=True)]
        found.append(
            Reached(
                member=place, title=point.title, at=written(axes[over], point.values[over]), line=line,
                name=", ".join(named) or point.title, accuracy=accuracy, accuracy_deviation=apart, loss=loss,
                loss_deviation=spread, seeds=len(done), macs=point.macs, params=point.params,
            )
        )  # fmt: skip
    return found


def _but(axes: Sequence[Axis], over: int) -> list[Axis]:
    return [axis for number, axis in enumerate(axes) if number != over]


def written(axis: Axis, value: Value) -> str:
    """A value on the axis of a chart."""
    return f"× {value:g}" if axis.what == "width" else str(value)
