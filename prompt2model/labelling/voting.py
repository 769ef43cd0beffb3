"""Several voters on each input, one answer with P(label): prompt chains, draws of one teacher, several teachers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from prompt2model.errors import ConfigError
from prompt2model.labelling.chains import task_chains
from prompt2model.predictor import Predictor
from prompt2model.predictor.no_answer import no_answer
from prompt2model.records import FailureKind, Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatClient

if TYPE_CHECKING:
    from prompt2model.labelling.aggregation import Aggregation, Aggregator

AggregatorName = Literal["majority", "label_model", "dependent"]

_Belief: TypeAlias = tuple[str | None, tuple[float, ...] | None]

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
        self._aggregator, self._majority = aggregator_named(aggregator), aggregator_named("majority")
        self.name = f"{len(voters)} voters, {self._aggregator.name}"
        self.labels = tuple(labels)
        self.aggregations: tuple[Aggregation, ...] = ()
        """What was learned about the voters in the last call, one for each number of choices."""
        self._voters, self._together = dict(voters), together
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
        answers = [self.labels or item.choices for item in items]
        # Labels are the same for all items; items with choices of their own are alike in how many they have.
        groups: dict[int, list[int]] = {}
        for place, own in enumerate(answers):
            groups.setdefault(len(own), []).append(place)
        beliefs: dict[int, _Belief] = {}
        self.aggregations = ()
        for places in groups.values():
            votes = {name: [predictions[place] for place in places] for name, predictions in said.items()}
            decided = self._decide(votes, [answers[place] for place in places])
            beliefs |= zip(places, decided, strict=True)
        return [_voted(beliefs[place], [one[place] for one in said.values()]) for place in range(len(items))]

    def _decide(self, votes: Mapping[str, Sequence[Prediction]], answers: Sequence[Sequence[str]]) -> list[_Belief]:
        """The answer to each item and P(label), by position among its answers, of which all items have as many."""
        from prompt2model.labelling.aggregation import Votes

        names = self.labels or tuple(str(place) for place in range(len(answers[0])))
        if not names:
            return [(None, None)] * len(answers)
        said = {
            name: [_named(one.text, own, names) for one, own in zip(predictions, answers, strict=True)]
            for name, predictions in votes.items()
        }
        aggregator = self._aggregator if len(answers) >= _FEWEST else self._majority
        aggregation = aggregator.aggregate(Votes.from_answers(names, said))
        self.aggregations += (aggregation,)
        return [
            (None, None) if belief is None else (own[place], belief.probabilities)
            for belief, place, own in zip(aggregation, map(int, aggregation.places), answers, strict=True)
        ]


def aggregator_named(name: AggregatorName) -> Aggregator:
    """The aggregator that a setting names."""
    from prompt2model.labelling.aggregation import DependentLabelModel, LabelModel, MajorityVote

    made: dict[AggregatorName, Aggregator] = {
        "majority": MajorityVote(), "label_model": LabelModel(), "dependent": DependentLabelModel(),
    }  # fmt: skip
    return made[name]


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


def _voted(belief: _Belief, said: Sequence[Prediction]) -> VotedAnswer:
    text, probabilities = belief
    failures = tuple(one.failure for one in said if one.failure is not None)
    failure = None
    if text is None:
        failure = Counter(failures).most_common(1)[0][0] if failures else "unparsable"
    raw = " | ".join(one.raw.strip() if one.text is None else one.text for one in said)
    prompt, completion = sum(one.prompt_tokens for one in said), sum(one.completion_tokens for one in said)
    return VotedAnswer(Prediction(text, probabilities, failure, raw, prompt, completion), failures)
