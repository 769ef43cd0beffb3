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
from prompt2model.labelling import AutoDemoPredictor, bulk_labeller, teacher_predictor
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
_PILOT_SAMPLE = 2048
"""Inputs among which a pilot of batches looks for neighbours."""


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
    kept = surest(tuple(data.rows), config.surest_share)
    doubtful = len(data.rows) - len(kept)
    context.progress.say(f"  {len(data.rows):,} of {count:,} given inputs labelled, the {len(kept):,} surest kept")
    dropped = {**data.dropped, **({"inputs: among the least sure of their label": doubtful} if doubtful else {})}
    return replace(data, rows=kept, dropped=dropped)


def to_rewrite(rows: Rows) -> bool:
    """Whether any of the rows is to be rewritten."""
    return any(row.source.kind == "transformed" for row in rows)


def label_inputs(
    unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext
) -> Iterator[Wave]:
    """The inputs in shards, each with the rows that got an answer; what a killed run left is found again.

    A client that scores gives each closed label its probability; one that writes answers until a majority stands
    (self-consistency, as for written inputs), or as the setting `labeller` says. Raises TeacherError, RunFolderError.
    """
    source = iter(unlabelled)
    done = 0
    for shard in read_waves(context.folder, SHARD):
        done += 1
        next(islice(source, _SHARD_ROWS - 1, _SHARD_ROWS), None)
        yield shard
    labeller: _Asking | _Voting | None = None
    while chunk := list(islice(source, _SHARD_ROWS)):
        labeller = labeller or _labeller(unlabelled, task, config, context)
        done += 1
        shard = _shard(done, chunk, labeller.label(chunk), context.teacher("labeller").model)
        write_wave(context.folder, shard, SHARD)
        yield shard


def _labeller(
    unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext
) -> _Asking | _Voting:
    client = context.teacher("labeller")
    if task.kind != "generation" and is_scorer(client):
        calibration = _sample(unlabelled, context) if task.labels else ()
        return _Asking(teacher_predictor(client, task, calibration=calibration))
    if config.labeller == "votes":
        return _Voting(client, task, config, context)
    first = [_item(row) for row in islice(unlabelled, _PILOT_SAMPLE)]
    predictor, decision = bulk_labeller(client, task, first, labeller=config.labeller, total=len(unlabelled))
    if decision is not None:
        context.progress.say(f"  {decision.text}")
    return _Asking(predictor)


def _sample(unlabelled: Rows, context: RunContext) -> tuple[Demonstration, ...]:
    """Inputs under one presumed label, so that the calibration takes their plain mean."""
    size = len(unlabelled)
    rng = context.rng("calibration of given inputs")
    chosen = set(rng.sample(range(size), min(_CALIBRATION_INPUTS, size)))
    return tuple(Demonstration(row.input, "") for number, row in enumerate(unlabelled) if number in chosen)


def _item(row: Example) -> Item:
    return Item(row.input, row.choices, row.evidence)


class _Asking:
    """One answer of a predictor to each input; P(label) where it scores."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def label(self, rows: Sequence[Example]) -> Iterator[_Labelled]:
        before = self._calls()
        predictions = list(self._predictor.predict(map(_item, rows)))
        # Of calls that answered many inputs at once the first ones are charged.
        batched = None if before is None else (self._calls() or 0) - before
        for place, prediction in enumerate(predictions):
            yield _Labelled(
                self._verdict(prediction),
                (prediction.failure,) if prediction.failure is not None else (),
                1 if batched is None else int(place < batched),
                prediction.prompt_tokens,
                prediction.completion_tokens,
            )

    def _calls(self) -> int | None:
        return self._predictor.calls if isinstance(self._predictor, AutoDemoPredictor) else None

    @staticmethod
    def _verdict(prediction: Prediction) -> Verdict:
        if prediction.text is None:
            return Verdict(None, "no answer")
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


def surest(rows: Sequence[Example], share: float) -> tuple[Example, ...]:
    """Of the rows of each label the share with the highest P(label), at least one; rows without one all stay.

    Chosen label by label, so that a label that the teacher is seldom sure of does not vanish. The default share was
    chosen on 2,000 TREC-6 training questions (n = 800 others): students of .40 to .60 are right on .60, of all on .56.
    """
    by_label: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        if row.soft_label is not None:
            by_label.setdefault(row.target, []).append(place)
    doubtful: set[int] = set()
    for places in by_label.values():
        ordered = sorted(places, key=lambda place: (-max(rows[place].soft_label or ()), place))
        doubtful.update(ordered[max(1, round(share * len(ordered))) :])
    return tuple(row for place, row in enumerate(rows) if place not in doubtful)
