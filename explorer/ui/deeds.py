"""What an edit did, in the past tense, as the timeline says it: `moved Inception module to 3`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from explorer.block import Block
from explorer.network import Network
from explorer.shape import ShapeError, show
from explorer.ui.history import Hand

LONGEST = 120  # characters of a deed


def deed(edit: Mapping[str, Any], before: Network, after: Network, error: ShapeError | None, hand: Hand) -> str:
    """What `edit` did to `before`, whose error it may have mended; `hand` is how it leaves the cards."""
    return brief(_mended(edit, error) or _done(edit, before, after, hand.chosen))


def brief(text: str) -> str:
    """The text, cut to what the timeline has room for."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _mended(edit: Mapping[str, Any], error: ShapeError | None) -> str:
    """Of an edit that is one of the error's own ways out."""
    if error is None or error.index is None:
        return ""
    label = next((way.label.replace('"', "") for way in error.ways if dict(way.edit) == dict(edit)), "")
    return label and f"mended block {error.index + 1}: {label}"


def _done(edit: Mapping[str, Any], before: Network, after: Network, moved: Sequence[int]) -> str:
    blocks, at = before.blocks, edit.get("at", 0)
    match edit["op"]:
        case "insert":
            return f"added {after.blocks[at].name} at {at + 1}"
        case "paste":
            new = after.blocks[at : at + len(edit["blocks"])]
            return f"pasted {_cards(new)} at {at + 1}"
        case "duplicate":
            return f"duplicated {blocks[at].name} at {at + 1}"
        case "remove":
            return f"removed {blocks[at].name} at {at + 1}"
        case "move":
            return f"moved {blocks[at].name} to {edit['to'] + 1}"
        case "arrange":
            return _arranged(edit["order"], blocks, after.blocks, moved)
        case "replace":
            return f"replaced {blocks[at].name} at {at + 1} by {after.blocks[at].name}"
        case "set":
            return _set(edit["fields"], at, blocks[at], after.blocks[at])
        case "group":
            return _set_several(edit["edits"], blocks, after.blocks)
        case "input":
            return f"set the input to {show(after.input)}"
        case _:
            return f"renamed the network to {after.name}" if after.name else "took the network's name away"


def _cards(blocks: Sequence[Block]) -> str:
    return blocks[0].name if len(blocks) == 1 else f"{len(blocks)} cards"


def _arranged(order: Sequence[int], blocks: Sequence[Block], after: Sequence[Block], moved: Sequence[int]) -> str:
    times = Counter(order)
    gone = [block for at, block in enumerate(blocks) if not times[at]]
    repeated = [blocks[at] for at, number in times.items() for _ in range(number - 1)]
    still = [at for place, at in enumerate(order) if place not in moved]
    if (gone and repeated) or (not repeated and still != sorted(still)) or not (gone or repeated or moved):
        return "rearranged the stack"
    if gone:
        return f"removed {_cards(gone)}"
    if repeated:
        return f"duplicated {_cards(repeated)}"
    return f"moved {_cards([after[at] for at in moved])} to {moved[0] + 1}"


def _set(fields: Collection[str], at: int, before: Block, after: Block) -> str:
    if set(fields) == {"label"}:
        return f"renamed block {at + 1} {before.name} to {after.name}"
    if set(fields) == {"repeat"}:
        return f"{after.name} ×{before.copies} → ×{after.copies}"
    changes = _changes(fields, after)
    if len(changes) == 1:
        return f"set {changes[0][0]} of block {at + 1} {after.name} to {changes[0][1]}"
    return f"set {_listed(f'{title} to {value}' for title, value in changes)} of block {at + 1} {after.name}"


def _set_several(edits: Sequence[Mapping[str, Any]], before: Sequence[Block], after: Sequence[Block]) -> str:
    cards = sorted({edit["at"] for edit in edits})
    names = dict.fromkeys(name for edit in edits for name in edit["fields"])
    if len(cards) == 1:
        [at] = cards
        return _set(names, at, before[at], after[at])
    many = f"{len(cards)} cards"
    if set(names) == {"repeat"}:
        times = {after[at].copies - before[at].copies for at in cards}
        more = times.pop() if len(times) == 1 else 0
        return f"{many} {'+' if more > 0 else '−'}{abs(more)} copies each" if more else f"set the copies of {many}"
    changed = [dict(_changes(names, after[at])) for at in cards]
    if all(changes == changed[0] for changes in changed):
        return f"set {_listed(f'{title} to {value}' for title, value in changed[0].items())} of {many}"
    return f"set {_listed(changed[0])} of {many}"


def _changes(names: Collection[str], after: Block) -> list[tuple[str, str]]:
    """Title and value of the fields named."""
    fields = type(after).model_fields
    return [((fields[name].title or name).lower(), _value(getattr(after, name))) for name in names if name in fields]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value not in (None, "") else "none" if value == "" else "automatic"


def _listed(parts: Iterable[str]) -> str:
    *front, last = parts
    return f"{', '.join(front)} and {last}" if front else last
