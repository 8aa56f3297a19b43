"""The set of networks that are compared, as plain JSON, and its link. No Streamlit here.

A member is live (the network on screen, or its plain twin) or fixed; a fixed one stands here as its token. Whatever
comes from outside is read in a bounded amount, and what of it cannot be read is said in a sentence while the rest
opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Literal, TypedDict
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from explorer import presets
from explorer.compare import Alignment, align
from explorer.network import MAX_TEXT, MAX_TOKEN, EditError, Network
from explorer.ui import history
from explorer.ui.desk import Desk, read, sentence

FEWEST, MOST = 2, 6
LINK = "compare"  # the parameter of an address
SEPARATOR = "~"  # between tokens; stands unescaped in an address and in no token
LONGEST_LINK = 60_000  # characters: what servers take as one line
LONGEST_NAME = 80
LONGEST_NOTE = 120

Source = Literal["screen", "twin", "fixed"]


class Member(TypedDict):
    """One network of the set."""

    key: str  # its own in this session
    source: Source
    token: str  # of a fixed one
    name: str  # given here; "" where the network's own serves
    note: str  # where it comes from


class Chosen(TypedDict):
    """What a session keeps of the comparison."""

    members: list[Member] | None  # None: nothing was chosen yet
    made: int
    complaint: str  # what could not be opened, until something else is done
    lines: int  # how many lines of blocks are on screen
    afresh: int  # how often it was begun anew
    left: list[Member] | None  # what was compared before that, until something else is chosen


@dataclass(frozen=True)
class Shown:
    """A member as it stands now."""

    number: int  # its place, which says its colour
    key: str
    source: Source
    name: str  # no two have the same
    note: str
    token: str

    @property
    def network(self) -> Network:
        return read(self.token)

    @property
    def live(self) -> bool:
        """Whether it follows the network on screen."""
        return self.source != "fixed"


def nothing() -> Chosen:
    """Before anything was chosen."""
    return Chosen(members=None, made=0, complaint="", lines=0, afresh=0, left=None)


def shown(chosen: Chosen, desk: Desk) -> tuple[Shown, ...]:
    """The set as it stands; before anything was chosen, what is useful at once."""
    found: list[Shown] = []
    for number, member in enumerate(_members(chosen, desk)):
        token = _token(member, desk)
        name = member["name"] or read(token).name or "Untitled network"
        found.append(Shown(number, member["key"], member["source"], name, member["note"], token))
    return _apart(found)


def _members(chosen: Chosen, desk: Desk) -> list[Member]:
    return at_first(desk) if chosen["members"] is None else chosen["members"]


def _token(member: Member, desk: Desk) -> str:
    match member["source"]:
        case "screen":
            return desk.token
        case "twin":
            return twin(desk.token)
        case _:
            return member["token"]


def _apart(found: Sequence[Shown]) -> tuple[Shown, ...]:
    """Names that were given twice get a number."""
    named: list[Shown] = []
    for one in found:
        taken = {other.name for other in named}
        name, number = one.name, 2
        while name in taken:
            name, number = f"{one.name} ({number})", number + 1
        named.append(replace(one, name=name))
    return tuple(named)


@lru_cache(maxsize=64)
def twin(token: str) -> str:
    """The token of a network's plain twin."""
    return read(token).plain().token()


@lru_cache(maxsize=128)
def aligned(first: str, second: str) -> Alignment:
    """The alignment of two tokens' networks."""
    return align(read(first), read(second))


def at_first(desk: Desk) -> list[Member]:
    """What a first visit shows: the state before the last change beside the network on screen, else its plain twin.

    A network that was opened in place of another is no change of it.
    """
    screen = _member("m0", "screen", note="on screen")
    before = desk.history["before"]
    if before is not None and before != desk.token:
        beside = aligned(before, desk.token)
        if beside.count <= max(1, len(desk.network.blocks) // 2):
            return [_member("m1", "fixed", before, note="before the last change"), screen]
    if has_twin(desk.token):
        return [screen, _member("m1", "twin", note="plain twin of the network on screen")]
    return [screen]


def has_twin(token: str) -> bool:
    """Whether the plain twin is another network."""
    return read(twin(token)).blocks != read(token).blocks


def _member(key: str, source: Source, token: str = "", name: str = "", note: str = "") -> Member:
    return Member(key=key, source=source, token=token, name=name, note=note[:LONGEST_NOTE])


# What a person does to the set


def settle(chosen: Chosen, desk: Desk) -> list[Member]:
    """Makes the set on screen the chosen one, and gives it to be changed."""
    members = chosen["members"]
    if members is None:
        members = chosen["members"] = at_first(desk)
        chosen["made"] = len(members)
    chosen["complaint"], chosen["left"] = "", None
    return members


def start_afresh(chosen: Chosen) -> None:
    """Back to what a first visit shows, which follows the network on screen."""
    times, left = chosen["afresh"] + 1, chosen["members"]
    chosen.update(nothing())
    chosen["afresh"], chosen["left"] = times, left


def take_back(chosen: Chosen) -> None:
    """What was compared before it was begun anew."""
    chosen["members"], chosen["left"], chosen["lines"] = chosen["left"], None, 0


def add(chosen: Chosen, desk: Desk, source: Source, network: Network | None = None, note: str = "") -> None:
    """Adds a network at the end. Raises EditError where there is no room, or a token would be too long."""
    members = settle(chosen, desk)
    if len(members) >= MOST:
        raise EditError(f"{MOST} networks are compared at most: remove one first.")
    token = network.token() if network is not None else ""
    if len(token) > MAX_TOKEN:
        raise EditError("This network would be longer than a link can hold; it was not added.")
    key = f"m{chosen['made']}"
    while any(member["key"] == key for member in members):
        chosen["made"] += 1
        key = f"m{chosen['made']}"
    chosen["made"] += 1
    members.append(_member(key, source, token, note=note))


def add_preset(chosen: Chosen, desk: Desk, name: str) -> None:
    """Adds a published network. Raises EditError."""
    if name not in presets.names():
        raise EditError("There is no preset of that name.")
    add(chosen, desk, "fixed", presets.load(name), "published network")


def add_state(chosen: Chosen, desk: Desk, number: int) -> None:
    """Adds a state of the history as it was. Raises EditError."""
    for state in history.line(desk.history):
        if state["number"] == number:
            add(chosen, desk, "fixed", read(state["network"]), f"history: {state['label']}")
            return
    raise EditError("The history has no such state any more.")


def add_twin_of(chosen: Chosen, desk: Desk, key: str) -> None:
    """Adds the plain twin of a member. Raises EditError."""
    one = _find(chosen, desk, key)
    if not has_twin(one.token):
        raise EditError(f"{one.name} has no shortcuts: its plain twin is the same network.")
    if one.source == "screen":
        add(chosen, desk, "twin", note="plain twin of the network on screen")
    else:
        add(chosen, desk, "fixed", _named(one).plain(), f"plain twin of {one.name}")


def add_pasted(chosen: Chosen, desk: Desk, text: str) -> None:
    """Adds what was pasted: a link of a network or a set, tokens, or JSON. Raises EditError where all of it is bad."""
    networks, complaints = read_pasted(text)
    room = MOST - len(settle(chosen, desk))
    for network in networks[: max(room, 0)]:
        add(chosen, desk, "fixed", network, "pasted")
    if len(networks) > room:
        complaints.append(f"{MOST} networks are compared at most; {len(networks) - room} of these found no room.")
    if complaints:
        raise EditError(" ".join(complaints))


def remove(chosen: Chosen, desk: Desk, key: str) -> None:
    """Takes a network out of the set."""
    members = settle(chosen, desk)
    chosen["members"] = [member for member in members if member["key"] != key]


def move(chosen: Chosen, desk: Desk, key: str, by: int) -> None:
    """Moves a network; the first is what the others are compared with."""
    members = settle(chosen, desk)
    at = next((at for at, member in enumerate(members) if member["key"] == key), None)
    if at is not None:
        members.insert(max(0, min(at + by, len(members) - 1)), members.pop(at))


def rename(chosen: Chosen, desk: Desk, key: str, name: str) -> None:
    """Gives a network a name in this comparison; an empty one gives its own back."""
    for member in settle(chosen, desk):
        if member["key"] == key:
            member["name"] = name.strip()[:LONGEST_NAME]


def open_on_design(chosen: Chosen, desk: Desk, key: str) -> None:
    """Makes a network of the set the one on screen, which undo takes back. Raises EditError.

    Where the set follows the screen, what it showed of it so far stays as it was.
    """
    one = _find(chosen, desk, key)
    for member in settle(chosen, desk):
        if member["source"] != "fixed":
            member["token"] = _token(member, desk)
            member["note"] = "was on screen" if member["source"] == "screen" else "plain twin of what was on screen"
            member["source"] = "fixed"
        if member["key"] == key:
            member["source"], member["note"] = "screen", "on screen"
    desk.load(_named(one), one.name, f"opened {one.name} from the comparison")


def _find(chosen: Chosen, desk: Desk, key: str) -> Shown:
    for one in shown(chosen, desk):
        if one.key == key:
            return one
    raise EditError("That network is not in the comparison any more.")


def _named(one: Shown) -> Network:
    """The network under the name that it has in the comparison."""
    network = one.network
    name = network.name if one.name == "Untitled network" else one.name[:LONGEST_NAME]
    return network if network.name == name else network.model_copy(update={"name": name})


# Links


def link(networks: Sequence[Shown]) -> str:
    """The set as one parameter of an address, each network as it is now; "" where that would be too long."""
    text = SEPARATOR.join(_named(one).token() for one in networks)
    return text if len(text) <= LONGEST_LINK else ""


def open_link(chosen: Chosen, text: str) -> None:
    """Makes the networks of a link the set. A broken part is left out with a sentence, and the rest opens."""
    networks, complaints = read_link(text)
    if networks:
        members = [
            _member(f"m{number}", "fixed", network.token(), note="from a link")
            for number, network in enumerate(networks)
        ]
        chosen["members"], chosen["made"] = members, len(members)
    else:
        complaints.append("Nothing of the link could be opened; this is the network on screen.")
    chosen["complaint"] = " ".join(complaints)


class Kept(BaseModel):
    """A member as a browser keeps it over a reload."""

    model_config = ConfigDict(strict=True)

    source: Source
    token: Annotated[str, Field(max_length=MAX_TOKEN)]
    name: Annotated[str, Field(max_length=LONGEST_NAME)]
    note: Annotated[str, Field(max_length=LONGEST_NOTE)]


def restore(chosen: Chosen, kept: object) -> None:
    """Brings back the set that this browser kept, if nothing was chosen yet; what cannot be read is left out."""
    if chosen["members"] is not None or not isinstance(kept, list):
        return
    members: list[Member] = []
    for entry in kept[:MOST]:
        try:
            one = Kept.model_validate(entry)
            token = Network.from_token(one.token).token() if one.source == "fixed" else ""
        except ValueError:  # a ValidationError is one
            continue
        members.append(_member(f"m{len(members)}", one.source, token, one.name.strip(), one.note))
    if members:
        chosen["members"], chosen["made"] = members, len(members)


def read_link(text: str) -> tuple[list[Network], list[str]]:
    """The networks of a set's link, and a sentence for each part that is none."""
    if len(text) > MOST * (MAX_TOKEN + 1):
        return [], [f"The link has {len(text):,} characters, more than any set of {MOST} networks."]
    parts = text.split(SEPARATOR, MOST)
    complaints = []
    if len(parts) > MOST:
        complaints.append(f"{MOST} networks are compared at most; what else the link holds is left out.")
    networks = []
    for number, part in enumerate(parts[:MOST], start=1):
        try:
            networks.append(Network.from_token(part))
        except ValueError as error:
            which = f"Network {number} of the link" if len(parts) > 1 else "The link"
            complaints.append(f"{which} is left out: {_small(sentence(error))}")
    return networks, complaints


def read_pasted(text: str) -> tuple[list[Network], list[str]]:
    """The networks of a pasted text: JSON, the address of a network or a set, or tokens."""
    if len(text) > MAX_TEXT:
        return [], [f"The text has {len(text):,} characters, more than the {MAX_TEXT:,} of any network."]
    text = text.strip()
    if not text:
        return [], ["There is nothing to read: paste a link, a token or JSON."]
    if text.startswith(("{", "[")):
        try:
            return [Network.from_json(text)], []
        except ValueError as error:
            return [], [sentence(error)]
    if "?" in text:
        try:
            found = parse_qs(urlsplit(text).query, max_num_fields=50)
        except ValueError:
            return [], ["This address cannot be read."]
        wanted = found.get(LINK) or found.get("net")
        if not wanted:
            return [], ["This address has no network in it: it should have ?net=… or ?compare=…"]
        text = wanted[0]
    return read_link(text)


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
