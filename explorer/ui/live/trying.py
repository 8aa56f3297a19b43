"""After a run: what its trained weights make of a drawing or a picture, and where the weights go from here."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial
from hashlib import sha256

import streamlit as st

from explorer.network import Network
from explorer.probe import prepare
from explorer.probe import run as probe
from explorer.probe.picture import MAX_BYTES, Picture, PictureError
from explorer.probe.picture import read as read_picture
from explorer.runs import Run
from explorer.shape import Shape
from explorer.training import data
from explorer.ui import carried, live, session, shell
from explorer.ui.desk import report_of, sentence
from explorer.ui.live import drawn
from explorer.ui.live.series import name
from explorer.ui.on_picture import maps

PAD = "live-pad"
DRAW, BRING = "Draw", "Picture"
STYLE = """<style>
.st-key-try { gap: 8px !important; border-top: 1px solid var(--xp-line); padding-top: 10px; }
.st-key-try h2 { font-size: 13px; font-weight: 620; margin: 0; padding: 0; }
.xt-tried { display: flex; gap: 12px; align-items: flex-start; }
.xt-tried img { width: 72px; height: 72px; flex: none; image-rendering: pixelated; border-radius: 4px; }
.xt-tried img { border: 1px solid var(--xp-line2); object-fit: contain; }
.xt-tried .xo-classes { flex: 1; max-width: 320px; }
.xt-whose { display: flex; gap: 8px; align-items: center; font-weight: 600; margin: 0 0 5px; font-size: 12px; }
.xt-whose i { width: 14px; height: 3px; border-radius: 2px; }
</style>"""


@st.fragment(key="try")
def show(runs: Sequence[Run]) -> None:
    """A drawing or a picture, and what each of the runs' weights takes it for."""
    ready = [run for run in runs if run.finished is not None and run.checkpoint.is_file()]
    networks = [(run, network) for run in ready if (network := _network(run)) is not None]
    if not networks:
        return
    try:
        images = data.load(networks[0][0].recipe.data)
    except (ValueError, OSError):
        return  # the results below say so
    grey = images.shape.channels == 1
    maps.style()
    st.html(STYLE)
    with st.container(key="try"):
        st.html("<h2>Try the trained weights</h2>")
        columns = st.columns([2.2, *[3] * len(networks)], gap="medium")
        with columns[0]:
            given = _given(grey)
        for column, (run, network) in zip(columns[1:], networks, strict=True):
            with column:
                _answer(run, network, images, given)
                _ways(run, network)


def _network(run: Run) -> Network | None:
    try:
        return run.network
    except ValueError:  # written by another version
        return None


def _given(grey: bool) -> drawn.Pixels | None:
    """What is to be read, as pixels on the scale of the data; None where nothing was given yet."""
    source = st.segmented_control(
        "What to read", [DRAW, BRING], default=DRAW if grey else BRING, required=True, key=f"try-source-{grey}",
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    if source == DRAW:
        live.component()(key=PAD, data={"view": "pad", "size": drawn.SIDE}, on_drawn_change=_heard)
        sent = st.session_state.get(PAD)
        pixels = drawn.read(sent.get("drawn") if sent else None)
        return None if pixels is None else drawn.framed(pixels)
    upload = st.file_uploader(
        "PNG, JPEG, WebP or GIF", ["png", "jpg", "jpeg", "webp", "gif"], key="try-file",
        max_upload_size=min(MAX_BYTES // 2**20, int(st.get_option("server.maxUploadSize"))),
        label_visibility="collapsed",
    )  # fmt: skip
    if upload is None:
        return None
    try:
        picture = read_picture(upload.getvalue())
    except PictureError as error:
        st.html(f"<p class='xp-refused'>{html.escape(str(error))}</p>")
        return None
    return drawn.of_picture(picture, 1 if grey else 3, grey and _inverted(upload.file_id, picture))


def _inverted(file: str, picture: Picture) -> bool:
    return st.toggle(
        "Change light and dark", value=prepare.looks_inverted(picture), key=f"try-inverted-{file}",
        help="The images of training are light on dark; ink on paper is the other way round.",
    )  # fmt: skip


def _heard() -> None:
    """The run of this part that follows reads what was drawn."""


def _answer(run: Run, network: Network, images: data.DataSet, given: drawn.Pixels | None) -> None:
    """The picture in the size of the data, and the five likeliest classes."""
    colour = "--xp-inception" if run.kind == "plain" else "--xp-residual"
    st.html(f"<p class='xt-whose'><i style='background: var({colour})'></i>{name(run).capitalize()}</p>")
    if given is None:
        maps.say("Draw something, or bring a picture, and the five likeliest classes stand here.")
        return
    try:
        top, seen = predict(run, network, given)
    except (ValueError, OSError) as error:
        maps.say(sentence(ValueError(str(error))), "xp-refused")
        return
    classes = len(images.classes)
    names = [images.classes[at] if at < classes else f"class {at}" for at, _ in top]
    shown = maps.top_five([(at, share) for at, (_, share) in enumerate(top)], names, classes)
    picture = f"<img src='{maps.address(maps.png(seen))}' alt='As the network learned to see it'>"
    missing = maps.words("The logits are not finite, so there is no softmax.")
    st.html(f"<div class='xt-tried'>{picture}<div class='xo-classes'>{shown if top else missing}</div></div>")


def predict(run: Run, network: Network, given: drawn.Pixels) -> tuple[tuple[tuple[int, float], ...], drawn.Pixels]:
    """The likeliest classes with their softmax, and what was read. Raises ValueError or OSError."""
    probe.check(report_of(network.token(), 1))
    taken, seen = drawn.images(given, run.recipe.data, Shape(*network.input))
    look = probe.run(network, taken, carried.load(network, f"run:{run.id}"))
    return look.top, seen


def _ways(run: Run, network: Network) -> None:
    """Inspect with these weights, and the file of them."""
    with st.container(horizontal=True, gap="small", key=f"try-ways-{run.kind}"):
        if st.button(
            "Look inside", key=f"try-inspect-{run.kind}", help="Opens this network on the Inspect page, on a picture, "
            "with these weights.",
        ):  # fmt: skip
            inspect(run, network)
        st.download_button(
            "Weights .pt", partial(run.checkpoint.read_bytes), f"{run.kind}-{run.id}.pt", "application/octet-stream",
            on_click="ignore", key=f"try-weights-{run.kind}", icon=":material/download:",
            help="The state dict, for torch.load(…, weights_only=True). The Export page has it as .safetensors.",
        )  # fmt: skip


def inspect(run: Run, network: Network) -> None:
    """Opens the network on the Inspect page with the weights of this run."""
    on_screen = session.network()
    if network.unnamed() != on_screen.unnamed():
        session.load(network, network.name or "The network of the run")
    digest = sha256(session.network().unnamed().token().encode()).hexdigest()[:10]
    st.session_state[f"on-picture-weights-{digest}"] = f"run:{run.id}"
    st.session_state["inspect-view"] = "On a picture"
    st.switch_page(shell.page("inspect"))
