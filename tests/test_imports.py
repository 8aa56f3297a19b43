"""Imports point one way, from pages down to shapes, so that each part can be read and used without those above it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each part of the package may import besides itself, and what is under those. A new part has to be placed here.
BELOW = {
    "shape": (),
    "numbers": (),
    "layers": (),
    "first_weights": (),
    "branches": ("shape",),
    "block": ("branches", "layers", "shape"),
    "blocks": ("block",),
    # One pass over a module, known to no block and knowing none.
    "field": (),
    "symbol": (),
    "rules": ("field", "symbol"),
    "trace": ("rules",),
    "reach": ("trace",),
    # A block's trace, remembered; the network prices its ways out by it.
    "record": ("block", "reach"),
    "repair": ("record",),
    "network": ("blocks", "first_weights", "repair"),
    "depth": ("network",),
    "report": ("network",),
    "fit": ("report",),
    "compare": ("depth", "fit"),
    "presets": ("network",),
    "landmarks": ("presets", "report"),
    "weights": ("presets",),
    "recognise": ("weights",),
    # Files that people bring, known to no network.
    "pickled": (),
    "checkpoint": ("pickled",),
    "summary": ("fit",),
    "drawing": ("compare", "numbers"),
    "export": ("checkpoint", "training"),
    "training": ("numbers", "pickled", "report", "weights"),
    "runs": ("training",),
    "probe": ("training",),
    "pictures": ("probe",),
    "lab": ("runs",),
    "terminal": ("runs", "summary"),
    "": ("report", "weights", "export"),  # explorer/__init__.py, the public names
    "ui": ("", "checkpoint", "compare", "depth", "drawing", "lab", "landmarks", "pictures", "recognise", "summary"),
    "__main__": ("", "checkpoint", "drawing", "pictures", "recognise", "summary", "terminal"),
    "pages": ("ui",),
}


def below(part: str) -> set[str]:
    """Everything that `part` may import."""
    direct = set(BELOW[part])
    return direct.union(*(below(one) for one in direct)) if direct else direct


def part_of(path: Path) -> str:
    """`explorer/blocks/basic.py` is of "blocks", `explorer/shape.py` of "shape", `pages/design.py` of "pages"."""
    first, *rest = path.relative_to(ROOT).parts
    if first == "pages":
        return "pages"
    return rest[0].removesuffix(".py").replace("__init__", "")


def imported(path: Path, source: str | None = None) -> Iterator[str]:
    """Full names of what a file imports at run time anywhere in it, functions included; not what only types need."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    waiting: list[ast.AST] = [ast.parse(source if source is not None else path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (start, node.module)))
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)
        waiting.extend(ast.iter_child_nodes(node))


def is_module(name: str) -> bool:
    """Whether `explorer.x.y` is a file or folder of the package, and not a name in one."""
    *folder, last = name.split(".")
    folder = ROOT.joinpath(*folder)  # listed, since some file systems find network.py under the name Network.py
    return folder.is_dir() and bool({last, f"{last}.py"} & {path.name for path in folder.iterdir()})


def parts_imported(path: Path, source: str | None = None) -> set[str]:
    """The parts of the package that a file imports, its own excepted."""
    own = part_of(path)
    names = [name for name in imported(path, source) if name.split(".")[0] == "explorer" and is_module(name)]
    deepest = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    return {(name + ".").split(".")[1] for name in deepest} - {own}


FILES = sorted([*ROOT.glob("explorer/**/*.py"), *ROOT.glob("pages/*.py")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_is_below_it(path: Path) -> None:
    part = part_of(path)
    assert part in BELOW, f"place {part} in the order of imports"
    beyond = parts_imported(path) - below(part)
    assert not beyond, f"{part} may not import {', '.join(sorted(beyond))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_interface_imports_streamlit(path: Path) -> None:
    if part_of(path) not in ("ui", "pages"):
        assert not [name for name in imported(path) if name.split(".")[0] == "streamlit"]


def test_blocks_never_import_each_other() -> None:
    folder = ROOT / "explorer" / "blocks"
    kinds = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert kinds
    for path in folder.glob("*.py"):
        if path.stem != "__init__":
            others = {name.split(".")[2] for name in imported(path) if name.startswith("explorer.blocks.")}
            assert not others & kinds, f"{path.name} imports {others}"


def test_the_order_has_no_circle() -> None:
    assert all(part not in below(part) for part in BELOW)


@pytest.mark.parametrize(
    ("file", "source", "found"),
    [
        ("explorer/shape.py", "from explorer.ui import forms", {"ui"}),
        ("explorer/shape.py", "def late():\n    from explorer import report", {"report"}),
        ("explorer/shape.py", "from . import report", {"report"}),
        ("explorer/blocks/basic.py", "from ..network import Network", {"network"}),
        ("explorer/trace.py", "import explorer.runs.store", {"runs"}),
        ("explorer/trace.py", "from explorer import Network", {""}),
        ("explorer/trace.py", "if TYPE_CHECKING:\n    from explorer import ui", set()),
    ],
)
def test_a_forbidden_import_would_be_seen(
    file: str, source: str, found: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.is_module", lambda name: not name.endswith(("Network", "forms")))
    assert parts_imported(ROOT / file, source) == found
    assert found <= set(BELOW) - below(part_of(ROOT / file))


def test_importing_the_package_loads_no_interface_plots_or_data_sets() -> None:
    heavy = ("streamlit", "plotly", "sklearn", "pandas", "torchinfo")
    script = (
        "import sys, explorer\nexplorer.Network, explorer.analyze\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_help_is_quick_because_it_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom explorer.__main__ import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'pydantic', 'streamlit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
