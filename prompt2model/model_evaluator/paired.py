"""Two predictors' answers to the same test rows, compared as pairs by the metric of the headline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prompt2model.errors import RunFolderError
from prompt2model.model_evaluator.answers import AnsweredRow, load_answers
from prompt2model.model_evaluator.headline import main_metric
from prompt2model.records import Comparison, Example, PairedComparison, Rows, TaskSpec


def compare_stored(task: TaskSpec, rows: Rows, folder: Path, one: Comparison, other: Comparison) -> PairedComparison:
    """Two lines of a report, from their files of answers in the report's folder. `rows` holds the test's rows.

    Raises RunFolderError where a file is missing or damaged, or the two are not answers to the same of these rows.
    """
    answers = [tuple(load_answers(folder / line.predictions)) for line in (one, other)]
    found = {row.id: row for row in rows}
    ids = [line.id for line in answers[0]]
    if not ids or ids != [line.id for line in answers[1]] or not found.keys() >= set(ids):
        raise RunFolderError(
            f"{one.predictions} and {other.predictions} in {folder} are not answers to the same test rows; evaluate "
            "the run again"
        )
    return compare_answers(task, [found[line] for line in ids], *answers)


def compare_answers(
    task: TaskSpec, rows: Sequence[Example], one: Sequence[AnsweredRow], other: Sequence[AnsweredRow]
) -> PairedComparison:
    """By accuracy where answers are closed, by corpus ChrF++ where they are written; missing answers are wrong ones.

    All three in the same order.
    """
    import numpy as np

    from prompt2model.statistics.pairs import compare_right, compare_sums

    if task.kind != "generation":
        right, others = (np.array([line.outcome == "correct" for line in answers]) for answers in (one, other))
        return compare_right(main_metric(task), right, others)
    from prompt2model.model_evaluator.metrics.chrf import ChrfPlusPlus, f_scores, row_statistics

    references = [list(row.references) for row in rows]
    mine, theirs = (row_statistics([line.text for line in answers], references) for answers in (one, other))
    return compare_sums(main_metric(task), mine, theirs, f_scores, ChrfPlusPlus.most)
