"""Self-consistency: every new input is answered several times, and what the answers agree on is its output.

Self-consistency: Wang et al., arXiv 2203.11171; as a filter of generated data: Prompt2Model, arXiv 2308.12261. Nobody
is asked when the votes still to come cannot change the outcome (as in Adaptive-Consistency, arXiv 2305.11860, but
without a guess: what is kept is the same).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.reading import Candidate
from prompt2model.labelling import FewShotPredictor, ScoredLabelPredictor, channel_fits
from prompt2model.labelling.scoring_forms import Way
from prompt2model.records import Demonstration, FailureKind, Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatClient, is_scorer
from prompt2model.text_index.near_duplicates import normalise_text

_SIMILAR = 0.5
"""Word overlap F1 from which two long answers say the same."""
_LONG_OUTPUT = 4
"""Words above which the outputs of the demonstrations count as long."""

RELABELLED = "relabelled"
"""Why an output is another than the one asked for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The output that the votes gave, or why there is none."""

    output: str | None
    reason: str = ""
    soft_label: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What the voters said about one input, `calls` of them. Failures are kept apart: they are never votes."""

    calls: int
    votes: tuple[str, ...]
    failures: tuple[FailureKind, ...]
    probabilities: tuple[tuple[float, ...], ...]
    prompt_tokens: int
    completion_tokens: int


class Electorate:
    """The voters of one run: at most `votes` ways to ask the same teacher.

    A client that scores gives each vote from another choice and order of the demonstrations, the last ones by the
    channel; one that writes gives draws at the vote temperature. No voter sees the label that was asked for.
    `calibration`: inputs with their presumed labels, which scored votes are calibrated on.
    """

    def __init__(
        self,
        client: ChatClient,
        task: TaskSpec,
        config: DatasetGeneratorConfig,
        rng: random.Random,
        calibration: Sequence[Demonstration] = (),
    ) -> None:
        self._task, self._config = task, config
        closed = task.kind != "generation"
        # Where text is written, somebody has to write it; a label stands without a vote.
        self.size = config.votes if closed else max(1, config.votes)
        self._voters: list[FewShotPredictor | ScoredLabelPredictor]
        if closed and is_scorer(client):
            orders = demonstration_orders(task, self.size, rng)
            by_channel = orders[::2] if channel_fits(task) else []
            by_label = orders[1::2] if by_channel else orders
            ways: list[tuple[Way, Sequence[Demonstration]]] = [("direct", shown) for shown in by_label]
            # The channel reads an input once for every label: it is asked when the others leave the outcome open.
            ways += [("channel", shown) for shown in by_channel]
            self._voters = [
                ScoredLabelPredictor(client, task, shown, ways=(way,), calibration=calibration, purpose="vote")
                for way, shown in ways
            ]
        else:
            temperature = config.vote_temperature if self.size > 1 else 0.0
            self._voters = [
                FewShotPredictor(
                    client,
                    task,
                    temperature=temperature,
                    draw=number,
                    max_tokens=config.max_answer_tokens,
                    purpose="vote",
                )
                for number in range(self.size)
            ]

    def answer(self, candidates: Sequence[Candidate], asked: Sequence[str | None]) -> list[Answers]:
        """The votes on all inputs, in order, each until it is settled; `asked` is what each was written for."""
        items = [Item(candidate.input, candidate.choices, candidate.evidence) for candidate in candidates]
        said: list[list[Prediction]] = [[] for _ in items]
        unsettled = list(range(len(items)))
        for to_come, voter in zip(range(self.size - 1, -1, -1), self._voters, strict=True):
            predictions = voter.predict([items[row] for row in unsettled])
            for row, prediction in zip(unsettled, predictions, strict=True):
                said[row].append(prediction)
            unsettled = [
                row
                for row in unsettled
                if not settled(_votes(said[row]), asked[row], to_come, self._task, self._config)
            ]
        return [collected(predictions) for predictions in said]


def collected(predictions: Sequence[Prediction]) -> Answers:
    """What several predictions say about one input."""
    return Answers(
        len(predictions),
        _votes(predictions),
        tuple(p.failure for p in predictions if p.failure is not None),
        tuple(p.probabilities for p in predictions if p.probabilities is not None),
        sum(p.prompt_tokens for p in predictions),
        sum(p.completion_tokens for p in predictions),
    )


def _votes(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    return tuple(p.text for p in predictions if p.text is not None)


def demonstration_orders(task: TaskSpec, count: int, rng: random.Random) -> list[tuple[Demonstration, ...]]:
    """`count` choices and orders of the demonstrations: all labels shown, at most three demonstrations of each."""
    orders = []
    for _ in range(count):
        shown = list(task.demonstrations)
        rng.shuffle(shown)
        seen: Counter[str] = Counter()
        kept = []
        for demonstration in shown:
            seen[demonstration.output] += 1
            if not task.labels or seen[demonstration.output] <= 3:
                kept.append(demonstration)
        orders.append(tuple(kept))
    return orders


def judge(answers: Answers, asked: str | None, task: TaskSpec, config: DatasetGeneratorConfig) -> Verdict:
    """The most frequent answer; ties to the one asked for, then to the shortest; none when all answers differ.

    `asked` is the answer that the input was written for, where there is one.
    """
    votes = _with_asked(answers.votes, asked, config)
    if not votes or (not answers.votes and config.votes):
        return Verdict(None, "no answer")
    winner = _winner(votes, asked, similar_enough(task, config))
    if winner is None:
        return Verdict(None, "no majority")
    soft = _mean(answers.probabilities) if task.labels else None
    if asked is not None and winner != asked:
        if config.on_disagreement == "drop":
            return Verdict(None, "answered otherwise than asked for")
        return Verdict(winner, RELABELLED, soft)
    return Verdict(winner, "", soft)


def settled(
    votes: Sequence[str], asked: str | None, to_come: int, task: TaskSpec, config: DatasetGeneratorConfig
) -> bool:
    """Whether `judge` gives the same answer whatever the votes `to_come` are."""
    if config.all_votes or not votes or similar_enough(task, config) < 1:
        return False
    counts = Counter(normalise_text(vote) for vote in _with_asked(votes, asked, config)).most_common()
    leader, most = counts[0]
    rival = (counts[1][1] if len(counts) > 1 else 0) + to_come
    # A tie goes to the answer that was asked for; a single vote is no majority.
    wins_ties = asked is not None and leader == normalise_text(asked)
    return most > 1 and (most > rival or (most == rival and wins_ties))


def _with_asked(votes: Sequence[str], asked: str | None, config: DatasetGeneratorConfig) -> list[str]:
    """The votes, with the answer that was asked for where it counts as one."""
    counts = config.asked_label_votes or not config.votes
    return [*votes, asked] if asked is not None and counts else list(votes)


def similar_enough(task: TaskSpec, config: DatasetGeneratorConfig) -> float:
    """The word overlap F1 from which two answers are the same: 1 for closed and for short answers."""
    if task.kind != "generation" or config.agreement == "exact":
        return 1.0
    if config.agreement == "similar":
        return _SIMILAR
    words = [len(shown.output.split()) for shown in task.demonstrations]
    return _SIMILAR if words and sum(words) / len(words) > _LONG_OUTPUT else 1.0


def _winner(votes: Sequence[str], asked: str | None, same_from: float) -> str | None:
    normalised = [normalise_text(vote) for vote in votes]
    support = [sum(_overlap(mine, other) >= same_from for other in normalised) for mine in normalised]
    best = max(support)
    if best == 1 and len(votes) > 1:
        return None
    leaders = [vote for vote, count in zip(votes, support, strict=True) if count == best]
    if asked in leaders:
        return asked
    return min(leaders, key=lambda vote: (len(vote), vote))


def _overlap(first: str, second: str) -> float:
    """Word overlap F1, as in SQuAD (arXiv 1606.05250); 1 for equal texts."""
    if first == second:
        return 1.0
    left, right = Counter(first.split()), Counter(second.split())
    shared = (left & right).total()
    total = left.total() + right.total()
    # Words in another order, or other spaces, are not the same text.
    return min(2 * shared / total, 0.999) if total else 0.0


def _mean(rows: Sequence[tuple[float, ...]]) -> tuple[float, ...] | None:
    if not rows:
        return None
    return tuple(round(sum(column) / len(rows), 6) for column in zip(*rows, strict=True))
