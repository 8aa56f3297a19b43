"""Which images to train on: the choice in the recipe's form, what they look like, and how others get here."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import streamlit as st
from pydantic import ValidationError

from explorer.network import Network
from explorer.report import analyze
from explorer.shape import Shape, ShapeError
from explorer.training import data
from explorer.training.adapt import fitted
from explorer.training.data.own import Own
from explorer.training.data.published import PUBLISHED
from explorer.training.data.source import Source
from explorer.training.recipe import Recipe
from explorer.ui import session, words
from explorer.ui.images import bringing, look, pictures, style
from explorer.ui.results import say
from explorer.ui.training import change, changes

KEY = "recipe-data"
WINDOW = "images-window"  # which is open: "look", "bring", or none
SAID = "recipe-data-said"  # why what was typed was not taken


def choose(schema: Mapping[str, Any], recipe: Recipe, network: Network) -> None:
    """The choice, its parameters, a picture of each class, and what stands in the way of this network."""
    style.show()
    with st.container(key="images"):
        names = options(recipe)
        st.session_state[KEY] = own_or_kind(recipe.data)
        st.selectbox(
            schema.get("title", "Images"), list(names), format_func=lambda name: names[name], key=KEY, on_change=_chosen
        )
        _parameters(recipe.data)
        if said := st.session_state.pop(SAID, ""):
            say(said, bad=True)
        bringing.progress()
        lacks = data.lacks(recipe.data)
        if lacks:
            bringing.lacking(recipe.data, lacks)
        else:
            _shown(recipe, network)
        with st.container(key="images-ways", horizontal=True):
            if not lacks and st.button("Look closer", key="images-look"):
                st.session_state[WINDOW] = "look"
            if st.button("Bring pictures", key="images-bring", help="A zip of pictures, a folder a class."):
                st.session_state[WINDOW] = "bring"
        # drawn in every run of the page, which would close it otherwise: a measured step and the end of a run make one
        match st.session_state.get(WINDOW):
            case "look" if not lacks:
                look.closer(recipe, network, close)
            case "bring":
                bringing.window(close)


def close() -> None:
    """Closes the window that is open."""
    st.session_state.pop(WINDOW, None)


def options(recipe: Recipe) -> dict[str, str]:
    """What can be chosen, with its title; the recipe's own too where it is gone."""
    at_hand = set(data.available())
    found = {kind.kind: kind.title for kind in data.SETS.values() if kind is not Own}
    found |= {kind.kind: f"{kind.title} (to download)" for kind in PUBLISHED if kind.kind not in at_hand}
    for name in (*(name for name in at_hand if name not in found), own_or_kind(recipe.data)):
        if name not in found:
            found[name] = data.facts(name).title if not data.lacks(name) else name
    return found


def own_or_kind(name: str) -> str:
    """What stands for a set among the options: its kind, and of sets of one's own the whole name."""
    kind = name.partition(":")[0]
    return name if kind == Own.kind or kind not in data.SETS else kind


def take(name: str) -> None:
    """Trains on this set from the next run on."""
    change({**changes(), "data": name})


def _chosen() -> None:
    take(st.session_state[KEY])


def _parameters(name: str) -> None:
    """A field a parameter of the set, two in a row."""
    try:
        source = data.source_of(name)
    except ValueError:
        return  # said below
    if isinstance(source, Own):
        return
    fields = list(type(source).model_json_schema().get("properties", {}).items())
    for at in range(0, len(fields), 2):
        with st.container(key=f"recipe-pair-data-{at}", horizontal=True):
            for field, schema in fields[at : at + 2]:
                _parameter(source, field, schema)


def _parameter(source: Source, field: str, schema: Mapping[str, Any]) -> None:
    bounds = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    key, unit = f"{KEY}-{field}", f", {schema['unit']}" if "unit" in schema else ""
    st.session_state[key] = getattr(source, field)
    whole = bounds["type"] == "integer"
    kind, form = (int, "%d") if whole else (float, "%g")
    low, high = bounds["minimum"], bounds["maximum"] if "maximum" in bounds else bounds["exclusiveMaximum"]
    empty: dict[str, Any] = {"value": None} if "anyOf" in schema else {}  # else nobody could take the number out
    st.number_input(
        f"{schema['title']}{unit}", kind(low), kind(high), step=kind(bounds.get("multipleOf", 1 if whole else 0.1)),
        format=form, key=key, help=schema.get("description"), placeholder=schema.get("empty", ""), on_change=_set,
        args=(source.name, field), **empty,
    )  # fmt: skip


def _set(name: str, field: str) -> None:
    """Takes a parameter that was typed, if there is such a set."""
    source, value = data.source_of(name), st.session_state[f"{KEY}-{field}"]
    if isinstance(value, float):
        value = round(value, 3)
    try:
        take(type(source).model_validate({**dict(source), field: value}).name)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        st.session_state[SAID] = f"{reason[:1].upper()}{reason[1:]}."


def _shown(recipe: Recipe, network: Network) -> None:
    """A picture of each class, how many there are, and the way to a network that suits them."""
    facts = data.facts(recipe.data)
    try:
        strip, alt = pictures.first_of_each(recipe.data)
    except (ValueError, OSError) as error:
        say(f"The images cannot be read: {error}.".replace("..", "."), bad=True)
        return
    st.html(f"<img class='xi-strip' src='{strip}' alt='{html.escape(alt, quote=True)}'>")
    st.html(
        f"<p class='xi-facts'><span class='num'>{facts.train:,} + {facts.test:,}</span> images of "
        f"<span class='num'>{facts.shape}</span>, {len(facts.classes)} classes</p>"
    )
    hint = mismatch(network, facts)
    if not hint:
        return
    st.html(f"<p class='xi-hint'>{html.escape(hint)}</p>")
    made, costs = suited(network.to_json(), facts.shape, len(facts.classes))
    with st.container(key="images-fit"):
        if made and st.button("Fit the network", key="images-fit-button", help=costs):
            session.load(Network.from_json(made), f"For {facts.subject}"[:80])
            st.rerun()


def mismatch(network: Network, facts: data.Facts) -> str:
    """How the images differ from what the network takes, and what is done about it; empty where they do not."""
    takes, classes = network.input, getattr(network.blocks[-1], "classes", None) if network.blocks else None
    done = []
    if takes.channels != facts.shape.channels:
        done.append("grey" if facts.shape.channels > takes.channels else "the same in all channels")
    if takes[1:] != facts.shape[1:]:
        smaller = takes.height * takes.width < facts.shape.height * facts.shape.width
        done.append("smaller" if smaller else "larger")
    said = [f"The network takes {takes}: the images are made {' and '.join(done)}."] if done else []
    if classes is not None and classes != len(facts.classes):
        so = ": it cannot be trained so" if classes < len(facts.classes) else ""
        which = "It" if said else "The network"
        said.append(f"{which} tells {classes:,} classes apart, and there are {len(facts.classes)}{so}.")
    return " ".join(said)


@st.cache_data(max_entries=128, show_spinner=False)
def suited(text: str, shape: tuple[int, int, int], classes: int) -> tuple[str, str]:
    """The network for these images as JSON, and what that changes in its costs; empty where they do not fit through."""
    network = Network.from_json(text)
    try:
        made = fitted(network, Shape(*shape), classes)
    except (ShapeError, ValueError):
        return "", ""
    try:
        before = f"{words.compact(analyze(network).macs)} MACs an image become "
    except ShapeError:
        before = "An image takes "
    after = words.compact(analyze(made).macs)
    return made.to_json(), f"Input {shape[0]}×{shape[1]}×{shape[2]}, {classes} classes. {before}{after}."
