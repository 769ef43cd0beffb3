"""Which weights of a model are trained and the memory that takes, for those who offer models and who train them."""

from __future__ import annotations

from typing import Literal

from prompt2model.records import Family, Method

WantedMethod = Literal["auto", "full", "lora", "qlora"]

_LARGE = 1_000_000_000
_BYTES_PER_PARAMETER = {"full": 20.0, "lora": 6.0, "qlora": 1.5, "linear": 4.0}
"""Weights, gradients, AdamW's two moments and the best weights kept; with LoRA next to nothing beside the weights."""


def method_for(wanted: WantedMethod, family: Family, parameters: int) -> Method:
    """The method that `auto` stands for: LoRA (arXiv 2106.09685) for decoders and above a billion parameters."""
    if family in ("tfidf", "embedding"):
        return "linear"
    if wanted != "auto":
        return wanted
    return "lora" if family == "decoder" or parameters > _LARGE else "full"


def training_memory(wanted: WantedMethod, family: Family, parameters: int) -> int:
    """Bytes that training takes about; of `tfidf`, which has no weights before it is trained, none."""
    return int(_BYTES_PER_PARAMETER[method_for(wanted, family, parameters)] * parameters)
