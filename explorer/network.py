"""A network as plain data: an input shape and a tuple of blocks. Every edit returns a new one."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from torch import Tensor, nn

from explorer.block import Block
from explorer.blocks import KINDS
from explorer.first_weights import draw_weights
from explorer.layers import Weights, weights
from explorer.record import Find, Record, record
from explorer.repair import priced
from explorer.shape import Shape, ShapeError, Way, show

MAX_COPIES = 1024  # blocks of a network with repeats written out
MAX_TEXT = 2_000_000  # characters of JSON
MAX_TOKEN = 100_000  # characters of a token
LONGEST = 10**15  # numbers beyond are not written out: python refuses to write more than 4,300 digits
BUDGET = 4 * 2**30  # bytes of weights that build() makes without being asked for more

if TYPE_CHECKING:
    AnyBlock = Block
else:
    AnyBlock = Annotated[reduce(or_, KINDS.values()), Field(discriminator="kind")]


class EditError(ValueError):
    """An edit that cannot be made: one sentence that says which and why."""


class TooLargeError(ValueError):
    """A network whose weights would not fit into the stated budget."""


At = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]  # which positions there are is known to the network


class Insert(BaseModel, extra="forbid"):
    op: Literal["insert"]
    at: At
    block: AnyBlock


class Replace(BaseModel, extra="forbid"):
    op: Literal["replace"]
    at: At
    block: AnyBlock


class SetFields(BaseModel, extra="forbid"):
    op: Literal["set"]
    at: At
    fields: dict[str, Any] = Field(max_length=40)


class Remove(BaseModel, extra="forbid"):
    op: Literal["remove"]
    at: At


class Move(BaseModel, extra="forbid"):
    op: Literal["move"]
    at: At
    to: At


class Duplicate(BaseModel, extra="forbid"):
    op: Literal["duplicate"]
    at: At


class Arrange(BaseModel, extra="forbid"):
    op: Literal["arrange"]
    order: list[At] = Field(max_length=MAX_COPIES)


class Paste(BaseModel, extra="forbid"):
    op: Literal["paste"]
    at: At
    blocks: list[AnyBlock] = Field(min_length=1, max_length=MAX_COPIES)


class Group(BaseModel, extra="forbid"):
    op: Literal["group"]
    edits: list[SetFields] = Field(min_length=1, max_length=MAX_COPIES)


class SetInput(BaseModel, extra="forbid"):
    op: Literal["input"]
    shape: Shape


class Rename(BaseModel, extra="forbid"):
    op: Literal["name"]
    name: str


Edit = Insert | Replace | SetFields | Remove | Move | Duplicate | Arrange | Paste | Group | SetInput | Rename
_edits: TypeAdapter[Edit] = TypeAdapter(Annotated[Edit, Field(discriminator="op")])


@dataclass(frozen=True, slots=True)
class Step:
    """`count` equal copies of one card in a row, the first of them copy number `first`."""

    card: int
    first: int
    count: int
    record: Record

    def path(self, copy: int) -> str:
        """The module path of the card's copy number `copy`."""
        return f"{self.card}.{copy}" if self.record.block.repeats else str(self.card)


class Model(nn.Sequential):
    """The real module of a network. `forward` takes (N, C, H, W) and gives logits (N, classes)."""

    def predict(self, images: Tensor) -> Tensor:
        """Class probabilities (N, classes): the softmax of the logits (article §2.5)."""
        return torch.softmax(self(images), 1)


class Network(BaseModel):
    """An input shape and a stack of blocks, frozen. Everything else is computed from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=80)] = ""
    input: Shape = Shape(3, 32, 32)
    blocks: Annotated[tuple[AnyBlock, ...], Field(max_length=MAX_COPIES)] = ()

    # Edits

    def insert(self, at: int, block: Block) -> Network:
        """The network with `block` before position `at`."""
        self._check_position(at, len(self.blocks))
        return self._with((*self.blocks[:at], block, *self.blocks[at:]))

    def replace(self, at: int, block: Block) -> Network:
        """The network with `block` in place of the one at `at`."""
        self._check_position(at)
        return self._with((*self.blocks[:at], block, *self.blocks[at + 1 :]))

    def remove(self, at: int) -> Network:
        """The network without the block at `at`."""
        self._check_position(at)
        return self._with((*self.blocks[:at], *self.blocks[at + 1 :]))

    def move(self, at: int, to: int) -> Network:
        """The network with the block at `at` moved so that it stands at `to`."""
        self._check_position(at)
        self._check_position(to)
        rest = [*self.blocks[:at], *self.blocks[at + 1 :]]
        return self._with((*rest[:to], self.blocks[at], *rest[to:]))

    def arrange(self, order: Sequence[int]) -> Network:
        """The network whose blocks are those at `order`: one left out is gone, one named again stands again."""
        for at in order:
            self._check_position(at)
        return self._with(tuple(self.blocks[at] for at in order))

    def paste(self, at: int, blocks: Sequence[Block]) -> Network:
        """The network with `blocks` before position `at`."""
        self._check_position(at, len(self.blocks))
        return self._with((*self.blocks[:at], *blocks, *self.blocks[at:]))

    def unnamed(self) -> Network:
        """The same network without its name and its cards' labels: what is counted and trained is the same."""
        bare = tuple(block.with_fields(label="") if block.label else block for block in self.blocks)
        return Network(input=self.input, blocks=bare)

    def plain(self) -> Network:
        """The plain twin: the same network without its shortcuts (He et al. 2015, §3.3)."""
        twin = self._with(tuple(block.plain() for block in self.blocks))
        return twin.model_copy(update={"name": f"{self.name} plain twin"[:80].strip()})

    def apply(self, edit: Mapping[str, Any]) -> Network:
        """The network after one edit of the protocol that page, component and repairs speak; raises EditError.

        {"op": "insert", "at", "block"}, {"op": "replace", "at", "block"}, {"op": "set", "at", "fields"},
        {"op": "remove", "at"}, {"op": "move", "at", "to"}, {"op": "duplicate", "at"}, {"op": "arrange", "order"},
        {"op": "paste", "at", "blocks"}, {"op": "group", "edits"} of several "set", all or nothing,
        {"op": "input", "shape"}, {"op": "name", "name"}.
        """
        try:
            match _edits.validate_python(dict(edit)):
                case Insert(at=at, block=block):
                    return self.insert(at, block)
                case Replace(at=at, block=block):
                    return self.replace(at, block)
                case SetFields(at=at, fields=fields):
                    self._check_position(at)
                    return self.replace(at, self.blocks[at].with_fields(**fields))
                case Remove(at=at):
                    return self.remove(at)
                case Move(at=at, to=to):
                    return self.move(at, to)
                case Duplicate(at=at):
                    self._check_position(at)
                    return self.insert(at + 1, self.blocks[at])
                case Arrange(order=order):
                    return self.arrange(order)
                case Paste(at=at, blocks=blocks):
                    return self.paste(at, blocks)
                case Group(edits=edits):
                    return self._with(self._set_all(edits))
                case SetInput(shape=shape):
                    return Network(name=self.name, input=shape, blocks=self.blocks)
                case Rename(name=name):
                    return Network(name=name, input=self.input, blocks=self.blocks)
        except ValidationError as error:
            raise EditError(f"cannot make this edit: {first_complaint(error)}") from None
        except IndexError as error:
            raise EditError(f"cannot make this edit: {error}") from None
        raise AssertionError("every edit is matched above")

    def _set_all(self, edits: Sequence[SetFields]) -> tuple[Block, ...]:
        blocks = list(self.blocks)
        for edit in edits:
            self._check_position(edit.at)
            try:
                blocks[edit.at] = blocks[edit.at].with_fields(**edit.fields)
            except ValidationError as error:
                raise EditError(f"cannot make this edit: block {edit.at + 1}: {first_complaint(error)}") from None
        return tuple(blocks)

    def _with(self, blocks: tuple[Block, ...]) -> Network:
        return Network(name=self.name, input=self.input, blocks=blocks)

    def _check_position(self, at: int, last: int | None = None) -> None:
        last = len(self.blocks) - 1 if last is None else last
        if not 0 <= at <= last:
            raise IndexError(f"there is no position {at} in a stack of {len(self.blocks)} blocks (counted from 0)")

    # Texts

    def to_json(self) -> str:
        """The network as JSON with every field written out."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Network:
        """Reads `to_json`; a ValueError names the place and the reason in one sentence."""
        if len(text) > MAX_TEXT:
            raise ValueError(f"the text has {len(text):,} characters, more than the {MAX_TEXT:,} of any network")
        try:
            network = cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(f"this is no network: {first_complaint(error)}") from None
        if "blocks" not in network.model_fields_set:
            raise ValueError("this is no network: blocks: field required")
        return network

    def token(self) -> str:
        """A compact text that is safe in an address: fields that differ from their default, packed."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        data["blocks"] = [
            {"kind": block.kind, **kept} for block, kept in zip(self.blocks, data.get("blocks", []), strict=True)
        ]
        data["input"] = list(self.input)
        packed = zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)
        return "1" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def from_token(cls, token: str) -> Network:
        """Reads `token`; a ValueError says in one sentence what is wrong."""
        if len(token) > MAX_TOKEN:
            raise ValueError(f"the link has {len(token):,} characters, more than the {MAX_TOKEN:,} of any network")
        if not token.startswith("1"):
            raise ValueError("this link is no network: its first character should be its version, 1")
        try:
            packed = base64.b64decode(token[1:] + "=" * (-(len(token) - 1) % 4), altchars=b"-_", validate=True)
            unpacker = zlib.decompressobj()
            text = unpacker.decompress(packed, MAX_TEXT)
        except (ValueError, binascii.Error, zlib.error):
            raise ValueError("this link is no network: it is damaged or cut short") from None
        if not unpacker.eof:
            raise ValueError("this link is no network: it is cut short or too large")
        return cls.from_json(text)

    # Modules

    def build(self, seed: int = 0, budget: int = BUDGET) -> Model:
        """The real module, initialised; the same seed gives the same weight at the same parameter path.

        He-normal, fan-out, for convolutions; norms 1 and 0 (He et al. 2015b). Without norms: fan-in, and the last
        convolution of each branch starts at zero where there is a shortcut (after Zhang et al. 2019, Fixup).
        Raises ShapeError, and TooLargeError where the weights would need more than `budget` bytes.
        """
        size = 4 * sum(step.count * step.record.trace.params for step in walk(self))
        if size > budget:
            raise TooLargeError(
                f"the weights need {size / 2**30:,.1f} GiB, more than the budget of {budget / 2**30:,.1f} GiB; "
                f"make the network smaller or pass a larger budget"
            )
        return self._assemble("blank", seed)

    def skeleton(self) -> Model:
        """The real module without memory or weights, on torch's meta device. Raises ShapeError."""
        return self._assemble("none", 0)

    def _assemble(self, state: Weights, seed: int) -> Model:
        cards: OrderedDict[str, nn.Module] = OrderedDict()
        owners: dict[tuple[str, str], nn.Module] = {}
        for step in walk(self):
            block = self.blocks[step.card]
            for copy in range(step.first, step.first + step.count):
                with weights(state):
                    module = block.build(step.record.in_shape, copy == 0)
                if state == "blank":
                    initialise(module, block, step.path(copy), seed)
                if block.shared_name:
                    for place, layer in block.shareable(module).items():
                        owner = owners.setdefault((block.shared_name, place), layer)
                        parent, _, name = place.rpartition(".")
                        setattr(module.get_submodule(parent), name, owner)
                if block.repeats:
                    card = cards.setdefault(str(step.card), nn.Sequential())
                    card.add_module(str(copy), module)
                else:
                    cards[str(step.card)] = module
        return Model(cards)


def walk(network: Network, find: Find = record, known: Sequence[Step] = ()) -> Iterator[Step]:
    """Runs through the stack, shape by shape; equal copies come as one step. Raises ShapeError, placed and priced.

    `known` are all steps of the first cards, where these were found before; they do not come again.
    """
    shape: tuple[int, ...] = network.input
    in_shape = network.input
    requires_grad = False
    strides: tuple[int, ...] | None = None
    head: int | None = None
    total = 0
    shared: dict[str, tuple[int, dict[str, tuple[tuple[int, ...], ...]]]] = {}
    for step in known:
        block, found = network.blocks[step.card], step.record
        total += step.count
        if found.shared:
            shared.setdefault(block.shared_name, (step.card, found.shared))
        if type(block).role == "head":
            head = step.card
    if known:
        found = known[-1].record
        requires_grad, strides = found.trace.output_requires_grad, found.trace.output_strides
        in_shape = Shape(*found.out_shape) if len(found.out_shape) == 3 else found.in_shape
    for card in range(known[-1].card + 1 if known else 0, len(network.blocks)):
        block = network.blocks[card]
        try:
            _check_place(network, card, block, head)
            total += block.copies
            if total > MAX_COPIES:
                room = MAX_COPIES - (total - block.copies)
                ways = [(f"repeat {room}", {"repeat": room})] if room else []
                block.refuse(f"is block number {total:,} with repeats written out, more than {MAX_COPIES:,}", ways=ways)
            copy = 0
            while copy < block.copies:
                found = find(block, copy == 0, in_shape, requires_grad, strides)
                if found.shared:
                    _check_shared(block, card, found, shared)
                traced = found.trace
                leaves = (found.out_shape, traced.output_requires_grad, traced.output_strides)
                same = copy > 0 and leaves == (in_shape, requires_grad, strides)
                count = block.copies - copy if same else 1
                yield Step(card, copy, count, found)
                copy += count
                shape, requires_grad, strides = leaves
                if len(shape) == 3:
                    in_shape = Shape(*shape)
            if type(block).role == "head":
                head = card
        except ShapeError as error:
            raise priced(error, card, block, in_shape, find) from None


def _check_place(network: Network, card: int, block: Block, head: int | None) -> None:
    """A stem stands first, a head last."""
    if head is None and (card == 0 or type(block).role != "stem"):
        return
    remove = Way("without this block", {"op": "remove", "at": card})
    if type(block).role == "stem" and card > 0:
        ways = [] if type(network.blocks[0]).role == "stem" else [Way("it first", {"op": "move", "at": card, "to": 0})]
        block.refuse("stands after other blocks, but a stem comes first", replace=[*ways, remove])
    if head is not None:
        title = network.blocks[head].name
        ways = [Way("it before the head", {"op": "move", "at": card, "to": head})] if type(block).role != "head" else []
        block.refuse(f"stands after block {head + 1} ({title}), which ends the network", replace=[*ways, remove])


def _check_shared(
    block: Block, card: int, found: Record, shared: dict[str, tuple[int, dict[str, tuple[tuple[int, ...], ...]]]]
) -> None:
    """Blocks that share W must agree in its shapes."""
    name = block.shared_name
    other, shapes = shared.setdefault(name, (card, found.shared))
    if shapes == found.shared:
        return
    ours, theirs = next((ours, shapes[place]) for place, ours in found.shared.items() if shapes[place] != ours)
    ways: list[tuple[str, dict[str, Any]]] = [("a W of its own", {"share": ""})]
    if ours[0] != theirs[0]:
        ways.insert(0, (f"channels {theirs[0][0]}", {"channels": theirs[0][0]}))
    words = [", ".join(show(size) for size in sizes) for sizes in (ours, theirs)]
    block.refuse(
        f'shares W "{name}" with block {other + 1}, but its filters are {words[0]} and there {words[1]}', ways=ways
    )


def initialise(module: nn.Module, block: Block, path: str, seed: int) -> None:
    """Draws the weights of one built copy, each from the seed and its own path, so that twins agree on shared paths."""
    draw_weights(module, seed, path, fan_in=is_normless(block))
    for layer in block.starts_at_zero(module):
        nn.init.zeros_(layer.get_parameter("weight"))


def is_normless(block: Block) -> bool:
    """Whether the weights of a block's convolutions are scaled by the other side, for want of norms."""
    return bool(getattr(block, "norm", "") == "none")


def first_complaint(error: ValidationError) -> str:
    """The first complaint of a ValidationError in one sentence: place, reason, value."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ""
    parts = list(first["loc"])
    if error.title.startswith("tagged-union"):
        parts = parts[1:]  # the tag of an edit
    before: int | str = ""
    for part in parts:
        part = part[:60] if isinstance(part, str) else part
        if before in ("input", "shape") and isinstance(part, int) and part < 3:
            place += f".{Shape._fields[part]}"
        elif isinstance(part, int):
            place += f"[{part}]"
        elif not (part in KINDS and (isinstance(before, int) or before == "block")):  # the tag of a block
            place += f".{part}" if place else part
        before = part
    message = first["msg"].removeprefix("Value error, ")[:300]
    message = message[:1].lower() + message[1:]
    given = first.get("input")
    if isinstance(given, int) and abs(given) > LONGEST:
        message += " (got a number far beyond that)"
    elif isinstance(given, str | int | float | bool) and first["type"] != "json_invalid":
        message += f" (got {str(given)[:60]!r})" if isinstance(given, str) else f" (got {given})"
    return f"{place}: {message}" if place else message
