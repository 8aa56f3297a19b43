"""Runs many exported files in one process, which loads torch once: `python -m tests.exported FOLDER`.

Each `x.json` beside an `x.py` is compared with it as `explorer/export/outputs.py` does, and `found.json` says how.
"""

import ast
import json
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from explorer import Network, analyze
from explorer.export import python_source
from explorer.export.outputs import IMAGES, differences, outputs

ROOT = Path(__file__).parents[1]


def run(folder: Path, networks: Mapping[str, Network]) -> dict[str, dict[str, Any]]:
    """Writes a file for each network, runs all in another process, and gives what was found by name."""
    for name, network in networks.items():
        (folder / f"{name}.json").write_text(network.to_json(), encoding="utf-8")
        (folder / f"{name}.py").write_text(python_source(network), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.exported", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, dict[str, Any]] = json.loads((folder / "found.json").read_text())
    return found


def hold(folder: Path, networks: dict[str, Network]) -> None:
    """Every file has the app's names, weights and outputs, needs only torch, and reads as the project's own code."""
    found = run(folder, networks)
    assert found.keys() == networks.keys()
    for name, result in found.items():
        told = f"{name}: {result}\n{networks[name].to_json()}"
        assert result["same_keys"] and result["same_first_weights"] and result["same_state_after"], told
        assert result["difference"] == 0 and result["finite"], told
        assert result["parameters"] == [analyze(networks[name]).params] * 2, told
    are_clean(folder, {"torch"})


def are_clean(folder: Path, needed: set[str]) -> None:
    """The files import nothing but these and the standard library, and read as the project's own code."""
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert modules_imported(tree) - sys.stdlib_module_names <= needed
        assert ast.get_docstring(tree)
    ruff(folder)


def modules_imported(tree: ast.AST) -> set[str]:
    names = [one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def ruff(folder: Path) -> None:
    """The files are clean and formatted by the project's own rules."""
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        ended = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--quiet", "--config", str(ROOT / "pyproject.toml"), str(folder)],
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def compare(network: Network, file: Path) -> dict[str, Any]:
    """Names, first weights and outputs of the file's network against those of the app's."""
    theirs = runpy.run_path(str(file), run_name="exported")["Network"](3)
    ours = network.build(3)
    state, other = ours.state_dict(), theirs.state_dict()
    images = torch.randn(IMAGES, *network.input, generator=torch.Generator().manual_seed(0))
    return {
        "same_keys": list(state) == list(other),
        "same_first_weights": all(torch.equal(state[name], other[name]) for name in state.keys() & other.keys()),
        "parameters": [sum(one.numel() for one in model.parameters()) for model in (ours, theirs)],
        **differences(outputs(ours, images), outputs(theirs, images)),
        "same_state_after": all(torch.equal(state[name], other[name]) for name in state.keys() & other.keys()),
    }


def undrawn(layer: nn.Conv2d | nn.Linear) -> None:
    """In place of torch's own first weights, which the file replaces: not a number, and nothing to wait for."""
    for parameter in layer.parameters():
        nn.init.constant_(parameter, torch.nan)


if __name__ == "__main__":
    torch.set_num_threads(1)
    nn.Conv2d.reset_parameters = nn.Linear.reset_parameters = undrawn
    place = Path(sys.argv[1])
    results = {
        file.stem: compare(Network.from_json(file.with_suffix(".json").read_text(encoding="utf-8")), file)
        for file in sorted(place.glob("*.py"))
    }
    (place / "found.json").write_text(json.dumps(results), encoding="utf-8")
