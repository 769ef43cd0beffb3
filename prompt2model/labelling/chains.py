"""Prompt chains: the same task asked in several styles, each with other demonstrations.

Ask Me Anything (Arora et al., arXiv 2210.02441). What differs: the chains are made from the task alone, and an answer
that cannot be read abstains.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from prompt2model.errors import ConfigError
from prompt2model.labelling.choice_chains import CHOICE_STYLES, choice_program
from prompt2model.labelling.each_label import EachLabelPredictor
from prompt2model.labelling.program_predictor import ProgramPredictor
from prompt2model.labelling.prompts import brief, readable, speaks_plain
from prompt2model.prompt_program import Answer, Block, PromptProgram, Shown, without_slots
from prompt2model.prompts import render
from prompt2model.records import Demonstration, Item, TaskSpec
from prompt2model.teacher.client import ChatClient

Style = Literal["plain", "choices", "yes/no", "cloze", "described"]

MOST_LISTED = 12
"""Labels that a question can list by letter."""
MOST_ASKED_SINGLY = 6
"""Labels that are worth a question each for every input."""
_PER_LABEL = 3
"""Demonstrations of a label that one chain shows."""
_DESCRIPTION_TOKENS = 32

_NAME = "Answer with one of the labels, copied letter by letter, and nothing else."
_CHOOSE = "Answer with the text of the right choice, copied letter by letter, and nothing else."
_YES_NO = "Answer yes or no, and nothing else."
_SENTENCE = "Answer with one short sentence, and nothing else."


@dataclass(frozen=True)
class Chain:
    """One style of asking: one program, or one for each label (their order), which ask yes or no."""

    style: Style
    programs: tuple[PromptProgram, ...]

    def predictor(self, client: ChatClient, calibration: Sequence[Item] = ()) -> ProgramPredictor | EachLabelPredictor:
        """The chain asked of a client."""
        if len(self.programs) == 1:
            return ProgramPredictor(client, self.programs[0], calibration=calibration)
        return EachLabelPredictor(client, self.programs, self.style, calibration=calibration)


def chains_fit(task: TaskSpec) -> bool:
    """Whether the task can be asked in several styles.

    By choices of the inputs' own, or by labels, at least two, that differ by more than their case.
    """
    if task.kind == "multiple_choice" and not task.labels:
        return True
    words = {" ".join(label.casefold().split()) for label in task.labels} - {""}
    return 1 < len(task.labels) == len(words)


def task_chains(task: TaskSpec, client: ChatClient, demonstrations: Sequence[Demonstration] = ()) -> tuple[Chain, ...]:
    """The chains that suit the task, three to five; the same task gives the same chains.

    `demonstrations` are the task's own unless given. For a small model (`speaks_plain`) the prompts are short, and no
    question is asked for each label, where nearly half of all tokens would go: it cannot tell (measured on 100 TREC-6
    training rows: .22 right, three other styles .45 to .56).
    Raises ConfigError where none suits (`chains_fit`).
    """
    if not chains_fit(task):
        raise ConfigError(
            "prompt chains need choices, or closed labels that differ by more than their case; "
            "leave `labeller` of [generate_data] at votes"
        )
    shown, plain = tuple(demonstrations or task.demonstrations), speaks_plain(client)
    if not task.labels:
        return tuple(Chain(style, (choice_program(task, style, plain),)) for style in CHOICE_STYLES)
    most = {"choices": MOST_LISTED, "yes/no": 0 if plain else MOST_ASKED_SINGLY}
    styles = [style for style in get_args(Style) if len(task.labels) <= most.get(style, len(task.labels))]
    return tuple(
        Chain(style, _Maker(task, _chosen(shown, task, number), plain, style).programs())
        for number, style in enumerate(styles)
    )


def _chosen(shown: Sequence[Demonstration], task: TaskSpec, number: int) -> tuple[Demonstration, ...]:
    """The demonstrations of the chain `number`: of each label a few, other ones for each chain, in another order."""
    chosen: list[Demonstration] = []
    for label in task.labels:
        own = [one for one in shown if one.output == label]
        chosen += [own[(number * _PER_LABEL + place) % len(own)] for place in range(min(_PER_LABEL, len(own)))]
    if number:
        random.Random(number).shuffle(chosen)
    return tuple(chosen)


@dataclass(frozen=True)
class _Maker:
    """Writes the programs of one style."""

    task: TaskSpec
    shown: tuple[Demonstration, ...]
    plain: bool
    style: Style

    def programs(self) -> tuple[PromptProgram, ...]:
        """The programs of the style."""
        if self.style == "plain":
            return (self._program(self._naming("{{input}}" if self.plain else "<input>\n{{input}}\n</input>", _NAME)),)
        if self.style == "choices":
            return (self._program(self._naming(self._render("chain_choices", choices="{{choices}}"), _CHOOSE)),)
        if self.style == "cloze":
            return (self._program(self._naming(self._render("chain_cloze"), _NAME)),)
        return self._described() if self.style == "described" else self._yes_no()

    def _described(self) -> tuple[PromptProgram, ...]:
        """First what the input is about, in words of the teacher's own; then the label of that."""
        describe = Block(
            name="description",
            system=self._system(_SENTENCE),
            prompt=self._render("chain_describe"),
            max_tokens=_DESCRIPTION_TOKENS,
            stop=self._stop(),
        )
        prompt = self._render("chain_described", description="{{description}}")
        return (self._program(describe, self._naming(prompt, _NAME)),)

    def _yes_no(self) -> tuple[PromptProgram, ...]:
        """A question for each label; of two labels only for the first."""
        labels = self.task.labels
        return tuple(map(self._asking_for, labels[:1] if len(labels) == 2 else labels))

    def _asking_for(self, label: str) -> PromptProgram:
        labels, name = self.task.labels, self._word(label)
        prompt = self._render("chain_yes_no", label=without_slots(name), note=without_slots(self._note(label)))
        block = Block(
            name="answer",
            system=self._system(_YES_NO),
            prompt=prompt,
            demonstrations=self._balanced(label),
            max_tokens=16,
            stop=self._stop(),
        )
        other = labels[1] if len(labels) == 2 else None
        answers = (Answer(word="yes", label=label), Answer(word="no", label=other))
        return PromptProgram(name=f"{self.style}: {name}", blocks=(block,), answers=answers)

    def _balanced(self, label: str) -> tuple[Shown, ...]:
        """As many demonstrations of other labels as of this one, so that yes is as usual as no."""
        own = [one for one in self.shown if one.output == label]
        others = [one for one in self.shown if one.output != label]
        random.Random(label).shuffle(others)
        kept = {id(one) for one in (*own, *others[: max(1, len(own))])}
        return tuple(
            Shown(values={"input": one.input}, output="yes" if one.output == label else "no")
            for one in self.shown
            if id(one) in kept
        )

    def _naming(self, prompt: str, form: str) -> Block:
        """The block that names the label, or the item's choice."""
        demonstrations = [Shown(values={"input": note}, output=self._word(label)) for label, note in self._notes()]
        demonstrations += [Shown(values={"input": one.input}, output=self._word(one.output)) for one in self.shown]
        return Block(
            name="answer",
            system=self._system(form),
            prompt=prompt,
            demonstrations=tuple(demonstrations),
            # A token is at least one byte of UTF-8.
            max_tokens=16 + max(len(label.encode("utf-8", "replace")) for label in self.task.labels),
            stop=self._stop(),
        )

    def _program(self, *blocks: Block) -> PromptProgram:
        answers = tuple(Answer(word=self._word(label), label=label) for label in self.task.labels)
        return PromptProgram(name=self.style, blocks=blocks, answers=answers)

    def _system(self, form: str) -> str:
        task = self.task
        labels = [self._word(label) for label in task.labels]
        if self.plain:
            seen = {one.output for one in self.shown} | task.label_notes.keys()
            labels = [self._word(label) for label in task.labels if label not in seen]
        return render(
            "chain_system",
            plain=self.plain,
            instruction=brief(task.instruction) if self.plain else task.instruction,
            labels=labels,
            label_notes={self._word(label): note for label, note in task.label_notes.items() if label in task.labels},
            form=form,
        ).strip()

    def _render(self, template: str, **variables: str) -> str:
        return render(template, plain=self.plain, input="{{input}}", **variables).strip()

    def _notes(self) -> list[tuple[str, str]]:
        """For a small model, what the prompt says about a label without demonstrations is its example."""
        seen = {one.output for one in self.shown}
        notes = self.task.label_notes
        return [
            (label, notes[label]) for label in self.task.labels if label in notes and label not in seen and self.plain
        ]

    def _note(self, label: str) -> str:
        return self.task.label_notes.get(label, "")

    def _word(self, label: str) -> str:
        """How the label is written: for a small model as words."""
        return readable(label, self.task.labels) if self.plain and label in self.task.labels else label

    def _stop(self) -> tuple[str, ...]:
        return ("\n",) if self.plain else ()
