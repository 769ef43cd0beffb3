"""Inputs and answers of predictors, single figures, and what answers cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prompt2model.records.data import Kind

FailureKind = Literal[
    "rate_limited", "refused", "context_too_long", "truncated", "unparsable", "unavailable", "empty", "over_budget"
]


@dataclass(frozen=True, slots=True)
class Item:
    """One input for a predictor."""

    input: str
    choices: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one item.

    `text` is None when there is no answer; then `failure` says why (an answer outside the label set is
    `unparsable`, and `raw` keeps what was said). `probabilities` stand in the order of the predictor's labels.
    """

    text: str | None
    probabilities: tuple[float, ...] | None = None
    failure: FailureKind | None = None
    raw: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure with its 95 % interval. `value`, `low`, `high` share the unit that the metric's name has."""

    name: str
    value: float
    low: float
    high: float
    n: int
    interval: str = "bootstrap"


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo page shows; `prompt2model demo RUN` opens it. `examples` come from the test set.

    `notice`: what whoever uses the model must know, said under every answer.
    """

    title: str
    instruction: str
    kind: Kind
    labels: tuple[str, ...]
    examples: tuple[Item, ...]
    headline: str
    facts: tuple[str, ...]
    model_folder: Path
    notice: str = ""


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one step spent on one model in one role, over all resumes.

    `calls` were sent and came back, `failed` of them without an answer; `reused` answers came from the ledger;
    `lost` calls were under way when a run was killed and are charged at most. Tokens and money are all that is
    charged. Money in US dollars; None where the price is not known.
    """

    step: str
    role: str
    model: str
    calls: int
    reused: int
    prompt_tokens: int
    completion_tokens: int
    failed: int
    money: float | None
    lost: int = 0
