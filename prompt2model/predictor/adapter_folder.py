"""A student folder that holds an adapter alone: the base beside it, and the two together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prompt2model.errors import RunFolderError, WeightsError, WeightsNotFoundError
from prompt2model.predictor.choice_pairs import SCORE
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.weights import WeightsLocation, adapters, locate


def adapter_base(folder: Path, spec: StudentSpec) -> WeightsLocation:
    """Where the base of an adapter folder is.

    Raises RunFolderError for a damaged folder, WeightsError where the base is gone or is not the one trained on.
    """
    for name in (adapters.ADAPTER_CONFIG, adapters.ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise RunFolderError(f"{folder} is damaged: {name} is missing; train the student again")
    try:
        location = locate(spec.base)
    except WeightsNotFoundError as error:
        raise WeightsError(f"{folder} holds an adapter, and its base model is gone: {error}") from error
    if adapters.weights_mark(location) != spec.adapter_of:
        raise WeightsError(
            f"{folder} holds an adapter of {spec.base}, whose weights are others now than those it was trained on; "
            "put them back, or train the student again"
        )
    return location


def load_with_adapter(location: WeightsLocation, spec: StudentSpec, device: str, folder: Path) -> Any:
    """The model as it was trained: base, in four bits for qlora, and adapter."""
    import torch

    from prompt2model.inference import best_dtype

    compute = best_dtype(torch.device(device))
    # An encoder for multiple choice has one score instead of labels.
    labels = spec.labels or SCORE
    base = adapters.load_base_for_adapters(location, spec.family, labels, device, spec.method == "qlora", compute)
    # Head and adapters lie in the base's own modules; the wrapper around it would only be in the way.
    return adapters.with_saved_adapter(base, folder).get_base_model().to(device)
