"""The messages that ask a teacher for the answer to one input: the shared part first, the input last.

Few-shot prompting: Brown et al., arXiv 2005.14165. The data is set apart from the instruction by its own turn and
its own marks; marks that stand in the data are broken, so that no input can pose as an instruction or demonstration.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from prompt2model.prompt_program import guarded, item_text, without_mark
from prompt2model.prompts import render
from prompt2model.records import Demonstration, Item, TaskSpec
from prompt2model.teacher.client import ChatClient, Message

PROMPTS = (
    "label_system", "label_input", "label_plain", "label_channel",
    "label_batch_system", "label_batch_inputs", "label_batch_answers",
    "chain_system", "chain_choices", "chain_yes_no", "chain_cloze", "chain_describe", "chain_described",
    "chain_choice_cloze", "chain_choice_describe", "chain_choice_described",
)  # fmt: skip
"""The prompt templates of this room: part of the fingerprint of every step that asks a teacher for answers."""

_LIST_ITEM = re.compile(r"\s*(?:[-*•]|\d+[.)])\s")
_SENTENCE = re.compile(r".+?(?:[.!?:。！？]+(?=\s|$)\s*|$)", re.DOTALL)
_BRIEF = 400
"""Most characters of an instruction that is shown to a small model beside its demonstrations."""


@dataclass(frozen=True)
class LabellingPrompt:
    """The messages for one task and one list of demonstrations.

    `plain` is the form for small models, which follow demonstrations but no rules: bare turns, labels as words
    (`card_arrival` as "card arrival"). Otherwise the rules stand in the system message and the inputs between marks.
    """

    task: TaskSpec
    demonstrations: tuple[Demonstration, ...]
    plain: bool
    shared: tuple[Message, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shared", self._shared())

    def messages(self, item: Item) -> tuple[Message, ...]:
        """The shared messages and the input."""
        return (*self.shared, self._input_turn(item_text(item)))

    def answer(self, output: str) -> str:
        """How the teacher would write `output`."""
        if not self.plain:
            return output
        return guarded(readable(output, self.task.labels) if output in self.task.labels else output)

    def _shared(self) -> tuple[Message, ...]:
        turns = [Message("system", self._plain_system() if self.plain else self._rules())]
        if self.plain:
            for label, note in self._notes():
                turns += [Message("user", guarded(note)), Message("assistant", self.answer(label))]
        for shown in self.demonstrations:
            turns += [self._input_turn(shown.input), Message("assistant", self.answer(shown.output))]
        return tuple(turns)

    def _notes(self) -> list[tuple[str, str]]:
        """Of a label without demonstrations, what the prompt says about it is the example. Beside demonstrations the
        notes only blur them (measured: ten Banking77 intents .69 without, .53 with them)."""
        shown = {demonstration.output for demonstration in self.demonstrations}
        notes = self.task.label_notes
        return [(label, notes[label]) for label in self.task.labels if label in notes and label not in shown]

    def _input_turn(self, text: str) -> Message:
        if self.plain:
            return Message("user", guarded(text))
        return Message("user", render("label_input", input=without_mark(text, "input")))

    def _rules(self) -> str:
        task = self.task
        return render(
            "label_system",
            instruction=task.instruction,
            labels=task.labels,
            label_notes=dict(task.label_notes),
            multiple_choice=task.kind == "multiple_choice",
        )

    def _plain_system(self) -> str:
        labels = self.task.labels
        # The labels need no list: each is shown by its note and its demonstrations, and only labels are scored.
        instruction = brief(self.task.instruction) if labels else self.task.instruction
        shown = {d.output for d in self.demonstrations} | self.task.label_notes.keys()
        unseen = [readable(label, labels) for label in labels if label not in shown]
        return render("label_plain", instruction=guarded(instruction), labels=unseen)


def speaks_plain(client: ChatClient) -> bool:
    """Whether the client is the embedded model, which is too small to follow rules about form."""
    return client.model.startswith("embedded")


def brief(instruction: str) -> str:
    """What the task is, in a sentence or two: up to the first blank line or list, without the words that lead to it."""
    lines = []
    for line in instruction.strip().splitlines():
        if not line.strip() or _LIST_ITEM.match(line):
            break
        lines.append(line.strip())
    text = " ".join(lines)
    sentences = _SENTENCE.findall(text)
    while len(sentences) > 1 and (sentences[-1].rstrip().endswith(":") or len("".join(sentences)) > _BRIEF):
        sentences.pop()
    return "".join(sentences).strip()[:_BRIEF] or instruction.strip()[:_BRIEF]


def readable(label: str, labels: Sequence[str]) -> str:
    """The label as words: `card_arrival` as "card arrival"; as it is where labels would no longer differ."""

    def words(name: str) -> str:
        return " ".join(name.replace("_", " ").split()).casefold()

    return words(label) if len({words(name) for name in labels}) == len(set(labels)) and words(label) else label


def demonstrations_for(task: TaskSpec, given: Sequence[Demonstration] | None) -> tuple[Demonstration, ...]:
    """`given`, or the task's own demonstrations."""
    return tuple(given) if given is not None else task.demonstrations
