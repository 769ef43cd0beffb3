"""The limits that a person sets for a student, as `50MB`, `20ms` and `cpu`."""

from __future__ import annotations

import re
from pathlib import Path

from prompt2model.errors import ConfigError
from prompt2model.records import Family

_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_AMOUNT = re.compile(r"(?P<number>\d+(\.\d+)?) ?(?P<unit>[A-Za-z]+)")
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_LEAST_BYTES_PER_PARAMETER = {"encoder": 4, "encoder_decoder": 4, "decoder": 2}
"""As students are saved: in float32, and decoders in the format of their base, which has 16 bits at least."""


def bytes_of(text: str) -> int:
    """A size in bytes: `50MB`, `1.5 GB`, `800kB` (decimal), `512MiB` (binary). Raises ValueError."""
    number, unit = _parts(text)
    size = _BYTES.get(unit.upper())
    if size is None or not number:
        raise ValueError(f"{text!r} is not a size; write it as 50MB, 1.5GB or 800kB")
    return round(number * size)


def seconds_of(text: str) -> float:
    """A duration in seconds: `20ms`, `0.02s`. Raises ValueError."""
    number, unit = _parts(text)
    size = _SECONDS.get(unit.lower())
    if size is None or not number:
        raise ValueError(f"{text!r} is not a duration; write it as 20ms or 0.02s")
    return number * size


def check_device_name(text: str) -> str:
    """The name of a device as it is. Raises ValueError."""
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"{text!r} is no device; write auto, cpu, mps, cuda or cuda:0")
    return text


def device_of(wanted: str) -> str:
    """The device in torch's words; `auto` is the best one. Raises ConfigError for one that this machine lacks."""
    import torch

    from prompt2model.inference import best_device

    if wanted == "auto":
        return str(best_device())
    kind, _, number = wanted.partition(":")
    there = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": int(number or 0) < torch.cuda.device_count(),
    }
    if not there[kind]:
        raise ConfigError(f"this machine has no device {wanted}; write --device cpu, or auto for the best that it has")
    return "cuda:0" if wanted == "cuda" else wanted


def least_bytes(family: Family, parameters: int | None) -> int | None:
    """The bytes that a student of this base model has at least; None where that is known only when it is trained."""
    if parameters is None or family not in _LEAST_BYTES_PER_PARAMETER:
        return None
    return parameters * _LEAST_BYTES_PER_PARAMETER[family]


def folder_bytes(folder: Path) -> int:
    """The bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _parts(text: str) -> tuple[float, str]:
    """The number and the unit; zero and no unit for anything else."""
    found = _AMOUNT.fullmatch(text.strip())
    return (float(found["number"]), found["unit"]) if found else (0.0, "")
