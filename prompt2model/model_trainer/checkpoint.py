"""Where a training stands, on disk: a killed one goes on from there to the same weights and the same curve."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.artifacts import sync_folder, write_atomically

if TYPE_CHECKING:
    import torch

_TENSORS, _REST = "state.safetensors", "state.json"


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next step depends on. `rest` is plain JSON, `tensors` lie in main memory."""

    tensors: Mapping[str, torch.Tensor]
    rest: Mapping[str, Any]


class Checkpoints:
    """The last checkpoint of one training, in a folder of its own; an older one goes when a newer one is whole.

    `mark` names what is trained and how: the checkpoint of another training is not taken.
    """

    def __init__(self, folder: Path, seconds: float, mark: str = "") -> None:
        self.folder, self.mark = folder, mark
        self._seconds = seconds
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Whether enough time has passed since the last one. When one is written changes no result."""
        return time.monotonic() - self._last >= self._seconds

    def save(self, state: TrainingState) -> None:
        """Write the state beside the old one, then put it in its place."""
        from safetensors.torch import save_file

        partial = self.folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file({name: value.contiguous() for name, value in state.tensors.items()}, partial / _TENSORS)
        size = (partial / _TENSORS).stat().st_size
        write_atomically(partial / _REST, json.dumps({"mark": self.mark, "bytes": size, **state.rest}))
        old = self.folder.with_suffix(".old")
        shutil.rmtree(old, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(old)
        partial.rename(self.folder)
        sync_folder(self.folder.parent)
        shutil.rmtree(old, ignore_errors=True)
        self._last = time.monotonic()

    def load(self) -> tuple[TrainingState | None, str]:
        """The last state, or None, and what a person has to know about that (empty where there is nothing to say)."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        # Between two renames of `save` a kill leaves the older one under the other name.
        folder = self.folder if self.folder.exists() else self.folder.with_suffix(".old")
        if not folder.exists():
            return None, ""
        damaged = f"the checkpoint in {folder} is damaged, so the training starts from the beginning"
        try:
            rest = json.loads((folder / _REST).read_text(encoding="utf-8"))
            whole = (folder / _TENSORS).stat().st_size == rest["bytes"]
            if rest["mark"] != self.mark:
                return None, ""
            if not whole:
                return None, damaged
            return TrainingState(load_file(folder / _TENSORS), rest), ""
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            return None, damaged

    def clear(self) -> None:
        """Remove what is no longer needed: the model is saved."""
        for suffix in ("", ".partial", ".old"):
            shutil.rmtree(self.folder.with_suffix(suffix), ignore_errors=True)
