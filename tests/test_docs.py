"""What the documents say must hold: their Python runs, their links lead somewhere, their commands exist."""

import re
from pathlib import Path

import pytest

from explorer import Network, Shape, analyze, blocks
from explorer.__main__ import main
from explorer.block import KINDS, count_parameters

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SPEAKING = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def python_of(document: str) -> list[str]:
    """The Python blocks of a document."""
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = python_of("README.md")
    assert len(code.splitlines()) <= 12
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    net = names["net"]
    assert isinstance(net, Network)
    report = analyze(net)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{report.params:,} parameters, {report.macs:,} MACs")
    assert len(rows) == len(report.blocks)


def test_the_commands_of_the_readme_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = {line.split()[1] for line in re.findall(r"^    explorer \w.*", text, re.MULTILINE)}
    assert commands == {"data", "export", "figure", "fit", "open", "presets", "summary", "train"}
    for command in commands:
        with pytest.raises(SystemExit) as stop:
            main([command, "--help"])
        assert stop.value.code == 0
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out))
    assert set(re.findall(r"^    explorer .*", text, re.MULTILINE)) and options.issuperset(
        re.findall(r"--[a-z]+", "\n".join(re.findall(r"^    explorer .*", text, re.MULTILINE)))
    )


def test_the_block_of_the_contributing_guide_works(monkeypatch: pytest.MonkeyPatch) -> None:
    block, numbers = python_of("CONTRIBUTING.md")
    names: dict[str, object] = {"__name__": "explorer.blocks.scaled"}
    exec(compile(block, "CONTRIBUTING.md", "exec"), names)
    kind = names["Scaled"]
    assert "scaled" not in KINDS
    monkeypatch.setattr(blocks, "Scaled", kind, raising=False)
    exec(numbers, {"blocks": blocks, "params": lambda block, *shape: count_parameters(block, Shape(*shape))})


@SPEAKING
def test_links_lead_to_files_that_exist(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} names {target}"


@SPEAKING
def test_targets_of_make_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^## (\w+):", makefile, re.MULTILINE))
    assert {"setup", "run", "test", "check", "bench", "gpu"} <= targets
    assert set(re.findall(r"`make (\w+)", document.read_text(encoding="utf-8"))) <= targets


@SPEAKING
def test_files_that_are_named_exist(document: Path) -> None:
    for name in re.findall(
        r"`((?:explorer|pages|tests|docs|benchmarks)/[\w/.]*)`", document.read_text(encoding="utf-8")
    ):
        assert (ROOT / name).exists(), f"{document.name} names {name}"
