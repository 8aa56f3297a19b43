"""What the browser may say. Everything that arrives is hostile until it has passed here.

The browser sends `{"session": …, "client": …, "messages": [{"seq": 1, "op": …}, …]}`: every message that Python has
not yet acknowledged, so that none is lost when several are sent during one run and none is done twice. The session is
named because Streamlit sends a component's last value again to a server that has restarted.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from explorer.network import MAX_TEXT

MAX_MESSAGES = 200

EDITS = frozenset({"insert", "replace", "set", "remove", "move", "duplicate", "input", "name"})

At = Annotated[int, Field(ge=-1, le=4096)]
Sequence = Annotated[int, Field(ge=0, le=2**53)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    seq: Sequence


class Select(_Message):
    """Show this card's form; -1 is the network itself."""

    op: Literal["select"]
    at: At


class Simple(_Message):
    """Undo, redo, or start from nothing."""

    op: Literal["undo", "redo", "empty"]


class Add(_Message):
    """A new card of this kind, with the settings that suit the place."""

    op: Literal["add"]
    kind: Annotated[str, Field(max_length=60)]
    at: At


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
    cards: Annotated[list[Annotated[int, Field(ge=0, le=4096)]], Field(max_length=1024)]


class Download(_Message):
    """A file to make and hand over."""

    op: Literal["download"]
    what: Literal["network", "blocks", "operations"]


class Edit(BaseModel):
    """An edit in the protocol of `Network.apply`, which validates the rest of it."""

    model_config = ConfigDict(frozen=True, strict=True)
    seq: Sequence
    edit: dict[str, Any]


Known = Select | Simple | Add | Preset | OpenFile | Batch | View | Unfold | Download
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
    op = message.get("op")
    if isinstance(op, str) and op in EDITS:
        if any(type(message.get(place, 0)) is not int for place in ("at", "to")):
            raise Unreadable(seq)
        return Edit(seq=seq, edit={str(key): value for key, value in message.items() if key != "seq"})
    try:
        return _known.validate_python(message)
    except ValidationError:
        raise Unreadable(seq) from None
