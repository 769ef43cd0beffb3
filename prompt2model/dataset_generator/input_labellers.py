"""Who answers inputs that came without answers: one predictor, draws until a majority stands, or several voters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from prompt2model.component import RunContext
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.consistency import Electorate, Verdict, collected, judge
from prompt2model.dataset_generator.reading import Candidate
from prompt2model.errors import ConfigError
from prompt2model.labelling import (
    AutoDemoPredictor,
    FewShotPredictor,
    VotingLabeller,
    bulk_labeller,
    chain_voters,
    teacher_predictor,
)
from prompt2model.labelling.voting import CountsCalls
from prompt2model.predictor import Predictor
from prompt2model.records import Demonstration, Example, FailureKind, Item, Prediction, Rows, TaskSpec
from prompt2model.teacher.client import ChatClient, is_scorer

SHARD_ROWS = 256
"""Inputs of one file; a label model learns from those of a file together."""
_CALIBRATION_INPUTS = 256
"""Inputs that scores are calibrated on, a random sample in their natural mix."""
CHAIN_CALIBRATION = 64
"""The same for each prompt chain, which may have to write about them first."""
_FURTHER = re.compile(r"labeller ([2-9]|[1-9]\d+)")
_PILOT_SAMPLE = 2048
"""Inputs among which a pilot of batches looks for neighbours."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What came of one input."""

    verdict: Verdict
    failures: tuple[FailureKind, ...]
    calls: int
    prompt_tokens: int
    completion_tokens: int


class Labels(Protocol):
    """Whatever labels the rows of a shard."""

    def label(self, rows: Sequence[Example]) -> Iterator[Labelled]:
        """What came of each row, in order."""
        ...


def labellers(teachers: Mapping[str, ChatClient]) -> dict[str, ChatClient]:
    """The teachers that label given inputs, by role: `labeller` (or `teacher`), `labeller 2`, `labeller 3`, …"""
    first = teachers.get("labeller") or teachers.get("teacher")
    more = sorted((int(found[1]), role) for role in teachers if (found := _FURTHER.fullmatch(role)))
    return {**({"labeller": first} if first else {}), **{role: teachers[role] for _, role in more}}


def votes_are_aggregated(clients: Collection[ChatClient], task: TaskSpec, config: DatasetGeneratorConfig) -> bool:
    """Whether several voters answer every input, all of them: chains, teachers, or draws for a label model.

    Raises ConfigError for chains where there is no list of labels or choices to vote on.
    """
    several = config.labeller == "chains" or len(clients) > 1
    if config.labeller == "chains" and task.kind == "generation":
        raise ConfigError(
            "prompt chains vote on closed labels, and this task writes text; "
            "leave `labeller` of [generate_data] at votes"
        )
    draws = config.labeller == "votes" and config.aggregator != "majority" and config.votes > 1
    writes = any(not is_scorer(client) for client in clients)
    return several or (draws and writes and task.kind != "generation")


def input_labeller(unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext) -> Labels:
    """The labeller that the settings and the teachers give. Raises ConfigError, TeacherError."""
    clients = labellers(context.teachers)
    if votes_are_aggregated(clients.values(), task, config):
        if task.kind == "generation":
            return _TextMajority(_voters(clients, unlabelled, task, config, context), task, config)
        return _Aggregating(_voters(clients, unlabelled, task, config, context), task, config)
    client = next(iter(clients.values()))
    if config.labeller == "votes" and not (is_scorer(client) and task.kind != "generation"):
        return _Voting(client, task, config, context)
    return _Asking(_predictor(client, unlabelled, task, config, context))


def _predictor(
    client: ChatClient, unlabelled: Rows, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext
) -> Predictor:
    """One answer to each input: scored where the client can, else as the setting `labeller` says."""
    if task.kind != "generation" and is_scorer(client):
        calibration = _sample(unlabelled, context) if task.labels else ()
        return teacher_predictor(client, task, calibration=calibration)
    if config.labeller == "votes" or config.labeller == "chains":
        return teacher_predictor(client, task)
    first = [_item(row) for row in islice(unlabelled, _PILOT_SAMPLE)]
    predictor, decision = bulk_labeller(client, task, first, labeller=config.labeller, total=len(unlabelled))
    if decision is not None:
        context.progress.say(f"  {decision.text}")
    return predictor


def _voters(
    clients: Mapping[str, ChatClient],
    unlabelled: Rows,
    task: TaskSpec,
    config: DatasetGeneratorConfig,
    context: RunContext,
) -> dict[str, Predictor]:
    """The voters of all teachers by name: chains, draws of one that writes, or one answer of each."""
    voters: dict[str, Predictor] = {}
    for role, client in clients.items():
        prefix = f"{role}: " if len(clients) > 1 else ""
        if config.labeller == "chains":
            calibration = _sample(unlabelled, context, CHAIN_CALIBRATION) if is_scorer(client) else ()
            items = [Item(shown.input) for shown in calibration]
            voters |= chain_voters(client, task, calibration=items, prefix=prefix)
        elif config.labeller == "votes" and not is_scorer(client):
            voters |= {f"{prefix}draw {one + 1}": _draw(client, task, config, one) for one in range(config.votes or 1)}
        else:
            voters[role] = _predictor(client, unlabelled, task, config, context)
    return voters


def _draw(client: ChatClient, task: TaskSpec, config: DatasetGeneratorConfig, number: int) -> FewShotPredictor:
    """As in `Electorate`, so that the ledger knows the answers when the aggregator is changed."""
    temperature = config.vote_temperature if config.votes > 1 else 0.0
    longest = config.max_answer_tokens
    return FewShotPredictor(client, task, temperature=temperature, draw=number, max_tokens=longest, purpose="vote")


def _sample(unlabelled: Rows, context: RunContext, most: int = _CALIBRATION_INPUTS) -> tuple[Demonstration, ...]:
    """Inputs under one presumed label, so that the calibration takes their plain mean."""
    size = len(unlabelled)
    rng = context.rng("calibration of given inputs")
    chosen = set(rng.sample(range(size), min(most, size)))
    return tuple(Demonstration(row.input, "") for number, row in enumerate(unlabelled) if number in chosen)


def _item(row: Example) -> Item:
    return Item(row.input, row.choices, row.evidence)


class _Asking:
    """One answer of a predictor to each input; P(label) where it scores."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def label(self, rows: Sequence[Example]) -> Iterator[Labelled]:
        before, known = self._calls(), len(self._failed_batches())
        predictions = list(self._predictor.predict(map(_item, rows)))
        of_batches = tuple(self._failed_batches()[known:])
        counted = len(rows) if before is None else (self._calls() or 0) - before
        for calls, prediction in zip(_shared(counted, len(rows)), predictions, strict=True):
            failures = (prediction.failure,) if prediction.failure is not None else ()
            yield _labelled(prediction, (*of_batches, *failures), calls)
            of_batches = ()

    def _calls(self) -> int | None:
        return self._predictor.calls if isinstance(self._predictor, CountsCalls) else None

    def _failed_batches(self) -> Sequence[FailureKind]:
        return self._predictor.failed_batches if isinstance(self._predictor, AutoDemoPredictor) else ()


class _Aggregating:
    """Every voter's vote on each input, and P(label) from all of them; a shard is learned from as a whole."""

    def __init__(self, voters: Mapping[str, Predictor], task: TaskSpec, config: DatasetGeneratorConfig) -> None:
        self._labeller = VotingLabeller(voters, task.labels, config.aggregator, together=SHARD_ROWS)

    def label(self, rows: Sequence[Example]) -> Iterator[Labelled]:
        before = self._labeller.calls
        answers = self._labeller.answer([_item(row) for row in rows])
        shared = _shared(self._labeller.calls - before, len(rows))
        for calls, answer in zip(shared, answers, strict=True):
            yield _labelled(answer.prediction, answer.failures, calls)


class _TextMajority:
    """The text that most voters agree on, as `judge` compares texts; every voter is asked about every input.

    Ask Me Anything (arXiv 2210.02441) takes the majority too where answers are free.
    """

    def __init__(self, voters: Mapping[str, Predictor], task: TaskSpec, config: DatasetGeneratorConfig) -> None:
        self._voters, self._task, self._config = tuple(voters.values()), task, config

    def label(self, rows: Sequence[Example]) -> Iterator[Labelled]:
        counted = [voter for voter in self._voters if isinstance(voter, CountsCalls)]
        before = sum(voter.calls for voter in counted)
        items = list(map(_item, rows))
        said = zip(*[list(voter.predict(items)) for voter in self._voters], strict=True)
        calls = sum(voter.calls for voter in counted) - before + len(rows) * (len(self._voters) - len(counted))
        for count, predictions in zip(_shared(calls, len(rows)), said, strict=True):
            answers = collected(predictions)
            verdict = judge(answers, None, self._task, self._config)
            yield Labelled(verdict, answers.failures, count, answers.prompt_tokens, answers.completion_tokens)


def _labelled(prediction: Prediction, failures: tuple[FailureKind, ...], calls: int) -> Labelled:
    verdict = Verdict(None, "no answer")
    if prediction.text is not None:
        soft = prediction.probabilities
        verdict = Verdict(prediction.text, "", tuple(round(value, 6) for value in soft) if soft else None)
    return Labelled(verdict, failures, calls, prediction.prompt_tokens, prediction.completion_tokens)


def _shared(calls: int, rows: int) -> list[int]:
    """So many calls, shared out among the rows: there may be fewer or more of them."""
    return [calls * (place + 1) // rows - calls * place // rows for place in range(rows)]


class _Voting:
    """The answer that most of several draws agree on."""

    def __init__(self, client: ChatClient, task: TaskSpec, config: DatasetGeneratorConfig, context: RunContext) -> None:
        self._electorate = Electorate(client, task, config, context.rng("votes"))
        self._task, self._config = task, config

    def label(self, rows: Sequence[Example]) -> Iterator[Labelled]:
        candidates = [Candidate(row.input, row.choices, evidence=row.evidence) for row in rows]
        for said in self._electorate.answer(candidates, [None] * len(rows)):
            yield Labelled(
                self._with_shares(judge(said, None, self._task, self._config), said.votes),
                said.failures,
                said.calls,
                said.prompt_tokens,
                said.completion_tokens,
            )

    def _with_shares(self, verdict: Verdict, votes: Sequence[str]) -> Verdict:
        """P(label) of a written label: its share of the votes."""
        if verdict.output is None or verdict.soft_label is not None or not self._task.labels:
            return verdict
        counts = Counter(votes)
        return replace(verdict, soft_label=tuple(round(counts[label] / len(votes), 6) for label in self._task.labels))
