"""The record of a prompt program, as JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from prompt2model.errors import ConfigError
from prompt2model.prompt_program.slots import NAME, slots_in

INPUT, CHOICES = "input", "choices"
"""What an item fills: its input (with its evidence), and its choices with letters, or the answers' words."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Shown(_Record):
    """A demonstration of one block: values of its slots, and what the block answers.

    The value of an earlier block may be left out: that block writes it before the first input.
    """

    values: dict[str, str]
    output: str


class Block(_Record):
    """One prompt. `name` is what it writes, a slot for later blocks.

    `system` is sent as it is; data belongs into `prompt`, whose slots are `input`, `choices` and earlier blocks.
    `max_tokens` is the longest answer, `stop` ends it. What an inner block writes is taken as far as it came.
    """

    name: Annotated[str, StringConstraints(pattern=rf"^{NAME}$")]
    prompt: str
    system: str = ""
    demonstrations: tuple[Shown, ...] = ()
    max_tokens: int = Field(256, ge=1)
    stop: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()


class Answer(_Record):
    """What the last block may answer, and the label that it stands for; None is an abstention."""

    word: Annotated[str, StringConstraints(min_length=1)]
    label: str | None


class PromptProgram(_Record):
    """Blocks in their order; the last one's answer is the program's.

    With `answers` that answer is a label. Without, it is one of the item's choices where the last block shows
    `{{choices}}`, else text. Building one from values raises pydantic's ValidationError where they do not fit.
    """

    name: Annotated[str, StringConstraints(min_length=1)]
    blocks: Annotated[tuple[Block, ...], Field(min_length=1)]
    answers: tuple[Answer, ...] = ()
    version: Literal[1] = 1

    @classmethod
    def from_json(cls, text: str | bytes) -> PromptProgram:
        """The program in a JSON text. Raises ConfigError, one line, for all that is no program."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            message = fault["msg"].removeprefix("Value error, ")
            raise ConfigError(f"this is no prompt program: {f'`{place}`: ' if place else ''}{message}") from error

    def to_json(self) -> str:
        """The program as JSON; what has its default is left out. Equal programs give equal texts."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, indent=1)

    @property
    def labels(self) -> tuple[str, ...]:
        """The different labels of the answers, in their order."""
        return tuple(dict.fromkeys(answer.label for answer in self.answers if answer.label is not None))

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the answers."""
        return tuple(answer.word for answer in self.answers)

    @property
    def shows_choices(self) -> bool:
        """Whether the last block is shown choices, so that their letters are answers too."""
        return CHOICES in slots_in(self.blocks[-1].prompt)

    def to_write(self, block: str, given: Collection[str]) -> tuple[Block, ...]:
        """The earlier blocks, in order, whose answers `block` needs besides the values given."""
        names = [one.name for one in self.blocks]
        here = names.index(block)
        wanted = set(slots_in(self.blocks[here].prompt)) - set(given)
        needed: list[Block] = []
        for earlier in reversed(self.blocks[:here]):
            if earlier.name in wanted:
                needed.insert(0, earlier)
                wanted |= set(slots_in(earlier.prompt)) - set(given)
        return tuple(needed)

    @model_validator(mode="after")
    def _fits_together(self) -> PromptProgram:
        known = [INPUT, CHOICES]
        for block in self.blocks:
            if block.name in known:
                raise ValueError(f"the block {block.name!r} needs a name of its own; input and choices are taken")
            slots = slots_in(block.prompt)
            unknown = [slot for slot in slots if slot not in known]
            if unknown:
                raise ValueError(
                    f"the block {block.name!r} has a slot {{{{{unknown[0]}}}}} that nothing fills; there are "
                    f"{', '.join(known)}"
                )
            for shown in block.demonstrations:
                self._check_shown(block.name, slots, shown, known)
            known.append(block.name)
        self._check_answers()
        return self

    def _check_shown(self, block: str, slots: tuple[str, ...], shown: Shown, known: list[str]) -> None:
        strange = [name for name in shown.values if name not in known]
        if strange:
            raise ValueError(f"a demonstration of the block {block!r} fills {strange[0]!r}, which is no slot of it")
        asked = [*slots, *(slot for one in self.to_write(block, shown.values) for slot in slots_in(one.prompt))]
        needed = [INPUT, *([] if self.answers else [CHOICES])]
        missing = [name for name in needed if name in asked and name not in shown.values]
        if missing:
            raise ValueError(f"a demonstration of the block {block!r} has no value for {{{{{missing[0]}}}}}")

    def _check_answers(self) -> None:
        words = [" ".join(word.casefold().split()) for word in self.words]
        if not all(words) or len(set(words)) < len(words):
            raise ValueError("the words of the answers have to differ, by more than case and spaces")
        if self.answers and not self.labels:
            raise ValueError("all answers abstain; name a label for one of them")
