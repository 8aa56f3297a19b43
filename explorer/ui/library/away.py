"""What is taken away of runs: tables, everything as JSON, TensorBoard's folders, the picture, the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from explorer.drawing.figure.pdf import pdf
from explorer.drawing.figure.png import png
from explorer.drawing.figure.themes import THEMES
from explorer.drawing.overlay import Axis, Overlaid, scene
from explorer.runs import Run
from explorer.runs.exported import archive, curves_csv, runs_csv, runs_json
from explorer.runs.exported.tables import name_of
from explorer.ui import filenames

POINT = 0.75  # points a pixel of the scene
DPI = 200


def tables(runs: Callable[[], Sequence[Run]], stem: str) -> None:
    """Buttons for the files; each is made when its button is pressed."""
    files: tuple[tuple[str, str, str, str, Callable[[Sequence[Run]], str | bytes]], ...] = (
        ("CSV, a line a run", f"{stem}.csv", "text/csv", "Recipe, result, parameters, device.", runs_csv),
        ("CSV, a line a step", f"{stem}-curves.csv", "text/csv", "Loss, accuracy, rate, seconds, MACs.", curves_csv),
        ("JSON", f"{stem}.json", "application/json", "Network, recipe, versions and all that was told.", runs_json),
        ("TensorBoard", f"{stem}-tensorboard.zip", "application/zip",
         "A folder a run: unpack it, then tensorboard --logdir runs", archive),
    )  # fmt: skip
    for label, name, kind, said, make in files:
        st.download_button(
            label, partial(_made, make, runs), file_name=name, mime=kind, key=f"away-{name}", help=said,
            on_click="ignore", width="stretch",
        )  # fmt: skip


def _made(make: Callable[[Sequence[Run]], str | bytes], runs: Callable[[], Sequence[Run]]) -> str | bytes:
    return make(runs())


def picture(lines: Sequence[Overlaid], axis: Axis, stem: str) -> None:
    """The chart as PNG and PDF."""
    for kind in ("PNG", "PDF"):
        st.download_button(
            f"{kind} of the chart", partial(drawn, lines, axis, kind), file_name=f"{stem}.{kind.lower()}",
            mime="image/png" if kind == "PNG" else "application/pdf", key=f"away-{stem}-{kind}", on_click="ignore",
            width="stretch",
        )  # fmt: skip


def drawn(lines: Sequence[Overlaid], axis: Axis, kind: str) -> bytes:
    """The chart on white, with its legend."""
    page = pdf(scene(lines, axis), THEMES["light"], True, POINT)
    return png(page, DPI) if kind == "PNG" else page


def weights(run: Run) -> None:
    """The trained weights, where they are kept still."""
    if not run.checkpoint.exists():
        return
    st.download_button(
        "Weights, state dict", lambda: run.checkpoint.read_bytes(), file_name=f"{stem_of(run)}.pt",
        mime="application/octet-stream", key="away-weights", on_click="ignore", width="stretch",
        help="Load it with torch.load(file, weights_only=True) into the network of the Code tab.",
    )  # fmt: skip


def stem_of(run: Run) -> str:
    """What files of this run are called."""
    return f"{filenames.stem(name_of(run))}-{run.id}"
