"""Where data lie: the folder that EXPLORER_DATA names, the platform's usual place, and Debian's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DEBIAN = Path("/usr/share/datasets")


def own_folder() -> Path:
    """Where this app puts data: EXPLORER_DATA, else the platform's place for a user's data."""
    if given := os.environ.get("EXPLORER_DATA"):
        return Path(given).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/architecture-explorer/data"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "architecture-explorer/data"


def folders() -> tuple[Path, ...]:
    """Where data are looked for, in this order."""
    return own_folder(), DEBIAN
