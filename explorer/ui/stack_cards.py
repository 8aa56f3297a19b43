"""The cards of the stack as data: nothing in it that the page does not show."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from explorer.block import Block
from explorer.drawing import captions, picture
from explorer.report import Card, Report
from explorer.shape import ShapeError, Way, show, signed
from explorer.ui import measuring, words
from explorer.ui.desk import Desk, sentence

Data = dict[str, Any]

UNKNOWN = "…"  # a shape that only comes once what is before it fits together


def cards(desk: Desk, report: Report) -> tuple[list[Data], dict[str, str]]:
    """A card for each block, and each distinct drawing once by the key that cards name it by."""
    session = desk.session
    whole = _Whole(report)
    times = [None if each is None else each["forward"] + each["backward"] for each in measuring.of(desk, report)]
    known = [each for each in times if each is not None]
    longest, total = max(known, default=0.0), sum(known)
    keys: dict[str, str] = {}  # of each drawing
    opened = set(session["inside"])
    made = []
    for name, card, block, time in zip(desk.now["cards"], report.cards, desk.network.blocks, times, strict=True):
        drawing = _miniature(block, card.input_shape)
        data = {"id": name, **card_data(card, block), "overlays": whole.overlays(card), "block": _block(block)}
        if data["overlays"] and time is not None:
            data["overlays"]["ms"] = _overlay(words.milliseconds(time), time, total, longest)
        data["error"] = refusal(report.error) if card.status == "error" and report.error is not None else None
        data["drawing"] = keys.setdefault(drawing, f"drawing{len(keys)}")
        data["open"] = name in opened
        if data["open"]:
            data["inside"] = picture.inside(block, card.input_shape) if card.status == "ok" else None
            data["chips"] = block.chips()
        data["note"] = session["notes"].get(name)
        made.append(data)
    return made, {key: drawing for drawing, key in keys.items()}


def card_data(card: Card, block: Block) -> Data:
    """What a card says of itself wherever it stands."""
    known = card.status == "ok"
    chosen = {choice.field: choice.chosen for choice in card.choices}
    data: Data = {
        **_face(type(block)),
        "title": block.name,
        "label": block.label,
        "repeat": block.copies if block.repeats else None,
        "settings": " · ".join(filter(None, (_settings(block), *captions.choices(card)))),
        "status": card.status,
        "shortcut": chosen.get("shortcut", getattr(block, "shortcut", None)),
        "input": show(card.input_shape) if known else UNKNOWN,
        "output": show(card.output_shape) if known else UNKNOWN,
    }
    if known:
        saved = words.memory(card.saved_bytes)
        data["params"] = words.compact(card.params)
        data["macs"] = words.compact(card.macs)
        data["exact"] = f"{card.params:,} parameters · {card.macs:,} MACs per image · {saved} saved for backward"
    return data


class _Whole:
    """What the network has of each quantity, and its greatest card: what the others are measured by."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.macs = max((card.macs for card in report.cards), default=0)
        self.params = max((card.params for card in report.cards), default=0)
        self.saved = max((card.saved_bytes for card in report.cards), default=0)
        fields = [card.receptive_field for card in report.cards]
        self.field = max((field.size for field in fields if field is not None), default=0)

    def overlays(self, card: Card) -> Data | None:
        """What can be shown over a card: its text, its share of the network, and of the greatest card as heat."""
        if card.status != "ok":
            return None
        field, whole = card.receptive_field, self.report
        return {
            "macs": _overlay(words.percent(card.macs, whole.macs), card.macs, whole.macs, self.macs),
            "params": _overlay(words.percent(card.params, whole.params), card.params, whole.params, self.params),
            "saved": _overlay(words.memory(card.saved_bytes), card.saved_bytes, whole.saved_bytes, self.saved),
            "field": _overlay(f"{field.size:,} px", field.size, self.field, self.field) if field else None,
        }


def _overlay(text: str, part: float, whole: float, most: float) -> Data:
    return {"text": text, "share": words.share(part, whole), "heat": words.share(part, most)}


def refusal(error: ShapeError) -> Data:
    """The card's own words for an error, and its ways out with their price."""
    return {
        "head": head(error),
        "ways": [
            {
                "label": _on_a_button(way),
                "price": "" if way.params is None else signed(way.params),
                "edit": dict(way.edit),
            }
            for way in error.ways
        ],
        "place": list(error.place) or None,
    }


def _on_a_button(way: Way) -> str:
    """`it first`, which an error's sentence ends in, is `Put it first` on a button."""
    label = f"put {way.label}" if way.edit.get("op") == "move" else way.label
    return label[:1].upper() + label[1:]


def head(error: ShapeError) -> str:
    """An error in one sentence, without its place."""
    return sentence(ValueError(error.reason))


@lru_cache(maxsize=64)
def _face(kind: type[Block]) -> Data:
    return {
        "kind": kind.model_fields["kind"].default,
        "kindTitle": kind.title,
        "family": kind.family,
        "role": kind.role,
    }


@lru_cache(maxsize=2048)
def _settings(block: Block) -> str:
    return " · ".join(captions.settings(block))


@lru_cache(maxsize=2048)
def _block(block: Block) -> Data:
    """The block as JSON: its kind and the fields that differ from their default."""
    return {"kind": block.kind, **block.model_dump(mode="json", exclude_defaults=True)}


@lru_cache(maxsize=2048)
def _miniature(block: Block, in_shape: tuple[int, ...]) -> str:
    return picture.miniature(block, in_shape or None)
