"""Real inputs that came without answers: the teacher labels them. Nothing that is written is as like real inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from prompt2model.component import RunContext
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.consistency import Electorate, Verdict, judge
from prompt2model.dataset_generator.reading import Candidate
from prompt2model.dataset_generator.sums import of_shard, together
from prompt2model.dataset_generator.transforming import rewrite_rows
from prompt2model.dataset_generator.waves import Wave, read_waves, write_wave
from prompt2model.errors import TeacherError
from prompt2model.labelling import teacher_predictor
from prompt2model.predictor import Predictor
from prompt2model.records import (
    Demonstration,
    Example,
    FailureKind,
    GeneratedData,
    Item,
    Prediction,
    Rows,
    TaskSpec,
    make_example,
)
from prompt2model.teacher.client import ChatClient, is_scorer

SHARD = "labelled"
"""Name of the files of labelled inputs, beside the waves."""

_SHARD_ROWS = 256
_CALIBRATION_INPUTS = 256
"""Inputs that scores are calibrated on, a random sample in their natural mix."""


@dataclass(frozen=True, slots=True)
class _Labelled:
    """What came of one input."""

    verdict: Verdict
    failures: tuple[FailureKind, ...]
    calls: int
    prompt_tokens: int
    completion_tokens: int


def label_given(
    unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext
) -> GeneratedData | None:
    """The inputs that came without answers, with the teacher's, whole rows rewritten first; None where there are none.

    Raises TeacherError when nobody can, RunFolderError.
    """
    if not len(unlabelled):
        return None
    if not ({"teacher", "labeller"} & context.teachers.keys()):
        where = ", ".join(dict.fromkeys(row.source.dataset for row in unlabelled))
        raise TeacherError(
            f"{len(unlabelled):,} inputs have no answers ({where}) and the run has no teacher to label them: name one "
            "with --teacher, such as openai:NAME, or leave out --inputs and data sets whose labels do not fit"
        )
    data = GeneratedData((), {}, 0, {}, 0, 0)
    if to_rewrite(unlabelled):
        rewritten = rewrite_rows(unlabelled, task, config, context)
        data = replace(rewritten, rows=())
        unlabelled = (*(row for row in unlabelled if row.source.kind != "transformed"), *rewritten.rows)
    count = len(unlabelled)
    shards = label_inputs(unlabelled, task, config, context)
    for shard in context.progress.track(shards, "labelling inputs", total=-(-count // _SHARD_ROWS)):
        data = together(data, of_shard(shard))
    context.progress.say(f"  {len(data.rows):,} of {count:,} given inputs labelled")
    return data


def to_rewrite(rows: Rows) -> bool:
    """Whether any of the rows is to be rewritten."""
    return any(row.source.kind == "transformed" for row in rows)


def label_inputs(
    unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext
) -> Iterator[Wave]:
    """The inputs in shards, each with the rows that got an answer; what a killed run left is found again.

    A client that scores gives each closed label its probability; one that writes answers until a majority stands
    (self-consistency, as for written inputs). Raises TeacherError, RunFolderError.
    """
    source = iter(unlabelled)
    done = 0
    for shard in read_waves(context.folder, SHARD):
        done += 1
        next(islice(source, _SHARD_ROWS - 1, _SHARD_ROWS), None)
        yield shard
    labeller: _Scoring | _Voting | None = None
    while chunk := list(islice(source, _SHARD_ROWS)):
        labeller = labeller or _labeller(unlabelled, task, config, context)
        done += 1
        shard = _shard(done, chunk, labeller.label(chunk), context.teacher("labeller").model)
        write_wave(context.folder, shard, SHARD)
        yield shard


def _labeller(
    unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext
) -> _Scoring | _Voting:
    client = context.teacher("labeller")
    if task.kind == "generation" or not is_scorer(client):
        return _Voting(client, task, config, context)
    return _Scoring(client, task, config, _sample(unlabelled, context) if task.labels else ())


def _sample(unlabelled: Rows, context: RunContext) -> tuple[Demonstration, ...]:
    """Inputs under one presumed label, so that the calibration takes their plain mean."""
    size = len(unlabelled)
    rng = context.rng("calibration of given inputs")
    chosen = set(rng.sample(range(size), min(_CALIBRATION_INPUTS, size)))
    return tuple(Demonstration(row.input, "") for number, row in enumerate(unlabelled) if number in chosen)


class _Scoring:
    """P(label) by log-probability, both ways."""

    def __init__(
        self,
        client: ChatClient,
        task: TaskSpec,
        config: DatasetGeneratorConfig,
        calibration: Sequence[Demonstration],
    ) -> None:
        self._predictor: Predictor = teacher_predictor(client, task, calibration=calibration)
        self._least = config.min_confidence

    def label(self, rows: Sequence[Example]) -> Iterator[_Labelled]:
        for prediction in self._predictor.predict(Item(row.input, row.choices, row.evidence) for row in rows):
            failures = (prediction.failure,) if prediction.failure is not None else ()
            yield _Labelled(
                self._verdict(prediction), failures, 1, prediction.prompt_tokens, prediction.completion_tokens
            )

    def _verdict(self, prediction: Prediction) -> Verdict:
        if prediction.text is None:
            return Verdict(None, "no answer")
        if max(prediction.probabilities or (1.0,)) < self._least:
            return Verdict(None, "less sure than `min_confidence`")
        soft = prediction.probabilities
        return Verdict(prediction.text, "", tuple(round(value, 6) for value in soft) if soft else None)


class _Voting:
    """The answer that most of several draws agree on."""

    def __init__(self, client: ChatClient, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext) -> None:
        self._electorate = Electorate(client, task, config, context.rng("votes"))
        self._task, self._config = task, config

    def label(self, rows: Sequence[Example]) -> Iterator[_Labelled]:
        candidates = [Candidate(row.input, row.choices) for row in rows]
        for said in self._electorate.answer(candidates, [None] * len(rows)):
            yield _Labelled(
                judge(said, None, self._task, self._config),
                said.failures,
                said.calls,
                said.prompt_tokens,
                said.completion_tokens,
            )


def _shard(number: int, chunk: Sequence[Example], labelled: Iterator[_Labelled], teacher: str) -> Wave:
    rows: list[Example] = []
    dropped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    requests = prompt_tokens = completion_tokens = 0
    for row, said in zip(chunk, labelled, strict=True):
        requests += said.calls
        prompt_tokens += said.prompt_tokens
        completion_tokens += said.completion_tokens
        failed.update(said.failures)
        if said.verdict.output is None:
            dropped[f"inputs: {said.verdict.reason}"] += 1
            continue
        source = replace(row.source, teacher=teacher)
        answer = (said.verdict.output,)
        rows.append(make_example(row.input, answer, source, choices=row.choices, soft_label=said.verdict.soft_label))
    return Wave(
        number,
        tuple(rows),
        dropped=dict(dropped),
        failed=dict(failed),
        requests=requests,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )
