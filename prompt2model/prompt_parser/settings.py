"""The settings of the step `parse_prompt`: each overrides what was read from the prompt."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from prompt2model.component import ComponentConfig
from prompt2model.languages.words import ISO_639_1
from prompt2model.records import Kind


class GivenDemonstration(BaseModel):
    """One demonstration as given in the config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: str = Field(min_length=1, description="The example's input text.")
    output: str = Field(min_length=1, description="The answer to it.")


class PromptParserConfig(ComponentConfig):
    """What is not given here is read from the prompt."""

    kind: Kind | None = Field(None, description="Kind of task: classification, multiple_choice or generation.")
    labels: tuple[str, ...] | None = Field(
        None, description="The closed label set of a classification, spelled as the answers are; at least two."
    )
    language: str | None = Field(None, description="Language of the task's inputs, as an ISO 639-1 code such as en.")
    instruction: str | None = Field(None, description="What to do with an input, without the demonstrations.")
    demonstrations: tuple[GivenDemonstration, ...] | None = Field(
        None, description="Worked examples, each with `input` and `output`; an empty list for none."
    )

    @field_validator("labels")
    @classmethod
    def _several_labels(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        labels = tuple(label.strip() for label in labels)
        if any(not label for label in labels):
            raise ValueError("a label is empty; every label needs a name")
        if len(set(labels)) != len(labels):
            raise ValueError("a label stands twice; name each label once")
        if len(labels) < 2:
            raise ValueError(f"a classification needs at least two labels, not {len(labels)}")
        return labels

    @field_validator("language")
    @classmethod
    def _known_language(cls, language: str | None) -> str | None:
        if language is None:
            return None
        code = language.strip().casefold()
        if code not in ISO_639_1:
            raise ValueError(f"{language!r} is no ISO 639-1 code; use two letters such as en, de or ja")
        return code

    @field_validator("instruction")
    @classmethod
    def _some_instruction(cls, instruction: str | None) -> str | None:
        if instruction is not None and not instruction.strip():
            raise ValueError("the instruction is empty; say what to do with an input, or leave the key out")
        return instruction.strip() if instruction is not None else None

    @model_validator(mode="after")
    def _labels_fit_kind(self) -> PromptParserConfig:
        if self.labels is not None and self.kind not in (None, "classification"):
            raise ValueError(f"labels are for a classification, not for {self.kind}; leave out one of the two keys")
        return self
