"""The linear layer of students that are a logistic regression on fixed features, and the file that holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.artifacts import write_atomically
from prompt2model.errors import RunFolderError
from prompt2model.records import Prediction

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class LinearHead:
    """`weights` float32 [features, labels], `bias` float32 [labels]; P(label) is the softmax of the scores."""

    weights: np.ndarray
    bias: np.ndarray

    def scores(self, features: Any) -> np.ndarray:
        """float32 [rows, labels] of features [rows, width], sparse or dense."""
        scores: np.ndarray = features @ self.weights + self.bias
        return scores

    def predictions(self, features: Any, labels: Sequence[str], tokens: Sequence[int]) -> list[Prediction]:
        """The most likely label of each row, with P(label) of all; `tokens` were read of each."""
        from scipy.special import softmax

        probabilities = softmax(self.scores(features).astype("float64"), axis=1)
        return [
            Prediction(labels[best], tuple(row), prompt_tokens=read)
            for best, row, read in zip(
                probabilities.argmax(axis=1).tolist(), probabilities.tolist(), tokens, strict=True
            )
        ]


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """A safetensors file."""
    import numpy as np
    from safetensors.numpy import save

    write_atomically(path, save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}))


def read_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Float32 tensors of a safetensors file; -1 stands for any length.

    Raises RunFolderError where the file is missing, cut short, no safetensors file, or holds other shapes.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except FileNotFoundError as error:
        raise RunFolderError(f"{path.parent} is damaged: {path.name} is missing; train the student again") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path} is no whole safetensors file ({error}); train the student again") from error
    for name, shape in shapes.items():
        tensor = tensors.get(name)
        fits = tensor is not None and tensor.ndim == len(shape) and tensor.dtype == np.float32
        if not fits or any(want not in (-1, have) for want, have in zip(shape, tensor.shape, strict=True)):  # type: ignore[union-attr]
            raise RunFolderError(f"{path} does not fit prompt2model.json ({name}); train the student again")
        if not np.isfinite(tensor).all():  # type: ignore[arg-type]
            raise RunFolderError(f"{path} is damaged: {name} holds what is no number; train the student again")
    return {name: tensors[name] for name in shapes}
