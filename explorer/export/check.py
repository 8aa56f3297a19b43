"""The proof that an exported file computes what the app's own model does: it is run, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from explorer.export.source import python_source
from explorer.network import Network
from explorer.report import analyze
from explorer.training import device

SECONDS = 120.0
OVERHEAD = 600 * 2**20  # bytes of a process that has loaded torch


@dataclass(frozen=True)
class Check:
    """What running the file said: the greatest difference of any output, or why there is none to tell."""

    difference: float | None
    reason: str = ""

    @property
    def same(self) -> bool:
        """Whether all outputs are equal to the last bit."""
        return self.difference == 0

    def words(self) -> str:
        """The finding in one line."""
        if self.same:
            return "same output, max |Δ| = 0"
        if self.difference is not None:
            return f"different output, max |Δ| = {self.difference:.3g}"
        return f"not checked: {self.reason}"


def check(network: Network, source: str | None = None, seconds: float = SECONDS) -> Check:
    """Runs the file beside the app's model on the same weights and images, in training and in evaluation mode.

    `source` is what `python_source` wrote unless it is given. Raises ShapeError.
    """
    text = python_source(network) if source is None else source
    lacking = too_large(network)
    if lacking:
        return Check(None, lacking)
    with TemporaryDirectory(prefix="explorer-check-") as name:
        folder = Path(name)
        (folder / "network.json").write_text(network.to_json(), encoding="utf-8")
        (folder / "network.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "explorer.export.outputs", name]
        try:
            ended = subprocess.run(
                command,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=seconds,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        except subprocess.TimeoutExpired:
            return Check(None, f"running the file took more than {seconds:g} s")
        found = folder / "found.json"
        if ended.returncode or not found.is_file():
            return Check(None, failure(ended.returncode, ended.stderr.decode(errors="replace")))
        return read(json.loads(found.read_text(encoding="utf-8")))


def read(found: Mapping[str, Any]) -> Check:
    """The finding of `explorer/export/outputs.py`."""
    if not found["same_keys"]:
        return Check(None, "the file's parameters have other names or another order")
    if not found["same_shape"]:
        return Check(None, "the file's output has another shape")
    if not found["finite"]:
        return Check(None, "with its first weights the network's output is not finite, so there is nothing to compare")
    return Check(float(found["difference"]))


def failure(code: int, complaint: str) -> str:
    """Why the process ended without a finding."""
    if code < 0:
        return f"the process that ran the file was ended by signal {-code}, as when memory runs out"
    last = next((line.strip() for line in reversed(complaint.splitlines()) if line.strip()), f"exit code {code}")
    return f"running the file failed: {last[:200]}"


def too_large(network: Network) -> str:
    """Why the check is not tried where memory would not do; empty where it would."""
    report = analyze(network, batch=2)
    needed = OVERHEAD + 8 * report.params + report.saved_bytes
    free = device.free_bytes(torch.device("cpu"))
    if free is None or needed < free:
        return ""
    return f"running the file needs some {needed / 2**30:,.1f} GiB of memory, and {free / 2**30:,.1f} GiB are free"
