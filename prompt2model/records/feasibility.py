"""Whether the teacher is good enough at the task, before anything is generated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prompt2model.records.answers import Metric

FeasibilityDecision = Literal["go", "improve_prompt", "unlikely", "unknown"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A test row that the teacher answers otherwise than expected. `answered` is what it said, "" where nothing."""

    id: str
    input: str
    expected: tuple[str, ...]
    answered: str


@dataclass(frozen=True, slots=True)
class Feasibility:
    """The teacher on `n` test rows. `sentence` says the decision and what it rests on.

    `agreement`: with the expected answers, an accuracy in [0, 1] or, where text is written, ChrF++ in [0, 100] with
    `exact_match` beside it; `without_skill`: the same figure of an answer that takes no skill; `wanted`: the figure
    that was wanted. `self_agreement`: how often the teacher, asked twice, gives the same answer. `disagreements` are
    some of the rows. Figures are None where nobody was asked. `folder` holds timing.json.
    """

    folder: Path
    decision: FeasibilityDecision
    sentence: str
    n: int = 0
    agreement: Metric | None = None
    exact_match: Metric | None = None
    without_skill: float | None = None
    wanted: float | None = None
    self_agreement: Metric | None = None
    reasons: tuple[str, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
