"""What a block kind is: the contract, the vocabulary of fields, and the registry.

A kind is one file in `explorer/blocks` and says everything about itself; nobody outside names it. Fields that several
kinds share are defined here once, with the bounds, help and unit that validation and forms read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import floor, lcm
from typing import Annotated, Any, ClassVar, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from explorer.branches import Row
from explorer.layers import weights
from explorer.shape import MAX_CHANNELS, Shape, ShapeError, Way, show

Role = Literal["stem", "body", "head"]
Family = Literal["stem", "residual", "inception", "plain", "head"]
Group = Literal["ResNet family", "The article", "Branches", "Plain layers", "Head"]
GROUPS: tuple[Group, ...] = ("ResNet family", "The article", "Branches", "Plain layers", "Head")

MAX_REPEAT = 256

# The vocabulary of fields.

Repeat = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_REPEAT,
        title="Repeat",
        description="The block stands this many times. The first copy carries the stride and the change of width.",
        json_schema_extra={"unit": "×"},
    ),
]
Channels = Annotated[
    int,
    Field(ge=1, le=MAX_CHANNELS, title="Channels", description="Output channels.", json_schema_extra={"unit": "ch"}),
]
OptionalChannels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)] | None
Stride = Annotated[
    Literal[1, 2],
    Field(title="Stride", description="2 halves height and width, rounding up."),
]
Kernel = Annotated[
    int,
    Field(ge=1, le=31, title="Kernel", description="Height and width of the filter.", json_schema_extra={"unit": "px"}),
]
Groups = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_CHANNELS,
        title="Groups",
        description="The convolution is split into this many groups of channels that do not mix (ResNeXt: 32).",
    ),
]
NormName = Literal["batch", "group", "layer", "none"]
Norm = Annotated[
    NormName,
    Field(
        title="Norm",
        description="batch: over images and positions, a channel at a time. group: gcd(32, C) groups of channels. "
        "layer: over the channels at each position. none: no norm; convolutions get a bias and, where a shortcut "
        "exists, the last one starts at zero.",
    ),
]
NormEps = Annotated[
    float,
    Field(
        gt=0,
        le=0.1,
        title="Norm epsilon",
        description="Added to the variance. GoogLeNet and Inception-v3 use 0.001.",
    ),
]
Activation = Annotated[
    Literal["relu", "leaky_relu", "gelu", "silu", "hard_swish", "none"],
    Field(title="Activation", description="The article and the ResNet papers use ReLU."),
]
Bias = Annotated[
    Literal["auto", "yes", "no"],
    Field(
        title="Bias",
        description="Of the convolutions. auto: exactly where the block has no norm of its own.",
    ),
]
ShortcutName = Literal["auto", "identity", "project", "pad", "none"]
Shortcut = Annotated[
    ShortcutName,
    Field(
        title="Shortcut",
        description="auto: identity where both shapes agree, else project. project: 1×1 convolution and norm (He et "
        "al. 2015, option B; C where every copy projects). pad: subsample, then append zeros (option A, no "
        "parameters). none: a plain block.",
    ),
]
Order = Annotated[
    Literal["post", "pre"],
    Field(
        title="Order",
        description="post: norm and activation follow each convolution (He et al. 2015). pre: they come before it, "
        "and nothing follows the addition (He et al. 2016); end such a stack with a norm and activation.",
    ),
]
Label = Annotated[
    str,
    Field(max_length=40, title="Name on the card", description="A name of the card's own, in place of its kind's."),
]
Line = Mapping[str, Any]


class Block(BaseModel, ABC):
    """One card of a stack, as plain data. Each kind is a final subclass."""

    model_config = ConfigDict(frozen=True, extra="forbid", revalidate_instances="never")

    kind: str
    label: Label = ""
    title: ClassVar[str]
    summary: ClassVar[str]
    which: ClassVar[str]  # "which one?": one line for a person who chooses between kinds
    formula: ClassVar[str] = ""
    source: ClassVar[str]
    role: ClassVar[Role] = "body"
    family: ClassVar[Family] = "plain"
    group: ClassVar[Group]
    order_in_palette: ClassVar[int]
    examples: ClassVar[tuple[tuple[Line, Shape], ...]]  # fields and the input shape they take, shown and tested

    @abstractmethod
    def build(self, in_shape: Shape, first: bool = True) -> nn.Module:
        """The module of one copy for an input of `in_shape`; `first` is False for the copies after the first.

        Its forward takes and gives (N, C, H, W); a head gives logits (N, classes). Whether a block stands several times
        may matter to a copy, how many times may not. Raises ShapeError.
        """

    def resolve(self, in_shape: Shape, first: bool = True) -> dict[str, str]:
        """What the fields that say `auto` chose for this input, by field name."""
        return {}

    def chips(self) -> list[Row] | None:
        """The block's inside as rows of chips (`explorer/branches.py`), where its kind is written as a line."""
        return None

    def plain(self) -> Self:
        """The same block without its shortcut."""
        return self.with_fields(shortcut="none") if "shortcut" in type(self).model_fields else self

    def widened(self, factor: float) -> Self:
        """The same block with its widths times `factor`; a factor of 1 gives the block itself.

        A width becomes the nearest multiple of 8 from 32 on and the nearest whole number below, at least 1 and at most
        what its field takes, and stays divisible by what the kind needs (`scaled`). Equal widths stay equal, so that
        blocks which fit together still do wherever that is possible. Classes, and what the block receives, stay.
        """
        return self if factor == 1 else self.with_fields(**self.widths(factor))

    def widths(self, factor: float) -> dict[str, Any]:
        """The fields that `widened` sets: here every one counted in channels that has a value."""
        return {
            name: scaled(getattr(self, name), factor)
            for name, field in type(self).model_fields.items()
            if isinstance(field.json_schema_extra, dict)
            and field.json_schema_extra.get("unit") == "ch"
            and getattr(self, name) is not None
        }

    def has_shortcut(self) -> bool:
        """Whether the block adds or appends its input to what it computes."""
        return getattr(self, "shortcut", "none") != "none"

    def starts_at_zero(self, module: nn.Module) -> list[nn.Module]:
        """The layers of a built copy whose weights start at zero (`Network.build` does it)."""
        return []

    def shareable(self, module: nn.Module) -> dict[str, nn.Module]:
        """The layers of a built copy that blocks of the same `share` name use in common, by their place in it."""
        return {}

    @property
    def name(self) -> str:
        """What the card is called: its own label, or the kind's title."""
        return self.label or type(self).title

    @property
    def repeats(self) -> bool:
        """Whether the kind can stand several times; its copies then have a place of their own in module paths."""
        return "repeat" in type(self).model_fields

    @property
    def shared_name(self) -> str:
        """Under which name the block shares layers (`shareable`); empty where it does not."""
        return str(self.__dict__.get("share", ""))  # getattr of what is not there is slow in pydantic

    @property
    def copies(self) -> int:
        """How many times the block stands."""
        return int(self.__dict__.get("repeat", 1))

    def with_fields(self, **fields: Any) -> Self:
        """A copy with these fields, validated."""
        return type(self)(**{**dict(self), **fields})

    def refuse(
        self,
        reason: str,
        *shapes: Sequence[int],
        ways: Sequence[tuple[str, Line]] = (),
        replace: Sequence[Way] = (),
        place: Sequence[int] = (),
    ) -> NoReturn:
        """Raises a ShapeError of this block; `ways` are labels with the fields that would mend it."""
        set_ways = [Way(label, {"op": "set", "fields": dict(fields)}) for label, fields in ways]
        raise ShapeError(reason, title=self.name, shapes=shapes, ways=[*set_ways, *replace], place=place)


KINDS: dict[str, type[Block]] = {}


def register(kind: type[Block]) -> type[Block]:
    """Adds a kind to the registry; a clash of names is an error."""
    name = kind.model_fields["kind"].default
    if KINDS.setdefault(name, kind) is not kind:
        raise ValueError(f"two block kinds are named {name!r}: {KINDS[name].__module__} and {kind.__module__}")
    return kind


def count_parameters(block: Block, in_shape: Shape) -> int:
    """Parameters of one copy of `block`, counted on a module without memory. Raises ShapeError."""
    with weights("none"):
        module = block.build(in_shape)
    return sum(parameter.numel() for parameter in module.parameters())


# What residual kinds share: they call these, they do not inherit.


def wants_bias(bias: str, norm: str) -> bool:
    """The rule of the field `bias`."""
    return bias == "yes" or (bias == "auto" and norm == "none")


def scaled(width: int, factor: float, multiple: int = 1, most: int = MAX_CHANNELS) -> int:
    """`width` times `factor`: the nearest multiple of 8 from 32 on, the nearest whole number below.

    Never less than 1 nor more than `most`, and always a multiple of `multiple`, which is at most `most`.
    """
    wanted = width * factor
    step = lcm(8, multiple) if wanted >= 32 and lcm(8, multiple) <= most else multiple
    return step * max(1, min(floor(wanted / step + 0.5), most // step))


def halved(size: int, stride: int) -> int:
    """The size that a convolution or pool of same padding leaves of `size`."""
    return -(-size // stride)


def strided(in_shape: Shape, channels: int, stride: int) -> Shape:
    """The map of so many channels that a convolution of same padding makes of `in_shape`."""
    return Shape(channels, halved(in_shape.height, stride), halved(in_shape.width, stride))


def window(size: int, kernel: int, stride: int, padding: int, dilation: int = 1, ceil: bool = False) -> int:
    """The size that a window leaves of `size`, as torch computes it; 0 or less where it does not fit."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    if span < 0:
        return 0
    steps = -(-span // stride) if ceil else span // stride
    if ceil and steps * stride >= size + padding:
        steps -= 1
    return steps + 1


def choose_shortcut(shortcut: str, in_shape: Shape, out_shape: Shape) -> str:
    """What `auto` means between these shapes: identity where they agree, else project."""
    if shortcut != "auto":
        return shortcut
    return "identity" if in_shape == out_shape else "project"


def check_shortcut(block: Block, shortcut: str, in_shape: Shape, out_shape: Shape, stays: Line | None = None) -> None:
    """Refuses an identity between different shapes and a pad to fewer channels.

    `stays` are the fields with which the block would keep the shape.
    """
    fits = [('shortcut "project"', {"shortcut": "project"})]
    if block.copies > 1:  # project would project in every copy, auto only where shapes differ
        fits = [('shortcut "auto"', {"shortcut": "auto"})]
    pads = [('shortcut "pad"', {"shortcut": "pad"})] if out_shape.channels >= in_shape.channels else []
    if shortcut == "identity" and in_shape != out_shape:
        keeps = []
        if stays is not None:
            words = [f"{name} {stays[name]}" for name in ("channels", "width") if name in stays]
            words += ["stride 1"] if "stride" in stays and in_shape[1:] != out_shape[1:] else []
            keeps = [(" with ".join(words), stays)]
        block.refuse(f"adds {in_shape} to {out_shape}", in_shape, out_shape, ways=[*fits, *pads, *keeps])
    if shortcut == "pad" and out_shape.channels < in_shape.channels:
        block.refuse(
            f"cannot pad {in_shape.channels} channels to {out_shape.channels}, which are fewer",
            in_shape,
            out_shape,
            ways=[*fits, (f"channels {in_shape.channels}", {"channels": in_shape.channels})],
        )


def check_width(block: Block, name: str, width: int, way: tuple[str, Line]) -> None:
    """Refuses a width that a block computes and that passes the limit."""
    if width > MAX_CHANNELS:
        block.refuse(f"makes {width:,} {name}, more than {MAX_CHANNELS:,}", ways=[way])


def check_odd(block: Block, kernel: int, *others: tuple[str, Line]) -> None:
    """Refuses an even kernel where the padding is to keep the size."""
    if kernel % 2 == 0:
        near = [(f"kernel {size}", {"kernel": size}) for size in (kernel - 1, kernel + 1) if 1 <= size <= 31]
        block.refuse(f"cannot keep the size with an even kernel of {kernel}", ways=[*near, *others])


def check_window(block: Block, what: str, in_shape: Shape, out_size: Sequence[int], *ways: tuple[str, Line]) -> None:
    """Refuses a window that does not fit into its input."""
    if min(out_size) < 1:
        block.refuse(f"has a {what} that does not fit into {show(in_shape)}", in_shape, ways=ways)
