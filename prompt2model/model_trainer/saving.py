"""How a trained student is written: as plain weights, or as an adapter beside its base; and the merge of the two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prompt2model.model_trainer.base_model import BaseModel, merged
from prompt2model.model_trainer.fitting import Fitting
from prompt2model.predictor import StudentSpec
from prompt2model.weights import WeightsLocation, adapters, save_model


def student_writer(
    fitting: Fitting, base: BaseModel, spec: StudentSpec, location: WeightsLocation
) -> Callable[[Path], object]:
    """What writes the trained student into a folder: the adapter where `spec.adapter_of` says so, else plain weights.

    An adapter on four bits is added to the values that these four bits stand for, so that the student is the model
    that was trained and validated.
    """
    if spec.adapter_of is not None:
        return lambda folder: save_adapter_student(fitting.model, base.tokenizer, spec, folder)
    if base.method != "qlora":
        plain = merged(fitting.model, base, spec.family)
        return lambda folder: save_model(plain, base.tokenizer, folder)
    settings = fitting.model.peft_config["default"]
    tensors = {name: value.detach().cpu().clone() for name, value in adapters.adapter_tensors(fitting.model).items()}
    fitting.model = None  # the dense weights take its place in memory

    def write(folder: Path) -> None:
        dense = adapters.load_dense_base(location, spec.family, spec.labels, four_bits=True)
        save_model(adapters.merged(adapters.put_adapter(dense, settings, tensors, folder)), base.tokenizer, folder)

    return write


def save_adapter_student(model: Any, tokenizer: Any, spec: StudentSpec, folder: Path) -> None:
    """The adapter and its settings as peft reads them, and the tokenizer."""
    adapters.save_adapter(model, spec.base, folder)
    tokenizer.save_pretrained(folder)
