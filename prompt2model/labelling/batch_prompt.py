"""The messages that ask a teacher about many inputs in one call.

Batch prompting: Cheng et al., arXiv 2301.08721. Auto-Demo prompting: Feng et al., arXiv 2410.01724: the teacher repeats
each input right before its answer, so that what it has written shows it how to go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from prompt2model.labelling.batch_marks import ARROW
from prompt2model.prompt_program import guarded, item_text
from prompt2model.prompts import render
from prompt2model.records import Demonstration, Item, TaskSpec
from prompt2model.teacher.client import Message
from prompt2model.teacher.tokens import most_tokens


@dataclass(frozen=True)
class BatchPrompt:
    """The messages for one task: the rules, the demonstrations as answered batches of at most `size`, the inputs.

    With `echo` the teacher repeats each input before its answer. One form for every teacher.
    """

    task: TaskSpec
    demonstrations: tuple[Demonstration, ...]
    size: int
    echo: bool
    shared: tuple[Message, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shared", self._shared())

    def messages(self, items: Sequence[Item]) -> tuple[Message, ...]:
        """The shared messages and the inputs."""
        return (*self.shared, self._inputs([shown_text(item) for item in items]))

    def most_reply_tokens(self, item: Item, answer_tokens: int) -> int:
        """Tokens that the reply needs at most for one input whose answer has `answer_tokens`."""
        written = f"[9999] {shown_text(item)}\n{ARROW} \n" if self.echo else "[9999] \n"
        return most_tokens((Message("assistant", written),)) + answer_tokens

    def _shared(self) -> tuple[Message, ...]:
        task = self.task
        rules = render(
            "label_batch_system",
            instruction=task.instruction,
            labels=task.labels,
            label_notes=dict(task.label_notes),
            multiple_choice=task.kind == "multiple_choice",
            echo=self.echo,
        )
        turns = [Message("system", rules)]
        for start in range(0, len(self.demonstrations), self.size):
            shown = self.demonstrations[start : start + self.size]
            pairs = [(guarded(one.input), guarded(one.output)) for one in shown]
            turns.append(self._inputs([text for text, _ in pairs]))
            turns.append(Message("assistant", _lines("label_batch_answers", answers=pairs, echo=self.echo)))
        return tuple(turns)

    @staticmethod
    def _inputs(texts: Sequence[str]) -> Message:
        return Message("user", _lines("label_batch_inputs", inputs=texts))


def shown_text(item: Item) -> str:
    """The input with its choices and evidence: as it stands in a batch and comes back in the reply."""
    return guarded(item_text(item))


def _lines(template: str, **variables: object) -> str:
    return render(template, **variables).removesuffix("\n")
