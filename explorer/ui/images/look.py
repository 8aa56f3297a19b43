"""A set looked at closely: samples and counts of each class, how it is normalised, and what the recipe does to it."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import streamlit as st

from explorer.network import Network
from explorer.training import data
from explorer.training.augment import Augmentation
from explorer.training.data.own import Own
from explorer.training.recipe import Recipe
from explorer.ui.images import pictures, style
from explorer.ui.results import say

ROWS = 40  # classes that are shown
PARTS = {"train": "To learn from", "test": "To test with"}


def closer(recipe: Recipe, network: Network, close: Callable[[], None]) -> None:
    """The window; `close` is called when somebody closes it."""
    facts = data.facts(recipe.data)
    st.dialog(facts.title.partition(" (")[0], width="large", on_dismiss=close)(_window)(recipe, network)


def _window(recipe: Recipe, network: Network) -> None:
    facts = data.facts(recipe.data)
    style.show()
    with st.container(key="look"):
        _figures(facts)
        part = st.segmented_control(
            "Images", list(PARTS), default="train", required=True, format_func=PARTS.__getitem__, key="look-part",
            label_visibility="collapsed",
        )  # fmt: skip
        _classes(facts, part or "train")
        _changes(recipe, network)
        _left_out(recipe.data)


def _figures(facts: data.Facts) -> None:
    """Counts, size and normalisation."""
    mean, deviation = pictures.statistics(facts.name)
    figures = {
        "to learn from": f"{facts.train:,}",
        "to test with": f"{facts.test:,}",
        "one image": f"{facts.shape}",
        "mean of pixels": _numbers(mean),
        "their deviation": _numbers(deviation),
    }
    rows = "".join(f"<div>{title}<b class='num'>{value}</b></div>" for title, value in figures.items())
    st.html(f"<div class='xi-figures'>{rows}</div>")
    say(
        f"{facts.note} Pixels in 0…255; the network gets them less the mean, over the deviation, both of the images to "
        "learn from alone."
    )


def _numbers(values: Sequence[float]) -> str:
    return " · ".join(f"{value:.1f}" for value in values)


def _classes(facts: data.Facts, part: str) -> None:
    """A row a class: samples, and how many there are against the most frequent."""
    rows = pictures.strips(facts.name, part, ROWS)
    most = max((count for _, count in rows), default=1) or 1
    cells = ""
    for cls, (strip, count) in zip(facts.classes, rows, strict=False):
        name = html.escape(cls, quote=True)
        image = f"<img src='{strip}' alt='Images of {name}'>" if strip else "<span></span>"
        width = f"background-size:{count / most:.1%} 100%"
        cells += (
            f"<span class='xi-name' title='{name}'>{name}</span>{image}"
            f"<span class='xi-count num' style='{width}' title='{count:,} images of {name}'>{count:,}</span>"
        )
    st.html(f"<div class='xi-classes'>{cells}</div>")
    if len(facts.classes) > len(rows):
        say(f"And {len(facts.classes) - len(rows)} classes more.")


def _changes(recipe: Recipe, network: Network) -> None:
    """What the recipe does to some images, in the size that the network takes."""
    augmentation = Augmentation.of(recipe)
    st.html(f"<h2>What the network is given, {network.input}</h2>")
    given, first, second = pictures.changed(recipe.data, network.input, augmentation, recipe.seed)
    rows = {"unchanged": given}
    if augmentation:
        rows |= {"epoch 1": first, "epoch 2": second}
    cells = "".join(f"<span>{name}</span><img src='{row}' alt='Images, {name}'>" for name, row in rows.items())
    st.html(f"<div class='xi-changes'>{cells}</div>")
    if not augmentation:
        say("The recipe changes nothing of them. Flip, crop and cutout are in its group Images.")


def _left_out(name: str) -> None:
    """Files that were no pictures when a set of one's own was made."""
    source = data.source_of(name)
    about = source.about() if isinstance(source, Own) else None
    if about is None or not about.left_out_count:
        return
    count = about.left_out_count
    with st.expander(f"{count:,} files were left out" if count > 1 else "1 file was left out"):
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in about.left_out)
        more = about.left_out_count - len(about.left_out)
        st.html(f"<ul>{lines}{f'<li>and {more:,} more</li>' if more else ''}</ul>")
