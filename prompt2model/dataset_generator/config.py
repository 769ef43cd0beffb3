"""The settings of the generator."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from prompt2model.component import ComponentConfig
from prompt2model.labelling import AggregatorName


class DatasetGeneratorConfig(ComponentConfig):
    """How new examples are written, answered and chosen."""

    examples: int | Literal["auto"] = Field(
        "auto", description="Examples wanted in the end; 0 for none. `auto`: as many as the rows at hand lack."
    )
    per_label: int = Field(
        50, ge=1, description="With `auto`: rows that every label should have; labels with half as many are left alone."
    )
    unlabelled_target: int = Field(
        200, ge=1, description="With `auto`: rows that a task without closed labels should have."
    )
    max_auto: int = Field(600, ge=1, description="With `auto`: most examples that are written.")
    initial_temperature: float = Field(0.5, ge=0, le=2, description="Sampling temperature of the first example.")
    max_temperature: float = Field(
        1.4, ge=0, le=2, description="Temperature of the last one; it rises linearly with progress in between."
    )
    max_earlier: int = Field(10, ge=0, description="Most earlier generations shown in one request (1 to this many).")
    attributes: bool = Field(
        True,
        description="Whether each request draws what its inputs shall be like: topic, length, register, difficulty "
        "(not with the embedded model).",
    )
    attribute_values: dict[str, tuple[str, ...]] = Field(
        {
            "length": (
                "a few words",
                "one short sentence",
                "two or three sentences",
                "as long as such inputs ever are",
            ),
            "register": (
                *("plain", "formal", "chatty", "hurried, with a slip or an abbreviation"),
                "terse, almost in note form",
            ),
            "difficulty": (
                *("typical", "unusual but clear", "hard: near the border to another output"),
                "indirect, to be inferred",
            ),
        },
        description="What each attribute is drawn from; a request draws two attributes. Others may be added.",
    )
    topics: int = Field(24, ge=0, description="Topics that the teacher is asked for once, to draw from; 0 for none.")
    overused_output: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Where text is written: share of the examples from which an output is named in requests as one "
        "that came too often.",
    )
    max_output_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Where text is written: most of the wanted examples that may have the same output.",
    )
    writes: Literal["inputs", "pairs"] = Field(
        "inputs",
        description="`inputs`: of the label that is wanted most, answered by votes. `pairs`: inputs with outputs, "
        "no label wished for and no votes; of equal inputs the most frequent output wins, ties go to the shortest "
        "(self-consistency as in Prompt2Model). Multiple-choice questions always come with their answers.",
    )
    per_request: int = Field(5, ge=1, description="Examples asked for in one request (the embedded model: always 1).")
    wave: int = Field(
        64, ge=1, le=5000, description="Most examples asked for in a wave; requests depend only on finished waves."
    )
    votes: int = Field(3, ge=0, description="How often each new input is answered again, not knowing its label.")
    all_votes: bool = Field(
        False, description="Whether votes are asked for that can no longer change what becomes of the input."
    )
    vote_temperature: float = Field(
        0.7, ge=0, le=2, description="Sampling temperature of written votes; scored votes differ by demonstrations."
    )
    asked_label_votes: bool = Field(True, description="Whether the label that was asked for counts as one more vote.")
    on_disagreement: Literal["drop", "relabel"] = Field(
        "drop", description="What to do with an input whose votes give another label than the one asked for."
    )
    agreement: Literal["auto", "exact", "similar"] = Field(
        "auto",
        description="When two written answers are the same: `exact` after normalisation, or `similar` (word overlap "
        "F1 of at least 0.5). `auto`: similar where the demonstrations' outputs are longer than four words.",
    )
    labeller: Literal["votes", "chains", "auto", "single", "batch"] = Field(
        "votes",
        description="How given inputs are answered: by `votes` (several draws; a teacher that scores: its label "
        "scores), `chains` (the question asked in several styles), or by a teacher that writes `single` (once), "
        "`batch` (many in one call), `auto` (in batches where a pilot finds them cheaper and as good).",
    )
    aggregator: AggregatorName = Field(
        "majority",
        description="What makes one label of several votes on a given input (draws, chains, teachers `labeller 2`, "
        "...): `majority`, `label_model` (learns how good each voter is) or `dependent` (also which repeat others).",
    )
    surest_share: float = Field(
        0.6,
        gt=0,
        le=1,
        description="Of the given inputs with the same label, the share that is kept, the surest first; those on which "
        "all votes agree are kept anyway.",
    )
    near_duplicate: float = Field(
        0.8, gt=0, le=1, description="Jaccard similarity of character 5-grams from which two inputs are one."
    )
    attempts: float = Field(
        6.0, ge=1, description="Most examples asked for in all, as a multiple of those wanted; then it stops."
    )
    patience: int = Field(3, ge=1, description="Waves without a new example after which it stops asking (for a label).")
    max_tokens: int = Field(
        1024, ge=16, description="Longest reply to one request, in tokens (the embedded model: at most 128)."
    )
    max_answer_tokens: int = Field(256, ge=1, description="Longest written answer to one input, in tokens.")
    evidence: Path | None = Field(
        None,
        description="Multiple choice: the corpus whose passages the teacher reads beside given questions that it "
        "labels; that of [assemble_data] when absent.",
    )
    evidence_passages: int = Field(1, ge=1, description="Passages for each choice; as in [assemble_data] when absent.")

    @model_validator(mode="after")
    def _check(self) -> DatasetGeneratorConfig:
        if self.examples != "auto" and self.examples < 0:
            raise ValueError("`examples` is a number from 0, or `auto`")
        if self.max_temperature < self.initial_temperature:
            raise ValueError("`max_temperature` is below `initial_temperature`")
        return self

    def temperature(self, done: float, wanted: int) -> float:
        """T0 + (Tmax - T0) · n/N for the n-th of N examples, clipped to [0, 2]."""
        progress = min(1.0, done / max(wanted, 1))
        value = self.initial_temperature + (self.max_temperature - self.initial_temperature) * progress
        # Rounded, so that the request's key does not hang on the last bits of a float.
        return round(min(2.0, max(0.0, value)), 3)
