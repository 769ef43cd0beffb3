"""Closed labels by log-probability: how likely is each label as the teacher's next words?

Calibration by a content-free input: Zhao et al., "Calibrate Before Use", arXiv 2102.09690; as a difference of
log-probabilities it is the domain-conditional PMI of Holtzman et al., arXiv 2104.08315.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from prompt2model.errors import ConfigError, TeacherError
from prompt2model.labelling.prompts import LabellingPrompt, demonstrations_for, speaks_plain
from prompt2model.records import Demonstration, FailureKind, Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatClient, Scorer, ScoreRequest, ScoreResponse

CONTENT_FREE = ("N/A", "", "...", "[MASK]")
"""Inputs that say nothing: what a label scores on them, it owes to its own words and the demonstrations' order."""

_CHUNK = 256


class ScoredLabelPredictor:
    """Picks the label (or choice) whose words the teacher finds most likely after the input.

    A label's score is the sum of its tokens' log-probabilities, less the same sum after a content-free input;
    `probabilities` are the softmax of the scores in the order of the labels (of the item's choices where the task
    has no labels). All requests begin alike, so an engine computes demonstrations and instruction once.

    With `orders` above 1 every input is scored that often, with the demonstrations in other random orders, and the
    log-probabilities are averaged: the order alone moves few-shot answers (Lu et al., arXiv 2104.08786; measured with
    two orders: ten Banking77 intents .69 → .75).

    Raises TeacherError when the client cannot score, ConfigError when the task has neither labels nor choices.
    """

    def __init__(
        self,
        client: ChatClient,
        task: TaskSpec,
        demonstrations: Sequence[Demonstration] | None = None,
        calibrate: bool = True,
        orders: int = 1,
        seed: int = 0,
        purpose: str = "label",
    ) -> None:
        from prompt2model.teacher.client import is_scorer

        if not is_scorer(client):
            raise TeacherError(f"{client.model} cannot score answers; use a few-shot labeller with it")
        if task.kind == "generation":
            raise ConfigError("only labels and choices can be scored; this task writes text: use a few-shot labeller")
        self.name = f"{client.model}, scored labels"
        self.labels = task.labels
        self._scorer: Scorer = client  # type: ignore[assignment]
        self._calibrate = calibrate
        self._purpose = purpose
        shown = demonstrations_for(task, demonstrations)
        self._prompts = [LabellingPrompt(task, order, speaks_plain(client)) for order in _orders(shown, orders, seed)]

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            # One order after the other: what the requests of an order share is computed once.
            columns = [self._scores(prompt, chunk) for prompt in self._prompts]
            for number, item in enumerate(chunk):
                yield self._read(item, [column[number] for column in columns])

    def stream(self, item: Item) -> Iterator[str]:
        """The label as a whole. Raises TeacherError when there is none."""
        prediction = next(self.predict([item]))
        if prediction.text is None:
            raise TeacherError(f"the teacher gave no scores ({prediction.failure}); try again")
        yield prediction.text

    def _answers(self, item: Item) -> tuple[str, ...]:
        return self.labels or item.choices

    def _scores(self, prompt: LabellingPrompt, items: Sequence[Item]) -> list[_Scores]:
        """Log-probabilities of each item's answers, less those without content."""
        # An item that offers nothing to choose from is not asked about.
        asked = [self._request(prompt, item) if self._can_answer(item) else None for item in items]
        free = [self._content_free(prompt, item) if request else () for item, request in zip(items, asked, strict=True)]
        wanted = dict.fromkeys([*(request for group in free for request in group), *filter(None, asked)])
        answers = dict(self._scorer.score_many(list(wanted)))
        return [
            _Scores.of(answers[request], [answers[one] for one in group]) if request else _Scores((), "unparsable", 0)
            for request, group in zip(asked, free, strict=True)
        ]

    def _can_answer(self, item: Item) -> bool:
        answers = self._answers(item)
        return bool(answers) and all(answers)

    def _request(self, prompt: LabellingPrompt, item: Item) -> ScoreRequest:
        answers = tuple(prompt.answer(answer) for answer in self._answers(item))
        return ScoreRequest(prompt.messages(item), answers, self._purpose)

    def _content_free(self, prompt: LabellingPrompt, item: Item) -> tuple[ScoreRequest, ...]:
        if not self._calibrate:
            return ()
        return tuple(self._request(prompt, Item(text, item.choices)) for text in CONTENT_FREE)

    def _read(self, item: Item, by_order: Sequence[_Scores]) -> Prediction:
        tokens = sum(one.prompt_tokens for one in by_order)
        failure = next((one.failure for one in by_order if one.failure is not None), None)
        if failure is not None:
            return Prediction(None, failure=failure, prompt_tokens=tokens)
        scores = [sum(values) / len(values) for values in zip(*(one.values for one in by_order), strict=True)]
        text = self._answers(item)[max(range(len(scores)), key=scores.__getitem__)]
        return Prediction(text, probabilities=softmax(scores), raw=text, prompt_tokens=tokens)


@dataclass(frozen=True, slots=True)
class _Scores:
    """Normalised log-probabilities (nats) of an item's answers under one order of the demonstrations."""

    values: tuple[float, ...]
    failure: FailureKind | None
    prompt_tokens: int

    @classmethod
    def of(cls, response: ScoreResponse, free: Sequence[ScoreResponse]) -> _Scores:
        failure = next((one.failure for one in (response, *free) if one.failure is not None), None)
        if failure is not None:
            return cls((), failure, response.prompt_tokens)
        values = list(response.log_probabilities)
        for one in free:
            values = [value - base / len(free) for value, base in zip(values, one.log_probabilities, strict=True)]
        return cls(tuple(map(math.log, softmax(values))), None, response.prompt_tokens)


def _orders(shown: Sequence[Demonstration], count: int, seed: int) -> list[tuple[Demonstration, ...]]:
    """The demonstrations as given, then in other random orders."""
    orders = [tuple(shown)]
    rng = random.Random(seed)
    for _ in range(1, count if len(shown) > 1 else 1):
        other = list(shown)
        rng.shuffle(other)
        orders.append(tuple(other))
    return orders


def softmax(scores: Sequence[float]) -> tuple[float, ...]:
    """Probabilities from scores in nats."""
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = sum(weights)
    # No probability is exactly 0, so that its logarithm exists.
    return tuple(max(weight / total, 1e-300) for weight in weights)
