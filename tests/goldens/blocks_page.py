"""Writes docs/blocks.md from the kinds themselves: .venv/bin/python -m tests.goldens.blocks_page"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from explorer.block import GROUPS, Block
from explorer.blocks import KINDS
from explorer.ui.schemas import Schema, schema_of

PAGE = Path(__file__).parents[2] / "docs" / "blocks.md"
COMMON = 3  # kinds that have a field before it is told once for all

HEAD = """# The blocks

Every kind of block with its fields, as the forms and the API have them: `Basic(channels=64, stride=2)`. This page is
written from the kinds by `python -m tests.goldens.blocks_page`, and a test holds it to them. § numbers are those of the
article that the app follows; where article and literature differ, both readings are options of one block.

Shapes are (channels, height, width). Fields that many kinds share are explained once,
[at the end](#fields-that-many-kinds-share).
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD.rstrip()
    common = common_fields()
    for group in GROUPS:
        yield f"\n## {group}"
        for name, kind in KINDS.items():
            if kind.group == group:
                yield from _kind(name, kind, common)
    yield "\n## Fields that many kinds share\n"
    yield from _table(common.items())


def _kind(name: str, kind: type[Block], common: dict[str, Schema]) -> Iterator[str]:
    fields = schema_of(kind)
    own = {field: schema for field, schema in fields.items() if bare(schema) != common.get(field)}
    yield f"\n### {kind.title}: `{kind.__name__}`, kind `{name}`\n"
    yield kind.summary
    if kind.formula:
        yield f"\n    {kind.formula}"
    yield f"\nSource: {kind.source}."
    if own:
        yield ""
        yield from _table(own.items())
    shared = [f"`{field}` {default(kind, field)}" for field in fields if field not in own]
    yield f"\n{'Also ' if own else ''}{', '.join(shared)}."


def _table(fields: Iterable[tuple[str, Schema]]) -> Iterator[str]:
    rows = []
    for name, schema in fields:
        usual = [written(schema["default"])] if "default" in schema else []
        rows.append([f"`{name}`", values(schema), *usual, schema["description"]])
    head = ["field", "values", *(["default"] if len(rows[0]) == 4 else []), "what it does"]
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def bare(schema: Schema) -> Schema:
    """A field without its default, in which kinds may differ."""
    return {name: value for name, value in schema.items() if name != "default"}


def common_fields() -> dict[str, Schema]:
    """Fields that are the same, but for their default, in several kinds; the form that the most have."""
    seen = [(name, bare(schema)) for kind in KINDS.values() for name, schema in schema_of(kind).items()]
    count = Counter((name, str(schema)) for name, schema in seen)
    return {name: schema for name, schema in seen if count[name, str(schema)] >= COMMON}


def values(schema: Schema) -> str:
    """What a field takes."""
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    match schema["type"]:
        case "boolean":
            return "on, off"
        case "array":
            return f"up to {schema['maxItems']} of {values(schema['items'])}"
        case "string":
            return f"up to {schema['maxLength']:,} characters"
    low = schema["minimum"] if "minimum" in schema else f"above {schema['exclusiveMinimum']}"
    high = f"{schema['maximum']:,}" if "maximum" in schema else f"below {schema['exclusiveMaximum']}"
    return f"{low} … {high}{' or none' if schema.get('optional') else ''}"


def default(kind: type[Block], field: str) -> str:
    """The default of a kind's field, as it is read."""
    return written(kind.model_fields[field].get_default(call_default_factory=True))


def written(value: Any) -> str:
    """A default, as it is read."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value == "" or value == () or value == []:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
