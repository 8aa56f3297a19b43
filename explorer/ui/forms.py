"""The form of the selected cards, made from their fields alone: bounds, title, help and unit are the field's own.

A change applies at once, as one edit of all selected cards. What a field refuses stays in the widget with the reason
under it, so that nothing typed is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import blake2s
from html import escape
from typing import Any

import streamlit as st

from explorer.block import Block
from explorer.network import EditError
from explorer.ui import session, stack, widgets
from explorer.ui.desk import MAX_BATCH, Desk, sentence
from explorer.ui.schemas import Schema, input_schema, schema_of, shared

Change = Callable[[Any], Mapping[str, Any]]  # a new value to the edit that sets it

REFUSED = "explorer.refused"  # in the session: what a field refused, by its widget's key
SHOWN = "explorer.shown"  # by widget: the value that the form gave it; what is said of other widgets is no edit
DRAWN = "explorer.drawn"  # the widgets of the form as it is drawn
VERSIONS = "explorer.versions"  # by widget: how often an edit made elsewhere has given it another value


@st.fragment(key="form")
def show() -> None:
    """The form, as a part of the page that runs by itself."""
    with st.container(key="form", gap=None):
        form(session.desk())
    session.drawn("form")


def form(desk: Desk) -> None:
    """The form of the selected cards, or of the network where none is selected."""
    before = st.session_state.setdefault(SHOWN, {})
    st.session_state[DRAWN] = []
    if desk.chosen:
        block_form(desk, desk.chosen)
    else:
        network_form(desk)
    st.session_state[SHOWN] = {key: before[key] for key in st.session_state[DRAWN]}


def block_form(desk: Desk, chosen: Sequence[int]) -> None:
    """The form of these cards: all fields of one kind, or those that several kinds share."""
    blocks = [desk.network.blocks[at] for at in chosen]
    cards = tuple(desk.now["cards"][at] for at in chosen)
    kinds = tuple(dict.fromkeys(type(block) for block in blocks))
    st.caption(_about(kinds, len(blocks)))
    if len(kinds) == 1 and kinds[0].formula:
        st.html(f'<p class="xp-formula">{formula(kinds[0].formula)}</p>')
    fields = shared(kinds)
    sizes = layout(fields)
    for name, schema in fields.items():
        own = {"placeholder": kinds[0].title} if name == "label" and len(kinds) == 1 else {}
        values = [getattr(block, name) for block in blocks]
        field(desk, f"{_named(cards)}-{name}", {**schema, **own}, values, _setting(cards, name), sizes[name])
    if len(kinds) == 1:
        st.caption(f"{kinds[0].source}.")


def _about(kinds: Sequence[type[Block]], cards: int) -> str:
    if cards == 1:
        return kinds[0].summary
    if len(kinds) == 1:
        return f"{cards} × {kinds[0].title}. A change here is made in all of them."
    *front, last = (kind.title for kind in kinds)
    return f"{cards} cards: {', '.join(front)} and {last}. What they have in common is changed in all of them."


@cache
def formula(text: str) -> str:
    """A formula as HTML: single letters are variables, `X_in` has an index, words are functions."""
    parts = re.finditer(r"([^\W\d_₀-₉]+)([₀-₉]*)(?:_(\w+))?|(.)", text)
    return "".join(
        escape(other)
        if other
        else (f"<i>{escape(name)}</i>" if len(name) == 1 else escape(name))
        + escape(digits)
        + (f"<sub>{escape(index)}</sub>" if index else "")
        for name, digits, index, other in (part.groups() for part in parts)
    )


def layout(fields: Mapping[str, Schema]) -> dict[str, str]:
    """`half` or `wide` for each field; one that would be left alone in its row takes all of it."""
    sizes: dict[str, str] = {}
    alone = ""
    for name, schema in fields.items():
        half = widgets.narrow(schema) and not widgets.has_ladder(schema)
        sizes[name] = "half" if widgets.narrow(schema) else "wide"
        if not half and alone:
            sizes[alone] = "wide"
        alone = name if half and not alone else ""
    if alone:
        sizes[alone] = "wide"
    return sizes


def _named(cards: Sequence[str]) -> str:
    """A name for the widgets of these cards: that of the one, or one that no other group has."""
    return cards[0] if len(cards) == 1 else f"group{blake2s('/'.join(cards).encode(), digest_size=8).hexdigest()}"


def _setting(cards: Sequence[str], name: str) -> Change:
    """The edit of a field of these cards; they are found when it is made, since they may have moved."""
    return lambda value: {"op": "set", "cards": cards, "fields": {name: value}}


def network_form(desk: Desk) -> None:
    """What belongs to no block: name, input, classes, batch."""
    network = desk.network
    field(desk, "network-name", _NAME, [network.name], lambda value: {"op": "name", "name": value})
    for axis, schema in enumerate(input_schema()):
        titled = {**schema, "title": f"Input {schema['title'].lower()}"}
        field(desk, f"network-input{axis}", titled, [network.input[axis]], _axis(desk, axis))
    for at, block in enumerate(network.blocks):
        classes = schema_of(type(block)).get("classes")
        if classes is not None:
            card = desk.now["cards"][at]
            field(desk, f"{card}-classes", classes, [getattr(block, "classes", None)], _setting([card], "classes"))
    session = desk.session
    field(desk, "network-batch", _BATCH, [session["batch"]], lambda size: {"op": "batch", "size": size})
    field(desk, "network-optimizer", _OPTIMIZER, [session["optimizer"]], lambda name: {"op": "optimizer", "name": name})


_NAME: Schema = {"type": "string", "title": "Name", "maxLength": 80, "description": "Stands in the link and in files."}
_BATCH: Schema = {
    "type": "integer",
    "title": "Batch",
    "minimum": 1,
    "maximum": MAX_BATCH,
    "description": "Images in a training step. Activations grow with it, weights do not.",
}
_OPTIMIZER: Schema = {
    "enum": ["sgd", "adamw"],
    "title": "Optimiser",
    "description": "For the memory. SGD with momentum keeps one more copy of the weights, AdamW two.",
}


def _axis(desk: Desk, axis: int) -> Change:
    shape = list(desk.network.input)
    return lambda value: {"op": "input", "shape": [*shape[:axis], value, *shape[axis + 1 :]]}


def field(desk: Desk, key: str, schema: Schema, values: Sequence[Any], change: Change, size: str | None = None) -> None:
    """The widgets for one field, holding the value of all cards; a change makes the edit `change` says."""
    mixed = values if any(value != values[0] for value in values) else ()
    size = size or ("half" if widgets.narrow(schema) else "wide")
    shown = widgets.to_widget(schema, values[0], bool(mixed))
    _draw(f"{size}-{widgets.form_of(schema, bool(mixed))}{key}", schema, shown, mixed, change)
    if not widgets.has_ladder(schema):
        return
    if mixed:  # no place of the slider is theirs
        with st.container(key=f"half-range-{key}"):
            st.caption(f"{min(values):,} to {max(values):,}")
    else:
        powers = widgets.powers(schema)
        own = "" if values[0] in powers else str(values[0])  # a step of its own, and other steps are another widget
        steps = {"title": f"{schema['title']}, powers of 2", "ladder": sorted({*powers, values[0]})}
        _draw(f"half-{key}-slide{own}", steps, values[0], (), change)


def _draw(name: str, schema: Schema, shown: Any, mixed: Sequence[Any], change: Change) -> None:
    """The widget of this name, and under it what it was refused."""
    key, refused = _key(name), st.session_state.get(REFUSED)
    if refused is None or refused["key"] != key:
        refused = None
        key = _key_holding(key, shown)
        st.session_state[key] = shown
    st.session_state[SHOWN][key] = shown
    st.session_state[DRAWN].append(key)
    common = {"key": key, "help": schema.get("description"), "on_change": _changed, "args": (key, schema, change)}
    widgets.show(schema, mixed, common)
    if refused is not None:
        st.html(f'<p class="xp-refused" role="alert">{escape(refused["sentence"])}</p>')


def _key(name: str) -> str:
    """The key under which the widget of this name stands now."""
    return f"{name}-v{st.session_state.get(VERSIONS, {}).get(name, 0)}"


def _key_holding(key: str, shown: Any) -> str:
    """The widget's key, a new one where an edit made elsewhere gave it another value.

    The browser sends the state of all widgets with each message, and under quick keys it has not yet heard of the
    newest values. What it still says of an old one goes to a widget that is no more, and so is nobody's edit.
    """
    if key not in st.session_state or st.session_state[key] == shown:
        return key
    st.session_state[SHOWN].pop(key, None)
    name, _, version = key.rpartition("-v")
    st.session_state.setdefault(VERSIONS, {})[name] = int(version) + 1
    return _key(name)


def _changed(key: str, schema: Schema, change: Change) -> None:
    """Runs before the page does: makes the edit, or keeps what was refused with the reason."""
    here, value, shown = session.desk(), st.session_state[key], st.session_state.get(SHOWN, {})
    if key not in shown:  # the browser still speaks of a widget that is no more
        return
    st.session_state.pop(REFUSED, None)
    if value == shown[key]:
        return
    try:
        _make(here, dict(change(widgets.from_widget(schema, value))))
    except EditError as error:
        st.session_state[REFUSED] = {"key": key, "sentence": sentence(error)}
    else:
        stack.run(stack.NETWORK)


def _make(desk: Desk, edit: dict[str, Any]) -> None:
    """Makes an edit of the form: of the session, of the network, or one of all its cards that are still there."""
    if edit["op"] == "batch":
        desk.set_batch(edit["size"])
    elif edit["op"] == "optimizer":
        desk.set_optimizer(edit["name"])
    elif "cards" in edit:
        cards, places = edit.pop("cards"), desk.now["cards"]  # a quick key may have taken one of them away
        edits = [{**edit, "at": places.index(card)} for card in cards if card in places]
        if edits:
            desk.apply(edits[0] if len(edits) == 1 else {"op": "group", "edits": edits})
    else:
        desk.apply(edit)
