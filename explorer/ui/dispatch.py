"""Does what the browser's messages say, each one once, and says in a sentence why one could not be done."""

from __future__ import annotations

from explorer.network import EditError
from explorer.ui import downloads, messages
from explorer.ui.desk import Desk, sentence
from explorer.ui.messages import Unreadable

MAX_EDITORS = 8  # a page that is left and entered again brings a new one


def receive(desk: Desk, value: object) -> None:
    """Deals with everything in `value` that was not dealt with before; whatever arrives is hostile."""
    client = messages.client_of(value, desk.session["id"])
    if client is None:
        return
    acknowledged = desk.session["acknowledged"]
    for raw in messages.messages_of(value):
        seq = messages.seq_of(raw)
        if seq is not None and seq <= acknowledged.get(client, -1):
            continue
        try:
            _perform(desk, messages.parse(raw), client)
        except (EditError, Unreadable) as error:
            desk.tell(sentence(error), "error")
        if seq is not None:
            acknowledged[client] = seq
    while len(acknowledged) > MAX_EDITORS:
        del acknowledged[next(iter(acknowledged))]


def _perform(desk: Desk, message: messages.Message, client: str) -> None:
    card = f"{client}.{message.seq}"  # the browser has already drawn the new card under this name
    match message:
        case messages.Edit():
            desk.apply(message.edit, card)
        case messages.Add():
            desk.add(message.kind, message.at, card)
        case messages.Select():
            desk.select(message.at)
        case messages.Simple(op="undo"):
            desk.undo()
        case messages.Simple(op="redo"):
            desk.redo()
        case messages.Simple():
            desk.empty()
        case messages.Preset():
            desk.open_preset(message.name)
        case messages.OpenFile():
            desk.open_file(message.text)
        case messages.Batch():
            desk.set_batch(message.size)
        case messages.View():
            desk.session["view"] = message.to
        case messages.Unfold():
            desk.session["unfolded"] = list(message.cards)
        case messages.Download():
            desk.session["download"] = {"client": client, "number": message.seq, **downloads.make(message.what, desk)}
