"""Everything one person does to a network, over plain JSON and without Streamlit.

A `Desk` is a thin view of a `Session`, made anew in each run; the session's dictionary is what stays. It never touches
`st.session_state` itself: each access there may end the run, and an edit must be done entirely or not at all.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, TypedDict

from explorer import presets
from explorer.block import Block
from explorer.blocks import KINDS
from explorer.network import MAX_TOKEN, EditError, Network
from explorer.report import Report, analyze
from explorer.ui import deeds, history
from explorer.ui.history import Hand, Snapshot, State

OPENING = "digits_resnet56"
ARTICLE = "article"
MAX_BATCH = 65_536
MAX_TARGET = 10**15


Quantity = Literal["params", "macs", "memory"]
Optimizer = Literal["sgd", "adamw"]
View = Literal["stack", "table", "graph"]
Style = Literal["drawn", "graphviz"]


class Notice(TypedDict):
    """A sentence shown once, in passing."""

    number: int
    kind: Literal["info", "error"]
    text: str


class Target(TypedDict):
    """A budget: what is to meet which number."""

    quantity: Quantity
    value: int


class Session(TypedDict):
    """Everything a session holds, as JSON."""

    id: str
    fresh: bool  # nothing was changed or brought back yet: the browser may offer what it kept
    linked: bool  # a link was opened, and what the browser kept belongs before it
    history: State
    batch: int
    optimizer: Optimizer
    recipe: dict[str, Any]  # of the next run: the fields that differ from the network's own recipe
    target: Target | None
    fit: dict[str, Any] | None  # proposals that meet the target, and the network they were made for
    notes: dict[str, str]  # explanations, by the card's name
    view: View
    style: Style  # of the graph
    inside: list[str]  # names of the cards that are open
    opened: list[list[str]]  # what the graph shows opened: a card's name, and the path inside it
    unfolded: list[int]
    timeline: bool  # whether it is on screen
    preview: dict[str, Any] | None  # a drag that has begun
    asked: list[str]  # what an editor has just asked for, beside the moment
    notice: Notice | None
    download: dict[str, Any] | None
    acknowledged: dict[str, int]  # of each editor in the browser, the last message that was dealt with


def new_session() -> Session:
    """A session that shows the opening network."""
    opening = presets.load(OPENING)
    return Session(
        id=secrets.token_hex(6),
        fresh=True,
        linked=False,
        history=history.begin(opening.token(), opening.blocks, f"opened {opening.name}"),
        batch=64,
        optimizer="sgd",
        recipe={},
        target=None,
        fit=None,
        notes={},
        view="stack",
        style="drawn",
        inside=[],
        opened=[],
        unfolded=[],
        timeline=False,
        preview=None,
        asked=["shelf"],
        notice=None,
        download=None,
        acknowledged={},
    )


@lru_cache(maxsize=1024)
def read(token: str) -> Network:
    """The network of a token that this program wrote."""
    return Network.from_token(token)


@lru_cache(maxsize=64)
def report_of(token: str, batch: int) -> Report:
    """The report of a token's network, up to the failing block if there is one."""
    return analyze(read(token), batch=batch, partial=True)


def sentence(error: ValueError) -> str:
    """An error's own sentence as a person reads it: with a capital, unless a file's name begins it, and a full stop."""
    text = re.sub(r"\s+", " ", str(error)).strip()[:500]
    named = re.match(r"\S+\.\w+:?(?= )", text)
    return (text[:1] if named else text[:1].upper()) + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def insertion(report: Report, kind: type[Block], at: int) -> dict[str, Any]:
    """The edit that puts a new block of this kind at the place nearest to `at` where its role may stand."""
    cards, network = report.cards, report.network
    assert network is not None
    stems = sum(block.role == "stem" for block in network.blocks)
    bodies = sum(block.role != "head" for block in network.blocks)
    low, high = {"stem": (0, 0), "body": (stems, bodies), "head": (len(cards), len(cards))}[kind.role]
    at = max(low, min(at, high))
    block: dict[str, Any] = {"kind": kind.model_fields["kind"].default}
    channels = kind.model_fields.get("channels")
    if kind.role == "body" and channels is not None and channels.default is not None and at > 0:
        shape = cards[at - 1].output_shape
        if len(shape) == 3 and shape[0] >= 8:
            block["channels"] = shape[0]
    return {"op": "insert", "at": at, "block": block}


class Desk:
    """The network on screen and everything that can be done to it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def history(self) -> State:
        """The present, what lies before it and what undo left after it."""
        return self.session["history"]

    @property
    def now(self) -> Snapshot:
        """The present."""
        return self.history["now"]

    @property
    def network(self) -> Network:
        """The network on screen."""
        return read(self.now["network"])

    @property
    def before(self) -> Network | None:
        """The network before the last change, or None where nothing was changed yet."""
        text = self.history["before"]
        return None if text is None else read(text)

    @property
    def selected(self) -> int:
        """The selected card; -1 is the network itself."""
        return self.now["selected"]

    @property
    def chosen(self) -> tuple[int, ...]:
        """All selected cards in their order; none where the network is selected."""
        return tuple(self.now["chosen"])

    @property
    def token(self) -> str:
        """The network on screen as a link's token."""
        return self.now["network"]

    def report(self) -> Report:
        """The report of the network on screen at the chosen batch, up to the failing block if there is one."""
        return report_of(self.now["network"], self.session["batch"])

    def report_before(self) -> Report | None:
        """The same of the network before the last change."""
        before = self.history["before"]
        return None if before is None else report_of(before, self.session["batch"])

    def apply(self, edit: Mapping[str, Any], card: str | None = None) -> None:
        """Makes one edit, which undo takes back. Raises EditError, and then nothing was changed.

        `card` is the name for the first card that the edit makes.
        """
        before = self.network
        after = before.apply(dict(edit))
        hand = history.rearranged(self.now, edit, history.new_names(self.history, card))
        if after == before:  # equal blocks that changed places are no edit, but the cards are where they were put
            if len(hand.cards) == len(before.blocks):
                history.lay(self.history, hand)
            return
        self._commit(after, hand, deeds.deed(edit, before, after, self.report().error, hand))

    def settle(self, network: Network, deed: str) -> None:
        """Makes this network of the same cards the present, which undo takes back. Raises EditError."""
        self._commit(network, Hand(self.now["cards"], self.selected, self.now["chosen"]), deed)

    def load(self, network: Network, title: str = "", deed: str = "") -> None:
        """Opens a network in place of the one on screen, which undo brings back. Raises EditError.

        With a title a sentence says so; `deed` is what the timeline calls it.
        """
        if network != self.network:
            cards = history.fresh_cards(self.history, len(network.blocks))
            first = 0 if network.blocks else history.NETWORK
            self._commit(network, Hand(cards, first, []), deed or f"opened {title or network.name or 'a network'}")
        if title:
            self.tell(f"{title} is open. Undo brings back what was here.")

    def _commit(self, network: Network, hand: Hand, deed: str) -> None:
        token = network.token()
        if len(token) > MAX_TOKEN:
            raise EditError("This network would be longer than a link can hold; nothing was changed.")
        history.commit(self.history, token, hand, deeds.brief(deed))
        self.session["fresh"] = False
        self.dismiss("preview")

    def undo(self) -> None:
        """Back one edit, if there is one."""
        self.dismiss("preview")
        history.undo(self.history)

    def redo(self) -> None:
        """Forward one edit, if there is one."""
        self.dismiss("preview")
        history.redo(self.history)

    def jump(self, to: int) -> None:
        """To state `to` of the timeline. Raises EditError where there is none."""
        if to >= len(history.line(self.history)):
            raise EditError("The timeline has no such state.")
        self.dismiss("preview")
        history.jump(self.history, to)

    def select(self, at: int, chosen: Iterable[int] = ()) -> None:
        """Shows this card's form; -1 is the network itself. `chosen` are all cards to select."""
        history.select(self.history, at, chosen)

    def add(self, kind: str, at: int, card: str | None = None) -> None:
        """Puts a new block of this kind at the nearest place where its role may stand. Raises EditError.

        Its width is that of the map it receives, so that what follows still fits.
        """
        made = KINDS.get(kind)
        if made is None:
            raise EditError("There is no block of that kind.")
        self.apply(insertion(self.report(), made, at), card)

    def empty(self) -> None:
        """An empty stack over the same input."""
        self.load(Network(input=self.network.input), "An empty stack", "emptied the stack")

    def open_preset(self, name: str) -> None:
        """Opens a published network. Raises EditError where there is none of that name."""
        if name not in presets.names():
            raise EditError("There is no preset of that name.")
        self.load(presets.load(name), presets.about(name).title)

    def open_article(self) -> None:
        """Opens the article's own network with each block explained."""
        self.open_preset(ARTICLE)
        self.session["notes"] = dict(zip(self.now["cards"], presets.about(ARTICLE).notes, strict=True))

    def open_file(self, text: str) -> None:
        """Opens a network kept as JSON. Raises EditError with the place where it cannot be read."""
        try:
            network = Network.from_json(text)
        except ValueError as error:
            raise EditError(f"This file cannot be opened. {sentence(error)}") from None
        self.load(network, network.name or "The file's network")

    @property
    def opened(self) -> tuple[str, ...]:
        """Paths that the graph shows opened: `2` a card, `2.0` a copy of it."""
        places = {name: at for at, name in enumerate(self.now["cards"])}
        return tuple(f"{places[name]}{rest}" for name, rest in self.session["opened"] if name in places)

    def open_in_graph(self, paths: Iterable[str]) -> None:
        """Opens these paths in the graph and closes all others; they stay with their cards."""
        split = [re.fullmatch(r"(\d{1,4})((?:\.\d{1,4})*)", path, re.ASCII) for path in paths]
        found = [(int(path[1]), path[2]) for path in split if path is not None]
        cards = self.now["cards"]
        self.session["opened"] = [[cards[at], rest] for at, rest in found if at < len(cards)]

    def set_batch(self, size: int) -> None:
        """Images in a training step; bounded, since it only multiplies."""
        self.session["batch"] = max(1, min(size, MAX_BATCH))

    def set_optimizer(self, name: Optimizer) -> None:
        """The optimiser whose state the memory counts."""
        self.session["optimizer"] = name

    def dismiss(self, what: Literal["fit", "notes", "preview"]) -> None:
        """Takes something off the screen."""
        match what:
            case "fit":
                self.session["fit"] = None
            case "notes":
                self.session["notes"] = {}
            case "preview":
                self.session["preview"] = None

    def tell(self, text: str, kind: Literal["info", "error"] = "info") -> None:
        """Shows a sentence in passing."""
        last = self.session["notice"]
        self.session["notice"] = Notice(number=1 + (last["number"] if last else 0), kind=kind, text=text)

    def open_link(self, token: str) -> None:
        """Opens the network of a link. A bad one leaves everything as it was and says so."""
        try:
            linked = Network.from_token(token)
        except ValueError as error:
            self.tell(f"{sentence(error)} What was here before is unchanged.", "error")
            return
        self.session["history"] = history.begin(linked.token(), linked.blocks, "opened a link")
        self.session["linked"] = True
        self.tell("The network of the link is open.")
