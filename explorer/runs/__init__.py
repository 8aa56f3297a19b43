"""Runs: training in processes of its own, kept on disk and found again by id."""

from explorer.runs.jobs import Estimate, Manager, Member, manager
from explorer.runs.queue import Refused, Standing
from explorer.runs.store import Run, Store

__all__ = ["Estimate", "Manager", "Member", "Refused", "Run", "Standing", "Store", "manager"]
