"""Where and in which number format local models run fastest."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Where Linux shows the drivers of NVIDIA, of AMD, and of either under Windows."""


def best_device() -> torch.device:
    """The first CUDA device, Apple's GPU, or the processor."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def best_dtype(device: torch.device | None = None) -> torch.dtype:
    """bfloat16 where the device multiplies it in hardware, else float32."""
    import torch

    device = device or best_device()
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu" and multiplies_bf16():
        return torch.bfloat16
    return torch.float32


def may_have_accelerator() -> bool:
    """False where a look at the machine shows that there is only the processor, without loading torch."""
    if platform.system() == "Linux":
        return any(Path(path).exists() for path in _ACCELERATORS)
    return not (platform.system() == "Darwin" and platform.machine() == "x86_64")


def device_kind(wanted: str = "auto") -> str:
    """`cuda`, `mps` or `cpu`: of a named device, or of the best one (auto). Torch is loaded only if it matters."""
    if wanted != "auto":
        return wanted.partition(":")[0]
    return best_device().type if may_have_accelerator() else "cpu"


def memory_for_training(device: str = "auto") -> int:
    """Bytes of memory of the device that trains: a GPU's own, else the machine's."""
    if device_kind(device) == "cuda":
        import torch

        if torch.cuda.is_available():
            return int(torch.cuda.get_device_properties(int(device.partition(":")[2] or 0)).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def multiplies_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware."""
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & processor_features())


@lru_cache(maxsize=1)
def processor_features() -> frozenset[str]:
    """The processor's feature flags as Linux names them; empty on other systems, which do not list them."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return frozenset()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, flags = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(flags.split())
    return frozenset()
