"""Names of files that a person takes away."""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 60  # characters before the ending


def stem(name: str) -> str:
    """A network's name as the beginning of a file's: `resnet-18`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-") or "network"


def stem_of_all(names: Sequence[str]) -> str:
    """The names of several: `resnet-18-vs-resnet-50`, and of many the first and how many besides."""
    together = "-vs-".join(map(stem, names))
    if len(together) <= LONGEST:
        return together
    besides = f"-vs-{len(names) - 1}-others" if len(names) > 2 else f"-vs-{stem(names[1])[:24].strip('-')}"
    return f"{stem(names[0])[: LONGEST - len(besides)].strip('-')}{besides}"
