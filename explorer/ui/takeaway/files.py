"""The network as files and links: JSON, a link and its token, weights, ONNX with its check."""

from __future__ import annotations

import html
from functools import partial
from hashlib import sha256
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import streamlit as st

from explorer import checkpoint
from explorer.export.apart import OnnxFile, onnx_file
from explorer.network import Network
from explorer.report import Report
from explorer.ui import carried, filenames, words
from explorer.ui.desk import sentence
from explorer.ui.takeaway import obstacle
from explorer.ui.takeaway.code import STYLE as PROOF

ASKED = "files-onnx-asked"  # the digest of the network, weights and options whose file was asked for
LARGEST = 1_900_000_000  # bytes of weights: what an ONNX file can hold, and a browser takes
STYLE = """
[class*="st-key-files-part-"] { gap: 10px; }
.xp-part h2 { font-size: 14px; font-weight: 620; margin: 0; padding: 0; }
.xp-part p { color: var(--xp-muted); font-size: 12.5px; line-height: 1.45; margin: 2px 0 0; }
[class*="st-key-files-part-"] pre { padding-block: 8px; }
[class*="st-key-files-part-"] pre code { font-size: 11.5px; }
[class*="st-key-files-part-"] [data-testid="stCaptionContainer"] { margin-bottom: -8px; }
.st-key-files-onnx-make[data-stale="true"], .st-key-files-onnx[data-stale="true"] { display: none; }
"""


def show(report: Report) -> None:
    """Three parts side by side: the network itself, weights, ONNX."""
    network = report.network
    assert network is not None
    stem = filenames.stem(network.name)
    st.html(f"<style>{PROOF}{STYLE}</style>")
    left, middle, right = st.columns(3, gap="medium")
    with left, st.container(border=True, height="stretch", key="files-part-network"):
        _network(network, stem)
    with middle, st.container(border=True, height="stretch", key="files-part-weights"):
        key = _weights(report, stem)
    with right, st.container(border=True, height="stretch", key="files-part-onnx"):
        _onnx(report, key, stem)


def heading(title: str, text: str) -> None:
    """What a part is, and one line about it."""
    st.html(f"<div class='xp-part'><h2>{html.escape(title)}</h2><p>{html.escape(text)}</p></div>")


def refusal(report: Report) -> str:
    """Why there are no weights to take away; empty where there are."""
    if reason := obstacle(report):
        return reason
    if 4 * report.params > LARGEST:
        return (
            f"The weights need {words.memory(4 * report.params)}; files of up to {words.memory(LARGEST)} are made here."
        )
    return ""


def link_to(network: Network, address: str) -> str:
    """The link that opens the network in the app at `address`, which is that of one of its pages."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rpartition('/')[0]}/?net={network.token()}"


def _network(network: Network, stem: str) -> None:
    heading("Network", "Blocks and input, without weights. All three open again here and in the terminal.")
    st.download_button(
        "Download .json", network.to_json(), f"{stem}.json", "application/json", icon=":material/download:",
        on_click="ignore", key="files-json", help=f"{stem}.json",
    )  # fmt: skip
    st.caption("Link")
    st.code(link_to(network, str(st.context.url or "http://127.0.0.1:8501/")), language=None)
    st.caption("Token")
    st.code(network.token(), language=None)


def _weights(report: Report, stem: str) -> str:
    """The choice of weights, and a file of them; the key of the chosen ones."""
    network = report.network
    assert network is not None
    heading("Weights", "A .safetensors file of the state dict, with the names of the exported code and of ONNX.")
    reason = refusal(report)
    if reason:
        st.info(reason)
        return ""
    found = {one.key: one.title for one in carried.at_hand(network)}
    key = st.selectbox(
        "Weights", list(found), format_func=lambda key: found.get(key, ""), key="files-weights",
        help="Trained on the Train page, opened on the tab Open, with the app, or drawn at random.",
    )  # fmt: skip
    assert key is not None
    st.download_button(
        "Download .safetensors", partial(_weights_file, network.to_json(), key), f"{stem}.safetensors",
        "application/octet-stream", icon=":material/download:", on_click="ignore", key="files-safetensors",
        help=f"{stem}.safetensors, about {words.memory(4 * report.params)}",
    )  # fmt: skip
    if key.startswith("random:"):
        st.caption("These weights are random: nothing was learned yet.")
    return key


def _weights_file(network: str, key: str) -> bytes:
    return checkpoint.write(carried.load(Network.from_json(network), key))


def _onnx(report: Report, key: str, stem: str) -> None:
    """Options, a button, then the file with what its check found."""
    network = report.network
    assert network is not None
    heading("ONNX", "For onnxruntime, TensorRT, browsers and phones; with the weights that are chosen beside it.")
    if not key:
        st.info(refusal(report))
        return
    classifies = len(report.output_shape) == 1
    softmax = st.toggle(
        "Softmax at the end", key="files-onnx-softmax", disabled=not classifies, persist_state="session",
        help="The file gives probabilities. Without it: logits." if classifies else "Needs a classifier at the end.",
    )  # fmt: skip
    several = st.toggle(
        "Any number of images", value=True, key="files-onnx-batch", persist_state="session",
        help="The first dimension of the input is left open. Without it the file takes one image.",
    )  # fmt: skip
    asked = (network.to_json(), key, softmax and classifies, several)
    digest = sha256(repr(asked).encode()).hexdigest()
    if st.session_state.get(ASKED) != digest:
        st.button(
            "Make the file", icon=":material/deployed_code:", key="files-onnx-make",
            on_click=st.session_state.update, args=({ASKED: digest},),
            help="torch's exporter takes some seconds; the file is then run beside the app's own model.",
        )  # fmt: skip
        return
    try:
        with st.spinner("torch's exporter writes the file, and it is run beside the model …"):
            made = _made(*asked)
    except ValueError as error:
        st.error(sentence(error), icon=None)
        return
    st.download_button(
        "Download .onnx", made.data, f"{stem}.onnx", "application/octet-stream", icon=":material/download:",
        on_click="ignore", key="files-onnx", help=f"{stem}.onnx, {words.memory(len(made.data))}",
    )  # fmt: skip
    st.html(badge(made))


def badge(made: OnnxFile) -> str:
    """What the check found, as a pill."""
    kind = "same" if made.same else "different"
    how = "Both were given the same random images; the difference is of rounding, since they add in another order."
    return f'<span class="xp-proof {kind}" title="{how}">{html.escape(made.words())}</span>'


@st.cache_resource(max_entries=1, ttl=900, show_spinner=False)  # of 240 MB for a ResNet-152
def _made(network: str, key: str, softmax: bool, several: bool) -> OnnxFile:
    read = Network.from_json(network)
    with _turns():
        return onnx_file(read, carried.load(read, key), softmax=softmax, dynamic_batch=several)


@st.cache_resource(show_spinner=False)
def _turns() -> BoundedSemaphore:
    """One export at a time, whoever asks: each holds the weights several times and a core for seconds."""
    return BoundedSemaphore(1)
