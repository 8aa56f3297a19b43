"""What a browser keeps, so that neither its crash nor a restart of the server loses anything.

The browser is told the numbers of all states, and what the newest of them are; it puts the line together as it sees it
and hands it back to a session that has nothing of its own. Whatever comes back is hostile: a bounded amount is looked
at, and what cannot be read is left out.
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from explorer.network import MAX_COPIES, MAX_TOKEN, Network
from explorer.training.recipe import Recipe
from explorer.ui import deeds, history
from explorer.ui.desk import MAX_BATCH, MAX_TARGET, Desk, Optimizer, Quantity, Style, View, sentence
from explorer.ui.history import Known

Data = dict[str, Any]

NEWEST = 12  # states told in full: more than are made between two looks of the browser
MOST_TEXT = 2_000_000  # characters of all tokens together; farther states than these hold are left out
MOST_BLOCKS = 50 * MAX_COPIES  # the same for their blocks
MOST_BAD = 20  # states that cannot be read, after which no more are looked at


class Entry(BaseModel):
    """One state as a browser keeps it."""

    model_config = ConfigDict(strict=True)

    number: Annotated[int, Field(ge=0, le=2**53)]
    token: Annotated[str, Field(max_length=MAX_TOKEN)]
    label: Annotated[str, Field(max_length=deeds.LONGEST)]


class Goal(BaseModel):
    """A budget as a browser keeps it."""

    model_config = ConfigDict(strict=True)

    quantity: Quantity
    value: Annotated[int, Field(ge=1, le=MAX_TARGET)]


def _of_a_recipe(fields: Data) -> Data:
    """These fields, if a recipe can have them."""
    Recipe.model_validate(fields)
    return fields


SETTINGS: dict[str, TypeAdapter[Any]] = {
    "batch": TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=MAX_BATCH)]),
    "optimizer": TypeAdapter(Optimizer),
    "recipe": TypeAdapter(Annotated[Data, AfterValidator(_of_a_recipe)]),
    "target": TypeAdapter(Goal | None),
    "view": TypeAdapter(View),
    "style": TypeAdapter(Style),
}
_notes: TypeAdapter[list[str]] = TypeAdapter(
    Annotated[list[Annotated[str, Field(strict=True, max_length=1000)]], Field(max_length=MAX_COPIES)]
)


def told(desk: Desk) -> Data:
    """What the browser is to keep: the line by numbers, its newest states, and the settings."""
    session, line = desk.session, history.line(desk.history)
    newest = sorted(line, key=lambda state: state["number"])[-NEWEST:]
    states = newest if desk.now in newest else [*newest, desk.now]
    notes = session["notes"]
    return {
        "origin": desk.history["origin"],
        "line": [state["number"] for state in line],
        "at": len(desk.history["past"]),
        "states": [{"number": state["number"], "token": state["network"], "label": state["label"]} for state in states],
        "settings": {name: cast(Data, session)[name] for name in SETTINGS}
        | {"notes": [notes.get(card, "") for card in desk.now["cards"]] if notes else []},
    }


def restore(desk: Desk, kept: object) -> None:
    """Brings back what this browser kept, if the session has nothing of its own yet."""
    session = desk.session
    if not session["fresh"]:
        return
    session["fresh"] = False
    linked, link = session["linked"], desk.now
    data = kept if isinstance(kept, dict) else {}
    line, at, complaint = _states(data)
    if complaint and not linked:
        desk.tell(f"Not all that this browser kept can be read. {complaint}", "error")
    if not line:
        return
    if linked:  # the link stays open, and what it replaced is one undo away
        line = line[: at + 1 if line[at].network != link["network"] else at]
        at, number = len(line), line[-1].number + 1 if line else 0
        line.append(Known(number, link["network"], desk.network.blocks, link["label"]))
    session["history"] = history.resume(line, at, _origin(data.get("origin")))
    settings = data.get("settings")
    if isinstance(settings, dict):
        _settle(desk, settings)


def _settle(desk: Desk, settings: Data) -> None:
    """Takes over each setting by itself, so that one that is bad does not take the others along."""
    for name, reader in SETTINGS.items():
        with suppress(KeyError, ValidationError):
            value = reader.validate_python(settings[name])
            cast(Data, desk.session)[name] = reader.dump_python(value)
    with suppress(KeyError, ValidationError):
        notes = _notes.validate_python(settings["notes"])
        if not desk.session["linked"]:
            desk.session["notes"] = {card: note for card, note in zip(desk.now["cards"], notes, strict=False) if note}


def _origin(kept: object) -> str:
    """The kept name of the line, or a new one where that is none."""
    return kept if isinstance(kept, str) and re.fullmatch(r"[0-9a-f]{12}", kept) else secrets.token_hex(6)


def _states(kept: Data) -> tuple[list[Known], int, str]:
    """The states that can be read, which of them is the present, and why the first of the others cannot."""
    raw, at = kept.get("states"), kept.get("at")
    if not isinstance(raw, list) or type(at) is not int or not 0 <= at < len(raw):
        return [], 0, "It is no line of networks."
    first = max(0, at + 1 - history.MOST)
    raw, at = raw[first : first + history.MOST], at - first
    found: dict[int, Known] = {}
    complaints: list[str] = []
    characters = blocks = 0
    for index in (*range(at, -1, -1), *range(at + 1, len(raw))):  # the present first, then what led to it
        try:
            entry = Entry.model_validate(raw[index])
            characters += len(entry.token)
            if characters > MOST_TEXT:
                break
            network = Network.from_token(entry.token)
        except ValidationError:
            complaints.append("A state of it is none.")
        except ValueError as error:
            complaints.append(sentence(error))
        else:
            blocks += len(network.blocks)
            if blocks > MOST_BLOCKS:
                break
            found[index] = Known(entry.number, network.token(), network.blocks, entry.label)
        if len(complaints) == MOST_BAD:
            break
    line: list[Known] = []
    present = 0
    for index in sorted(found):
        if line and found[index].number <= line[-1].number:
            continue
        line.append(found[index])
        if index <= at:
            present = len(line) - 1
    return line, present, complaints[0] if complaints else ""
