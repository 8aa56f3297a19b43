"""One thread, reproducible random stacks, and a folder of their own for the runs of tests."""

import os
import tempfile

import pytest
import torch
from hypothesis import HealthCheck, settings

os.environ.setdefault("EXPLORER_RUNS", tempfile.mkdtemp(prefix="explorer-runs-"))  # not a person's own
os.environ.setdefault("EXPLORER_DATA", tempfile.mkdtemp(prefix="explorer-data-"))
torch.set_num_threads(1)  # tests run side by side, and sums must not depend on the number of cores

# The first example of a kind imports parts of torch lazily, so neither deadlines nor slow first draws mean anything.
_common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("local", max_examples=30, **_common)
settings.register_profile("ci", max_examples=30, derandomize=True, database=None, **_common)
settings.register_profile("thorough", max_examples=1000, **_common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "local"))


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` are skipped where no CUDA device is; where tests run side by side, browsers take turns.

    A browser, its server and that server's workers keep two cores busy by themselves.
    """
    for item in items:
        if "gpu" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
        group = "browser" if item.path.parent.name == "browser" else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
