"""Which sets of questions there are, where they are published, and how their rows are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompt2model.benchmark.row_formats import Question, medmcqa_rows, medqa_rows, pubmedqa_rows

NOTICE = "Not medical advice: the model is right on some questions of an examination and wrong on others."


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A set of questions. `read` makes questions of its rows; `notice` stands under the demo of what is trained on it.

    `dataset`, `config` and `split` name the questions with published answers on the hub, `questions` says how many
    these are. `has_evidence`: every question comes with texts of its own.
    """

    name: str
    paper: str
    instruction: str
    dataset: str
    config: str
    split: str
    questions: int
    read: Callable[[Sequence[Mapping[str, Any]]], list[Question]]
    has_evidence: bool = False
    notice: str = NOTICE


BENCHMARKS: Mapping[str, Benchmark] = {
    one.name: one
    for one in (
        Benchmark(
            "medqa",
            "arXiv 2009.13081",
            "Answer the question from a medical licensing examination by choosing one of the options.",
            "GBaker/MedQA-USMLE-4-options",
            "default",
            "test",
            1273,
            medqa_rows,
        ),
        Benchmark(
            "medmcqa",
            "arXiv 2203.14371",
            "Answer the question from a medical entrance examination by choosing one of the options.",
            "openlifescienceai/medmcqa",
            "default",
            "validation",
            4183,
            medmcqa_rows,
        ),
        Benchmark(
            "pubmedqa",
            "arXiv 1909.06146",
            "Answer the question about a biomedical study with yes, no or maybe.",
            "qiaojin/PubMedQA",
            "pqa_labeled",
            "train",
            1000,
            pubmedqa_rows,
            has_evidence=True,
        ),
    )
}
