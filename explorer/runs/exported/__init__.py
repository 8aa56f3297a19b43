"""Runs as files that other programs read: CSV, JSON, and folders for TensorBoard."""

from explorer.runs.exported.tables import curves_csv, runs_csv, runs_json
from explorer.runs.exported.tensorboard import archive, event_file

__all__ = ["archive", "curves_csv", "event_file", "runs_csv", "runs_json"]
