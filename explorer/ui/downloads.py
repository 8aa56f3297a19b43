"""Files that a person takes away: the network as JSON, the tables as CSV."""

from __future__ import annotations

import re
from typing import Literal

from explorer.ui import tables
from explorer.ui.desk import Desk


def make(what: Literal["network", "blocks", "operations"], desk: Desk) -> dict[str, str]:
    """Name, type and text of the file; a table goes as far as the stack fits together."""
    network, report = desk.network, desk.report()
    stem = re.sub(r"[^a-z0-9]+", "-", network.name.lower()).strip("-")[:60] or "network"
    if what == "network":
        return {"name": f"{stem}.json", "type": "application/json", "text": network.to_json()}
    text = tables.csv_text(report.blocks if what == "blocks" else report.operations)
    return {"name": f"{stem}-{what}.csv", "type": "text/csv", "text": text}
