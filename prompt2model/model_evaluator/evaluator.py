"""The student on every test, beside the majority baseline and the prompted teacher, all measured by the same lines.

Reference: the evaluator of Prompt2Model (arXiv 2308.12261): exact match, ChrF++ and BERTScore; here with accuracy and
macro-F1 for closed labels, intervals, and baselines on the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prompt2model.component import Component, Estimate, RunContext
from prompt2model.labelling import PROMPTS
from prompt2model.labelling.teacher_rows import (
    TeacherRows,
    plan_teacher_rows,
    teacher_of,
    teacher_use,
)
from prompt2model.model_evaluator.config import EvaluatorInputs, ModelEvaluatorConfig
from prompt2model.model_evaluator.evaluation import Evaluation
from prompt2model.model_evaluator.judge import PROMPT as JUDGE_PROMPT
from prompt2model.model_evaluator.user_check import load_check
from prompt2model.records import (
    EvaluationReport,
    Example,
    TaskSpec,
)
from prompt2model.teacher.client import ChatClient


class ModelEvaluator(Component[EvaluatorInputs, EvaluationReport]):
    """Measures the student; failed and unparsed answers count as wrong and are counted apart."""

    name = "evaluate"
    produces = "report"
    Config = ModelEvaluatorConfig
    Inputs = EvaluatorInputs
    Output = EvaluationReport
    prompts = (*PROMPTS, JUDGE_PROMPT)
    version = 2
    config: ModelEvaluatorConfig

    def check(self, hub_allowed: bool) -> None:
        """Refuse a check that cannot be loaded, before anything is spent."""
        if self.config.check:
            load_check(self.config.check)

    def input_files(self) -> Sequence[Path]:
        """The person's own check."""
        return [self.config.check] if self.config.check else []

    def estimate(self, inputs: EvaluatorInputs, context: RunContext) -> Estimate:
        """The teacher's calls; the student's own answers cost next to nothing."""
        tests = [tuple(test.rows) for test in inputs.tests]
        client = teacher_of(context) if self.config.compare_teacher else None
        makes = EvaluationReport(context.folder, "", (), inputs.trained.labels, ())
        seconds = sum(map(len, tests)) / 50
        if client is None or not any(map(len, tests)):
            return Estimate(seconds=seconds, makes=makes)
        plan = self._plan(client, inputs.task, tests)
        times = 2 if self.config.compare_shots else 1
        judged = 2 * min(plan.rows, self.config.judge_rows) if self.config.judge else 0
        asked = judged + times * plan.rows + min(plan.rows, self.config.self_agreement_rows)
        return Estimate(
            teacher=(teacher_use(client, inputs.task, tests, asked),),
            seconds=seconds,
            assumptions=(f"the teacher answers {plan.rows:,} of {plan.wanted:,} test rows",),
            makes=makes,
        )

    def run(self, inputs: EvaluatorInputs, context: RunContext) -> EvaluationReport:
        """Raises RunFolderError when the student cannot be loaded, TeacherError when the teacher cannot be asked."""
        return Evaluation(self.config, inputs, context).report()

    def _plan(self, client: ChatClient, task: TaskSpec, tests: Sequence[Sequence[Example]]) -> TeacherRows:
        return plan_teacher_rows(client, task, tests, self.config.max_teacher_rows, self.config.teacher_seconds)
