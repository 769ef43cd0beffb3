"""The step that asks, before money is spent on examples and training: can the teacher do the task at all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from prompt2model.component import ASKED_AGAIN, Component, Estimate, RunContext
from prompt2model.errors import BudgetExceededError, FeasibilityError
from prompt2model.evidence import open_evidence, with_evidence
from prompt2model.feasibility.config import FeasibilityConfig, FeasibilityInputs
from prompt2model.feasibility.decision import Evidence, decide, reasons
from prompt2model.feasibility.figures import accuracy, agreement, disagreements, without_skill
from prompt2model.feasibility.test_rows import Sample, choose_sample
from prompt2model.labelling import PROMPTS
from prompt2model.labelling.teacher_rows import teacher_of, teacher_use
from prompt2model.measures.answers import AnsweredRow, answered_row, item_of
from prompt2model.measures.self_agreement import self_agreement
from prompt2model.measures.timing import WatchedTeacher, keep_timing
from prompt2model.records import Example, Feasibility, Metric
from prompt2model.teacher.client import ChatClient
from prompt2model.teacher.speed import is_embedded

_LOST = ("rate_limited", "unavailable", "over_budget")
"""Failures that say nothing about the teacher."""
_MOST_LOST = 0.2
_ENOUGH_ROWS, _ENOUGH_OF_EACH = 200, 20
"""Labelled rows, and of each label, from which on a student can learn without the teacher."""
_SHOWN, _LONGEST = 3, 90
"""Rows that a terminal shows, and letters of a text in them."""


class FeasibilityCheck(Component[FeasibilityInputs, Feasibility]):
    """The teacher's agreement with the expected answers of a few test rows, and with itself (`decision.decide`).

    What it answers here, the evaluator finds in the ledger. A budget that does not cover it leaves the question open;
    nothing that later steps make depends on it.
    """

    name = "check_feasibility"
    produces = "feasibility"
    Config = FeasibilityConfig
    Inputs = FeasibilityInputs
    Output = Feasibility
    prompts = PROMPTS
    config: FeasibilityConfig

    def input_files(self) -> Sequence[Path]:
        """The corpus of evidence, where there is one."""
        return [] if self.config.evidence is None else [self.config.evidence]

    def estimate(self, inputs: FeasibilityInputs, context: RunContext) -> Estimate:
        """The teacher's answers, those that are asked for twice included."""
        client = teacher_of(context)
        sample = choose_sample(client, inputs, self.config, context)
        if client is None or sample.lack:
            return Estimate()
        again = f", {len(sample.twice)} of them twice" if sample.twice else ""
        found = "" if is_embedded(client) else "; evaluate counts these too, and finds them in the ledger"
        return Estimate(
            (teacher_use(client, inputs.task, [sample.rows], sample.calls),),
            assumptions=(f"the teacher answers {len(sample.rows)} test rows{again}{found}",),
        )

    def run(self, inputs: FeasibilityInputs, context: RunContext) -> Feasibility:
        """Raises FeasibilityError where the teacher is unlikely to be good enough and the run is not to go on."""
        client = teacher_of(context)
        sample = choose_sample(client, inputs, self.config, context)
        if client is None or sample.teachers is None:
            return _unknown(sample.lack, context)
        teacher = sample.teachers.as_prompted().predictor
        sample = self._with_evidence(sample, inputs, context)
        watched = _watched(client, teacher) if self.config.timing else None
        try:
            answers = _ask(watched or teacher, sample.rows, inputs, context)
            agrees = _self_agreement(sample, answers, inputs, context)
        except BudgetExceededError as error:
            return _unknown(str(error), context)
        lost = sum(line.failure in _LOST for line in answers)
        if lost > _MOST_LOST * len(answers):
            return _unknown(f"{lost} of {len(answers)} answers were lost on the way", context)
        evidence = self._evidence(sample, answers, agrees, inputs, context)
        decision, sentence = decide(evidence)
        found = Feasibility(
            folder=context.folder,
            decision=decision,
            sentence=sentence,
            n=len(answers),
            agreement=evidence.agreement,
            exact_match=evidence.exact_match,
            without_skill=round(evidence.without_skill, 6),
            wanted=evidence.wanted,
            self_agreement=agrees,
            reasons=reasons(evidence),
            disagreements=disagreements(inputs.task, sample.rows, answers),
        )
        _say(found, context)
        self._stop_or_go_on(found, evidence, context)
        if watched is not None and (figures := watched.figures()) is not None:
            # Last: a run that stops here leaves nothing behind that other settings would have to replace.
            keep_timing(context.folder, "teacher", {"model": client.model, **figures})
        return found

    def _with_evidence(self, sample: Sample, inputs: FeasibilityInputs, context: RunContext) -> Sample:
        """The rows as the evaluator will ask them."""
        config = self.config
        if config.evidence is None or inputs.task.kind != "multiple_choice":
            return sample
        retriever = open_evidence(config.evidence, context.cache_folder, context.progress, config.evidence_passages)
        rows = tuple(with_evidence(sample.rows, retriever))
        retriever.close()
        return replace(sample, rows=rows, twice=rows[: len(sample.twice)])

    def _evidence(
        self,
        sample: Sample,
        answers: Sequence[AnsweredRow],
        agrees: Metric | None,
        inputs: FeasibilityInputs,
        context: RunContext,
    ) -> Evidence:
        task, rows = inputs.task, sample.rows
        writes = task.kind == "generation"
        floor, instead = without_skill(task, rows, context.rng("answers of other rows"))
        wanted = self.config.wanted
        own, enough = len(inputs.available), max(_ENOUGH_ROWS, _ENOUGH_OF_EACH * len(task.labels))
        failed = Counter(line.failure or "empty" for line in answers if line.outcome == "failed")
        return Evidence(
            task=task,
            agreement=agreement(task, rows, answers, context.seed),
            without_skill=floor,
            instead=instead,
            wanted=None if wanted is None else wanted * (100 if writes else 1),
            exact_match=accuracy("exact_match", answers) if writes else None,
            self_agreement=agrees,
            unread=sum(line.outcome == "unparsed" for line in answers),
            failed=dict(sorted(failed.items())),
            own_rows=own if own >= enough else 0,
        )

    def _stop_or_go_on(self, found: Feasibility, evidence: Evidence, context: RunContext) -> None:
        if found.decision != "unlikely" or evidence.own_rows:
            return
        if context.chooser.interactive:
            go_on = context.chooser.confirm(ASKED_AGAIN, "Generate and train all the same?", False)
        else:
            go_on = not self.config.stop_if_unlikely
        if not go_on:
            run = context.folder.parent
            anyway = (
                "add --set check_feasibility.stop_if_unlikely=false to the same command"
                if self.config.stop_if_unlikely
                else f"`prompt2model resume {run}` asks again"
            )
            raise FeasibilityError(
                f"stopped before anything was generated, because the teacher is unlikely to be good enough: improve "
                f"the prompt and run it under another --name, or name a stronger --teacher; to go on all the same, "
                f"{anyway}"
            )


def _watched(client: ChatClient, teacher: Any) -> WatchedTeacher | None:
    """An endpoint is timed here: what it answers now, the evaluator only finds again."""
    if is_embedded(client) or not hasattr(client, "answered"):
        return None
    return WatchedTeacher(teacher, partial(getattr, client, "answered"))


def _ask(teacher: Any, rows: Sequence[Example], inputs: FeasibilityInputs, context: RunContext) -> list[AnsweredRow]:
    predictions = context.progress.track(
        teacher.predict([item_of(row) for row in rows]), "the teacher answers test rows", len(rows)
    )
    return [answered_row(row, said, inputs.task.labels) for row, said in zip(rows, predictions, strict=True)]


def _self_agreement(
    sample: Sample, first: Sequence[AnsweredRow], inputs: FeasibilityInputs, context: RunContext
) -> Metric | None:
    again = sample.teachers.again() if sample.teachers is not None and sample.twice else None
    if again is None:
        return None
    second = _ask(again, sample.twice, inputs, context)
    return self_agreement(inputs.task.kind, first[: len(second)], second)


def _unknown(why: str, context: RunContext) -> Feasibility:
    found = Feasibility(context.folder, "unknown", f"Whether the teacher is good enough was not checked: {why}.")
    context.progress.say(f"  {found.sentence}")
    return found


def _say(found: Feasibility, context: RunContext) -> None:
    say = context.progress.say
    say(f"  {found.sentence}")
    if found.decision == "go":
        return
    for line in found.reasons:
        say(f"  {line}")
    for row in found.disagreements[:_SHOWN]:
        said = f"“{_clipped(row.answered)}”" if row.answered else "nothing"
        say(f"    “{_clipped(row.input)}”: expected “{_clipped(row.expected[0])}”, answered {said}")
    if found.disagreements:
        say("  These are test rows: say in the prompt what they have in common, but do not copy them into it.")


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"
