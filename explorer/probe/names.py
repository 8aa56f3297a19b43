"""What classes are called: as in the data trained on, or by ImageNet's list, which torchvision and timm bring along."""

from __future__ import annotations

import ast
import csv
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from explorer.network import Network
from explorer.probe.prepare import DIGITS, Scale
from explorer.training import data

IMAGENET = 1000


def classes_of(network: Network) -> int:
    """How many classes the network tells apart; 0 where it does not classify."""
    return int(getattr(network.blocks[-1], "classes", 0)) if network.blocks else 0


def class_names(network: Network, scale: Scale, learned: str = DIGITS) -> tuple[str, ...]:
    """The names of the network's classes, those of the set `learned` on the scale of training; () where not known."""
    classes = classes_of(network)
    if scale == "training":
        names = data.facts(learned).classes
        return names if classes == len(names) else ()
    return imagenet() if classes == IMAGENET and network.input.channels == 3 else ()


@lru_cache(maxsize=1)
def imagenet() -> tuple[str, ...]:
    """ImageNet's class names out of the files of torchvision or timm, which are read and not run; () without them."""
    for package, names_in in (("torchvision", _torchvision), ("timm", _timm)):
        found = find_spec(package)
        if found is None or found.origin is None:
            continue
        with suppress(OSError, ValueError, SyntaxError, KeyError):  # of a version that keeps them elsewhere
            names = names_in(Path(found.origin).parent)
            if len(names) == IMAGENET:
                return names
    return ()


def _torchvision(folder: Path) -> tuple[str, ...]:
    for line in ast.parse((folder / "models/_meta.py").read_text(encoding="utf-8")).body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "_IMAGENET_CATEGORIES":
            return tuple(str(name) for name in ast.literal_eval(line.value))
    return ()


def _timm(folder: Path) -> tuple[str, ...]:
    files = folder / "data/_info"
    with (files / "imagenet_synset_to_lemma.txt").open(encoding="utf-8", newline="") as lines:
        lemmas = {row[0]: row[1] for row in csv.reader(lines, delimiter="\t") if len(row) == 2}
    synsets = (files / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    return tuple(lemmas[synset].partition(",")[0] for synset in synsets)
