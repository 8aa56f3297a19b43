"""The Inception module (article §2.2): branches side by side, concatenated along channels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator
from torch import Tensor, cat, nn

from explorer.block import Activation, Bias, Block, Norm, NormEps, Repeat, check_width, scaled, wants_bias, window
from explorer.branches import Place, Row, Split, Step, chips, parse, steps, steps_of
from explorer.layers import ConvNorm, Module, activation_layer
from explorer.shape import Shape


class SplitModule(Module):
    """Branches side by side on one input, concatenated along channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return cat([branch(x) for branch in self.branches], 1)


class InceptionModule(Module):
    """The concatenation of the branches, or act(x + norm(conv1×1(concatenation)))."""

    def __init__(
        self,
        split: nn.Module,
        in_channels: int = 0,
        out_channels: int = 0,
        add: bool = True,
        norm: str = "batch",
        eps: float = 1e-5,
        activation: str = "relu",
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.split = split
        self.project = (
            ConvNorm(out_channels, in_channels, 1, bias=bias, norm=norm, eps=eps, activation="none")
            if in_channels
            else None
        )
        self.add = add
        self.act = activation_layer(activation) if in_channels else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.split(x)
        if self.project is not None:
            y = self.project(y)
            if self.add:
                y = x + y
        return y if self.act is None else self.act(y)


def odd_one(sizes: Sequence[tuple[int, ...]]) -> int:
    """The first branch of the size that the fewest have; of two such sizes the smaller."""
    count = Counter(sizes)
    return sizes.index(min(count, key=lambda size: (count[size], size)))


def first_shrinking(among: Iterable[tuple[Place, Step]]) -> Place:
    """The first of these places whose step can shrink a map; () where none can."""
    return next((place for place, step in among if step.shrinks), ())


def culprit(branch: Sequence[Step | Split], place: Place) -> Place:
    """The last step that shrinks in the branch at `place`; where none does, its last, where a stride is missing."""
    return first_shrinking(steps_of(branch, place)) or next(steps_of(branch, place))[0]


class Inception(Block):
    """Branches of different kernels side by side, concatenated along channels."""

    title: ClassVar = "Inception module"
    summary: ClassVar = "Looks at its input with several kernels at once and keeps all answers."
    which: ClassVar = "side by side"
    formula: ClassVar = "y = [b₁(x), b₂(x), …]"
    source: ClassVar = "Szegedy et al. 2015, 2016; Szegedy et al. 2017 (residual); article §2.2"
    family: ClassVar = "inception"
    group: ClassVar = "Branches"
    order_in_palette: ClassVar = 80
    examples: ClassVar = (
        ({}, Shape(32, 8, 8)),
        ({"branches": "3x3:16/2v | 1x1:8 > 3x3:8 > 3x3:8/2v | maxpool/2v"}, Shape(32, 9, 9)),
        ({"branches": "1x1:8 | 1x1:8 > (1x3:8 | 3x1:8) | avgpool > 1x1:4", "repeat": 2}, Shape(32, 8, 8)),
        ({"branches": "1x1:8 | 1x1:8 > 3x3:8", "residual": True, "repeat": 2}, Shape(32, 8, 8)),
    )

    kind: Literal["inception"] = "inception"
    branches: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2000,
            title="Branches",
            description="| separates branches, > follows on. 3x3:64 is height × width : channels, then /2 for a stride "
            "and v for no padding; maxpool and avgpool are 3×3 of stride 1; a branch may end in a split in "
            "parentheses.",
        ),
    ] = "1x1:64 | 1x1:96 > 3x3:128 | 1x1:16 > 5x5:32 | maxpool > 1x1:32"
    residual: Annotated[
        bool,
        Field(title="Residual", description="ReLU(x + norm(1×1(concatenation))), as in Inception-ResNet; stride 1."),
    ] = False
    shortcut: Annotated[
        Literal["identity", "none"],
        Field(title="Shortcut", description="Of a residual module; none leaves the addition out."),
    ] = "identity"
    norm: Norm = "batch"
    norm_eps: NormEps = 1e-5
    activation: Activation = "relu"
    bias: Bias = "auto"
    repeat: Repeat = 1

    @field_validator("branches")
    @classmethod
    def _readable(cls, line: str) -> str:
        parse(line)
        return line

    def chips(self) -> list[Row]:
        return chips(self.branches)

    def has_shortcut(self) -> bool:
        return self.residual and self.shortcut != "none"

    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        split = parse(self.branches)
        module, out_shape = self.build_split(split, in_shape)
        check_width(self, "channels", out_shape.channels, ("one branch, 1x1:64", {"branches": "1x1:64"}))
        strided = [place for place, step in steps(split) if step.stride > 1]
        if self.copies > 1 and strided:
            self.refuse(
                f"takes {in_shape} to {out_shape} by a stride and cannot stand {self.copies} times",
                in_shape,
                out_shape,
                ways=[("repeat 1", {"repeat": 1})],
                place=strided[0],
            )
        if not self.residual:
            return InceptionModule(module)
        if out_shape[1:] != in_shape[1:]:
            self.refuse(
                f"adds {in_shape} to {out_shape}",
                in_shape,
                out_shape,
                ways=[("residual off", {"residual": False})],
                place=first_shrinking(steps(split)),
            )
        return InceptionModule(
            module,
            in_shape.channels,
            out_shape.channels,
            self.shortcut != "none",
            self.norm,
            self.norm_eps,
            self.activation,
            wants_bias(self.bias, self.norm),
        )

    def build_split(self, split: Split, in_shape: Shape, place: Place = ()) -> tuple[nn.Module, Shape]:
        """The module of the `split` that stands at `place`, and the shape it gives."""
        built = [self.build_branch(branch, in_shape, (*place, i)) for i, branch in enumerate(split.branches)]
        shapes = [shape for _, shape in built]
        if len({shape[1:] for shape in shapes}) > 1:
            sizes = ", ".join(f"branch {i + 1}: {s.height}×{s.width}" for i, s in enumerate(shapes))
            odd = odd_one([shape[1:] for shape in shapes])
            self.refuse(
                f"has branches that end at different sizes ({sizes})",
                in_shape,
                ways=self.same_size_ways(),
                place=culprit(split.branches[odd], (*place, odd)),
            )
        return SplitModule(*(branch for branch, _ in built)), shapes[0]._replace(
            channels=sum(s.channels for s in shapes)
        )

    def build_branch(self, branch: tuple[Step | Split, ...], in_shape: Shape, place: Place) -> tuple[nn.Module, Shape]:
        """The module of the branch that stands at `place`, and the shape it gives."""
        layers: list[nn.Module] = []
        shape = in_shape
        for number, step in enumerate(branch):
            if isinstance(step, Split):
                layer, shape = self.build_split(step, shape, (*place, number))
                layers.append(layer)
                continue
            sizes = [
                window(size, kernel, step.stride, 0 if step.valid else kernel // 2)
                for size, kernel in zip(shape[1:], step.kernel, strict=True)
            ]
            if min(sizes) < 1:
                kernel = f"{step.kernel[0]}×{step.kernel[1]}"
                self.refuse(
                    f"has a {kernel} window that does not fit into {shape}",
                    shape,
                    ways=self.same_size_ways(),
                    place=(*place, number),
                )
            layers.append(self.build_step(step, shape.channels))
            shape = Shape(step.channels or shape.channels, *sizes)
        return nn.Sequential(*layers), shape

    def build_step(self, step: Step, in_channels: int) -> nn.Module:
        """One convolution or pool."""
        height, width = step.kernel
        if step.pool:
            pool = nn.MaxPool2d if step.pool == "maxpool" else nn.AvgPool2d
            return pool(height, step.stride, 0 if step.valid else height // 2)
        return ConvNorm(
            in_channels,
            step.channels,
            height if height == width else step.kernel,
            step.stride,
            0 if step.valid else None,
            bias=wants_bias(self.bias, self.norm),
            norm=self.norm,
            eps=self.norm_eps,
            activation=self.activation,
        )

    def same_size_ways(self) -> list[tuple[str, dict[str, str]]]:
        """The line with every step padded and of stride 1, where that is readable."""
        line = re.sub(r"(:\d+|pool)(?:/\d)?v?", r"\1", self.branches)
        try:
            parse(line)
        except ValueError:
            return []
        return [("every step padded, stride 1", {"branches": line})] if line != self.branches else []

    def widths(self, factor: float) -> dict[str, Any]:
        return {"branches": re.sub(r"(?<=:)\d+", lambda found: str(scaled(int(found[0]), factor)), self.branches)}

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        return [module.get_submodule("project.conv")] if self.norm == "none" and self.has_shortcut() else []
