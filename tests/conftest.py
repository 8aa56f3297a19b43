"""One thread, reproducible random stacks, and a folder of their own for the runs of tests."""

import os
import tempfile
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

os.environ.setdefault("EXPLORER_RUNS", tempfile.mkdtemp(prefix="explorer-runs-"))  # not a person's own
os.environ.setdefault("EXPLORER_DATA", tempfile.mkdtemp(prefix="explorer-data-"))
torch.set_num_threads(1)  # tests run side by side, and sums must not depend on the number of cores

# The first example of a kind imports parts of torch lazily, so neither deadlines nor slow first draws mean anything.
_common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("local", max_examples=30, **_common)
settings.register_profile("ci", max_examples=30, derandomize=True, database=None, **_common)
settings.register_profile("thorough", max_examples=1000, **_common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "local"))


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """The tests of a file go together, and those of all browsers: with its server, one keeps two cores busy."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """How tests are dealt out where they run side by side."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` are skipped where no CUDA device is."""
    if torch.cuda.is_available():
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
