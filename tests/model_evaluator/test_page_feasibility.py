"""What was known of the teacher before anything was generated stands on the report page and in report.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from evaluation_cases import COSTS, LABELS, artifacts

from prompt2model.model_evaluator.report_page import ReportPage, write_report_page
from prompt2model.records import Disagreement, EvaluationReport, Feasibility, Metric, TaskSpec

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def page(task: TaskSpec, tmp_path: Path) -> Any:
    """Write the page of a run with what the check found; gives its text and its figures."""

    def write(found: Feasibility | None) -> tuple[str, dict[str, Any]]:
        values = artifacts(task, (), EvaluationReport(tmp_path / "8_report", "Good.", (), LABELS, ()), tmp_path / "s")
        if found is not None:
            values["feasibility"] = found
        made = ReportPage.from_artifacts(values, costs=COSTS, seconds={"check_feasibility": 1.0}, name="my-run")
        write_report_page(made, tmp_path / "report.html")
        return (tmp_path / "report.html").read_text(), json.loads((tmp_path / "report.json").read_text())

    return write


def test_the_decision_the_figures_and_the_rows(page: Any, tmp_path: Path) -> None:
    rows = tuple(Disagreement(str(n), f"input {n} {HOSTILE}", ("billing", "account"), "delivery") for n in range(10))
    folder = tmp_path / "3b_feasibility"
    folder.mkdir()
    (folder / "timing.json").write_text(
        json.dumps({"teacher": {"p50_ms": 412.5, "p95_ms": 700.0, "single_items": 10}}).replace(
            "}}", ', "items_per_second": 4.0, "batch_items": 40}}'
        )
    )
    found = Feasibility(
        folder=folder,
        decision="unlikely",
        sentence="Unlikely to work as it is: 30 % right.",
        n=50,
        agreement=Metric("accuracy", 0.3, 0.2, 0.44, 50, "wilson"),
        reasons=("Asked twice, it wavers.",),
        disagreements=rows,
    )
    html, figures = page(found)
    assert '<li class="bad" dir="auto">Unlikely to work as it is: 30\u00a0% right.</li>' in html
    assert "Asked twice, it wavers." in html
    assert "10 of the test rows that it answers otherwise" in html
    assert html.count("billing / account") == 10
    assert HOSTILE not in html
    assert "412.5 ms" in html, "the teacher was timed when it answered first"
    assert "Check the teacher" in html
    assert figures["feasibility"]["decision"] == "unlikely"
    assert figures["feasibility"]["agreement"]["high"] == 0.44
    assert len(figures["feasibility"]["disagreements"]) == 10
    assert "folder" not in figures["feasibility"]


def test_a_run_that_was_never_checked_has_no_such_part(page: Any) -> None:
    html, figures = page(None)
    assert "The teacher, before anything" not in html
    assert figures["feasibility"] is None
