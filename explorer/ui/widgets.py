"""The widget that suits a field: sliders and choices from its own bounds, and what it says as a value of the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.network import EditError
from explorer.ui.schemas import Schema

SEGMENTS, SEGMENT_TEXT = 5, 27  # choices, and characters in all, that stand side by side in full width
SLIDER = 32  # as many values as a slider can offer and still be hit
COARSE = 1024  # a range as long as this steps by 8, as widths do
LINE = 250  # characters that a text may have before it wants an area
NARROW = 11  # characters of choices that fit in half the width
LEAST_WIDTH, GREATEST_WIDTH = 4, 4096  # powers of two that a slider of widths offers
LISTED = 13  # characters of differing values that a label can hold
OPTIONAL = "automatic"
MIXED = "mixed"


def narrow(schema: Schema) -> bool:
    """Whether the widget fits in half the width."""
    if "enum" in schema:
        return not _segmented(schema) or _text(schema) <= NARROW
    return schema.get("type") in ("integer", "number", "boolean")


def _text(schema: Schema) -> int:
    return sum(len(str(value)) for value in schema["enum"])


def _segmented(schema: Schema) -> bool:
    return len(schema["enum"]) <= SEGMENTS and _text(schema) <= SEGMENT_TEXT


def _slides(schema: Schema) -> bool:
    low, high = schema.get("minimum"), schema.get("maximum")
    return low is not None and high is not None and high - low < SLIDER and not schema.get("optional")


def has_ladder(schema: Schema) -> bool:
    """Whether the field is a width, which a slider over powers of two sets beside the exact number."""
    return schema.get("type") == "integer" and schema.get("unit") == "ch" and not schema.get("optional")


def powers(schema: Schema) -> list[int]:
    """The powers of two that the slider of a width offers, within the field's bounds."""
    return [2**power for power in range(32) if LEAST_WIDTH <= 2**power <= min(schema["maximum"], GREATEST_WIDTH)]


def form_of(schema: Schema, mixed: bool) -> str:
    """A word for the widget where a mixed value wants another one: keys of different widgets must differ."""
    return "mixed-" if mixed and (schema.get("type") == "boolean" or (_whole(schema) and _slides(schema))) else ""


def _whole(schema: Schema) -> bool:
    return "enum" not in schema and schema.get("type") == "integer"


def show(schema: Schema, mixed: Sequence[Any], common: dict[str, Any]) -> None:
    """The widget; `mixed` are the values in which the cards differ, empty where they agree."""
    label = schema.get("title", common["key"]) + (", px" if schema.get("unit") == "px" else "")
    if mixed:
        label += f" · {listed(mixed) if _short(mixed) else MIXED}"
        common = {**common, "help": f"{MIXED.capitalize()}: {quoted(mixed)}.  \n{common['help'] or ''}"}
    kind, placeholder = schema.get("type"), MIXED if mixed else None
    if "ladder" in schema:
        st.select_slider(label, schema["ladder"], label_visibility="collapsed", **common)
    elif "enum" in schema and _segmented(schema):
        st.segmented_control(label, schema["enum"], required=True, format_func=str, **common)
    elif "enum" in schema:
        st.selectbox(
            label, schema["enum"], index=None if mixed else 0, format_func=_choice, placeholder=placeholder, **common
        )
    elif kind == "boolean" and mixed:
        st.segmented_control(label, [True, False], required=True, format_func=_on_or_off, **common)
    elif kind == "boolean":
        st.toggle(label, **common)
    elif kind == "integer":
        _whole_number(label, schema, placeholder, common)
    elif kind == "number":
        _number(label, schema, placeholder, common)
    elif kind == "array":
        st.text_input(label, placeholder=placeholder or "none; such as 512, 256", **common)
    elif schema.get("maxLength", 0) > LINE:
        st.text_area(label, height=92, max_chars=schema["maxLength"], placeholder=placeholder, **common)
    else:
        placeholder = placeholder or schema.get("placeholder")
        st.text_input(label, max_chars=schema.get("maxLength"), placeholder=placeholder, **common)


def _whole_number(label: str, schema: Schema, placeholder: str | None, common: dict[str, Any]) -> None:
    low, high = schema.get("minimum"), schema.get("maximum")
    if _slides(schema) and not placeholder:
        st.slider(label, low, high, step=1, **common)
        return
    wide = schema.get("unit") in ("ch", "px") and high is not None and high >= COARSE and not schema.get("optional")
    placeholder = placeholder or (OPTIONAL if schema.get("optional") else None)
    # no value of its own, so that an emptied field says so and does not become the least
    st.number_input(label, low, high, value=None, step=8 if wide else 1, placeholder=placeholder, **common)


def _number(label: str, schema: Schema, placeholder: str | None, common: dict[str, Any]) -> None:
    low = float(schema.get("minimum", schema.get("exclusiveMinimum", 0)))
    high = float(schema.get("maximum", schema.get("exclusiveMaximum", 1)))
    step, written = (1e-3, "%g") if high < 1 else (0.05, "%.3g")
    st.number_input(label, low, high, value=None, step=step, format=written, placeholder=placeholder, **common)


def _choice(value: object) -> str:
    return str(value).replace("_", " ")


def _on_or_off(value: object) -> str:
    return "on" if value else "off"


def listed(values: Sequence[Any]) -> str:
    """`16, 32, 64`, each value once and as it is read."""
    return ", ".join(dict.fromkeys(_written(value) for value in values))


def quoted(values: Sequence[Any], most: int = 8) -> str:
    """The same as code, since the values may be a person's own words and are read as Markdown."""
    different = list(dict.fromkeys(_written(value).replace("`", "ʼ") or " " for value in values))
    more = f" and {len(different) - most} more" if len(different) > most else ""
    return ", ".join(f"`{value}`" for value in different[:most]) + more


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return _on_or_off(value)
    if isinstance(value, tuple | list):
        return ", ".join(str(each) for each in value) or "none"
    return OPTIONAL if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _short(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values) and len(listed(values)) <= LISTED


def to_widget(schema: Schema, value: Any, mixed: bool = False) -> Any:
    """What the widget holds for a value of the field; empty for cards that differ."""
    textual = schema.get("type") in ("array", "string") and "enum" not in schema
    if mixed:
        return "" if textual else None
    if schema.get("type") == "array":
        return ", ".join(str(each) for each in value)
    if schema.get("type") == "number" and value is not None:
        return float(value)
    return value


def from_widget(schema: Schema, value: Any) -> Any:
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
