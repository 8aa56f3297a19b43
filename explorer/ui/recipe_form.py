"""The form of a recipe, made from its fields: bounds, title and help come from the field itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import streamlit as st

from explorer.network import Network
from explorer.training.recipe import Recipe
from explorer.ui.training import recipe_for, state


def show(network: Network) -> None:
    """A widget for each field; a change holds for the next run, whatever the network."""
    recipe = recipe_for(network)
    with st.container(key="recipe", gap="small"):
        for name, schema in _schemas().items():
            _field(name, schema, getattr(recipe, name))
        if state()["recipe"] and st.button("Back to the usual recipe", key="recipe-reset"):
            state()["recipe"] = {}
            st.rerun()


@cache
def _schemas() -> dict[str, Mapping[str, Any]]:
    return {name: schema for name, schema in Recipe.model_json_schema()["properties"].items() if "const" not in schema}


def _field(name: str, schema: Mapping[str, Any], value: Any) -> None:
    key = f"recipe-{name}"
    st.session_state[key] = value
    common: dict[str, Any] = {
        "label": schema.get("title", name),
        "key": key,
        "help": schema.get("description"),
        "on_change": _changed,
        "args": (name,),
    }
    if "enum" in schema:
        st.segmented_control(options=schema["enum"], required=True, **common)
        return
    optional = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    bounds = optional[0] if optional else schema
    whole = bounds["type"] == "integer"
    kind, text, step = (int, "%d", 1) if whole else (float, "%g", None)
    low = bounds.get("minimum", bounds.get("exclusiveMinimum"))
    high = bounds.get("maximum", bounds.get("exclusiveMaximum"))
    common |= {"min_value": kind(low), "max_value": kind(high), "step": step, "format": text, "placeholder": "never"}
    st.number_input(**common)


def _changed(name: str) -> None:
    """Keeps what was typed, if the recipe as a whole accepts it."""
    changed = {**state()["recipe"], name: st.session_state[f"recipe-{name}"]}
    try:
        Recipe.model_validate(changed)
    except ValueError:
        return  # the widget falls back to the value before
    state()["recipe"] = changed
