"""What each torch function does to shapes, counts, saved bytes and receptive fields."""

from explorer.rules import arithmetic, fallback, layers, pools, views
from explorer.rules.registry import RULES

__all__ = ["RULES", "arithmetic", "fallback", "layers", "pools", "views"]
