"""The form of a recipe, made from its fields: groups, bounds, title and help come from the field itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

import streamlit as st
from pydantic import ValidationError

from explorer.network import Network
from explorer.training.recipe import PRESETS, Group, Recipe
from explorer.ui import images
from explorer.ui.results import line, say
from explorer.ui.training import change, changes, recipe_for

STYLE = """<style>
.st-key-recipe { gap: 8px !important; }
.st-key-recipe label p { font-size: 12px !important; color: var(--xp-muted); }
.st-key-recipe [data-testid="stWidgetLabel"] { min-height: 0; margin-bottom: 2px; }
.st-key-recipe [data-testid="stButtonGroup"] button { min-height: 30px; padding-inline: 8px; }
.st-key-recipe [data-testid="stExpander"] details { border-color: var(--xp-line); border-radius: 8px; }
.st-key-recipe [data-testid="stExpander"] summary { padding: 6px 10px; min-height: 0; }
.st-key-recipe [data-testid="stExpander"] summary p { font-size: 12px; line-height: 1.4; }
.st-key-recipe [data-testid="stExpanderDetails"] { padding: 2px 10px 10px; }
.st-key-recipe [data-testid="stExpanderDetails"] .stVerticalBlock { gap: 8px; }
.st-key-recipe :is([data-testid="stNumberInputStepDown"], [data-testid="stNumberInputStepUp"]) { display: none; }
.st-key-recipe-presets { gap: 4px !important; flex-wrap: wrap; }
.st-key-recipe-presets button { min-height: 28px; padding: 2px 6px; }
.st-key-recipe-presets button p { font-size: 11.5px; white-space: nowrap; }
[class*="st-key-recipe-pair"] { gap: 8px !important; flex-wrap: nowrap !important; align-items: flex-end; }
[class*="st-key-recipe-pair"] > * { flex: 1 1 0 !important; min-width: 0 !important; width: auto !important; }
</style>"""
SAID = "recipe-said"  # why what was typed was not taken
RENEWED = "recipe-renewed"  # how often the recipe as a whole was put in place of another
WIDE = 18  # characters of choices that stand side by side; more are a list that opens


def show(network: Network) -> None:
    """The presets, and a widget for each field; a change holds for the next run, whatever the network."""
    recipe = recipe_for(network)
    st.html(STYLE)
    with st.container(key="recipe", gap="small"):
        _presets(network, recipe)
        say(st.session_state.pop(SAID, ""), bad=True)
        for group in get_args(Group):
            fields = {name: schema for name, schema in _schemas().items() if schema["group"] == group}
            if group == "Run":
                images.choose(fields["data"], recipe, network)
                _group(fields, recipe)
                continue
            with st.expander(f"{group} · :gray[{_summary(group, recipe)}]", key=f"recipe-group-{group.lower()}"):
                _group(fields, recipe)
        if changes() and st.button("Back to the usual recipe", key="recipe-reset"):
            _renew({})


def _presets(network: Network, recipe: Recipe) -> None:
    """A button a preset; the one that the recipe is stands out."""
    line("<h2>Recipe</h2>")
    with st.container(key="recipe-presets", horizontal=True):
        for name, preset in PRESETS.items():
            chosen = preset.recipe(network, recipe.data, recipe.seed) == recipe
            if st.button(
                preset.title,
                key=f"recipe-preset-{name}",
                help=preset.summary,
                type="primary" if chosen else "secondary",
            ):
                kept = {key: value for key, value in changes().items() if key in ("data", "seed")}
                usual = Recipe.default_for(network).model_dump()
                fields = preset.changes(network, recipe.data)
                _renew(kept | {key: value for key, value in fields.items() if usual[key] != value})


def _renew(fields: dict[str, Any]) -> None:
    """Another recipe, in new widgets: a number out of bounds would stay in its box, whatever the value behind it."""
    change(fields)
    st.session_state[RENEWED] = st.session_state.get(RENEWED, 0) + 1
    st.rerun()


def _key(name: str) -> str:
    """Of the widget of a field."""
    renewed = st.session_state.get(RENEWED, 0)
    return f"recipe-{name}-{renewed}" if renewed else f"recipe-{name}"


def _summary(group: Group, recipe: Recipe) -> str:
    """What a closed group says of itself."""
    return {
        "Run": recipe.length(),
        "Learning rate": f"{recipe.learning_rate:g}, {recipe.schedule}",
        "Optimiser": f"SGD {recipe.momentum:g}" if recipe.optimizer == "sgd" else "AdamW",
        "First weights": f"{recipe.initialisation}, seed {recipe.seed}",
        "Images": ", ".join(recipe.changes()) or "as they are",
        "Speed": ", ".join(
            [recipe.precision, *["channels last"] * recipe.channels_last, *["compiled"] * recipe.compile]
        ),
    }[group]


@cache
def _schemas() -> dict[str, Mapping[str, Any]]:
    return {name: schema for name, schema in Recipe.model_json_schema()["properties"].items() if "const" not in schema}


def _group(fields: Mapping[str, Mapping[str, Any]], recipe: Recipe) -> None:
    """The fields of a group: numbers two in a row, choices in rows of their own."""
    numbers = [name for name, schema in fields.items() if _number(schema)]
    rest = [name for name in fields if name not in numbers]
    for name in rest:
        if name != "data" and fields[name].get("type") != "boolean":
            _field(name, fields[name], recipe)
    for at in range(0, len(numbers), 2):
        pair = numbers[at : at + 2]
        with st.container(key=f"recipe-pair-{pair[0]}", horizontal=True):
            for name in pair:
                _field(name, fields[name], recipe)
    for name in rest:
        if fields[name].get("type") == "boolean":
            _field(name, fields[name], recipe)


def _bounds(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without the choice to be empty."""
    return next((option for option in schema.get("anyOf", ()) if option.get("type") != "null"), schema)


def _number(schema: Mapping[str, Any]) -> bool:
    return _bounds(schema).get("type") in ("integer", "number")


def _field(name: str, schema: Mapping[str, Any], recipe: Recipe) -> None:
    common = _common(name, schema, getattr(recipe, name))
    if schema.get("type") == "boolean":
        st.checkbox(**common)
        return
    if "enum" in schema:
        if sum(map(len, schema["enum"])) > WIDE:
            st.selectbox(options=schema["enum"], **common)
        else:
            st.segmented_control(options=schema["enum"], required=True, **common)
        return
    bounds = _bounds(schema)
    whole = bounds["type"] == "integer"
    kind, text, step = (int, "%d", 1) if whole else (float, "%g", None)
    low = bounds.get("minimum", bounds.get("exclusiveMinimum"))
    high = bounds.get("maximum", bounds.get("exclusiveMaximum"))
    common |= {"min_value": kind(low), "max_value": kind(high), "step": step, "format": text}
    common["disabled"] = (name == "steps" and recipe.seconds is not None) or (
        name == "momentum" and recipe.optimizer != "sgd"
    )
    if "anyOf" in schema:
        common["value"] = None  # without it a number cannot be taken out of its box
    st.number_input(placeholder=schema.get("empty", ""), **common)


def _common(name: str, schema: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """What all widgets take; the value is put into the session, since a widget's own would outlive another recipe."""
    key = _key(name)
    st.session_state[key] = value
    unit = f", {schema['unit']}" if "unit" in schema else ""
    return {
        "label": f"{schema.get('title', name)}{unit}",
        "key": key,
        "help": schema.get("description"),
        "on_change": _changed,
        "args": (name,),
    }


def _changed(name: str) -> None:
    """Keeps what was typed, if the recipe as a whole accepts it."""
    changed = {**changes(), name: st.session_state[_key(name)]}
    try:
        Recipe.model_validate(changed)
    except ValidationError as error:
        title = Recipe.model_fields[name].title or name
        st.session_state[SAID] = f"{title}: {error.errors()[0]['msg'].lower()}, so it stays as it was."
        return
    change(changed)
