"""Which device trains: the first of CUDA, MPS and CPU that is there."""

import os
from pathlib import Path

import torch


def choose() -> torch.device:
    """The fastest device of this machine."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def describe(device: torch.device) -> str:
    """The device in words: "CPU, 1 thread"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def synchronise(device: torch.device) -> None:
    """Waits for the device to finish what it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the error means that memory ran out; a CPU's allocator says so in its text only."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def computes_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 there; elsewhere it would be imitated, and slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities() if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities") else {}
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def held_bytes(device: torch.device) -> int | None:
    """Memory in use: of the device on CUDA, of the whole process on a CPU, as far as the system says."""
    if device.type == "cuda":
        return int(torch.cuda.memory_allocated(device))
    pages = _lines("/proc/self/statm")
    return int(pages[0].split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages else None


def free_bytes(device: torch.device) -> int | None:
    """Memory that can still be had on the device, as far as the system says."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = [int(line.split()[1]) * 1024 for line in _lines("/proc/meminfo") if line.startswith("MemAvailable:")]
    limit, used = (_lines(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit and used and limit[0].isdecimal():  # a container's own limit, "max" where it has none
        free.append(int(limit[0]) - int(used[0]))
    return min(free, default=None)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
