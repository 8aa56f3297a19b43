"""Everything one person does to a network, over plain JSON and without Streamlit.

A `Desk` is a thin view of a `Session`, made anew in each run; the session's dictionary is what stays. It never touches
`st.session_state` itself: each access there may end the run, and an edit must be done entirely or not at all.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypedDict

from explorer import presets
from explorer.blocks import KINDS
from explorer.network import EditError, Network
from explorer.report import Report, analyze
from explorer.ui import history
from explorer.ui.history import Snapshot, State

OPENING = "digits_resnet56"
MAX_BATCH = 65_536


class Notice(TypedDict):
    """A sentence shown once, in passing."""

    number: int
    kind: Literal["info", "error"]
    text: str


class Session(TypedDict):
    """Everything a session holds, as JSON."""

    id: str
    fresh: bool  # nothing was changed or brought back yet: the browser may offer what it kept
    linked: bool  # a link was opened, and what the browser kept belongs before it
    history: State
    batch: int
    optimizer: Literal["sgd", "adamw"]
    view: Literal["stack", "table", "graph"]
    unfolded: list[int]
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
        history=history.begin(opening.to_json(), len(opening.blocks)),
        batch=64,
        optimizer="sgd",
        view="stack",
        unfolded=[],
        notice=None,
        download=None,
        acknowledged={},
    )


@lru_cache(maxsize=512)
def read(text: str) -> Network:
    """The network of a JSON text that this program wrote."""
    return Network.from_json(text)


@lru_cache(maxsize=512)
def token_of(text: str) -> str:
    """The link's token of a network given as JSON."""
    return read(text).token()


def sentence(error: ValueError) -> str:
    """An error's own sentence as a person reads it: with a capital and a full stop."""
    text = re.sub(r"\s+", " ", str(error)).strip()[:500]
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


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
    def token(self) -> str:
        """The network on screen as a link's token."""
        return token_of(self.now["network"])

    def report(self) -> Report:
        """The report of the network on screen at the chosen batch, up to the failing block if there is one."""
        return analyze(self.network, batch=self.session["batch"], partial=True)

    def report_before(self) -> Report | None:
        """The same of the network before the last change."""
        return None if self.before is None else analyze(self.before, batch=self.session["batch"], partial=True)

    def apply(self, edit: Mapping[str, Any], card: str | None = None) -> None:
        """Makes one edit, which undo takes back. Raises EditError, and then nothing was changed.

        `card` is the name for a card that the edit makes.
        """
        new = self.network.apply(dict(edit))
        if new == self.network:
            return
        if card is None or card in self.now["cards"]:
            [card] = history.fresh_cards(self.history, 1)
        cards, chosen = history.rearranged(self.now["cards"], self.now["selected"], edit, card)
        self._commit(new, cards, chosen)

    def load(self, network: Network, label: str = "") -> None:
        """Opens a network in place of the one on screen, which undo brings back."""
        if network != self.network:
            cards = history.fresh_cards(self.history, len(network.blocks))
            self._commit(network, cards, 0 if network.blocks else history.NETWORK)
        if label:
            self.tell(f"{label} is open. Undo brings back what was here.")

    def _commit(self, network: Network, cards: Sequence[str], chosen: int) -> None:
        history.commit(self.history, network.to_json(), cards, chosen)
        self.session["fresh"] = False

    def undo(self) -> None:
        """Back one edit, if there is one."""
        history.undo(self.history)

    def redo(self) -> None:
        """Forward one edit, if there is one."""
        history.redo(self.history)

    def select(self, at: int) -> None:
        """Shows this card's form; -1 is the network itself."""
        history.select(self.history, at)

    def add(self, kind: str, at: int, card: str | None = None) -> None:
        """Puts a new block of this kind at the nearest place where its role may stand. Raises EditError.

        Its width is that of the map it receives, so that what follows still fits.
        """
        made = KINDS.get(kind)
        if made is None:
            raise EditError("There is no block of that kind.")
        blocks = self.network.blocks
        stems = sum(block.role == "stem" for block in blocks)
        bodies = sum(block.role != "head" for block in blocks)
        low, high = {"stem": (0, 0), "body": (stems, bodies), "head": (len(blocks), len(blocks))}[made.role]
        at = max(low, min(at, high))
        block: dict[str, Any] = {"kind": kind}
        channels = made.model_fields.get("channels")
        if made.role == "body" and channels is not None and channels.default is not None and at > 0:
            shape = self.report().cards[at - 1].output_shape
            if shape is not None and len(shape) == 3 and shape[0] >= 8:
                block["channels"] = shape[0]
        self.apply({"op": "insert", "at": at, "block": block}, card)

    def empty(self) -> None:
        """An empty stack over the same input."""
        self.load(Network(input=self.network.input), "An empty stack")

    def open_preset(self, name: str) -> None:
        """Opens a published network. Raises EditError where there is none of that name."""
        if name not in presets.names():
            raise EditError("There is no preset of that name.")
        self.load(presets.load(name), presets.about(name).title)

    def open_file(self, text: str) -> None:
        """Opens a network kept as JSON. Raises EditError with the place where it cannot be read."""
        try:
            network = Network.from_json(text)
        except ValueError as error:
            raise EditError(f"This file cannot be opened. {sentence(error)}") from None
        self.load(network, network.name or "The file's network")

    def set_batch(self, size: int) -> None:
        """Images in a training step; bounded, since it only multiplies."""
        self.session["batch"] = max(1, min(size, MAX_BATCH))

    def set_optimizer(self, name: Literal["sgd", "adamw"]) -> None:
        """The optimiser whose state the memory counts."""
        self.session["optimizer"] = name

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
        self.session["history"] = history.begin(linked.to_json(), len(linked.blocks))
        self.session["linked"] = True
        self.tell("The network of the link is open.")

    def restore(self, token: str) -> None:
        """Brings back what this browser kept, if the session has nothing of its own yet."""
        session = self.session
        if not session["fresh"]:
            return
        session["fresh"] = False
        try:
            kept = Network.from_token(token)
        except ValueError as error:
            if not session["linked"]:
                self.tell(f"The network kept in this browser cannot be read. {sentence(error)}", "error")
            return
        text = kept.to_json()
        if not session["linked"]:
            session["history"] = history.begin(text, len(kept.blocks))
        elif text != self.now["network"]:
            # The link stays open, and what it replaced is one undo away.
            cards = history.fresh_cards(self.history, len(kept.blocks))
            self.history["past"].append({"network": text, "cards": cards, "selected": history.NETWORK})
