"""Where the app's files lie: at the top of the repository, or inside the package in an installed wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """The folder `pages` or `assets`."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name
