"""The fields of a form as JSON schemas: of a kind, of several kinds together, of an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from pydantic import TypeAdapter

from explorer.block import Block
from explorer.shape import Shape

Schema = Mapping[str, Any]

LAST = "label"  # a card's own name stands under what it does
WORDS = ("default", "description")  # what may differ between fields that mean the same


@cache
def schema_of(kind: type[Block]) -> dict[str, Schema]:
    """The JSON schema of each field that a form shows, alternatives merged."""
    properties = kind.model_json_schema()["properties"]
    fields = {name: _merged(schema) for name, schema in properties.items() if "const" not in schema}
    return {**{name: fields[name] for name in fields if name != LAST}, LAST: fields[LAST]}


@lru_cache(maxsize=256)
def shared(kinds: tuple[type[Block], ...]) -> dict[str, Schema]:
    """The fields that all these kinds have with the same meaning, choices cut to those that all offer."""
    first, *others = (schema_of(kind) for kind in kinds)
    found = {name: _common([schema, *(other.get(name) for other in others)]) for name, schema in first.items()}
    return {name: schema for name, schema in found.items() if schema is not None}


def _common(schemas: Sequence[Schema | None]) -> Schema | None:
    """One schema for all of these, or None where they mean different things."""
    known = [schema for schema in schemas if schema is not None]
    if len(known) < len(schemas):
        return None
    first, *others = known
    same = {word: first[word] for word in WORDS if all(other.get(word) == first.get(word) for other in others)}
    if all("enum" in schema and schema["title"] == first["title"] for schema in known):
        values = [value for value in first["enum"] if all(value in other["enum"] for other in others)]
        return {"title": first["title"], "enum": values, **same} if len(values) > 1 else None
    bounds = {name: value for name, value in first.items() if name not in WORDS}
    if any({name: value for name, value in other.items() if name not in WORDS} != bounds for other in others):
        return None
    return {**bounds, **same}


@cache
def input_schema() -> tuple[Schema, ...]:
    """The schemas of an input's channels, height and width."""
    return tuple(TypeAdapter(Shape).json_schema()["prefixItems"])


def _merged(schema: Schema) -> Schema:
    """`anyOf` of constants and enums as one enum; of a type and null as that type, optional."""
    options = schema.get("anyOf")
    if options is None:
        return schema
    own = {name: value for name, value in schema.items() if name != "anyOf"}
    if any(option.get("type") == "null" for option in options):
        [kept] = [option for option in options if option.get("type") != "null"]
        return {**kept, **own, "optional": True}
    values = [value for option in options for value in option.get("enum", [option.get("const")])]
    return {**own, "enum": values}
