"""What the browser may say. Everything that arrives is hostile until it has passed here.

The browser sends `{"session": …, "client": …, "messages": [{"seq": 1, "op": …}, …]}`: every message that Python has
not yet acknowledged, so that none is lost when several are sent during one run and none is done twice. The session is
named because Streamlit sends a component's last value again to a server that has restarted.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from explorer.network import MAX_TEXT
from explorer.ui.desk import MAX_TARGET

MAX_MESSAGES = 200

MOST_VALUES = 50_000  # numbers, texts and containers in a message; a paste of 1,024 blocks has less than half of it
MOST_TEXT = MAX_TEXT + 1000  # characters in a message

EDITS = frozenset(
    {"insert", "replace", "set", "remove", "move", "duplicate", "arrange", "paste", "group", "input", "name"}
)

At = Annotated[int, Field(ge=-1, le=4096)]
Place = Annotated[int, Field(ge=0, le=4096)]
Name = Annotated[str, Field(max_length=64)]
Sequence = Annotated[int, Field(ge=0, le=2**53)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    seq: Sequence


class Select(_Message):
    """Show this card's form; -1 is the network itself. `chosen` are all selected cards, `at` among them."""

    op: Literal["select"]
    at: At
    chosen: Annotated[list[Place], Field(max_length=1024)] | None = None

    @model_validator(mode="after")
    def _among(self) -> Self:
        if self.chosen is not None and (self.at not in self.chosen if self.at >= 0 else self.chosen):
            raise ValueError("the selected card is not among the chosen")
        return self


class Simple(_Message):
    """What needs no more words."""

    op: Literal["undo", "redo", "empty", "article", "fit", "measure", "measured", "gallery", "shelf"]


class Add(_Message):
    """A new card of this kind, with the settings that suit the place."""

    op: Literal["add"]
    kind: Annotated[str, Field(max_length=60)]
    at: At


class Preview(_Message):
    """A drag begins: of a kind from the palette, or of cards of the stack."""

    op: Literal["preview"]
    kind: Annotated[str, Field(max_length=60)] | None = None
    cards: Annotated[list[Place], Field(min_length=1, max_length=1024)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.kind is None) == (self.cards is None):
            raise ValueError("either a kind or cards are dragged")
        return self


class Jump(_Message):
    """To a state of the timeline."""

    op: Literal["jump"]
    to: Place


class Timeline(_Message):
    """Whether the timeline is on screen."""

    op: Literal["timeline"]
    open: bool


class Target(_Message):
    """A budget to meet, or none."""

    op: Literal["target"]
    quantity: Literal["params", "macs", "memory"]
    value: Annotated[int, Field(ge=1, le=MAX_TARGET)] | None


class Adopt(_Message):
    """One of the proposals that fit the budget."""

    op: Literal["adopt"]
    proposal: Place


class Dismiss(_Message):
    """Something on screen that is done with."""

    op: Literal["dismiss"]
    what: Literal["fit", "notes", "preview"]


class Inside(_Message):
    """Names of the cards that are open."""

    op: Literal["inside"]
    cards: Annotated[list[Name], Field(max_length=1024)]


class Picture(_Message):
    """Paths that the big picture shows opened."""

    op: Literal["picture"]
    opened: Annotated[list[Name], Field(max_length=2048)]


class Style(_Message):
    """Which graph."""

    op: Literal["style"]
    to: Literal["drawn", "graphviz"]


class Preset(_Message):
    """Open a published network."""

    op: Literal["preset"]
    name: Annotated[str, Field(max_length=60)]


class OpenFile(_Message):
    """Open a network that a person kept as JSON."""

    op: Literal["open"]
    text: Annotated[str, Field(max_length=MAX_TEXT)]


class Batch(_Message):
    """Images in a training step, for the memory."""

    op: Literal["batch"]
    size: int


class View(_Message):
    """What stands in the centre."""

    op: Literal["view"]
    to: Literal["stack", "table", "graph"]


class Unfold(_Message):
    """Cards whose operations the table shows."""

    op: Literal["unfold"]
    cards: Annotated[list[Place], Field(max_length=1024)]


class Download(_Message):
    """A file to make and hand over."""

    op: Literal["download"]
    what: Literal["network", "blocks", "operations", "picture", "dot"]


class Edit(BaseModel):
    """An edit in the protocol of `Network.apply`, which validates the rest of it."""

    model_config = ConfigDict(frozen=True, strict=True)
    seq: Sequence
    edit: dict[str, Any]


Known = (
    Select
    | Simple
    | Add
    | Preview
    | Jump
    | Timeline
    | Target
    | Adopt
    | Dismiss
    | Inside
    | Picture
    | Style
    | Preset
    | OpenFile
    | Batch
    | View
    | Unfold
    | Download
)
Message = Known | Edit
_known: TypeAdapter[Known] = TypeAdapter(Annotated[Known, Field(discriminator="op")])


class Unreadable(ValueError):
    """A message that is none; `seq` where at least that could be read."""

    def __init__(self, seq: int | None = None) -> None:
        super().__init__("The page sent something that cannot be understood; nothing was changed.")
        self.seq = seq


def client_of(value: object, session: str) -> str | None:
    """The name under which a browser's editor numbers its messages, or None where nothing for this session was sent."""
    client = value.get("client") if isinstance(value, dict) and value.get("session") == session else None
    usable = isinstance(client, str) and 0 < len(client) <= 16 and client.isascii() and client.isalnum()
    return client if usable else None


def messages_of(value: object) -> list[object]:
    """The messages as they came, unread; a bounded number."""
    sent = value.get("messages") if isinstance(value, dict) else None
    return sent[:MAX_MESSAGES] if isinstance(sent, list) else []


def seq_of(message: object) -> int | None:
    """The number of a message, or None."""
    seq = message.get("seq") if isinstance(message, dict) else None
    return seq if isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq <= 2**53 else None


def parse(message: object) -> Message:
    """One message, read and bounded. Raises Unreadable."""
    seq = seq_of(message)
    if seq is None or not isinstance(message, dict):
        raise Unreadable
    if not _is_small(message):
        raise Unreadable(seq)
    op = message.get("op")
    if isinstance(op, str) and op in EDITS:
        return Edit(seq=seq, edit={str(key): value for key, value in message.items() if key != "seq"})
    try:
        return _known.validate_python(message)
    except ValidationError:
        raise Unreadable(seq) from None


def _is_small(message: dict[Any, Any]) -> bool:
    """Whether a message has no more in it than any that the page sends; looks no further than that."""
    left: list[object] = [message]
    values = characters = 0
    while left:
        value = left.pop()
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, dict | list):
            values += len(value)
        if values > MOST_VALUES or characters > MOST_TEXT:
            return False
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value
    return True
