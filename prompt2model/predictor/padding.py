"""Token rows of several lengths as one rectangle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def pad_right(rows: Sequence[Sequence[int]], fill: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows filled up on the right, and the mask (1 on tokens, 0 on filling); both int64 [rows, longest]."""
    import numpy as np
    import torch

    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), fill, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
