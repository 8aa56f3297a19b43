"""What one job may take of the machine, and the reading of what it takes."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DAY = 86_400.0


@dataclass(frozen=True)
class Limits:
    """The most that one job may take; None: as much as it likes."""

    seconds: float | None = None
    bytes: int | None = None

    def exceeded(self, seconds: float, held: int | None) -> str:
        """The sentence of a job that took too long or too much; empty while it stays within. `held` in bytes."""
        if self.seconds is not None and seconds > self.seconds:
            return (
                f"It was ended after {_duration(self.seconds)}, the longest that a run may take here. "
                "Fewer steps or a smaller network take less."
            )
        if self.bytes is not None and held is not None and held > self.bytes:
            return (
                f"It was ended at {_size(held)} of memory; a run may take {_size(self.bytes)} here. "
                "A smaller batch, input or network needs less."
            )
        return ""


def usual() -> Limits:
    """A day and half of the machine's memory, unless EXPLORER_RUN_SECONDS or EXPLORER_RUN_GB says otherwise."""
    total = machine_bytes()
    gigabytes = number_of("EXPLORER_RUN_GB")
    return Limits(
        seconds=number_of("EXPLORER_RUN_SECONDS") or DAY,
        bytes=int(gigabytes * 1e9) if gigabytes else total // 2 if total else None,
    )


def resident_bytes(pid: int) -> int | None:
    """The memory that a process holds; None where the system does not say or the process is gone."""
    statm = Path(f"/proc/{pid}/statm")
    try:
        if Path("/proc/self").exists():
            return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return int(said.stdout) * 1024
    except (OSError, ValueError, IndexError):
        return None


@cache
def machine_bytes() -> int | None:
    """The memory of the machine, or of the container that this process runs in."""
    found: list[int] = []
    with suppress(ValueError, OSError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):  # "max" where the container has no limit
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min((each for each in found if each > 0), default=None)


def number_of(name: str) -> float | None:
    """A positive number from the environment; None where there is none."""
    with suppress(KeyError, ValueError):
        number = float(os.environ[name])
        return number if 0 < number < 1e9 else None
    return None


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
