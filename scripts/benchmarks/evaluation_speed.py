"""What measuring costs: all metrics, their intervals and a paired comparison on 10,000 answers; BERTScore by itself.

Answers are drawn from words, a third of them right, with one to three references. Closed answers: 77 labels. Seconds of
one process with one thread; models are not asked anything.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from record import Figure, Record, options

from prompt2model.measures.answers import AnsweredRow, answered_row
from prompt2model.model_evaluator.analysis import analyse
from prompt2model.model_evaluator.measuring import Measurer
from prompt2model.model_evaluator.paired import compare_answers
from prompt2model.records import Example, Prediction, Source, TaskSpec, TestSet, make_example

KEYS = ("classification_s", "generation_s", "bertscore_per_s")
ROWS, BERTSCORE_ROWS, LABELS = 10_000, 1_000, 77
_WORDS = "the cat sat on a mat while two dogs ran away from the big red house in summer rain".split()


def main() -> None:
    """Measure and record."""
    parser = options(__doc__ or "", needs_data=False)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    record = Record("evaluation_speed", arguments)
    rows = 300 if arguments.quick else ROWS
    repeats = 1 if arguments.quick else arguments.repeats
    for kind in ("classification", "generation"):
        task, examples, one, other = answers(kind, rows)
        measure: Callable[[], Any] = lambda: everything(task, examples, one, other)  # noqa: B023, E731
        seconds = [timed(measure) for _ in range(repeats)]
        note = "metrics with intervals for two predictors, their paired comparison, parts, calibration"
        record.add(f"{kind}_s", Figure(statistics.median(seconds), rows, values=seconds, unit="seconds", note=note))
    bertscore(record, 40 if arguments.quick else BERTSCORE_ROWS)
    record.finish(KEYS)


def everything(task: TaskSpec, rows: tuple[Example, ...], one: list[AnsweredRow], other: list[AnsweredRow]) -> None:
    """What an evaluation computes of two predictors' answers, BERTScore excepted."""
    measurer = Measurer(task, 1000, 0, bertscore=False, hub_allowed=False)
    scored = [measurer.with_row_scores(answers, rows) for answers in (one, other)]
    for lines in scored:
        measurer.figures(lines, rows)
    compare_answers(task, rows, *scored)
    analyse(task, task.labels, TestSet("test", "gold", rows), scored[0], scored[0][:1000], scored[1][:200], 1000, 0)


def answers(kind: str, count: int) -> tuple[TaskSpec, tuple[Example, ...], list[AnsweredRow], list[AnsweredRow]]:
    """A task, its rows, and the answers of two predictors."""
    rng = random.Random(0)
    labels = tuple(f"label {number}" for number in range(LABELS)) if kind == "classification" else ()
    task = TaskSpec("Do it.", (), kind, labels, "en", "Do it.")  # type: ignore[arg-type]

    def text() -> str:
        return rng.choice(labels) if labels else " ".join(rng.choices(_WORDS, k=rng.randint(4, 24)))

    rows = tuple(
        make_example(
            " ".join(rng.choices(_WORDS, k=12)),
            tuple(text() for _ in range(1 if labels else rng.randint(1, 3))),
            Source("gold", dataset="made", row=number),
        )
        for number in range(count)
    )

    def said(row: Example) -> AnsweredRow:
        answer = row.target if rng.random() < 0.33 else text()
        sure = rng.random()
        rest = (1 - sure) / max(1, len(labels) - 1)
        return answered_row(row, Prediction(answer, tuple(sure if one == answer else rest for one in labels)), labels)

    return task, rows, [said(row) for row in rows], [said(row) for row in rows]


def bertscore(record: Record, count: int) -> None:
    """Pairs a second, once the encoder is loaded."""
    from prompt2model.measures.metrics import BertScoreF1, choose_encoder

    metric = BertScoreF1(choose_encoder(False))
    _, rows, one, _ = answers("generation", count)
    texts, references = [line.text for line in one], [list(row.references) for row in rows]
    pairs = sum(map(len, references))
    metric.row_scores(texts[:8], references[:8])
    seconds = timed(lambda: metric.row_scores(texts, references))
    note = f"{choose_encoder(False).location.model_id}, one thread"
    record.add("bertscore_per_s", Figure(pairs / seconds, pairs, unit="pairs a second", note=note))


def timed(make: Callable[[], Any]) -> float:
    """Seconds."""
    started = time.perf_counter()
    make()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
