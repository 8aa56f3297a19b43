"""Writes the exported files that were read by a person: .venv/bin/python -m tests.goldens.sources"""

from pathlib import Path

from explorer import presets
from explorer.export import python_source

NAMES = ("resnet50", "googlenet", "article")


def path(name: str) -> Path:
    return Path(__file__).with_name(f"source_{name}.py")


def written(name: str) -> str:
    return python_source(presets.load(name))


if __name__ == "__main__":
    for name in NAMES:
        path(name).write_text(written(name), encoding="utf-8")
