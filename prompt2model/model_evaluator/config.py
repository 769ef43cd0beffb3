"""Settings of the evaluation, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from prompt2model.component import ComponentConfig
from prompt2model.records import ChosenModel, Rows, TaskSpec, TestSet, TrainedModel


class ModelEvaluatorConfig(ComponentConfig):
    """What the student is compared with, and how sure the figures are."""

    compare_majority: bool = Field(True, description="Measure the most frequent training answer as a baseline.")
    compare_nearest: bool = Field(True, description="Measure the answer of the nearest training row as a baseline.")
    compare_tfidf: bool = Field(True, description="Measure a logistic regression on words as a baseline.")
    compare_base: bool = Field(True, description="Measure the base model before training.")
    compare_teacher: bool = Field(True, description="Let the prompted teacher answer test rows too.")
    compare_shots: bool = Field(
        True,
        description="Let the teacher answer the same rows without the prompt's demonstrations (zero-shot); where the "
        "prompt has none, with some training rows that people labelled (few-shot).",
    )
    self_agreement_rows: int = Field(
        50,
        ge=0,
        description="Rows that the teacher answers twice: how often it agrees with itself is the most that a student "
        "of its labels can hope for. 0: none.",
    )
    max_base_rows: int = Field(
        100, ge=1, description="Most test rows that an untrained base model answers which writes, all tests together."
    )
    max_teacher_rows: int = Field(200, ge=1, description="Most test rows that the teacher answers, all tests together.")
    teacher_seconds: float = Field(
        120.0, gt=0, description="Fewer rows when the teacher would take longer than this, estimated; in seconds."
    )
    bootstrap: int = Field(1000, ge=100, description="Resamples behind every 95 % interval.")
    judge: bool = Field(
        False,
        description="Let a language model judge the small model's answers against the teacher's, both orders of each "
        "pair: the teacher `judge` of [teachers], else the teacher itself.",
    )
    judge_rows: int = Field(50, ge=1, description="Most rows that are judged.")
    margin: float = Field(
        0.03,
        ge=0,
        le=1,
        description="How far below the teacher the small model may be and still be shipped, as a share of the scale: "
        "the whole interval of the difference must lie above.",
    )
    wanted: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The accuracy (or ChrF++ by 100) that is good enough, whatever the teacher does: the whole "
        "interval must lie above. None: the teacher decides.",
    )
    bertscore: bool = Field(True, description="Measure BERTScore where text is written.")
    check: Path | None = Field(
        None,
        description="Your own pass or fail: a Python file with a function passes(input, answer, accepted), which "
        "returns True or False.",
    )
    timing: bool = Field(True, description="Measure latency and throughput on this machine.")


@dataclass(frozen=True)
class EvaluatorInputs:
    """What the evaluator works on. `train` is what baselines are made of and what calibrates the teacher's scores;
    `base_model` gives the report its notes; on `validation` the confidence is chosen from which on the student may
    answer in the teacher's place."""

    task: TaskSpec
    tests: tuple[TestSet, ...]
    train: Rows
    trained: TrainedModel
    base_model: ChosenModel
    validation: Rows = ()
