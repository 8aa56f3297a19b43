"""Does what the browser's messages say, each one once, and says in a sentence why one could not be done."""

from __future__ import annotations

from explorer.network import EditError
from explorer.ui import budget, downloads, measuring, messages, preview
from explorer.ui.desk import Desk, sentence
from explorer.ui.messages import Unreadable

MAX_EDITORS = 8  # a page that is left and entered again brings a new one


def receive(desk: Desk, value: object) -> None:
    """Deals with everything in `value` that was not dealt with before; whatever arrives is hostile."""
    client = messages.client_of(value, desk.session["id"])
    if client is None:
        return
    acknowledged = desk.session["acknowledged"]
    answered = False
    for raw in messages.messages_of(value):
        seq = messages.seq_of(raw)
        if seq is not None and seq <= acknowledged.get(client, -1):
            continue
        if not answered:  # what was asked for by earlier messages has been handed over
            desk.session["asked"] = []
            answered = True
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
    session = desk.session
    match message:
        case messages.Edit():
            desk.apply(message.edit, card)
        case messages.Add():
            desk.add(message.kind, message.at, card)
        case messages.Select():
            desk.select(message.at, message.chosen or ())
        case messages.Simple():
            _simple(desk, message.op)
        case messages.Preview(kind=kind, cards=cards):
            session["preview"] = {"client": client, "number": message.seq, **preview.begin(desk, kind, cards)}
        case messages.Jump():
            desk.jump(message.to)
        case messages.Timeline():
            session["timeline"] = message.open
        case messages.Target(quantity=quantity, value=target):
            budget.aim(desk, quantity, target)
        case messages.Adopt():
            budget.adopt(desk, message.proposal)
        case messages.Dismiss():
            desk.dismiss(message.what)
        case messages.Inside():
            session["inside"] = list(message.cards)
        case messages.Picture():
            desk.open_in_graph(message.opened)
        case messages.Style():
            session["style"] = message.to
        case messages.Preset():
            desk.open_preset(message.name)
        case messages.OpenFile():
            desk.open_file(message.text)
        case messages.Batch():
            desk.set_batch(message.size)
        case messages.View():
            session["view"] = message.to
        case messages.Unfold():
            session["unfolded"] = list(message.cards)
        case messages.Download():
            session["download"] = {"client": client, "number": message.seq, **downloads.make(message.what, desk)}


def _simple(desk: Desk, op: str) -> None:
    match op:
        case "undo":
            desk.undo()
        case "redo":
            desk.redo()
        case "empty":
            desk.empty()
        case "article":
            desk.open_article()
        case "fit":
            budget.propose(desk)
        case "measure":
            measuring.start(desk)
        case "measured":
            measuring.poll(desk)
        case _:
            desk.session["asked"].append(op)
