"""How often a predictor that is asked twice gives the same answer."""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.measures.answers import AnsweredRow
from prompt2model.records import Kind, Metric
from prompt2model.statistics.shares import wilson_interval


def self_agreement(kind: Kind, first: Sequence[AnsweredRow], second: Sequence[AnsweredRow]) -> Metric | None:
    """Share of rows with the same answer twice, of those answered twice; None where there are none.

    Texts are the same but for case, punctuation and white space.
    """
    pairs = [(one.text, other.text) for one, other in zip(first, second, strict=True) if one.text and other.text]
    if not pairs:
        return None
    if kind == "generation":
        from prompt2model.measures.metrics.text_tokens import normalised_answer

        pairs = [(normalised_answer(one), normalised_answer(other)) for one, other in pairs]
    same = sum(one == other for one, other in pairs)
    low, high = wilson_interval(same, len(pairs))
    return Metric("self_agreement", round(same / len(pairs), 6), round(low, 6), round(high, 6), len(pairs), "wilson")
