"""Base models, and what comes of training them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from prompt2model.records.answers import Metric

Family = Literal["tfidf", "embedding", "encoder", "encoder_decoder", "decoder"]
LINEAR_FAMILIES: tuple[Family, ...] = ("tfidf", "embedding")
"""A logistic regression on features that are not trained."""
"""`tfidf` and `embedding` are a logistic regression on word weights, or on the vectors of a frozen encoder."""

Method = Literal["full", "lora", "qlora", "linear"]
"""Which weights are trained: all, low-rank adapters, adapters on a 4-bit base, or a linear layer on fixed features."""


@dataclass(frozen=True, slots=True)
class ModelCandidate:
    """A base model as it was ranked. Sizes in parameters and bytes of weights; unknown is None."""

    id: str
    family: Family
    parameters: int | None
    bytes: int | None
    licence: str | None
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """The base model that was picked, the ones it was picked from, and how many each filter refused.

    `notes` are what a reader of the report must know about it.
    """

    id: str
    family: Family
    candidates: tuple[ModelCandidate, ...]
    filtered: Mapping[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LossPoint:
    """One point of the loss curve. Losses are mean cross-entropy in nats."""

    step: int
    epoch: float
    train_loss: float | None = None
    validation_loss: float | None = None
    validation_score: float | None = None


@dataclass(frozen=True, slots=True)
class TrainedCandidate:
    """One student of a bake-off. `score` is measured on the validation rows, None where none was trained.

    `verdict`: `chosen`; `within` the best one's interval, but not as simple as the chosen; clearly `worse` than the
    best; `refused` by the user's limits; `failed` in training. `bytes` are those of the student's folder.
    """

    id: str
    base: str
    family: Family
    method: Method
    verdict: Literal["chosen", "within", "worse", "refused", "failed"]
    reason: str
    score: Metric | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """One trial of a search for settings. `score` is the validation's, None where the trial was pruned or failed."""

    number: int
    settings: Mapping[str, str]
    state: Literal["complete", "pruned", "failed"]
    score: float | None = None


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A folder that loads anywhere: safetensors and a `prompt2model.json` that says how to render an input.

    `truncated_rows` counts the training rows of which something was cut. `candidates` are all students of a bake-off,
    `trials` all settings that a search tried, `settings` those that the student was trained with, as far as a search
    may choose them. What training took in time and memory, and latencies, are in the `timing.json` beside the folder,
    because only they may differ between two runs of the same config.
    """

    folder: Path
    family: Family
    base: str
    method: Method
    input_format: str
    labels: tuple[str, ...]
    curve: tuple[LossPoint, ...]
    best_step: int
    truncated_rows: int
    candidates: tuple[TrainedCandidate, ...] = ()
    trials: tuple[SearchTrial, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
