"""The model card of a run (model_card.md): what the model is for, how good it is and on what, what it learned from.

In the form of the hub's model cards, with the figures as `model-index`, so that it can be published with the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from prompt2model.model_evaluator.headline import ORIGIN_WORDS
from prompt2model.model_evaluator.page_results import METRIC_WORDS, ROLE_WORDS, figure_texts
from prompt2model.records import Comparison, Dataset, EvaluationReport, TaskSpec, TrainedModel

CARD_FILE = "model_card.md"
_TASKS = {
    "classification": "text-classification",
    "multiple_choice": "multiple-choice",
    "generation": "text2text-generation",
}


def evaluation_card(
    name: str,
    task: TaskSpec,
    trained: TrainedModel,
    report: EvaluationReport,
    dataset: Dataset,
    sources: Sequence[tuple[str, str, str]],
    code: Mapping[str, str],
) -> str:
    """Markdown. `sources`: (source, rows, licence) of the training rows; `code`: how to load the model, by means."""
    lines = [*_metadata(name, task, trained, report), "", f"# {name}", "", task.instruction.strip(), ""]
    if trained.labels:
        lines += ["Answers: " + ", ".join(f"`{label}`" for label in trained.labels) + ".", ""]
    lines += [f"**{report.headline}**", ""]
    if report.verdict is not None:
        lines += [report.verdict.sentence, ""]
        lines += [f"- {line}" for line in (*report.verdict.reasons, *report.verdict.next_steps)]
        lines += [""] if lines[-1].startswith("- ") else []
    lines += ["## How good it is", "", *_figures(report.comparisons), ""]
    lines += [f"- {note}" for note in report.notes]
    lines += ["", "## What it learned from", "", "| source | rows | licence |", "|---|---|---|"]
    lines += [f"| {_cell(source)} | {rows} | {_cell(licence) or 'not known'} |" for source, rows, licence in sources]
    lines += [
        "",
        f"Base model: {_cell(trained.base)}. {len(dataset.train):,} training rows, {len(dataset.validation):,} for "
        f"validation; inputs in {task.language}.",
        "",
        "## How to use it",
        "",
        "```python",
        code["package"],
        "```",
    ]
    return "\n".join(lines) + "\n"


def _metadata(name: str, task: TaskSpec, trained: TrainedModel, report: EvaluationReport) -> list[str]:
    lines = ["---", "library_name: prompt2model", f"pipeline_tag: {_TASKS[task.kind]}", f"language: {task.language}"]
    if "/" in trained.base and not trained.base.startswith(("/", ".", "~")):
        lines.append(f"base_model: {trained.base}")
    students = [line for line in report.comparisons if line.role == "student" and not line.note]
    if students:
        lines += ["model-index:", f"- name: {_quoted(name)}", "  results:"]
    for line in students:
        lines += [
            f"  - task: {{type: {_TASKS[task.kind]}}}",
            f"    dataset: {{name: {_quoted(line.test_set)}, type: {line.test_origin}}}",
            "    metrics:",
            *(f"    - {{type: {_quoted(one.name)}, value: {one.value:.4f}}}" for one in line.metrics),
        ]
    return [*lines, "---"]


def _figures(comparisons: Sequence[Comparison]) -> list[str]:
    """A table for each test: every predictor on the same rows, figures with their 95 % intervals."""
    lines: list[str] = []
    for test in dict.fromkeys(line.test_set for line in comparisons):
        same = [line for line in comparisons if line.test_set == test]
        names = list(dict.fromkeys(metric.name for line in same for metric in line.metrics))
        lines += [
            f"{_cell(test)}: {same[0].n:,} {ORIGIN_WORDS[same[0].test_origin]}.",
            "",
            "| | " + " | ".join(METRIC_WORDS.get(name, name) for name in names) + " | wrong | unparsed | failed |",
            "|---|" + "---|" * (len(names) + 3),
        ]
        for line in sorted(same, key=lambda one: list(ROLE_WORDS).index(one.role)):
            by_name = {metric.name: "{} ({})".format(*figure_texts(metric)) for metric in line.metrics}
            cells = [by_name.get(name, "") for name in names]
            counts = (line.wrong, line.unparsed, sum(line.failed.values()))
            lines.append("| " + " | ".join([ROLE_WORDS[line.role], *cells, *map(str, counts)]) + " |")
        lines.append("")
    return lines


def _quoted(text: str) -> str:
    """A YAML string, which JSON strings are."""
    return json.dumps(text, ensure_ascii=False)


def _cell(text: Any) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")
