"""Colour shapes: ten classes drawn by signed distances, everything but the class at random, as hard as is asked for.

Random numbers come from Philox, a counter whose key is the seed, the part and the place, so that no image depends on
how many there are and test images never come from the numbers of training images. Pixels are made by additions,
products, quotients and roots alone, which every processor rounds alike: the same parameters give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Self, final

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from explorer.shape import Shape
from explorer.training.data.dataset import DataSet, Facts
from explorer.training.data.source import Source

MOST_PIXELS = 32 * 2**20  # of all images together, some 4 s of one core
AT_ONCE = 320  # images that are drawn together; what an image looks like depends on its place among them
DRAWN = 96  # random numbers an image, besides its noise
SCRAPS = 4  # lines that are no shape, two behind it and two over it

Distance = Callable[[Tensor, Tensor], Tensor]


def _length(x: Tensor, y: Tensor) -> Tensor:
    return (x * x + y * y).sqrt_()


def _disc(x: Tensor, y: Tensor) -> Tensor:
    return _length(x, y) - 0.9


def _ring(x: Tensor, y: Tensor) -> Tensor:
    return (_length(x, y) - 0.7).abs_() - 0.22


def _bar(x: Tensor, y: Tensor) -> Tensor:
    return _length((x.abs() - 0.7).clamp_(min=0), y) - 0.27


def _square(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(x.abs(), y.abs()) - 0.72


def _triangle(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(x.abs() * 0.8660254 + y * 0.5, -y) - 0.5


def _star(x: Tensor, y: Tensor) -> Tensor:
    """Five points: the plane is folded onto one half of one point, whose edge is a line."""
    x = x.abs()
    for across in (0.809017, -0.809017):
        over = (x * across - y * 0.5877853).clamp_(min=0) * 2
        x, y = x - over * across, y + over * 0.5877853
    return ((y - 1) * 0.2644963 + x.abs() * 0.6359981) / 0.6888


def _cross(x: Tensor, y: Tensor) -> Tensor:
    x, y = x.abs(), y.abs()
    return torch.minimum(torch.maximum(x - 0.92, y - 0.28), torch.maximum(y - 0.92, x - 0.28))


def _crescent(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(_length(x, y) - 0.95, 0.78 - _length(x - 0.5, y))


def _heart(x: Tensor, y: Tensor) -> Tensor:
    """A square on its corner with two half discs."""
    x, y = x.abs() * 0.62, y * 0.62 + 0.55
    lobe = _length(x - 0.25, y - 0.75) - 0.3535534
    side = torch.maximum((x - y) * 0.7071068, -_length(x, y - 1))  # near the notch that is nearer
    return torch.where(x + y > 1, lobe, side) / 0.62


def _arrow(x: Tensor, y: Tensor) -> Tensor:
    y = y.abs()
    head = torch.maximum(0.1 - x, ((x - 1) * 0.75 + y * 0.9) / 1.1715375)
    return torch.minimum(head, torch.maximum(y - 0.24, (x + 0.4).abs_() - 0.55))


SHAPES: dict[str, Distance] = {
    "disc": _disc,
    "ring": _ring,
    "bar": _bar,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "crescent": _crescent,
    "heart": _heart,
    "arrow": _arrow,
}  # distance to the edge at (x, y), negative inside; all within a circle of radius 1


@final
class Shapes(Source):
    """Drawn colour pictures of ten shapes."""

    kind: ClassVar[str] = "shapes"
    title: ClassVar[str] = "Colour shapes"

    size: Annotated[
        int,
        Field(ge=16, le=96, multiple_of=8, title="Size", json_schema_extra={"unit": "px"}),
    ] = 32
    difficulty: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            title="Difficulty",
            description="0: large, plain and clear. 1: small, pale, on a pattern, in noise, among lines.",
        ),
    ] = 0.3
    train: Annotated[
        int, Field(ge=100, le=50_000, title="Training", description="Images to learn from, a tenth of each shape.")
    ] = 4000
    test: Annotated[
        int, Field(ge=100, le=10_000, title="Test", description="Images to test with, drawn from other random numbers.")
    ] = 1000
    seed: Annotated[
        int, Field(ge=0, lt=2**31, title="Drawn by seed", description="Another seed draws other images.")
    ] = 0

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if (self.train + self.test) * self.size**2 > MOST_PIXELS:
            most = MOST_PIXELS // self.size**2
            raise ValueError(
                f"{self.train + self.test:,} images of {self.size}×{self.size} are more than the {most:,} that are "
                "drawn; take fewer or smaller ones"
            )
        return self

    def facts(self) -> Facts:
        """What is known without drawing."""
        return Facts(
            name=self.name,
            title=f"Colour shapes (drawn, {self.train + self.test:,} images of {self.size}×{self.size}, "
            f"difficulty {self.difficulty:g})",
            subject=f"colour shapes, difficulty {self.difficulty:g}",
            classes=tuple(SHAPES),
            shape=Shape(3, self.size, self.size),
            train=self.train,
            test=self.test,
            note="Drawn by this app; the same everywhere.",
        )

    def load(self) -> DataSet:
        """Draws the images."""
        facts = self.facts()
        train, test = (
            draw(self.size, self.difficulty, self.seed, part, count)
            for part, count in enumerate((self.train, self.test))
        )
        return DataSet.of(facts, train, test)


def draw(size: int, difficulty: float, seed: int, part: int, count: int) -> tuple[Tensor, Tensor]:
    """The first `count` images (N, 3, size, size) and labels of a part, 0 to learn from and 1 to test with.

    The classes take turns, so that each is as frequent as any other. Difficulty goes by its square, since the first
    little noise and the first lines cost the most accuracy.
    """
    difficulty *= difficulty
    images = torch.empty(count, 3, size, size, dtype=torch.uint8)
    for first in range(0, count, AT_ONCE):
        some = images[first : first + AT_ONCE]
        some[:] = _drawn(size, difficulty, seed, part, first // AT_ONCE)[: len(some)]
    return images, (torch.arange(count) % len(SHAPES)).to(torch.uint8)


class _Numbers:
    """Uniform random numbers in [0, 1), one column after the other."""

    def __init__(self, bits: np.random.Philox) -> None:
        raw = bits.random_raw(AT_ONCE * DRAWN).reshape(DRAWN, AT_ONCE)
        self.columns = torch.from_numpy((raw >> np.uint64(40)).astype(np.float32)) / 2**24
        self.used = 0

    def __call__(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """A number an image, (N, 1, 1)."""
        column = self.columns[self.used, :, None, None]
        self.used += 1
        return column * (high - low) + low

    def three(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Three of them an image, (N, 3, 1, 1)."""
        return torch.stack([self(low, high) for _ in range(3)], 1)

    def turn(self) -> tuple[Tensor, Tensor]:
        """Cosine and sine of an angle, (N, 1, 1) each, rounded so that every library of mathematics gives them."""
        angle = self().double() * (2 * np.pi)
        cosine, sine = ((one(angle) * 2**20).round() / 2**20 for one in (torch.cos, torch.sin))
        return cosine.float(), sine.float()


def _drawn(size: int, difficulty: float, seed: int, part: int, place: int) -> Tensor:
    """All images that are drawn together, (AT_ONCE, 3, size, size) as uint8."""
    bits = np.random.Philox(key=np.array([seed, part << 32 | place], dtype=np.uint64))
    random = _Numbers(bits)
    line = (torch.arange(size).float() * 2 + (1 - size)) / size  # centres of pixels in −1…1
    ys, xs = line[:, None], line[None, :]

    ground = random.three()
    images = ground.expand(-1, -1, size, size).contiguous()
    if difficulty > 0:
        images += random.three(-0.3, 0.3) * difficulty * _pattern(random, xs, ys)[:, None]
    soft = size / 2  # pixels in one unit
    scraps = [_scrap(random, xs, ys, ground, difficulty) for _ in range(SCRAPS)]
    for scrap in scraps[: SCRAPS // 2]:
        _paint(images, *scrap, soft)

    radius = random(0.5 - 0.25 * difficulty, 0.8 - 0.2 * difficulty)
    cosine, sine = random.turn()
    x, y = ((along - random(-1, 1) * (1 - radius)) / radius for along in (xs, ys))
    across, down = x * cosine + y * sine, y * cosine - x * sine
    distances = torch.empty(AT_ONCE, size, size)
    for label, distance in enumerate(SHAPES.values()):
        turn = slice(label, None, len(SHAPES))
        distances[turn] = distance(across[turn], down[turn])
    colour = _against(random, ground, 0.35 - 0.25 * difficulty, 0.5 - 0.2 * difficulty)
    _paint(images, slice(None), distances.mul_(radius), colour, soft)
    for scrap in scraps[SCRAPS // 2 :]:
        _paint(images, *scrap, soft)

    noise = torch.from_numpy(bits.random_raw(-(-images.numel() // 8)).view(np.uint8)[: images.numel()]).float()
    images += noise.view_as(images).sub_(127.5).mul_((0.02 + 0.2 * difficulty) / 127.5)
    return images.clamp_(0, 1).mul_(255).add_(0.5).to(torch.uint8)


def _pattern(random: _Numbers, xs: Tensor, ys: Tensor) -> Tensor:
    """A slope or waves across each image, in −1…1 or a little beyond."""
    cosine, sine = random.turn()
    slope = xs * cosine + ys * sine
    waves = slope * random(0.5, 3) + random()
    waves = (waves - waves.floor() - 0.5).abs_().mul_(4).sub_(1)
    return torch.where(random() < 0.5, slope, waves)


def _against(random: _Numbers, ground: Tensor, low: float, high: float) -> Tensor:
    """Colours (N, 3, 1, 1) that differ from the ground's by low…high in each channel, towards where there is room."""
    differs = random.three(low, high)
    return ground + torch.where(ground < 0.5, differs, -differs)


def _scrap(
    random: _Numbers, xs: Tensor, ys: Tensor, ground: Tensor, difficulty: float
) -> tuple[Tensor, Tensor, Tensor]:
    """A thin line: in which images it is, the distance to its edge there, and its colour."""
    there = (random() < difficulty).flatten().nonzero().flatten()
    (cosine, sine), half, thick = random.turn(), random(0.1, 0.3), random(0.03, 0.07)
    x, y = (along - random(-0.9, 0.9)[there] for along in (xs, ys))
    cosine, sine = cosine[there], sine[there]
    across, down = x * cosine + y * sine, y * cosine - x * sine
    distance = _length((across.abs_() - half[there]).clamp_(min=0), down) - thick[there]
    return there, distance, _against(random, ground, 0.1, 0.5)[there]


def _paint(images: Tensor, where: Tensor | slice, distance: Tensor, colour: Tensor, soft: float) -> None:
    """Lays a colour over some images where the distance to its edge is negative, with an edge one pixel soft."""
    cover = (0.5 - distance * soft).clamp_(0, 1)[:, None]
    under = images[where]
    images[where] = under + (colour - under) * cover
