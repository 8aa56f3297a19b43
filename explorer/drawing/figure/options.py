"""What a person can ask of a figure, with bounds: the command, the page and the tests read these fields."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LEAST_PT = 6.0  # what journals ask of the smallest letters


class Options(BaseModel):
    """How a figure looks and how large it may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    style: Annotated[
        Literal["blocks", "volumes"],
        Field(title="Style", description="blocks: boxes that say what is inside. volumes: the maps, as oblique boxes."),
    ] = "blocks"
    layout: Annotated[
        Literal["horizontal", "folded"],
        Field(title="Layout", description="horizontal: one row. folded: as many rows as the width asks for."),
    ] = "horizontal"
    level: Annotated[
        Literal["stages", "blocks", "operations"],
        Field(
            title="Level",
            description="stages: blocks of one map size together. blocks: a box a card, copies as ×N. operations: the "
            "inside of every block.",
        ),
    ] = "blocks"
    captions: Annotated[bool, Field(title="Shapes", description="The shape of every map, under what makes it.")] = True
    theme: Annotated[
        Literal["light", "dark", "grey"],
        Field(title="Colours", description="light: for paper. dark: for slides, on a dark ground. grey: without hues."),
    ] = "light"
    width_cm: Annotated[
        float,
        Field(ge=4, le=100, title="Width", description="17 cm: a page's. 8.5 cm: a column's of two.",
              json_schema_extra={"unit": "cm"}),
    ] = 17.0  # fmt: skip
    smallest_pt: Annotated[
        float,
        Field(ge=LEAST_PT, le=24, title="Smallest type", description="All other type is larger in proportion.",
              json_schema_extra={"unit": "pt"}),
    ] = LEAST_PT  # fmt: skip

    @model_validator(mode="after")
    def _maps_lie_between_blocks(self) -> Self:
        if self.style == "volumes" and self.level == "operations":
            raise ValueError("volumes show the maps between blocks; use level blocks or stages, or style blocks")
        return self
