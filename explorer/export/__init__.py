"""A network in the words of other programs."""

from explorer.export.source import python_source

__all__ = ["python_source"]
