"""Where the picture comes from: a sample, a file, the camera. What a person gave stays while they look elsewhere."""

from __future__ import annotations

import html
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypedDict

import streamlit as st

from explorer.probe.picture import KEPT, MAX_BYTES, Picture, PictureError, read
from explorer.ui.on_picture import samples

STATE = "on-picture"
SOURCES = ("Samples", "File", "Camera")
OWN = "own"
LARGEST = MAX_BYTES // 2**20  # MiB


class Kept(TypedDict):
    """What a session keeps of its picture, as JSON."""

    sample: str  # the key of one; "" for a picture of one's own
    number: int  # of the digit
    own: str  # a PNG in base64
    title: str  # its file's name
    file: str  # which upload was read last
    refused: str  # why that was none


@dataclass(frozen=True)
class Given:
    """The picture on the table."""

    picture: Picture
    title: str
    credit: str
    digest: str


def state(channels: int) -> Kept:
    """This session's picture; at first a sample that suits the network."""
    first: str = samples.DIGIT if channels == 1 or "flower" not in samples.available() else "flower"
    kept: Kept = st.session_state.setdefault(STATE, Kept(sample=first, number=0, own="", title="", file="", refused=""))
    return kept


def choose(channels: int) -> Given:
    """The choice, and the picture that was chosen."""
    kept = state(channels)
    source = st.segmented_control(
        "Picture", SOURCES, default=SOURCES[0], required=True, key="on-picture-source",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    if source == "Samples":
        _samples(kept)
    elif source == "File":
        _take(
            kept,
            st.file_uploader(
                "PNG, JPEG, WebP or GIF", ["png", "jpg", "jpeg", "webp", "gif"], key="on-picture-file",
                max_upload_size=min(LARGEST, int(st.get_option("server.maxUploadSize"))), label_visibility="collapsed",
            ),
        )  # fmt: skip
    else:
        _take(kept, st.camera_input("Take a picture", key="on-picture-camera", label_visibility="collapsed"))
    if kept["refused"] and source != "Samples":
        st.html(f"<p class='xp-refused'>{html.escape(kept['refused'])} The picture before it is still here.</p>")
    return given(kept)


def given(kept: Kept) -> Given:
    """The picture that a session keeps."""
    if kept["sample"]:
        key, number = kept["sample"], kept["number"]
        title = samples.available()[key]
        found = samples.picture(key, number)
        return Given(found, title, samples.credit(key, number), f"{key}-{number}" if key == samples.DIGIT else key)
    file = b64decode(kept["own"])
    return Given(read(file), kept["title"], f"{kept['title']}.", sha256(file).hexdigest()[:16])


def _take(kept: Kept, upload: Any) -> None:
    """Reads what was given, once; a file that is no picture leaves the picture before it."""
    if upload is None or upload.file_id == kept["file"]:
        return
    kept["file"], kept["refused"] = upload.file_id, ""
    try:
        own = read(upload.getvalue())
    except PictureError as error:
        kept["refused"] = str(error)
        return
    kept["own"], kept["sample"] = b64encode(own.png()).decode(), ""
    height, width = own.size
    small = f", kept at {KEPT} px" if max(own.size) > KEPT else ""
    name = "From the camera" if upload.name.startswith("camera-input-") else upload.name[:60]
    kept["title"] = f"{name}, {width:,}×{height:,}{small}"


def _samples(kept: Kept) -> None:
    """Thumbnails to press, one's own picture among them, and the number of the digit."""
    number = kept["number"]
    offered = {key: (title, samples.thumb(key, number)) for key, title in samples.available().items()}
    if kept["own"]:
        offered[OWN] = ("Your picture", f"data:image/png;base64,{kept['own']}")
    rules = "".join(
        f".st-key-sample-{key} button {{ background-image: url({file}); }}" for key, (_, file) in offered.items()
    )
    chosen = kept["sample"] or OWN
    rules += f".st-key-sample-{chosen} button {{ outline: 2px solid var(--xp-accent); outline-offset: 1px; }}"
    st.html(f"<style>{rules}</style>")
    with st.container(key="on-picture-samples", horizontal=True):
        for key, (title, _) in offered.items():
            st.button(title, key=f"sample-{key}", help=title, on_click=_sample, args=(key,))
    if kept["sample"] == samples.DIGIT:
        st.session_state["on-picture-number"] = number + 1
        st.number_input("Test image", 1, samples.digits(), step=1, key="on-picture-number", on_change=_number)


def _sample(key: str) -> None:
    kept: Kept = st.session_state[STATE]
    kept["sample"], kept["refused"] = "" if key == OWN else key, ""


def _number() -> None:
    chosen = st.session_state.get("on-picture-number")
    if isinstance(chosen, int):
        st.session_state[STATE]["number"] = min(max(chosen, 1), samples.digits()) - 1
