"""The way back in: JSON, a link or a token, and files of weights, which are shown before they are opened."""

from __future__ import annotations

import html
import re
import shutil
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from torch import hub

from explorer import checkpoint, presets
from explorer.drawing import picture
from explorer.drawing.palette import palette
from explorer.network import MAX_TEXT, EditError, Network
from explorer.recognise import Recognised, network_in, recognise
from explorer.report import Report, analyze
from explorer.shape import show as written
from explorer.ui import carried, inspection, session, words
from explorer.ui.desk import sentence
from explorer.weights import fitted

STATE = "explorer.opening"
LARGEST = 300  # MB of a file that is sent through the browser
PUBLISHED = (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d", "googlenet",
    "inception_v3",
)  # fmt: skip
STYLE = """
[class*="st-key-opening-"] { gap: 10px; }
.xp-found h2 { font-size: 16px; font-weight: 620; margin: 0; padding: 0; letter-spacing: -.01em; }
.xp-found p { color: var(--xp-muted); font-size: 12.5px; line-height: 1.5; margin: 4px 0 0; max-width: 74ch; }
.xp-found dl { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 10px 0 0; padding: 0; }
.xp-found dl div { display: flex; gap: 6px; align-items: baseline; margin: 0; padding: 0; }
.xp-found dt { color: var(--xp-muted); font-size: 12px; font-weight: 400; }
.xp-found dd { margin: 0; }
.xp-found img { display: block; margin: 14px 0 2px; max-width: 100%; height: auto; }
.xp-taken { color: var(--xp-muted); font-size: 12.5px; margin: -2px 0 0; overflow-wrap: anywhere; }
.xp-taken b { color: var(--xp-text); font-weight: 560; }
.xp-refusal { color: var(--xp-error); background: var(--xp-error-soft); border-radius: 7px; padding: 9px 12px;
  margin: 0; font-size: 13px; line-height: 1.45; overflow-wrap: anywhere; }
"""


class Found(TypedDict):
    """What was brought, as a session keeps it: JSON."""

    round: int  # how many files were taken; a new field for files drops the last one's bytes
    title: str  # empty where nothing is shown
    token: str  # of the network
    weights: str  # the key of its weights; empty where it came without
    file: str
    uploaded: str  # the name of the file that is shown; empty where what is shown came another way
    notes: list[str]
    refused: str


def state() -> Found:
    """This session's state."""
    new = Found(round=0, title="", token="", weights="", file="", uploaded="", notes=[], refused="")
    kept: Found = st.session_state.setdefault(STATE, new)
    return kept


def show(report: Report) -> None:
    """Where things are brought on the left, what they are on the right."""
    kept = state()
    st.html(f"<style>{STYLE}</style>")
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(key="opening-ways"):
        st.file_uploader(
            "A network (.json) or weights (.pth, .pt, .safetensors)", ["json", "pth", "pt", "safetensors"],
            key=f"opening-file-{kept['round']}", on_change=_take_file, args=(kept["round"],),
            max_upload_size=min(LARGEST, int(st.get_option("server.maxUploadSize"))),
            help="State dicts of torchvision's ResNets, GoogLeNet and Inception-v3, of timm's ResNets and of this "
            "app's networks become blocks that can be edited. Nothing in a file is run.",
        )  # fmt: skip
        if kept["uploaded"]:
            st.html(f"<p class='xp-taken'>Read from <b>{html.escape(kept['uploaded'])}</b></p>")
        with st.form("opening-paste", border=False, clear_on_submit=False):
            text = st.text_area(
                "Or a link, a token or JSON", key="opening-text", max_chars=MAX_TEXT, height=110,
                placeholder="http://…/?net=1eJy…",
            )  # fmt: skip
            if st.form_submit_button("Read"):
                _take_text(text)
                st.rerun()
        if has_torchvision():
            with st.container(horizontal=True, vertical_alignment="bottom"):
                name = st.selectbox(
                    "Or weights by torchvision", PUBLISHED, format_func=lambda name: presets.about(name).title,
                    key="opening-published", help="Trained on ImageNet, IMAGENET1K_V1.",
                )  # fmt: skip
                if st.button(
                    "Download", key="opening-download", help="From torchvision's own address, to this machine."
                ):
                    with st.spinner("torchvision's weights are on their way …"):
                        _take_published(name)
                    st.rerun()
    with right, st.container(key="opening-found"):
        if kept["refused"]:
            st.html(f"<p class='xp-refusal'>{html.escape(kept['refused'])}</p>")
        if kept["title"]:
            _found(kept)
        elif not kept["refused"]:
            st.html(
                "<div class='xp-found'><p>What you bring is shown here first. Opening it takes the place of the "
                "network on screen, and undo brings that back. Weights stay at hand: Inspect and the tab Files offer "
                "them for the network that they belong to.</p></div>"
            )


def _found(kept: Found) -> None:
    """What was brought, and the button that opens it."""
    network = Network.from_token(kept["token"])
    st.html(description(kept, network))
    desk = session.desk()
    if desk.token == kept["token"]:
        st.html("<div class='xp-found'><p>It is on screen. Undo on the Design page goes back.</p></div>")
        return
    if st.button("Open", type="primary", icon=":material/folder_open:", key="opening-open"):
        try:
            desk.load(network, network.name or "The network", deed=f"opened {kept['file'] or network.name or 'a link'}")
            kept["refused"] = ""
        except EditError as error:
            kept["refused"] = sentence(error)
        st.rerun()


def description(kept: Found, network: Network) -> str:
    """Title, what it costs, its picture, and what the file does not say; everything escaped."""
    report = analyze(network, partial=True)
    output = "…" if report.error else written(report.output_shape)
    facts = [
        ("Cards", f"{len(network.blocks):,}"),
        ("Parameters", f"{report.params:,}"),
        ("MACs", f"{report.macs:,}"),
        ("Shape", f"{written(network.input)} → {output}"),
    ]
    numbers = "".join(f"<div><dt>{name}</dt><dd class='num'>{number}</dd></div>" for name, number in facts)
    notes = list(kept["notes"])
    if kept["weights"]:
        notes.append(f"Its weights are at hand as “{kept['file']}”.")
    if report.error is not None:
        notes.append(sentence(report.error))
    said = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    drawn = drawing(report) if network.blocks and report.error is None else ""
    return f"<div class='xp-found'><h2>{html.escape(kept['title'])}</h2><dl>{numbers}</dl>{drawn}{said}</div>"


def drawing(report: Report) -> str:
    """The network in small, in the colours of the theme."""
    svg = picture.folded(report, 460, 130, colours=palette(inspection.is_dark()))
    address = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return f"<img src='{address}' alt='The network in small' width='460' height='130'>"


def _take_file(number: int) -> None:
    """Reads the file once; what cannot be opened leaves everything as it was and says so."""
    kept = state()
    upload = st.session_state.get(f"opening-file-{number}")
    if upload is None:
        return
    kept["round"] = number + 1
    name = str(upload.name)[-60:]
    try:
        if upload.size > LARGEST * 2**20:
            raise ValueError(f"{name} is too large: {words.memory(upload.size)}, and {LARGEST} MB is the most")
        if name.lower().endswith(".json"):
            _show_network(kept, _json(upload, name), name)
        else:
            with TemporaryDirectory(prefix="explorer-open-", ignore_cleanup_errors=True) as folder:
                spooled = Path(folder) / "weights"  # mapped from there, where reading the upload itself copies it
                with spooled.open("wb") as file:
                    shutil.copyfileobj(upload, file)
                _show_weights(kept, opened(checkpoint.read(spooled, name), session.network(), name), name)
        kept["uploaded"] = name  # the uploader itself is a new one by now and names nothing
    except ValueError as error:
        refuse(kept, error)
    except OSError as error:
        refuse(kept, ValueError(f"{name} cannot be read: {error.strerror or error}"))
    finally:
        _forget(upload)


def has_torchvision() -> bool:
    """Whether torchvision is installed, which this app neither needs nor brings."""
    return find_spec("torchvision") is not None


def _take_published(name: str) -> None:
    """Weights from where torchvision keeps them, read like any other file."""
    kept, file = state(), f"{presets.about(name).title} by torchvision"
    try:
        from torchvision.models import get_model_weights

        address = str(get_model_weights(name)["IMAGENET1K_V1"].url)
        checksum = re.search(r"-([0-9a-f]{8,})\.\w+$", address)
        with TemporaryDirectory(prefix="explorer-open-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "weights"
            hub.download_url_to_file(address, str(path), checksum and checksum[1], progress=False)
            _show_weights(kept, opened(checkpoint.read(path, file), session.network(), file), file)
    except Exception as error:  # whatever another package and the network raise
        refuse(kept, ValueError(f"{file}: {error}"))


def _forget(upload: Any) -> None:
    """Lets the bytes go, which Streamlit otherwise keeps as long as the session lasts."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def _json(upload: Any, name: str) -> Network:
    if upload.size > MAX_TEXT:
        raise ValueError(f"{name} has {upload.size:,} bytes, more than the {MAX_TEXT:,} of any network")
    try:
        return Network.from_json(upload.getvalue().decode())
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8 text") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _take_text(text: str) -> None:
    kept = state()
    try:
        network = network_in(text)
    except ValueError as error:
        refuse(kept, error)
    else:
        _show_network(kept, network, "")


def opened(weights: dict[str, Any], here: Network, name: str) -> Recognised:
    """What a state dict is: weights of the network on screen, or of a network that is known. ValueError for others."""
    try:
        return Recognised(here, fitted(here, weights), f"Weights of {here.name or 'the network on screen'}")
    except ValueError:
        pass
    try:
        return recognise(weights)
    except ValueError as error:
        raise ValueError(f"{name} cannot be opened: {error}") from None


def _show_network(kept: Found, network: Network, name: str) -> None:
    token = network.token()
    Network.from_token(token)  # ValueError where it would be longer than a link can hold
    _remember(kept, title=network.name or "Untitled network", token=token, weights="", file=name, notes=[])


def _show_weights(kept: Found, found: Recognised, name: str) -> None:
    key = carried.keep(found.network, found.weights, name)
    token, notes = found.network.token(), list(found.notes)
    if broken := sum(not bool(tensor.isfinite().all()) for tensor in found.weights.values()):
        notes.append(f"{broken:,} of its {len(found.weights):,} tensors hold numbers that are not finite.")
    _remember(kept, title=found.title, token=token, weights=key, file=name, notes=notes)


def _remember(kept: Found, **what: str | list[str]) -> None:
    kept.update(what | {"refused": "", "uploaded": ""})  # type: ignore[typeddict-item]


def refuse(kept: Found, error: ValueError) -> None:
    """Says why nothing was opened; a button that would open what was brought before goes, what is on screen stays."""
    kept["title"] = kept["uploaded"] = ""
    kept["refused"] = f"{sentence(error)} What is on screen is unchanged."
