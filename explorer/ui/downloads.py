"""Files that a person takes away: the network as JSON, the tables as CSV, the graph as SVG and DOT."""

from __future__ import annotations

from typing import Literal

from explorer.drawing import graph, picture
from explorer.drawing.palette import palette
from explorer.network import EditError
from explorer.ui import filenames, tables
from explorer.ui.desk import Desk

What = Literal["network", "blocks", "operations", "picture", "dot"]


def make(what: What, desk: Desk) -> dict[str, str]:
    """Name, type and text of the file; a table goes as far as the stack fits together. Raises EditError."""
    network, report = desk.network, desk.report()
    stem = filenames.stem(network.name)
    if what == "network":
        return {"name": f"{stem}.json", "type": "application/json", "text": network.to_json()}
    if what == "picture":
        drawn = picture.network(report, desk.opened, colours=palette())
        return {"name": f"{stem}.svg", "type": "image/svg+xml", "text": drawn}
    if what == "dot":
        try:
            return {"name": f"{stem}.dot", "type": "text/vnd.graphviz", "text": graph.dot(report)}
        except graph.TooLargeToDraw as error:
            raise EditError(str(error)) from None
    text = tables.csv_text(report.blocks if what == "blocks" else report.operations)
    return {"name": f"{stem}-{what}.csv", "type": "text/csv", "text": text}
