"""What the cheap students cost in time and memory, before they are trained."""

from __future__ import annotations

from itertools import islice

from prompt2model.component import Estimate
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.records import Rows

_LABEL_SAMPLE = 2000
_TERMS_PER_LETTER, _NEW_TERMS_PER_LETTER = 2.0, 0.1
_SECONDS_PER_TERM = 1e-6
_PASSES, _LABELS_AT_ONCE = 150, 500
"""Passes of a search for C over all terms, and labels for which one pass takes as long as finding the terms."""


def embedding_cost(
    train: Rows, validation: Rows, config: ModelTrainerConfig, parameters: int, tokens: float, speed: float
) -> Estimate:
    """Each row is read once: 2 operations per parameter and token; the regression itself is next to nothing.

    `tokens` of a row in the mean; `speed` in operations a second.
    """
    rows = len(train) + min(len(validation), config.max_validation_rows)
    return Estimate(
        seconds=round(2 * parameters * tokens * rows / speed, 1),
        memory=4 * parameters,
        disk=parameters * 4,
        assumptions=(f"{rows} rows are read once", "4 letters a token"),
    )


def tfidf_cost(train: Rows) -> Estimate:
    """Seconds from the terms of all rows and the labels, which are read off some of the rows."""
    from prompt2model.predictor.tfidf_terms import MOST_FEATURES, MOST_WEIGHTS

    sample = list(islice(train, _LABEL_SAMPLE))
    labels = max(2, len({row.target for row in sample}))
    letters = len(train) * sum(len(row.input) for row in sample) / len(sample)
    terms = _TERMS_PER_LETTER * letters
    features = min(MOST_FEATURES, MOST_WEIGHTS // labels, int(_NEW_TERMS_PER_LETTER * letters))
    return Estimate(
        seconds=round(_SECONDS_PER_TERM * terms * (1 + labels * _PASSES / _LABELS_AT_ONCE), 1),
        memory=int(24 * terms) + 100 * features * labels,
        disk=4 * features * labels,
        assumptions=(f"a logistic regression on {len(train)} rows and {labels} labels",),
    )
