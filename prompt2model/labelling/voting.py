"""Several voters on each input, one answer with P(label): prompt chains, draws of one teacher, several teachers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol, runtime_checkable

from prompt2model.errors import ConfigError
from prompt2model.labelling.aggregation import (
    Aggregation,
    Aggregator,
    DependentLabelModel,
    LabelModel,
    MajorityVote,
    Votes,
)
from prompt2model.labelling.chains import task_chains
from prompt2model.predictor import Predictor
from prompt2model.predictor.no_answer import no_answer
from prompt2model.records import FailureKind, Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatClient

AggregatorName = Literal["majority", "label_model", "dependent"]

AGGREGATORS: Mapping[AggregatorName, type[MajorityVote | LabelModel | DependentLabelModel]] = {
    "majority": MajorityVote,
    "label_model": LabelModel,
    "dependent": DependentLabelModel,
}

TOGETHER = 256
"""Inputs whose votes a label model learns from together."""
_FEWEST = 30
"""Inputs below which there is nothing to learn from: then the majority counts."""


@runtime_checkable
class CountsCalls(Protocol):
    """A predictor that knows how many requests it made."""

    @property
    def calls(self) -> int:
        """Requests so far."""
        ...


@dataclass(frozen=True, slots=True)
class VotedAnswer:
    """The prediction for one item, and what failed on the way to it. A failed vote is no vote."""

    prediction: Prediction
    failures: tuple[FailureKind, ...]


class VotingLabeller:
    """Asks every voter about every item and aggregates: the answer, P(label), and the cost of all voters.

    `voters` by name; with none of them the item has no answer, and its failure is the most frequent one. A label model
    needs many inputs at once: items are taken `together` at a time, and what it learns it learns from these alone, so
    the same items give the same answers whatever came before. Below 30 inputs the majority counts. Items with choices
    of their own are aggregated by the number of their choices, their positions being the labels.

    `calls` counts requests, one for each answer of a voter that does not count its own.
    """

    def __init__(
        self,
        voters: Mapping[str, Predictor],
        labels: Sequence[str],
        aggregator: AggregatorName = "majority",
        *,
        together: int = TOGETHER,
    ) -> None:
        if not voters:
            raise ConfigError("nobody votes; name at least one voter")
        self.name = f"{len(voters)} voters, {AGGREGATORS[aggregator].name}"
        self.labels = tuple(labels)
        self.aggregations: tuple[Aggregation, ...] = ()
        """What was learned about the voters in the last call, one for each number of choices."""
        self._voters, self._together = dict(voters), together
        self._aggregator: Aggregator = AGGREGATORS[aggregator]()
        self._answered = 0

    @property
    def calls(self) -> int:
        """Requests so far."""
        counted = [voter for voter in self._voters.values() if isinstance(voter, CountsCalls)]
        return sum(voter.calls for voter in counted) + self._answered * (len(self._voters) - len(counted))

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        source = iter(items)
        while chunk := list(islice(source, self._together)):
            for answer in self.answer(chunk):
                yield answer.prediction

    def stream(self, item: Item) -> Iterator[str]:
        """The majority's answer as a whole. Raises NoAnswerError when there is none."""
        prediction = next(self.predict([item]))
        if prediction.failure is not None:
            raise no_answer(prediction.failure)
        yield prediction.text or ""

    def answer(self, items: Sequence[Item]) -> list[VotedAnswer]:
        """The answers to items that are aggregated together, in their order."""
        said = {name: list(voter.predict(items)) for name, voter in self._voters.items()}
        self._answered += len(items)
        groups: dict[int, list[int]] = {}
        for place, item in enumerate(items):
            groups.setdefault(0 if self.labels else len(item.choices), []).append(place)
        found: dict[int, VotedAnswer] = {}
        aggregations = []
        for width, places in sorted(groups.items()):
            answers = [self.labels or items[place].choices for place in places]
            votes = {name: [predictions[place] for place in places] for name, predictions in said.items()}
            aggregation = self._aggregate(votes, answers) if width or self.labels else None
            for row, place in enumerate(places):
                text, probabilities = None, None
                if aggregation is not None and (belief := aggregation[row]) is not None:
                    text, probabilities = answers[row][int(aggregation.places[row])], belief.probabilities
                found[place] = _voted(text, probabilities, [one[place] for one in said.values()])
            aggregations += [aggregation] if aggregation is not None else []
        self.aggregations = tuple(aggregations)
        return [found[place] for place in range(len(items))]

    def _aggregate(self, votes: Mapping[str, Sequence[Prediction]], answers: Sequence[Sequence[str]]) -> Aggregation:
        """By position among the answers, so that items with choices of their own can be learned from together."""
        names = self.labels or tuple(str(place) for place in range(len(answers[0])))
        said = {
            name: [_named(one.text, own, names) for one, own in zip(predictions, answers, strict=True)]
            for name, predictions in votes.items()
        }
        table = Votes.from_answers(names, said)
        enough = len(answers) >= _FEWEST
        return (self._aggregator if enough else MajorityVote()).aggregate(table)


def chains_labeller(
    client: ChatClient, task: TaskSpec, aggregator: AggregatorName = "majority", *, calibration: Sequence[Item] = ()
) -> VotingLabeller:
    """The task's prompt chains as voters. Raises ConfigError where no chain suits the task."""
    return VotingLabeller(chain_voters(client, task, calibration=calibration), task.labels, aggregator)


def chain_voters(
    client: ChatClient, task: TaskSpec, *, calibration: Sequence[Item] = (), prefix: str = ""
) -> dict[str, Predictor]:
    """A voter for each chain, by its style after `prefix`. Raises ConfigError where no chain suits the task."""
    return {f"{prefix}{chain.style}": chain.predictor(client, calibration) for chain in task_chains(task, client)}


def _named(text: str | None, answers: Sequence[str], names: Sequence[str]) -> str | None:
    """The name under which an answer is aggregated: that of its position."""
    return names[answers.index(text)] if text is not None and text in answers else None


def _voted(text: str | None, probabilities: tuple[float, ...] | None, said: Sequence[Prediction]) -> VotedAnswer:
    failures = tuple(one.failure for one in said if one.failure is not None)
    failure = None
    if text is None:
        failure = Counter(failures).most_common(1)[0][0] if failures else "unparsable"
    raw = " | ".join(one.raw.strip() if one.text is None else one.text for one in said)
    prompt, completion = sum(one.prompt_tokens for one in said), sum(one.completion_tokens for one in said)
    return VotedAnswer(Prediction(text, probabilities, failure, raw, prompt, completion), failures)
