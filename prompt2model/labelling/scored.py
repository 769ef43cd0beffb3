"""Closed labels by log-probability: how likely is each label as the teacher's next words, or the input after it?"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from prompt2model.errors import ConfigError, TeacherError
from prompt2model.labelling.calibrated_form import CalibratedForm, OwnChoicesForm
from prompt2model.labelling.calibration import CONTENT_FREE
from prompt2model.labelling.prompts import LabellingPrompt, demonstrations_for, speaks_plain
from prompt2model.labelling.scoring_forms import AnswerScores, ChannelForm, DirectForm, ScoringForm, Way
from prompt2model.predictor.no_answer import no_answer
from prompt2model.records import Demonstration, Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatClient, is_scorer

_CHUNK = 256


class ScoredLabelPredictor:
    """Picks the label (or choice) that the teacher's log-probabilities speak for.

    `ways` names how it is asked: `direct` scores the label after the input, `channel` the input after the label. From
    each score the same score without the input is taken away: the mean over the `calibration` inputs (of each presumed
    label first, so that all count the same), or, for `direct` only, over inputs without content. What is left is
    averaged over the ways. `probabilities` are the softmax in the order of the labels (of the item's choices where the
    task has no labels).

    With `orders` above 1 every input is scored that often directly, with the demonstrations in other random orders,
    and the log-probabilities are averaged: the order alone moves few-shot answers (Lu et al., arXiv 2104.08786). The
    channel hardly feels it and takes the first order.

    All requests of an order begin alike, so an engine computes demonstrations and instruction once.

    Raises TeacherError when the client cannot score, ConfigError when the task has neither labels nor choices.
    """

    def __init__(
        self,
        client: ChatClient,
        task: TaskSpec,
        demonstrations: Sequence[Demonstration] | None = None,
        *,
        ways: Sequence[Way] = ("direct",),
        calibration: Sequence[Demonstration] = (),
        calibrate: bool = True,
        orders: int = 1,
        seed: int = 0,
        purpose: str = "label",
    ) -> None:
        model, plain = client.model, speaks_plain(client)
        if not is_scorer(client):
            raise TeacherError(f"{model} cannot score answers; use a few-shot labeller with it")
        if task.kind == "generation":
            raise ConfigError("only labels and choices can be scored; this task writes text: use a few-shot labeller")
        if "channel" in ways and not task.labels:
            raise ConfigError("the channel needs labels; choices that change with the input are scored directly")
        self.name = f"{model}, scored labels"
        self.labels = task.labels
        shown = _orders(demonstrations_for(task, demonstrations), orders, seed)
        # By presumed label, each of which counts the same in the mean.
        groups: dict[str, list[Item]] = {}
        for row in calibration if task.labels else ():
            groups.setdefault(row.output, []).append(Item(row.input))
        free = [Item(text) for text in CONTENT_FREE]
        # One order after the other: what the requests of an order share is computed once.
        self._ways: list[list[ScoringForm]] = []
        if "direct" in ways:
            prompts = [LabellingPrompt(task, order, plain) for order in shown]
            direct = [DirectForm(client, prompt, purpose) for prompt in prompts]
            if calibrate and not task.labels:
                self._ways.append([OwnChoicesForm(form) for form in direct])
            else:
                inputs = (list(groups.values()) or [free]) if calibrate else []
                self._ways.append([CalibratedForm(form, inputs) for form in direct])
        if "channel" in ways:
            channel = ChannelForm(client, task, shown[0], purpose)
            self._ways.append([CalibratedForm(channel, list(groups.values()) if calibrate else [])])

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            columns = [[form.score(chunk) for form in way] for way in self._ways]
            for number, item in enumerate(chunk):
                yield self._read(item, [[column[number] for column in way] for way in columns])

    def stream(self, item: Item) -> Iterator[str]:
        """The label as a whole. Raises NoAnswerError when there is none."""
        prediction = next(self.predict([item]))
        if prediction.failure is not None:
            raise no_answer(prediction.failure)
        yield prediction.text or ""

    def _read(self, item: Item, by_way: Sequence[Sequence[AnswerScores]]) -> Prediction:
        scored = [one for way in by_way for one in way]
        tokens = sum(one.prompt_tokens for one in scored)
        failure = next((one.failure for one in scored if one.failure is not None), None)
        if failure is not None:
            return Prediction(None, failure=failure, prompt_tokens=tokens)
        # Each way counts the same, however far apart its raw scores lie.
        ways = [_log_softmax(_mean([one.values for one in way])) for way in by_way]
        scores = _mean(ways)
        text = (self.labels or item.choices)[max(range(len(scores)), key=scores.__getitem__)]
        return Prediction(text, probabilities=softmax(scores), raw=text, prompt_tokens=tokens)


def _orders(shown: Sequence[Demonstration], count: int, seed: int) -> list[tuple[Demonstration, ...]]:
    """The demonstrations as given, then in other random orders."""
    orders = [tuple(shown)]
    rng = random.Random(seed)
    for _ in range(1, count if len(shown) > 1 else 1):
        other = list(shown)
        rng.shuffle(other)
        orders.append(tuple(other))
    return orders


def _mean(rows: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))


def _log_softmax(scores: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(math.log, softmax(scores)))


def softmax(scores: Sequence[float]) -> tuple[float, ...]:
    """Probabilities from scores in nats."""
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = sum(weights)
    # No probability is exactly 0, so that its logarithm exists.
    return tuple(max(weight / total, 1e-300) for weight in weights)
