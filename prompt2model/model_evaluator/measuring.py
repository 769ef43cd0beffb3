"""Which metrics belong to a task, and one predictor's figures on one test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from prompt2model.errors import Prompt2ModelError
from prompt2model.measures.answers import AnsweredRow, count_outcomes
from prompt2model.model_evaluator.user_check import UserCheck
from prompt2model.records import Comparison, Example, Metric, Role, TaskSpec, TestSet

if TYPE_CHECKING:
    from prompt2model.measures.metrics import BertScoreF1, IntervalMetric


class Measurer:
    """The task's metrics, made once. `notes` says what was measured in another way than a reader would expect.

    A metric that throws is left out of that comparison, and a note says so; the first one, on which the headline rests,
    may not. `check` is the person's own pass or fail.
    """

    def __init__(
        self,
        task: TaskSpec,
        resamples: int,
        seed: int,
        bertscore: bool,
        hub_allowed: bool,
        check: UserCheck | None = None,
    ) -> None:
        from prompt2model.measures import metrics

        self.notes: list[str] = []
        self.metrics: list[IntervalMetric] = []
        self._check = check
        self._bertscore: BertScoreF1 | None = None
        kinds: tuple[type[IntervalMetric], ...] = (
            metrics.ChrfPlusPlus,
            metrics.ExactMatch,
            metrics.NormalisedExactMatch,
            metrics.RougeL,
            metrics.TokenF1,
        )
        if task.kind == "classification":
            kinds = (metrics.Accuracy, metrics.MacroF1, metrics.ExactMatch)
        elif task.kind == "multiple_choice":
            kinds = (metrics.Accuracy, metrics.ExactMatch)
        self.metrics = [kind(resamples, seed) for kind in kinds]
        if task.kind == "generation" and bertscore:
            self._add_bertscore(resamples, seed, hub_allowed)

    def figures(self, answers: Sequence[AnsweredRow], rows: Sequence[Example]) -> tuple[Metric, ...]:
        """Every metric over all rows: an answer that is missing or cannot be read is the empty text."""
        texts, references = [line.text for line in answers], [row.references for row in rows]
        found = []
        for number, metric in enumerate(self.metrics):
            try:
                found.append(metric.measure(texts, references))
            except Exception as error:
                if number == 0:
                    raise
                self._note_failure(metric.key, error)
        if self._check is not None:
            passed, failures = self._check.share(rows, texts)
            found += [] if passed is None else [passed]
            if failures:
                self._note_failure(self._check.name, failures[0], len(failures))
        return tuple(found)

    def _note_failure(self, name: str, error: Exception, rows: int | None = None) -> None:
        where = "" if rows is None else f" on {rows} rows, which count as not passed"
        note = f"The metric {name} failed{where} ({type(error).__name__}: {' '.join(str(error).split())[:200]})."
        if note not in self.notes:
            self.notes.append(note)

    def with_row_scores(self, answers: Sequence[AnsweredRow], rows: Sequence[Example]) -> list[AnsweredRow]:
        """The answers with the row's own text metrics, where the task has text metrics."""
        from prompt2model.measures.metrics.chrf import ChrfPlusPlus, f_scores, row_statistics

        if not any(isinstance(metric, ChrfPlusPlus) for metric in self.metrics):
            return list(answers)
        texts, references = [line.text for line in answers], [list(row.references) for row in rows]
        scores = {"chrf++": [float(value) for value in f_scores(row_statistics(texts, references))]}
        if self._bertscore is not None:
            scores["bertscore_f1"] = self._bertscore.row_scores(texts, references)
        return [
            replace(line, scores={name: round(values[number], 4) for name, values in scores.items()})
            for number, line in enumerate(answers)
        ]

    def comparison(
        self,
        predictor: str,
        role: Role,
        test: TestSet,
        answers: Sequence[AnsweredRow],
        predictions: str,
        note: str = "",
    ) -> Comparison:
        """One line of the report."""
        correct, wrong, unparsed, failed = count_outcomes(answers)
        return Comparison(
            predictor=predictor,
            role=role,
            test_set=test.name,
            test_origin=test.origin,
            n=len(answers),
            metrics=self.figures(answers, tuple(test.rows)),
            correct=correct,
            wrong=wrong,
            unparsed=unparsed,
            failed=failed,
            predictions=predictions,
            note=note,
        )

    def _add_bertscore(self, resamples: int, seed: int, hub_allowed: bool) -> None:
        from prompt2model.measures.metrics import BertScoreF1, choose_encoder

        try:
            encoder = choose_encoder(hub_allowed)
            self._bertscore = BertScoreF1(encoder, resamples, seed)
        except Prompt2ModelError as error:
            self.notes.append(f"BERTScore was left out: {error}.")
            return
        self.metrics.append(self._bertscore)
        self.notes.append(f"{encoder.note}.")
