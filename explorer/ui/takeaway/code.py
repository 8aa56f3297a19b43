"""The network as files of Python, with the proof that the first computes what the app's own model does."""

from __future__ import annotations

import html
import re
from functools import partial
from hashlib import sha256
from threading import BoundedSemaphore

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.export import python_source
from explorer.export.check import Check, check
from explorer.export.script import images_file, images_name, training_script
from explorer.network import Network
from explorer.report import Report
from explorer.training.recipe import Recipe
from explorer.ui.training import recipe_for

AT_ONCE = 2_000_000_000  # multiply-accumulates an image up to which the check takes few seconds
DEEP = 1_000  # operations above which it takes longer, however small they are
ASKED = "code-asked"  # the digest of the file whose check was asked for
STYLE = """
.xp-proof { display: inline-flex; gap: 7px; align-items: center; border: 1px solid var(--xp-line2); border-radius: 99px;
  padding: 3px 12px 3px 9px; font-size: 12.5px; color: var(--xp-muted); background: var(--xp-surface); }
.xp-proof::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: currentColor; }
.xp-proof.same { color: var(--xp-down); }
.xp-proof.different { color: var(--xp-error); background: var(--xp-error-soft); }
.xp-proof.runs::before { animation: xp-runs 1.2s infinite alternate; }
@keyframes xp-runs { to { opacity: .2; } }
@media (prefers-reduced-motion: reduce) { .xp-proof.runs::before { animation: none; } }
.st-key-code-check[data-stale="true"] { display: none; }
.xp-lines { color: var(--xp-muted); font-size: 12px; white-space: nowrap; }
.st-key-code-text [data-testid="stCode"] pre { max-height: max(320px, calc(100vh - 250px)); }
"""
FILES = ("Model", "Training script")


def show(report: Report) -> None:
    """One of the two files, how long it is, what its check said, and both as downloads."""
    network = report.network
    assert network is not None
    model = _model(network.to_json())
    training, refusal = script(network)
    stem = re.sub(r"[^a-z0-9]+", "_", network.name.lower()).strip("_")[:50] or "network"
    stem = f"network_{stem}" if stem[0].isdecimal() else stem  # so that it can be imported
    st.html(f"<style>{STYLE}</style>")
    with st.container(key="code-row", horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.segmented_control(
            "File", FILES, default=FILES[0], required=True, key="code-file", label_visibility="collapsed"
        )
        text = model if chosen == FILES[0] else training
        if text:
            lines = f'<span class="xp-lines"><span class="num">{len(text.splitlines()):,}</span> lines</span>'
            st.html(lines, width="content")
        proof = st.empty()
        st.space("stretch")
        download("Model", model, f"{stem}.py", "")
        download("Training script", training, f"train_{stem}.py", refusal)
        recipe = recipe_for(network)
        if training and (name := images_name(recipe)):
            st.download_button(
                "Its images", partial(images_file, recipe), name, "application/octet-stream", on_click="ignore",
                icon=":material/download:", key="code-images",
                help=f"{name}, which the training script reads from its own folder.",
            )  # fmt: skip
    if not text:
        st.info(refusal)
        return
    with st.container(key="code-text"):
        st.code(text, language="python")
    if chosen == FILES[0]:
        prove(report, model, proof)


def download(label: str, text: str, name: str, refusal: str) -> None:
    """A button for a file; where there is none, it says why."""
    st.download_button(
        label, text, name, "text/x-python", icon=":material/download:", on_click="ignore", key=f"code-{label}",
        disabled=not text, help=refusal or name,
    )  # fmt: skip


def script(network: Network) -> tuple[str, str]:
    """The training script of the recipe on the Train page, or why there is none."""
    try:
        return _script(network.to_json(), recipe_for(network).model_dump_json()), ""
    except ValueError as refusal:
        return "", str(refusal)


def prove(report: Report, text: str, place: DeltaGenerator) -> None:
    """What the check of the file said, at `place`; where it takes long, a button to begin it."""
    assert report.network is not None
    digest = sha256(text.encode()).hexdigest()
    waits = report.macs > AT_ONCE or len(report.operations) > DEEP
    if waits and st.session_state.get(ASKED) != digest:
        place.button(
            "Check the output", key="code-check", on_click=st.session_state.update, args=({ASKED: digest},),
            help="Runs the file beside the app's own model, which takes some seconds for a network of this size.",
        )  # fmt: skip
        return
    place.html('<span class="xp-proof runs">runs beside the app\'s model …</span>', width="content")
    place.html(badge(checked(report.network, text)), width="content")


def badge(found: Check) -> str:
    """A check's finding as a pill."""
    kind = "same" if found.same else "different" if found.difference is not None else ""
    how = (
        "The file was run in a process of its own: the app's weights, seeded random images, in training and in "
        "evaluation mode."
    )
    return f'<span class="xp-proof {kind}" title="{how}">{html.escape(found.words())}</span>'


def checked(network: Network, text: str) -> Check:
    """The check of a file; what it found is remembered, that it failed is not."""
    try:
        return Check(_difference(network.to_json(), text))
    except Unchecked as failure:
        return Check(None, str(failure))


class Unchecked(Exception):
    """Why a check has no finding."""


@st.cache_data(max_entries=128, show_spinner=False)
def _difference(network: str, text: str) -> float:
    with _turns():
        found = check(Network.from_json(network), text)
    if found.difference is None:
        raise Unchecked(found.reason)
    return found.difference


@st.cache_resource(show_spinner=False)
def _turns() -> BoundedSemaphore:
    """One check at a time, whoever asks: each holds a network twice and a core for seconds."""
    return BoundedSemaphore(1)


@st.cache_data(max_entries=32, show_spinner=False)
def _model(network: str) -> str:
    return python_source(Network.from_json(network))


@st.cache_data(max_entries=32, show_spinner=False)
def _script(network: str, recipe: str) -> str:
    return training_script(Network.from_json(network), Recipe.model_validate_json(recipe))
