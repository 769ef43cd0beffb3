"""report.html: everything about a run on one page that needs nothing beside it. report.json: the same as figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prompt2model.artifacts import encode_record, load_timing, write_atomically
from prompt2model.model_evaluator import page_analysis, page_choice, page_feasibility, page_making, page_results
from prompt2model.model_evaluator.evaluation_card import CARD_FILE, evaluation_card
from prompt2model.model_evaluator.headline import main_figure, main_test
from prompt2model.model_evaluator.page_figures import length_and_score, loss_curve, students_picture, trials_picture
from prompt2model.records import CostLine, EvaluationReport, Feasibility, Metric, TaskSpec, TrainedModel

TEMPLATE = "report.html.jinja"
SCHEMA_VERSION = 2


@dataclass(frozen=True)
class ReportPage:
    """A run's report: `content` is what the template shows, `figures` what report.json holds, `card` the model card."""

    name: str
    content: Mapping[str, Any]
    figures: Mapping[str, Any]
    card: str

    @classmethod
    def from_artifacts(
        cls, values: Mapping[str, Any], *, costs: Sequence[CostLine], seconds: Mapping[str, float], name: str
    ) -> ReportPage:
        """The page of a finished run. `values` has its artifacts by name, `seconds` the time of each step."""
        report: EvaluationReport = values["report"]
        feasibility: Feasibility | None = values.get("feasibility")
        # An endpoint is timed when it first answers the test's rows.
        first = {} if feasibility is None else load_timing(feasibility.folder)
        timing = {**first, **load_timing(report.folder)}
        results = _results(values["task"], report, values)
        content = {
            "name": name,
            "prompt": values["prompt"],
            "task": values["task"],
            "report": report,
            "feasibility": None if feasibility is None else page_feasibility.content(feasibility),
            **results,
            **_making(values),
            "costs": page_making.cost_lines(costs),
            "cost_total": page_making.cost_total(costs),
            "seconds": page_making.step_seconds(seconds),
            "speed": page_making.speed_lines(timing),
            "speed_ratio": page_making.speed_ratio(timing),
            "thousand": page_making.thousand_requests(costs, timing),
            "machine": page_making.machine_words(timing),
            "code": page_making.loading_code(values["trained"]),
        }
        card = evaluation_card(
            name, values["task"], values["trained"], report, values["dataset"], content["sources"], content["code"]
        )
        return cls(name, content, _figures(values, results["verdicts"], timing, costs, seconds, name), card)

    def html(self) -> str:
        """The page; every text is escaped."""
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("prompt2model.model_evaluator", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["unbroken"] = _unbroken
        return environment.get_template(TEMPLATE).render(**self.content)


def write_report_page(page: ReportPage, path: Path) -> None:
    """Write report.html at `path`, and report.json and model_card.md beside it."""
    write_atomically(path.with_name(CARD_FILE), page.card)
    write_atomically(path.with_suffix(".json"), json.dumps(page.figures, ensure_ascii=False, indent=1) + "\n")
    write_atomically(path, page.html())


def _unbroken(text: str) -> str:
    """A sentence whose lines never break between a number and its unit."""
    return text.replace(" %", "\u00a0%")


def _results(task: TaskSpec, report: EvaluationReport, values: Mapping[str, Any]) -> dict[str, Any]:
    dataset = values["dataset"]
    answers = page_results.MainAnswers.load(report, dataset)
    right, wrong = page_results.shown_answers(answers) if answers else ([], [])
    closed = answers is not None and bool(report.labels)
    matrix = page_results.confusion(answers, report.labels) if answers and closed else None
    names = page_results.metric_names(task, report.comparisons)
    return {
        "tests": page_results.test_results(task, report.comparisons),
        "metric_names": [page_results.METRIC_WORDS.get(name, name) for name in names],
        "exact_match_folded": "accuracy" in names and "exact_match" not in names,
        "score_name": page_results.score_name(task),
        "verdicts": page_results.verdicts(task, report, main_test([test for test in dataset.tests if len(test.rows)])),
        "main_test": answers.test.name if answers else "",
        "confusion": matrix,
        "confused_pairs": page_results.confused_pairs(answers) if answers and closed and matrix is None else [],
        "length_plot": length_and_score(page_results.lengths_and_scores(answers)) if answers and not closed else "",
        "answer_figure": _answer_figure([*right, *wrong]),
        "right": right,
        "wrong": wrong,
        **page_analysis.content(task, report, _student_figure(task, report, answers), answers),
    }


def _student_figure(
    task: TaskSpec, report: EvaluationReport, answers: page_results.MainAnswers | None
) -> Metric | None:
    """The student's figure on the test of the headline."""
    lines = [line for line in report.comparisons if line.role == "student"]
    test = next((line for line in lines if answers and line.test_set == answers.test.name), None)
    return None if test is None else main_figure(task, test)


def _answer_figure(answers: Sequence[page_results.ShownAnswer]) -> str:
    """What the last column of the single answers holds."""
    if any(answer.confidence for answer in answers):
        return "probability"
    return "ChrF++" if any(answer.score for answer in answers) else ""


def _making(values: Mapping[str, Any]) -> dict[str, Any]:
    trained: TrainedModel = values["trained"]
    return {
        "flow": page_making.data_flow(values),
        "dropped": page_making.dropped_rows(values),
        "data_notes": (*values["retrieved"].notes, *values["generated"].notes, *values["dataset"].notes),
        "sources": page_making.sources(values["dataset"], values["retrieved"]),
        "chosen": page_making.chosen_datasets(values["retrieved"]),
        "offered": page_making.offered_datasets(values["retrieved"]),
        "models": page_making.base_models(values["base_model"], trained.base),
        "filtered": sorted(values["base_model"].filtered.items(), key=lambda line: (-line[1], line[0])),
        "training": page_making.training_facts(trained),
        "curve": loss_curve(trained.curve, trained.best_step),
        **_choice(trained),
    }


def _choice(trained: TrainedModel) -> dict[str, Any]:
    """The students of a bake-off and the trials of a search; empty where there was none."""
    timing = load_timing(trained.folder.parent)
    name = page_choice.choice_score_name(trained.candidates)
    points = page_choice.student_points(trained.candidates, timing)
    return {
        "students": page_choice.students(trained.candidates, timing),
        "students_picture": students_picture(points, f"{name} (%)" if name.startswith("accuracy") else name),
        "students_score": name,
        "trials": page_choice.trials(trained.trials, trained.settings),
        "trials_picture": trials_picture(trained.trials),
    }


def _figures(
    values: Mapping[str, Any],
    verdicts: Sequence[tuple[str, str]],
    timing: Mapping[str, Any],
    costs: Sequence[CostLine],
    seconds: Mapping[str, float],
    name: str,
) -> dict[str, Any]:
    report, dataset, trained = values["report"], values["dataset"], values["trained"]
    content = encode_record(report)
    del content["folder"]
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        **content,
        "feasibility": page_feasibility.figures(values.get("feasibility")),
        "verdicts": [sentence for _, sentence in verdicts],
        "rows": {
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "tests": {test.name: len(test.rows) for test in dataset.tests},
        },
        "model": {"base": trained.base, "family": trained.family, "method": trained.method},
        "students": [encode_record(candidate) for candidate in trained.candidates],
        "trials": [encode_record(trial) for trial in trained.trials],
        "training": {"settings": dict(trained.settings), "timing": load_timing(trained.folder.parent)},
        "timing": dict(timing),
        "costs": [asdict(line) for line in costs],
        "seconds": dict(seconds),
    }
