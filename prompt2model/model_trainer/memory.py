"""How much memory a training took, where the system tells."""

from __future__ import annotations

import sys
from pathlib import Path

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def start_peak(device: str) -> None:
    """Begin anew to note the most memory in use. Linux and CUDA only; elsewhere nothing is noted."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    try:
        _RESET.write_text("5")
    except OSError:
        return


def peak_memory(device: str) -> int | None:
    """The most memory in use since `start_peak`, in bytes: of a GPU where that trains, else of the process.

    None where the system does not tell.
    """
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    return _status("VmHWM:")


def give_back_freed() -> None:
    """Give the system back what was freed and the C library (glibc) keeps for later: it is not in use any more."""
    import ctypes
    import gc

    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def memory_in_use() -> int | None:
    """Bytes that the process holds now; None where the system does not tell."""
    return _status("VmRSS:")


def _status(name: str) -> int | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)
