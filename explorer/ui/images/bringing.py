"""How images get here: a zip that is uploaded, or a published set that is downloaded, in a process of its own.

A folder on the server is named in its terminal alone (`explorer data add`): who sees the page may not read its disk.
"""

from __future__ import annotations

import html
import re
import secrets
import time
from collections.abc import Callable

import streamlit as st

from explorer.pictures import ENDINGS, SIDES
from explorer.pictures.apart import SECONDS, Errands
from explorer.pictures.files import MOST_ARCHIVE
from explorer.training.data import places
from explorer.training.data.published import PUBLISHED
from explorer.ui.images import style
from explorer.ui.results import say
from explorer.ui.training import change, changes

ERRAND = "images-errand"  # the key of what this session waits for
LIVE = 0.5  # seconds between two looks
KINDS = ", ".join(ending.removeprefix(".").upper() for ending in ENDINGS if ending != ".jpeg")


@st.cache_resource(show_spinner=False)
def errands() -> Errands:
    """Those of this process, which outlive a session's reload."""
    return Errands()


def progress() -> None:
    """What this session waits for, with a way to stop it; nothing where it waits for nothing."""
    if ERRAND in st.session_state:
        st.fragment(_progress, run_every=LIVE)()


def _progress() -> None:
    key = str(st.session_state.get(ERRAND, ""))
    errand = errands().read(key)
    if errand is None:
        st.session_state.pop(ERRAND, None)
        return
    what = "Downloading" if key.startswith("download") else "Reading the pictures"
    if errand.active:
        share = min(1.0, errand.done / errand.total) if errand.total else 0.0
        st.progress(share, text=f"{what} · {share:.0%}")
        if st.button("Stop", key="images-stop"):
            errands().stop(key)
        return
    if errand.name:
        errands().forget(key)
        del st.session_state[ERRAND]
        change({**changes(), "data": errand.name})
        st.rerun()
    kept = key.partition(" ")[2]  # under a name that nobody gave it
    say(re.sub(re.escape(kept), "The file", errand.reason, flags=re.IGNORECASE) if kept else errand.reason, bad=True)
    if st.button("Close", key="images-close"):
        errands().forget(key)
        del st.session_state[ERRAND]
        st.rerun()


def lacking(name: str, why: str) -> None:
    """A set that is not at hand: why, and the button that fetches it where it is published."""
    kind = next((one for one in PUBLISHED if one.kind == name.partition(":")[0]), None)
    if kind is None or "not on this machine" not in why:
        say(f"{why[:1].upper()}{why[1:]}.", bad=True)
        return
    say(f"{kind.title} is not on this machine. The download has {kind.megabytes} MB and is checked by its hash.")
    st.html(f"<p class='xi-facts'>{html.escape(kind.note)} From {html.escape(kind.origin)}</p>")
    waits = ERRAND in st.session_state
    if st.button("Download", key="images-download", type="primary", disabled=waits):
        st.session_state[ERRAND] = errands().download(kind.kind)
        st.rerun()


def window(close: Callable[[], None]) -> None:
    """The window; `close` is called when somebody closes it, and once a set is made."""
    st.dialog("Bring pictures", on_dismiss=close)(_window)(close)


def _window(close: Callable[[], None]) -> None:
    """The upload of a zip, what the set is called, and the size of its pictures."""
    style.show()
    say(
        f"A zip with a folder a class, and in each its pictures: {KINDS}. Folders train and test are kept apart; "
        "without them a fifth of each class is set aside to test with. What is broken or twice there is left out and "
        "listed."
    )
    upload = st.file_uploader(
        "Zip", ["zip"], key="images-zip", label_visibility="collapsed",
        max_upload_size=min(MOST_ARCHIVE // 2**20, int(st.get_option("server.maxUploadSize"))),
    )  # fmt: skip
    size = st.segmented_control(
        "Pixels wide", SIDES, default=32, required=True, key="images-size",
        help="The middle square of each picture is made this large, once, and kept. Larger ones take longer to train.",
    )  # fmt: skip
    given = upload.name.removesuffix(".zip")[:80] if upload else ""
    title = st.text_input("What it is called", max_chars=80, key="images-title", placeholder=given)
    errand = errands().read(str(st.session_state.get(ERRAND, "")))
    waits = errand is not None and errand.active  # one that failed is only yet to be closed
    if waits:
        say("Another errand of yours is under way: stop it on the page, or wait until it is done.")
    if st.button("Make the set", type="primary", disabled=upload is None or waits, key="images-make"):
        assert upload is not None
        folder = places.own_folder() / "uploads"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in folder.glob("*.zip"):  # by a server that was killed meanwhile
                if time.time() - left.stat().st_mtime > 2 * SECONDS:
                    left.unlink(missing_ok=True)
            file = folder / f"{secrets.token_hex(8)}.zip"
            file.write_bytes(upload.getbuffer())
        except OSError as error:
            say(f"The file was not kept ({error.strerror or error}).", bad=True)
            return
        st.session_state[ERRAND] = errands().bring(file, size or 32, title or given)
        close()
        st.rerun()
    say("It stays on this machine and is listed for everybody who uses this app here.")
