"""Who a run belongs to: a process, told apart from a later one that was given the same number."""

import os
import subprocess
from functools import cache
from pathlib import Path


def _born(pid: int) -> str:
    """When the process began, in whatever form the system gives; empty where there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            text = stat.read_text()
        except OSError:
            return ""
        fields = text.rpartition(")")[2].split()  # the name in parentheses may hold anything
        return "" if fields[0] == "Z" else fields[19]
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return " ".join(listing.stdout.split())


@cache
def identity_of(pid: int) -> str:
    """`4711@8215`: the process and its birth."""
    return f"{pid}@{_born(pid)}"


def mine() -> str:
    """The identity of this process."""
    return identity_of(os.getpid())


def alive(identity: str) -> bool:
    """Whether the process of that identity still runs."""
    pid, _, born = identity.partition("@")
    return pid.isdecimal() and bool(born) and _born(int(pid)) == born
