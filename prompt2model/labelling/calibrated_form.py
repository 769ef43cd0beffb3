"""Scores less what they would be without the input: a form together with its calibration."""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.labelling.calibration import CONTENT_FREE, mean_scores
from prompt2model.labelling.scoring_forms import AnswerScores, ScoringForm
from prompt2model.records import Item


class CalibratedForm:
    """Scores of the same answers for every item, less their mean over `groups` of inputs, each counted the same.

    The groups are scored once, at the first call; where they are empty nothing is taken away.
    """

    def __init__(self, form: ScoringForm, groups: Sequence[Sequence[Item]]) -> None:
        self._form, self._groups = form, groups
        self._known: dict[Item, AnswerScores] | None = None
        self._baseline: tuple[float, ...] | None = None

    def score(self, items: Sequence[Item]) -> list[AnswerScores]:
        """The scores of each item, in order. An input that the form was calibrated on is not scored again."""
        known = self._calibrate()
        asked = list(dict.fromkeys(item for item in items if item not in known))
        scores = known | dict(zip(asked, self._form.score(asked), strict=True))
        return [_less(scores[item], self._baseline) for item in items]

    def _calibrate(self) -> dict[Item, AnswerScores]:
        if self._known is None:
            inputs = list(dict.fromkeys(item for group in self._groups for item in group))
            self._known = dict(zip(inputs, self._form.score(inputs), strict=True))
            self._baseline = mean_scores([self._known[item] for item in group] for group in self._groups)
        return self._known


class OwnChoicesForm:
    """Scores of each item's own choices, less what these choices score after inputs without content."""

    def __init__(self, form: ScoringForm) -> None:
        self._form = form

    def score(self, items: Sequence[Item]) -> list[AnswerScores]:
        """The scores of each item, in order."""
        free = [Item(text, item.choices) for item in items for text in CONTENT_FREE]
        scores = self._form.score([*items, *free])
        baselines = scores[len(items) :]
        width = len(CONTENT_FREE)
        return [
            _less(one, mean_scores([baselines[number * width : (number + 1) * width]]))
            for number, one in enumerate(scores[: len(items)])
        ]


def _less(scores: AnswerScores, baseline: Sequence[float] | None) -> AnswerScores:
    if scores.failure is not None or baseline is None:
        return scores
    values = tuple(value - base for value, base in zip(scores.values, baseline, strict=True))
    return AnswerScores(values, None, scores.prompt_tokens, scores.completion_tokens)
