"""Real inputs that came without answers: the teacher labels them. Nothing that is written is as like real inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from prompt2model.component import RunContext
from prompt2model.dataset_generator.asked_ahead import asked_ahead
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.input_labellers import SHARD_ROWS, Labelled, Labels, input_labeller, labellers
from prompt2model.dataset_generator.sums import of_shard, spoken_counts, together
from prompt2model.dataset_generator.transforming import rewrite_rows
from prompt2model.dataset_generator.waves import Wave, read_waves, write_wave
from prompt2model.errors import TeacherError
from prompt2model.evidence import open_evidence, with_evidence
from prompt2model.records import (
    Example,
    GeneratedData,
    Rows,
    TaskSpec,
    make_example,
)

SHARD = "labelled"
"""Name of the files of labelled inputs, beside the waves."""


def label_given(
    unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext
) -> GeneratedData | None:
    """The inputs that came without answers, with the teacher's, whole rows rewritten first; None where there are none.

    Raises TeacherError when nobody can, RunFolderError.
    """
    if not len(unlabelled):
        return None
    if not labellers(context.teachers):
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
    if config.evidence is not None and task.kind == "multiple_choice":
        retriever = open_evidence(config.evidence, context.cache_folder, context.progress, config.evidence_passages)
        found = context.progress.track(with_evidence(unlabelled, retriever), "finding evidence", len(unlabelled))
        unlabelled = tuple(found)
        retriever.close()
    count = len(unlabelled)
    shards = label_inputs(unlabelled, task, config, context)
    for shard in context.progress.track(shards, "labelling inputs", total=-(-count // SHARD_ROWS)):
        data = together(data, of_shard(shard))
    kept = surest(tuple(data.rows), config.surest_share)
    doubtful = len(data.rows) - len(kept)
    failed = f"; {sum(data.failed.values()):,} failed: {spoken_counts(data.failed)}" if data.failed else ""
    context.progress.say(
        f"  {len(data.rows):,} of {count:,} given inputs labelled, the {len(kept):,} surest kept{failed}"
    )
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
        next(islice(source, SHARD_ROWS - 1, SHARD_ROWS), None)
        yield shard
    labeller: Labels | None = None
    teachers = ", ".join(dict.fromkeys(client.model for client in labellers(context.teachers).values()))
    shards = iter(lambda: list(islice(source, SHARD_ROWS)), [])
    for chunk in asked_ahead(shards, unlabelled, task, config, context):
        labeller = labeller or input_labeller(unlabelled, task, config, context)
        done += 1
        shard = _shard(done, chunk, labeller.label(chunk), teachers)
        write_wave(context.folder, shard, SHARD)
        yield shard


def _shard(number: int, chunk: Sequence[Example], labelled: Iterator[Labelled], teacher: str) -> Wave:
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

    So do those on which every vote agreed (P of 1): nothing but their place would tell them apart.

    Chosen label by label, so that a label that the teacher is seldom sure of does not vanish. The default share was
    chosen on 2,000 TREC-6 training questions (n = 800 others): students of .40 to .60 are right on .60, of all on .56.
    """
    by_label: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        if row.soft_label:
            by_label.setdefault(row.target, []).append(place)
    doubtful: set[int] = set()
    for places in by_label.values():
        ordered = sorted(places, key=lambda place: (-max(rows[place].soft_label or ()), place))
        beyond = ordered[max(1, round(share * len(ordered))) :]
        doubtful.update(place for place in beyond if max(rows[place].soft_label or ()) < 1)
    return tuple(row for place, row in enumerate(rows) if place not in doubtful)
