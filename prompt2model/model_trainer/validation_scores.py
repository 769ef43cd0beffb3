"""How good students are on the same validation rows: scores with intervals, and paired comparisons.

These rows also chose each student's checkpoint, so the figures are a little too high, for all students alike. They
serve to choose; how good the chosen one is, is measured on the test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from prompt2model.records import Example, Kind, Metric
from prompt2model.statistics.shares import heads_at_least, wilson_interval

_RESAMPLES = 2000
_CHANCE = 0.05
"""Below this probability of so large a difference by chance one student is clearly worse than another."""


def row_scores(kind: Kind, rows: Sequence[Example], answers: Sequence[str | None]) -> tuple[float, ...]:
    """The score of each answer: 1 or 0 where answers are closed, sentence ChrF++ (0 to 100) where they are written.

    No answer scores 0. ChrF++ as sacrebleu computes it (Popović 2017), the best reference of each row.
    """
    if kind != "generation":
        pairs = zip(rows, answers, strict=True)
        return tuple(
            float(bool((answer or "").strip()) and (answer or "").strip() in {text.strip() for text in row.references})
            for row, answer in pairs
        )
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF(word_order=2)
    return tuple(
        round(float(chrf.sentence_score(answer, list(row.references)).score), 4) if (answer or "").strip() else 0.0
        for row, answer in zip(rows, [answer or "" for answer in answers], strict=True)
    )


def score_of(kind: Kind, scores: Sequence[float], seed: int) -> Metric:
    """The mean with its 95 % interval: Wilson's (1927) for shares of right answers, a bootstrap for text."""
    n = len(scores)
    mean = math.fsum(scores) / n
    if kind != "generation":
        low, high = wilson_interval(round(math.fsum(scores)), n)
        return _metric("accuracy", mean, low, high, n, "wilson")
    import numpy as np

    from prompt2model.statistics.bootstrap import resampled_means

    low, high = np.quantile(resampled_means(np.asarray(scores), _RESAMPLES, seed), [0.025, 0.975])
    return _metric("mean_chrf++", mean, float(low), float(high), n, "bootstrap")


def clearly_worse(kind: Kind, scores: Sequence[float], best: Sequence[float], seed: int) -> bool:
    """Whether a student does worse than the best one on the same rows, by more than chance explains (one-sided, 5 %).

    Closed answers: the exact sign test on the rows where just one of them is right (McNemar 1947). Text: a bootstrap
    of the mean difference over the rows.
    """
    import numpy as np

    from prompt2model.statistics.bootstrap import resampled_means
    from prompt2model.statistics.pairs import discordant

    if kind != "generation":
        lost, won = discordant(np.asarray(best) > 0, np.asarray(scores) > 0)
        return heads_at_least(lost, lost + won) < _CHANCE
    differences = np.asarray(best) - np.asarray(scores)
    return bool(np.mean(resampled_means(differences, _RESAMPLES, seed) <= 0) < _CHANCE)


def _metric(name: str, value: float, low: float, high: float, n: int, interval: str) -> Metric:
    value, low, high = round(value, 6), round(low, 6), round(high, 6)
    return Metric(name, value, min(low, value), max(high, value), n, interval)
