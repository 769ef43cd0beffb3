"""From scores of closed answers to a prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prompt2model.records import Prediction


def closed_prediction(answers: Sequence[str], scores: Sequence[float], prompt_tokens: int) -> Prediction:
    """The most likely answer with P(answer) over the closed set; `scores` are log-probabilities in nats.

    Ties go to the first answer. Probabilities stand in the order of the answers.
    """
    highest = max(scores)
    weights = [math.exp(score - highest) for score in scores]
    total = math.fsum(weights)
    return Prediction(
        answers[list(scores).index(highest)],
        tuple(weight / total for weight in weights),
        prompt_tokens=prompt_tokens,
    )
