"""What the demo page shows: a record in the run folder; the page itself is built when it is opened."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from prompt2model.component import Component, ComponentConfig, Estimate, RunContext
from prompt2model.records import Demo, EvaluationReport, EvidenceCorpus, Item, TaskSpec, TestSet, TrainedModel

_LONGEST_TITLE = 70
_METHODS = {
    "full": "all weights fine-tuned",
    "lora": "fine-tuned with low-rank adapters",
    "qlora": "fine-tuned with low-rank adapters on a base in 4 bits",
    "linear": "a logistic regression on fixed features",
}


class DemoCreatorConfig(ComponentConfig):
    """What stands on the page."""

    title: str | None = Field(None, description="Title of the page; the instruction's first sentence when absent.")
    examples: int = Field(6, ge=0, description="How many test inputs are offered to click.")
    longest_example: int = Field(400, ge=1, description="Longest example, in characters.")
    notice: str = Field(
        "", description="What whoever uses the model must know, as `Not medical advice.`; stands under every answer."
    )


@dataclass(frozen=True)
class DemoCreatorInputs:
    """What the creator works on. `evidence`: where the page finds evidence, for what is asked there too."""

    task: TaskSpec
    tests: tuple[TestSet, ...]
    trained: TrainedModel
    report: EvaluationReport
    evidence: EvidenceCorpus | None = None


class DemoCreator(Component[DemoCreatorInputs, Demo]):
    """Examples come from the test set, so that what a person clicks was never trained on."""

    name = "create_demo"
    produces = "demo"
    Config = DemoCreatorConfig
    Inputs = DemoCreatorInputs
    Output = Demo

    def estimate(self, inputs: DemoCreatorInputs, context: RunContext) -> Estimate:
        """No calls."""
        return Estimate(seconds=1)

    def run(self, inputs: DemoCreatorInputs, context: RunContext) -> Demo:
        """Choose the examples and collect the facts."""
        task, trained = inputs.task, inputs.trained
        return Demo(
            title=self.config.title or title_of(task.instruction),
            instruction=task.instruction,
            kind=task.kind,
            labels=trained.labels,
            examples=self._examples(inputs.tests, inputs.evidence),
            headline=inputs.report.headline,
            facts=(
                f"Base model: {trained.base}, {_METHODS[trained.method]}",
                *(f"Test “{test.name}”: {len(test.rows)} rows" for test in inputs.tests),
                *inputs.report.notes,
            ),
            model_folder=trained.folder,
            notice=self.config.notice,
        )

    def _examples(self, tests: tuple[TestSet, ...], evidence: EvidenceCorpus | None) -> tuple[Item, ...]:
        """Inputs of the first test set, one of every answer before a second of any.

        None with evidence that the page could not find again.
        """
        by_answer: dict[str, list[Item]] = {}
        for row in tests[0].rows if tests else ():
            items = by_answer.setdefault(row.target, [])
            can_be_asked = evidence is not None or not row.evidence
            if len(items) < self.config.examples and len(row.input) <= self.config.longest_example and can_be_asked:
                items.append(Item(row.input, row.choices))
        chosen: list[Item] = []
        while len(chosen) < self.config.examples and any(by_answer.values()):
            for items in by_answer.values():
                if items and len(chosen) < self.config.examples:
                    chosen.append(items.pop(0))
        return tuple(chosen)


def title_of(instruction: str) -> str:
    """The instruction's first sentence, cut at a word."""
    first = instruction.strip().split("\n")[0].split(". ")[0].strip(" .:")
    if len(first) <= _LONGEST_TITLE:
        return first or "Demo"
    return first[:_LONGEST_TITLE].rsplit(" ", 1)[0].rstrip(",;:") + " …"
