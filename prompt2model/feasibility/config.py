"""Settings of the check, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from prompt2model.component import ComponentConfig
from prompt2model.records import Rows, TaskSpec, TestSet


class FeasibilityConfig(ComponentConfig):
    """How many rows the teacher answers, and what is asked of it."""

    rows: int = Field(
        50,
        ge=0,
        description="Most test rows that the teacher answers before anything is generated. 0: none; nothing is "
        "checked.",
    )
    seconds: float = Field(
        30.0, gt=0, description="Fewer rows when a teacher that runs here would take longer than this, estimated."
    )
    wanted: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The accuracy (or ChrF++ by 100) that the teacher must reach. None: that of [evaluate], else half "
        "way between an answer that takes no skill (always the same, a guess, that of another row) and no mistake.",
    )
    stop_if_unlikely: bool = Field(
        False,
        description="Stop where the teacher is unlikely to be good enough and nobody is asked (--yes). At a terminal "
        "you are asked.",
    )
    max_teacher_rows: int = Field(200, ge=1, description="As in [evaluate], from where it comes.")
    timing: bool = Field(True, description="As in [evaluate], from where it comes.")
    evidence: Path | None = Field(
        None,
        description="Multiple choice: the corpus whose passages the teacher reads beside the questions; that of "
        "[assemble_data] when absent.",
    )
    evidence_passages: int = Field(1, ge=1, description="Passages for each choice; as in [assemble_data] when absent.")


@dataclass(frozen=True)
class FeasibilityInputs:
    """What the check works on. `available` are labelled rows to train on: they calibrate the scores of a teacher that
    scores, and where they are many, the teacher matters less."""

    task: TaskSpec
    tests: tuple[TestSet, ...]
    available: Rows
