"""The form of a block, made from its pydantic fields alone: bounds, title, help and unit come from the field itself.

A change applies at once, as an edit. What a field refuses stays in the widget with the reason under it, so that
nothing typed is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from typing import Any

import streamlit as st
from pydantic import TypeAdapter

from explorer.block import Block
from explorer.network import EditError
from explorer.shape import Shape
from explorer.ui.desk import MAX_BATCH, Desk, sentence

Schema = Mapping[str, Any]
Change = Callable[[Any], Mapping[str, Any]]  # a new value to the edit that sets it

REFUSED = "explorer.refused"  # in the session: what a field refused, by its widget's key
SHOWN = "explorer.shown"  # by widget: the value that the form gave it; what is said of other widgets is no edit
DRAWN = "explorer.drawn"  # the widgets of the form as it is drawn
VERSIONS = "explorer.versions"  # by widget: how often an edit made elsewhere has given it another value
SEGMENTS, SEGMENT_TEXT = 5, 27  # choices, and characters in all, that stand side by side in full width
SLIDER = 32  # as many values as a slider can offer and still be hit
COARSE = 1024  # a range as long as this steps by 8, as widths do
LINE = 250  # characters that a text may have before it wants an area
NARROW = 11  # characters of choices that fit in half the width
OPTIONAL = "automatic"


@cache
def schema_of(kind: type[Block]) -> dict[str, Schema]:
    """The JSON schema of each field that a form shows, alternatives merged."""
    properties = kind.model_json_schema()["properties"]
    return {name: _merged(schema) for name, schema in properties.items() if "const" not in schema}


@cache
def input_schema() -> tuple[Schema, ...]:
    """The schemas of an input's channels, height and width."""
    return tuple(TypeAdapter(Shape).json_schema()["prefixItems"])


def _merged(schema: Schema) -> Schema:
    """`anyOf` of constants and enums as one enum; of a type and null as that type, optional."""
    options = schema.get("anyOf")
    if options is None:
        return schema
    own = {name: value for name, value in schema.items() if name != "anyOf"}
    if any(option.get("type") == "null" for option in options):
        [kept] = [option for option in options if option.get("type") != "null"]
        return {**kept, **own, "optional": True}
    values = [value for option in options for value in option.get("enum", [option.get("const")])]
    return {**own, "enum": values}


def form(desk: Desk) -> None:
    """The form of the selected block, or of the network where no block is selected."""
    before = st.session_state.setdefault(SHOWN, {})
    st.session_state[DRAWN] = []
    if desk.selected < 0:
        network_form(desk)
    else:
        block_form(desk, desk.selected)
    st.session_state[SHOWN] = {key: before[key] for key in st.session_state[DRAWN]}


def block_form(desk: Desk, at: int) -> None:
    """The form of one block."""
    block, card = desk.network.blocks[at], desk.now["cards"][at]
    kind = type(block)
    st.caption(kind.summary)
    for name, schema in schema_of(kind).items():
        field(desk, f"{card}-{name}", schema, getattr(block, name), _setting(card, name))
    st.caption(_origin(kind))


@cache
def _origin(kind: type[Block]) -> str:
    formula = f"`{kind.formula}`  \n" if kind.formula else ""
    return f"{formula}{kind.source}."


def _setting(card: str, name: str) -> Change:
    """The edit of a block's field; the card is found when it is made, since it may have moved."""
    return lambda value: {"op": "set", "card": card, "fields": {name: value}}


def network_form(desk: Desk) -> None:
    """What belongs to no block: name, input, classes, batch."""
    network = desk.network
    field(desk, "network-name", _NAME, network.name, lambda value: {"op": "name", "name": value})
    for axis, schema in enumerate(input_schema()):
        titled = {**schema, "title": f"Input {schema['title'].lower()}"}
        field(desk, f"network-input{axis}", titled, network.input[axis], _axis(desk, axis))
    for at, block in enumerate(network.blocks):
        classes = schema_of(type(block)).get("classes")
        if classes is not None:
            card = desk.now["cards"][at]
            field(desk, f"{card}-classes", classes, getattr(block, "classes", None), _setting(card, "classes"))
    session = desk.session
    field(desk, "network-batch", _BATCH, session["batch"], lambda size: {"op": "batch", "size": size})
    field(desk, "network-optimizer", _OPTIMIZER, session["optimizer"], lambda name: {"op": "optimizer", "name": name})


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


def field(desk: Desk, key: str, schema: Schema, value: Any, change: Change) -> None:
    """The widget for one field, holding `value`; a change makes the edit `change` says."""
    shown, refused = _to_widget(schema, value), st.session_state.get(REFUSED)
    key = _key(f"{'half' if _narrow(schema) else 'wide'}-{key}")
    if refused is None or refused["key"] != key:
        refused = None
        key = _key_holding(key, shown)
        st.session_state[key] = shown
    st.session_state[SHOWN][key] = shown
    st.session_state[DRAWN].append(key)
    common = {"key": key, "help": schema.get("description"), "on_change": _changed, "args": (key, schema, change)}
    _widget(key, schema, common)
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


def _narrow(schema: Schema) -> bool:
    if "enum" in schema:
        return not _segmented(schema) or _text(schema) <= NARROW
    return schema.get("type") in ("integer", "number", "boolean")


def _text(schema: Schema) -> int:
    return sum(len(str(value)) for value in schema["enum"])


def _segmented(schema: Schema) -> bool:
    return len(schema["enum"]) <= SEGMENTS and _text(schema) <= SEGMENT_TEXT


def _widget(key: str, schema: Schema, common: dict[str, Any]) -> None:
    label = schema.get("title", key) + (", px" if schema.get("unit") == "px" else "")
    kind = schema.get("type")
    if "enum" in schema and _segmented(schema):
        st.segmented_control(label, schema["enum"], required=True, format_func=str, **common)
    elif "enum" in schema:
        st.selectbox(label, schema["enum"], format_func=_choice, **common)
    elif kind == "boolean":
        st.toggle(label, **common)
    elif kind == "integer":
        _whole_number(label, schema, common)
    elif kind == "number":
        _number(label, schema, common)
    elif kind == "array":
        st.text_input(label, placeholder="none; such as 512, 256", **common)
    elif schema.get("maxLength", 0) > LINE:
        st.text_area(label, height=92, max_chars=schema["maxLength"], **common)
    else:
        st.text_input(label, max_chars=schema.get("maxLength"), **common)


def _whole_number(label: str, schema: Schema, common: dict[str, Any]) -> None:
    low, high, optional = schema.get("minimum"), schema.get("maximum"), schema.get("optional", False)
    if low is not None and high is not None and high - low < SLIDER and not optional:
        st.slider(label, low, high, step=1, **common)
        return
    step = 8 if high is not None and high >= COARSE and low == 1 and not optional else 1
    # no value of its own, so that an emptied field says so and does not become the least
    st.number_input(label, low, high, value=None, step=step, placeholder=OPTIONAL if optional else None, **common)


def _number(label: str, schema: Schema, common: dict[str, Any]) -> None:
    low = float(schema.get("minimum", schema.get("exclusiveMinimum", 0)))
    high = float(schema.get("maximum", schema.get("exclusiveMaximum", 1)))
    step, written = (1e-3, "%g") if high < 1 else (0.05, "%.3g")
    st.number_input(label, low, high, value=None, step=step, format=written, **common)


def _choice(value: object) -> str:
    return str(value).replace("_", " ")


def _to_widget(schema: Schema, value: Any) -> Any:
    if schema.get("type") == "array":
        return ", ".join(str(each) for each in value)
    if schema.get("type") == "number" and value is not None:
        return float(value)
    return value


def _from_widget(schema: Schema, value: Any) -> Any:
    """The field's value of a widget's. Raises EditError."""
    if schema.get("type") == "array":
        parts = [part for part in value.replace(",", " ").split() if part]
        try:
            return [int(part) for part in parts]
        except ValueError:
            raise EditError("Whole numbers, separated by commas.") from None
    if value is None and not schema.get("optional"):
        raise EditError("A value is needed here.")
    return value


def _changed(key: str, schema: Schema, change: Change) -> None:
    """Runs before the page does: makes the edit, or keeps what was refused with the reason."""
    from explorer.ui.session import desk

    here, value, shown = desk(), st.session_state[key], st.session_state.get(SHOWN, {})
    if key not in shown:  # the browser still speaks of a widget that is no more
        return None
    st.session_state.pop(REFUSED, None)
    if value == shown[key]:
        return None
    try:
        edit = dict(change(_from_widget(schema, value)))
        if edit["op"] == "batch":
            return here.set_batch(edit["size"])
        if edit["op"] == "optimizer":
            return here.set_optimizer(edit["name"])
        if "card" in edit:
            card, cards = edit.pop("card"), here.now["cards"]
            if card not in cards:  # a quick key took the card away before its form had gone
                return None
            edit["at"] = cards.index(card)
        here.apply(edit)
    except EditError as error:
        st.session_state[REFUSED] = {"key": key, "sentence": sentence(error)}
