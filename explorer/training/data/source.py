"""What a data set is called and made of: `digits`, or `shapes:size=64,difficulty=0.3` with what is not the default."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from explorer.training.data.dataset import DataSet, Facts


class Source(BaseModel, ABC):
    """A kind of data set with its parameters, bounded by their types. A final class a kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def facts(self) -> Facts:
        """What is known without reading an image; ValueError or OSError where the set is not at hand."""

    @abstractmethod
    def load(self) -> DataSet:
        """The images; ValueError or OSError, a sentence, where they cannot be had."""

    def lacks(self) -> str:
        """Why it cannot be loaded, as a sentence without its stop, from a look at the disk; empty where it can."""
        return ""

    @property
    def name(self) -> str:
        """The set as a recipe names it: the kind, and every parameter that is not the default."""
        given = {field: value for field, value in self if value != type(self).model_fields[field].default}
        said = ",".join(f"{field}={_written(value)}" for field, value in given.items())
        return f"{self.kind}:{said}" if said else self.kind

    @classmethod
    def of(cls, name: str) -> Source:
        """The source of this name, of this kind; ValueError says which parameter cannot be."""
        parts = name.partition(":")[2]
        pairs = [part.partition("=") for part in parts.split(",")] if parts else []
        given = {key: value for key, _, value in pairs}
        if len(given) != len(pairs):
            raise ValueError(f"{name} says something twice")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ValueError(f"{name} is no data set: {_first(error)}") from None


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, with the parameter and the value."""
    found = error.errors()[0]
    where = ".".join(map(str, found["loc"]))
    said = found["msg"].removeprefix("Value error, ")
    return f"{where}={found['input']}: {said}" if where else said
