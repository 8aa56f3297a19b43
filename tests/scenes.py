"""Checks of a scene that a person would make by eye: nothing lies over what it does not belong to."""

from collections.abc import Iterator
from dataclasses import dataclass

from explorer.drawing.picture.scene import Box, Circle, Group, Item, Path, Scene, Text

Area = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Part:
    """A part of a scene with the groups around it, outermost first."""

    item: Item
    groups: tuple[Group, ...]

    @property
    def frame(self) -> bool:
        """Whether it stands around other things."""
        return bool(self.groups) and "frame" in self.groups[-1].names


def parts(items: list[Item], groups: tuple[Group, ...] = ()) -> Iterator[Part]:
    """Everything in a scene but the groups themselves."""
    for item in items:
        if isinstance(item, Group):
            yield from parts(item.parts, (*groups, item))
        else:
            yield Part(item, groups)


def groups(items: list[Item]) -> Iterator[Group]:
    for item in items:
        if isinstance(item, Group):
            yield item
            yield from groups(item.parts)


def named(scene: Scene, *names: str) -> list[Group]:
    """The groups that bear all of these class names."""
    return [group for group in groups(scene.parts) if set(names) <= set(group.names)]


def area(item: Item) -> Area:
    match item:
        case Box():
            return (item.x, item.y, item.x + item.width, item.y + item.height)
        case Circle():
            return (item.x - item.radius, item.y - item.radius, item.x + item.radius, item.y + item.radius)
        case Text():
            return item.box
    raise TypeError(type(item))


def meet(one: Area, other: Area, slack: float = 0.3) -> bool:
    return (
        one[0] < other[2] - slack
        and other[0] < one[2] - slack
        and one[1] < other[3] - slack
        and other[1] < one[3] - slack
    )


def within(one: Area, other: Area, slack: float = 0.3) -> bool:
    return (
        one[0] >= other[0] - slack
        and one[1] >= other[1] - slack
        and one[2] <= other[2] + slack
        and one[3] <= other[3] + slack
    )


def holds(point: tuple[float, float], place: Area, slack: float) -> bool:
    x, y = point
    return place[0] + slack < x < place[2] - slack and place[1] + slack < y < place[3] - slack


def points(path: Path) -> Iterator[tuple[float, float]]:
    """Points along a path, less than a pixel or two apart."""
    x, y = path.steps[0]
    for step in path.steps[1:]:
        if len(step) == 2:
            count = int(max(abs(step[0] - x), abs(step[1] - y))) + 1
            for number in range(count + 1):
                yield x + (step[0] - x) * number / count, y + (step[1] - y) * number / count
        else:
            x1, y1, x2, y2, x3, y3 = step
            for number in range(121):
                t = number / 120
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                yield a * x + b * x1 + c * x2 + d * x3, a * y + b * y1 + c * y2 + d * y3
        x, y = step[-2], step[-1]


def complaints(scene: Scene) -> list[str]:
    """What a person would complain about: overlapping labels and boxes, lines through boxes, parts off the picture."""
    found: list[str] = []
    everything = [part for part in parts(scene.parts)]
    solid = [part for part in everything if not isinstance(part.item, Path)]
    texts = [part for part in solid if isinstance(part.item, Text)]
    boxes = [part for part in solid if not isinstance(part.item, Text)]
    whole = (0.0, 0.0, scene.width, scene.height)
    for part in solid:
        if not within(area(part.item), whole):
            found.append(f"{name(part)} leaves the picture")
    for place, one in enumerate(texts):
        for other in texts[place + 1 :]:
            if meet(area(one.item), area(other.item)):
                found.append(f"{name(one)} lies over {name(other)}")
        for box in boxes:
            if meet(area(one.item), area(box.item)):
                own = within(area(one.item), area(box.item)) and (box.frame or box.groups[-1] in one.groups)
                if not own:
                    found.append(f"{name(one)} lies over {name(box)}")
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            if meet(area(one.item), area(other.item)) and not (nested(one, other) or nested(other, one)):
                found.append(f"{name(one)} lies over {name(other)}")
    for part in everything:
        if isinstance(part.item, Path) and part.item.name in ("edge", "arc"):
            found += list(crossings(part, texts, boxes))
    return found


def nested(inner: Part, outer: Part) -> bool:
    """Whether a box may stand in another: in a frame, or as part of what the outer one's group shows."""
    inside = within(area(inner.item), area(outer.item))
    control = bool(inner.groups) and "toggle" in inner.groups[-1].names
    return inside and (outer.frame or control or outer.groups[-1] in inner.groups)


def crossings(line: Part, texts: list[Part], boxes: list[Part]) -> Iterator[str]:
    """What a line passes through: a box that is no frame, except those that stand on an arc, and words."""
    assert isinstance(line.item, Path)
    drawn = list(points(line.item))
    left, right = min(x for x, _ in drawn), max(x for x, _ in drawn)
    top, bottom = min(y for _, y in drawn), max(y for _, y in drawn)
    bounds = (left - 1, top - 1, right + 1, bottom + 1)
    for part in (*texts, *boxes):
        if part.frame and not isinstance(part.item, Text):
            continue
        if not meet(area(part.item), bounds):
            continue
        if line.groups and "shortcut" in line.groups[-1].names and line.groups[-1] in part.groups:
            continue  # it stands on this arc
        if any(holds(point, area(part.item), 0.8) for point in drawn):
            yield f"a line crosses {name(part)}"


def name(part: Part) -> str:
    """A part in words."""
    if isinstance(part.item, Text):
        return repr(part.item.text)
    title = next((group.title or group.data.get("path", "") for group in reversed(part.groups) if group.names), "")
    return f"the {type(part.item).__name__.lower()} of {title.splitlines()[0] if title else 'nothing'}"
