"""Two ways to let a teacher score closed answers by log-probability.

Direct: how likely is each answer after the input? Channel: how likely is the input after each label? (Min et al.,
"Noisy Channel Language Model Prompting", arXiv 2108.04106: with few demonstrations and small models it is better and
depends less on which ones are shown.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from prompt2model.labelling.prompts import LabellingPrompt, brief, readable
from prompt2model.prompt_program import guarded, item_text
from prompt2model.prompts import render
from prompt2model.records import Demonstration, FailureKind, Item, TaskSpec
from prompt2model.teacher.client import Message, Scorer, ScoreRequest

Way = Literal["direct", "channel"]

MOST_CHANNEL_LABELS = 24
"""The channel reads the input once for every label; with more labels than this it costs too much."""

_INPUTS_TOGETHER = 8
_CHARACTERS_TOGETHER = 1000
"""Inputs of one channel request: read behind the label's prompt, which is computed once for them all.

More would share it further, but an engine lays them in one sequence, and attention grows with its square.
"""


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Log-probabilities (nats) in the order of an item's answers; empty with a failure."""

    values: tuple[float, ...]
    failure: FailureKind | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


class ScoringForm(Protocol):
    """A way to score the answers of items."""

    def score(self, items: Sequence[Item]) -> list[AnswerScores]:
        """The scores of each item, in order."""
        ...


class DirectForm:
    """log P(answer | input): the demonstrations as turns, the input last."""

    def __init__(self, scorer: Scorer, prompt: LabellingPrompt, purpose: str) -> None:
        self._scorer, self._prompt, self._purpose = scorer, prompt, purpose

    def score(self, items: Sequence[Item]) -> list[AnswerScores]:
        """Items without choices, where the task has no labels, are failures `unparsable` and not asked about."""
        asked = [self._request(item) for item in items]
        wanted = list(dict.fromkeys(request for request in asked if request is not None))
        answers = dict(self._scorer.score_many(wanted))
        scores = []
        for request in asked:
            said = answers[request] if request is not None else None
            if said is None:
                scores.append(AnswerScores((), "unparsable"))
            else:
                scores.append(AnswerScores(said.log_probabilities, said.failure, said.prompt_tokens))
        return scores

    def _request(self, item: Item) -> ScoreRequest | None:
        choices = self._prompt.task.labels or item.choices
        if not choices or not all(choices):
            return None
        return ScoreRequest(
            self._prompt.messages(item), tuple(self._prompt.answer(choice) for choice in choices), self._purpose
        )


class ChannelForm:
    """log P(input | label): the demonstrations the other way round, each label with what the prompt says about it.

    Inputs are sorted and asked together, so that the same inputs make the same requests in any order.
    """

    def __init__(self, scorer: Scorer, task: TaskSpec, demonstrations: Sequence[Demonstration], purpose: str) -> None:
        self._scorer, self._task, self._purpose = scorer, task, purpose
        turns = [Message("system", guarded(brief(task.instruction)))]
        for shown in demonstrations:
            turns += [self._label_turn(shown.output), Message("assistant", guarded(shown.input))]
        self._shared = tuple(turns)

    def score(self, items: Sequence[Item]) -> list[AnswerScores]:
        """An input without a single character is as likely after any label."""
        texts = [guarded(item_text(item)) for item in items]
        groups = _groups(sorted(set(texts) - {""}))
        requests = {
            (label, group): ScoreRequest((*self._shared, self._label_turn(label)), group, self._purpose)
            for group in groups
            for label in self._task.labels
        }
        answers = dict(self._scorer.score_many(list(requests.values())))
        found = {"": AnswerScores((0.0,) * len(self._task.labels))}
        for group in groups:
            said = [answers[requests[label, group]] for label in self._task.labels]
            failure = next((one.failure for one in said if one.failure is not None), None)
            tokens = sum(one.prompt_tokens for one in said) // len(group)
            for number, text in enumerate(group):
                values = () if failure else tuple(one.log_probabilities[number] for one in said)
                found[text] = AnswerScores(values, failure, tokens)
        return [found[text] for text in texts]

    def _label_turn(self, label: str) -> Message:
        note = self._task.label_notes.get(label, "")
        name = readable(label, self._task.labels) if label in self._task.labels else label
        return Message("user", guarded(render("label_channel", label=name, note=note)))


def channel_fits(task: TaskSpec) -> bool:
    """Whether the channel can score this task at a bearable price."""
    return 0 < len(task.labels) <= MOST_CHANNEL_LABELS


def _groups(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Texts in order, a few together; a long one alone, so that only it fails when it is too long."""
    groups: list[list[str]] = []
    room = 0
    for text in texts:
        room -= len(text)
        if room < 0 or len(groups[-1]) == _INPUTS_TOGETHER:
            groups.append([])
            room = _CHARACTERS_TOGETHER - len(text)
        groups[-1].append(text)
    return [tuple(group) for group in groups]
