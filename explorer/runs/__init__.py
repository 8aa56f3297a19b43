"""Runs: training in processes of its own, kept on disk and found again by id."""

from explorer.runs.jobs import Estimate, Manager, manager
from explorer.runs.store import Run, Store

__all__ = ["Estimate", "Manager", "Run", "Store", "manager"]
