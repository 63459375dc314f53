"""Memory: how much is free on a device, and what an exception for want of it looks like."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from simworld.checkpoint.libraries import library

_MEMINFO = Path("/proc/meminfo")
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory")
ASSUMED = 4 * 10**9
"""Free bytes where the system tells nothing."""


def free_bytes(device: Any) -> int:
    """Bytes that are free for tensors of this device (a `torch.device`)."""
    torch = library("torch")
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text(encoding="ascii").splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return _half_of_all()


def _half_of_all() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return ASSUMED


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is torch's word for too little memory, on any device."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def give_back(device: Any) -> None:
    """Hand what torch holds back, but does not use, to the device."""
    torch = library("torch")
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def tend_threads() -> None:
    """No more threads than this process may use cores; what the user set in the environment holds."""
    if os.environ.get("OMP_NUM_THREADS") or os.environ.get("MKL_NUM_THREADS"):
        return
    torch = library("torch")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if torch.get_num_threads() > cores:
        torch.set_num_threads(cores)
