"""Writes the figures that tests compare with, as TikZ, which says all of a picture: python -m tests.goldens.figures"""

from pathlib import Path

from explorer import analyze, presets
from explorer.drawing.figure import Figure, Options, figure

FOLDER = Path(__file__).parent / "figures"
LOOKS = {
    "blocks": Options(),
    "folded": Options(layout="folded", width_cm=8.5),
    "volumes": Options(style="volumes"),
}
NETWORKS = ("resnet50", "googlenet", "article")
CASES = {f"{network}-{look}": (network, options) for network in NETWORKS for look, options in LOOKS.items()}


def drawn(case: str) -> Figure:
    network, options = CASES[case]
    return figure(analyze(presets.load(network)), options)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        FOLDER.joinpath(f"{case}.tex").write_text(drawn(case).tikz(), encoding="utf-8")
