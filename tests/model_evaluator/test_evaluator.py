"""The evaluator counts every row, compares on the same rows, and repeats itself exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evaluation_cases import CHOSEN, LABELS, KeywordPredictor, closed_rows, closed_student, gold, row, trained

from prompt2model.artifacts import content_hash, load_artifact, save_artifact
from prompt2model.component import RunContext
from prompt2model.errors import ConfigError
from prompt2model.measures.answers import load_answers
from prompt2model.model_evaluator import ModelEvaluator, ModelEvaluatorConfig, evaluation
from prompt2model.records import Comparison, EvaluationReport, Prediction, TaskSpec, TestSet
from prompt2model.teacher.budget import Budget, parse_budget
from prompt2model.teacher.client import ChatRequest, ChatResponse, ScoreRequest
from prompt2model.teacher.ledger import Ledger, LedgerClient
from prompt2model.teacher.scripted import ScriptedClient

MakeContext = Callable[..., RunContext]


# What a test does not ask for is left out.
ALONE: dict[str, Any] = {
    "compare_nearest": False,
    "compare_tfidf": False,
    "compare_base": False,
    "compare_shots": False,
    "self_agreement_rows": 0,
}


def teacher_answer(request: ChatRequest) -> str:
    text = request.messages[-1].content
    return "delivery" if "parcel" in text else "account" if "password" in text else "billing"


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_context: MakeContext) -> Callable[..., Any]:
    """Evaluate a predictor that stands in for the student."""

    def run(
        student: Any, task: TaskSpec, tests: tuple[TestSet, ...], folder: str = "step", **settings: Any
    ) -> EvaluationReport:
        monkeypatch.setattr(evaluation, "load_predictor", lambda _: student)
        teacher = settings.pop("teacher", None)
        context = make_context({"teacher": teacher} if teacher else {}, folder=tmp_path / folder)
        labels = LABELS if task.labels else ()
        chosen = settings.pop("base_model", CHOSEN)
        train, held = settings.pop("train", closed_rows(30)), settings.pop("validation", ())
        inputs = ModelEvaluator.Inputs(task, tests, train, trained(tmp_path, labels), chosen, held)
        config = ModelEvaluatorConfig(**{"bootstrap": 200, **ALONE, **settings})
        return ModelEvaluator(config).run(inputs, context)

    return run


def line_of(report: EvaluationReport, role: str, test: str | None = None) -> Comparison:
    return next(line for line in report.comparisons if line.role == role and test in (None, line.test_set))


def test_student_majority_and_teacher_are_measured_on_the_same_rows(evaluate: Any, task: TaskSpec) -> None:
    rows = closed_rows(60)
    report = evaluate(closed_student(), task, (gold(rows),), teacher=ScriptedClient(teacher_answer))
    student, majority, teacher = (line_of(report, role) for role in ("student", "majority", "teacher"))
    assert {line.n for line in report.comparisons} == {60}
    assert student.correct + student.wrong == 60
    expected = sum(
        closed_student().predict([type("I", (), {"input": r.input})()]).__next__().text == r.target for r in rows
    )
    assert student.correct == expected
    assert {metric.name for metric in student.metrics} == {"accuracy", "macro_f1", "exact_match"}
    assert majority.correct == 20
    assert teacher.correct == student.correct
    right = f"{100 * expected / 60:.1f} %"
    assert re.fullmatch(
        rf"The small model answers {right} of 60 test rows right \(95 % interval \d+–\d+ %\); the teacher {right}; "
        r"always saying “account”, the most frequent training label, 33\.3 %\.",
        report.headline,
    )


def test_unparsed_and_failed_answers_count_as_wrong_and_are_counted_apart(evaluate: Any, task: TaskSpec) -> None:
    rows = tuple(row(number, word, "billing") for number, word in enumerate(["right", "odd", "gone", "cut", "wrong"]))
    student = KeywordPredictor(
        {
            "right": "billing",
            "odd": Prediction(None, failure="unparsable", raw="no idea"),
            "gone": Prediction(None, failure="unavailable"),
            "cut": Prediction("weather"),
            "wrong": "account",
        },
        "billing",
        LABELS,
    )
    report = evaluate(student, task, (gold(rows),))
    line = line_of(report, "student")
    assert (line.n, line.correct, line.wrong, line.unparsed, dict(line.failed)) == (5, 1, 1, 2, {"unavailable": 1})
    accuracy = next(metric for metric in line.metrics if metric.name == "accuracy")
    assert (accuracy.value, accuracy.n) == (0.2, 5)
    answers = list(load_answers(report.folder / line.predictions))
    assert [answer.outcome for answer in answers] == ["correct", "unparsed", "failed", "unparsed", "wrong"]
    assert answers[1].raw == "no idea"
    assert answers[0].confidence == pytest.approx(0.8)
    assert any("3 of the student's 5 answers" in note for note in report.notes)


def test_a_failing_teacher_is_counted_not_dropped(evaluate: Any, task: TaskSpec) -> None:
    def answer(request: ChatRequest) -> str | ChatResponse:
        text = request.messages[-1].content
        if "message 3 " in text:
            return ChatResponse("", failure="unavailable", detail="503")
        return "who knows" if "message 4 " in text else teacher_answer(request)

    report = evaluate(closed_student(), task, (gold(closed_rows(10)),), teacher=ScriptedClient(answer))
    line = line_of(report, "teacher")
    assert (line.n, line.unparsed, dict(line.failed)) == (10, 1, {"unavailable": 1})
    assert line.correct + line.wrong == 8


def test_the_teacher_gets_a_sample_and_the_others_are_compared_on_it(evaluate: Any, task: TaskSpec) -> None:
    teacher = ScriptedClient(teacher_answer)
    report = evaluate(closed_student(), task, (gold(closed_rows(90)),), teacher=teacher, max_teacher_rows=30)
    assert len(teacher.requests) == 30
    part = line_of(report, "teacher").test_set
    assert part == "gold.csv, 30 of 90"
    lines = [line for line in report.comparisons if line.test_set == part]
    assert {line.role for line in lines} == {"student", "majority", "teacher"}
    ids = [[answer.id for answer in load_answers(report.folder / line.predictions)] for line in lines]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0])) == 30
    assert line_of(report, "student", "gold.csv").n == 90
    assert any("30 of the 90 rows" in note for note in report.notes)
    assert "of the 30 it was asked (there the small model" in report.headline


def test_a_slow_teacher_answers_fewer_rows(evaluate: Any, task: TaskSpec) -> None:
    teacher = ScriptedClient(teacher_answer)
    report = evaluate(closed_student(), task, (gold(closed_rows(90)),), teacher=teacher, teacher_seconds=5.0)
    assert line_of(report, "teacher").n == 10
    assert any("longer than 5 seconds" in note for note in report.notes)


def test_no_teacher_is_said(evaluate: Any, task: TaskSpec) -> None:
    report = evaluate(closed_student(), task, (gold(closed_rows(60)),))
    assert {line.role for line in report.comparisons} == {"student", "majority"}
    assert any("no teacher" in note for note in report.notes)


def test_text_tasks_have_chrf_exact_match_and_bertscore(evaluate: Any, writing_task: TaskSpec) -> None:
    rows = (row(0, "3 May 2021", "2021-05-03"), row(1, "1 June 2020", "2020-06-01"), row(2, "soon", "N/A", "unknown"))
    student = KeywordPredictor(
        {"May": "2021-05-03", "June": Prediction(None, failure="empty"), "soon": "unknown"}, "N/A"
    )
    report = evaluate(student, writing_task, (gold(rows),))
    line = line_of(report, "student")
    assert [metric.name for metric in line.metrics] == [
        "chrf++",
        "exact_match",
        "exact_match_normalised",
        "rouge_l",
        "token_f1",
        "bertscore_f1",
    ]
    assert (line.correct, dict(line.failed)) == (2, {"empty": 1})
    answers = list(load_answers(report.folder / line.predictions))
    assert answers[0].scores == {"chrf++": 100.0, "bertscore_f1": pytest.approx(1.0, abs=1e-3)}
    assert answers[1].scores["chrf++"] == 0.0
    assert "ChrF++" in report.headline
    assert any("MiniLM" in note for note in report.notes)


def test_a_synthetic_test_carries_a_warning_and_gold_gives_the_headline(evaluate: Any, task: TaskSpec) -> None:
    rows = closed_rows(120)
    made, real = TestSet("generated rows", "synthetic", rows[:60]), gold(rows[60:])
    report = evaluate(closed_student(), task, (made, real))
    assert "60 test rows" in report.headline
    assert any("written by the teacher" in note for note in report.notes)


def test_what_is_to_know_of_the_base_model_stands_among_the_notes(evaluate: Any, task: TaskSpec) -> None:
    chosen = replace(CHOSEN, notes=("The base model reads another language.",))
    assert chosen.notes[0] in evaluate(closed_student(), task, (gold(closed_rows(60)),), base_model=chosen).notes


def test_without_a_test_row_the_report_says_so(evaluate: Any, task: TaskSpec) -> None:
    report = evaluate(closed_student(), task, ())
    assert report.comparisons == ()
    assert "no test row" in report.headline
    assert "--examples" in report.headline


def test_two_evaluations_are_byte_equal_but_for_timing(evaluate: Any, task: TaskSpec, tmp_path: Path) -> None:
    tests = (gold(closed_rows(40)),)
    for folder in ("one", "two"):
        report = evaluate(closed_student(), task, tests, folder, teacher=ScriptedClient(teacher_answer))
        save_artifact(report, tmp_path / folder)
    assert content_hash(tmp_path / "one") == content_hash(tmp_path / "two")
    assert (tmp_path / "one/timing.json").is_file()
    timing = json.loads((tmp_path / "one/timing.json").read_text())
    assert timing["student"]["p50_ms"] <= timing["student"]["p95_ms"]
    stored = load_artifact(EvaluationReport, tmp_path / "one")
    assert stored.folder == tmp_path / "one"
    assert stored.comparisons[0].n == 40


def test_a_killed_evaluation_goes_on_to_the_same_bytes(evaluate: Any, task: TaskSpec, tmp_path: Path) -> None:
    tests = (gold(closed_rows(40)),)

    class Killed(BaseException):
        pass

    def dies(request: ChatRequest) -> str:
        if "message 20 " in request.messages[-1].content:
            raise Killed
        return teacher_answer(request)

    with pytest.raises(Killed):
        evaluate(closed_student(), task, tests, "killed", teacher=ScriptedClient(dies))
    timing = (tmp_path / "killed/timing.json").read_text()
    student = closed_student()
    evaluate(student, task, tests, "killed", teacher=ScriptedClient(teacher_answer))
    assert student.asked == 0, "what the student had answered before the kill is found again"
    assert (tmp_path / "killed/timing.json").read_text() == timing
    evaluate(closed_student(), task, tests, "whole", teacher=ScriptedClient(teacher_answer))
    assert content_hash(tmp_path / "killed") == content_hash(tmp_path / "whole")


def test_report_json_has_the_figures_and_a_version(evaluate: Any, task: TaskSpec) -> None:
    report = evaluate(closed_student(), task, (gold(closed_rows(20)),))
    content = json.loads((report.folder / "report.json").read_text())
    assert content["schema_version"] == 2
    assert content["comparisons"][0]["metrics"][0]["name"] == "accuracy"
    assert "folder" not in content


def test_estimate_counts_the_teachers_calls(task: TaskSpec, make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context({"teacher": ScriptedClient(teacher_answer)})
    inputs = ModelEvaluator.Inputs(task, (gold(closed_rows(300)),), closed_rows(30), trained(tmp_path), CHOSEN)
    estimate = ModelEvaluator().estimate(inputs, context)
    # As prompted, without the demonstration, and some of them once more.
    assert estimate.calls == 200 + 200 + 50
    assert estimate.prompt_tokens > 450 * 10
    assert context.teachers["teacher"].calls == 0  # type: ignore[attr-defined]


def test_an_endpoint_is_timed_only_by_answers_it_really_gave(evaluate: Any, task: TaskSpec, tmp_path: Path) -> None:
    tests = (gold(closed_rows(30)),)
    with Ledger(tmp_path / "calls.sqlite") as ledger:
        teacher = LedgerClient(ScriptedClient(teacher_answer), ledger, step="evaluate")
        evaluate(closed_student(), task, tests, "asked", teacher=teacher)
        timing = json.loads((tmp_path / "asked/timing.json").read_text())
        assert timing["teacher"]["single_items"] == 10
        assert timing["teacher"]["batch_items"] == 20
        again = LedgerClient(ScriptedClient(teacher_answer), ledger, step="evaluate")
        report = evaluate(closed_student(), task, tests, "known", teacher=again)
        assert line_of(report, "teacher").n == 30
        assert "teacher" not in json.loads((tmp_path / "known/timing.json").read_text())


def test_a_spent_budget_leaves_the_teacher_out_and_says_so(evaluate: Any, task: TaskSpec, tmp_path: Path) -> None:
    with Ledger(tmp_path / "calls.sqlite") as ledger:
        budget = Budget(parse_budget("40tokens"))
        teacher = LedgerClient(ScriptedClient(teacher_answer), ledger, step="evaluate", budget=budget)
        report = evaluate(closed_student(), task, (gold(closed_rows(30)),), teacher=teacher)
    assert {line.role for line in report.comparisons} == {"student", "majority"}
    assert any("not compared" in note and "budget" in note for note in report.notes)


def test_a_scoring_teacher_answers_closed_labels_by_score(evaluate: Any, task: TaskSpec) -> None:
    def score(request: ScoreRequest) -> list[float]:
        said = teacher_answer(ChatRequest(request.messages))
        return [0.0 if answer.strip() == said else -3.0 for answer in request.answers]

    teacher = ScriptedClient(teacher_answer, score=score)
    report = evaluate(closed_student(), task, (gold(closed_rows(12)),), teacher=teacher)
    line = line_of(report, "teacher")
    assert (line.n, line.unparsed, dict(line.failed)) == (12, 0, {})
    assert "scored labels" in line.note
    answers = list(load_answers(report.folder / line.predictions))
    assert all(
        answer.probabilities is not None and answer.confidence == max(answer.probabilities) for answer in answers
    )
    assert not teacher.requests


def test_multiple_choice_is_measured_without_a_majority(evaluate: Any, writing_task: TaskSpec) -> None:
    task = replace(writing_task, kind="multiple_choice")
    rows = tuple(replace(row(number, f"question {number}", "b"), choices=("a", "b")) for number in range(6))
    student = KeywordPredictor({"question 1": "a", "question 2": "neither"}, "b")
    report = evaluate(student, task, (gold(rows),))
    line = line_of(report, "student")
    assert (line.correct, line.wrong, line.unparsed) == (4, 1, 1)
    assert {metric.name for metric in line.metrics} == {"accuracy", "exact_match"}
    assert any("No majority baseline" in note for note in report.notes)


def test_plain_ways_are_measured_on_the_same_rows(evaluate: Any, task: TaskSpec) -> None:
    rows = closed_rows(60)
    report = evaluate(closed_student(), task, (gold(rows),), compare_tfidf=True, compare_nearest=True)
    for role in ("majority", "nearest", "tfidf"):
        line = line_of(report, role)
        assert line.n == 60
        assert line.correct + line.wrong == 60
    # Four in five rows name a word of their label.
    assert line_of(report, "tfidf").correct >= 45 > line_of(report, "majority").correct
    assert line_of(report, "nearest").correct >= 40


def test_a_base_model_that_is_not_here_is_said(evaluate: Any, task: TaskSpec) -> None:
    report = evaluate(closed_student(), task, (gold(closed_rows(30)),), compare_base=True)
    assert "base" not in {line.role for line in report.comparisons}
    assert any("no untrained base model" in note and "tiny/encoder" in note for note in report.notes)


def test_the_teacher_is_asked_without_its_demonstrations_too(evaluate: Any, task: TaskSpec) -> None:
    teacher = ScriptedClient(teacher_answer)
    report = evaluate(closed_student(), task, (gold(closed_rows(30)),), teacher=teacher, compare_shots=True)
    assert line_of(report, "zero_shot").n == 30
    assert len(teacher.requests) == 60
    with_demonstration = [any("charged twice" in m.content for m in one.messages) for one in teacher.requests]
    assert sum(with_demonstration) == 30


def test_where_the_prompt_has_no_demonstrations_rows_of_people_are_shown(evaluate: Any, task: TaskSpec) -> None:
    shown = tuple(replace(one, source=replace(one.source, kind="user")) for one in closed_rows(9))
    teacher, bare = ScriptedClient(teacher_answer), replace(task, demonstrations=())
    tests = (gold(closed_rows(30)),)
    report = evaluate(closed_student(), bare, tests, teacher=teacher, train=shown, compare_shots=True)
    assert line_of(report, "few_shot").n == 30
    generated = tuple(replace(one, source=replace(one.source, kind="generated")) for one in shown)
    none = evaluate(closed_student(), bare, tests, "other", teacher=teacher, train=generated, compare_shots=True)
    assert "few_shot" not in {line.role for line in none.comparisons}


def test_a_teacher_that_contradicts_itself_is_found_out(evaluate: Any, task: TaskSpec) -> None:
    def answer(request: ChatRequest) -> str:
        number = int(re.findall(r"message (\d+) ", request.messages[-1].content)[-1])
        return "account" if request.draw and number % 2 else teacher_answer(request)

    report = evaluate(
        closed_student(), task, (gold(closed_rows(40)),), teacher=ScriptedClient(answer), self_agreement_rows=20
    )
    agreement = report.ceilings.self_agreement
    assert agreement is not None
    assert agreement.n == 20
    assert 0.5 <= agreement.value < 0.8
    assert any("clearer prompt" in step for step in report.verdict.next_steps)


def test_labels_that_student_and_teacher_both_deny_are_named(evaluate: Any, task: TaskSpec) -> None:
    rows = list(closed_rows(30))
    rows[0] = replace(rows[0], references=("account",))
    report = evaluate(closed_student(), task, (gold(rows),), teacher=ScriptedClient(teacher_answer))
    assert rows[0].id in report.ceilings.suspects
    assert report.ceilings.asked == 30


def test_a_persons_own_check_counts_what_passes(evaluate: Any, writing_task: TaskSpec, tmp_path: Path) -> None:
    check = tmp_path / "check.py"
    check.write_text(
        "def passes(input, answer, accepted):\n"
        "    if 'breaks' in input:\n        raise ValueError('no such date')\n"
        "    return answer.count('-') == 2\n"
    )
    rows = (row(0, "3 May", "2021-05-03"), row(1, "soon", "N/A"), row(2, "breaks", "N/A"), row(3, "none", "N/A"))
    student = KeywordPredictor({"May": "2021-05-03", "none": Prediction(None, failure="empty")}, "N/A")
    report = evaluate(student, writing_task, (gold(rows),), check=check, bertscore=False)
    passes = next(metric for metric in line_of(report, "student").metrics if metric.name == "passes")
    assert (passes.value, passes.n, passes.interval) == (0.25, 4, "wilson")
    assert any("passes failed on 1 rows" in note and "no such date" in note for note in report.notes)


def test_a_check_that_cannot_be_used_is_refused_before_anything(tmp_path: Path) -> None:
    for content, why in (("x = 1", "has no attribute 'passes'"), ("passes = 3", "no function"), ("(", "SyntaxError")):
        (tmp_path / "check.py").write_text(content)
        with pytest.raises(ConfigError, match=why):
            ModelEvaluator(ModelEvaluatorConfig(check=tmp_path / "check.py")).check(hub_allowed=False)
    with pytest.raises(ConfigError, match="cannot be used"):
        ModelEvaluator(ModelEvaluatorConfig(check=tmp_path / "none.py")).check(hub_allowed=False)


def test_a_metric_that_throws_is_recorded_and_the_rest_goes_on(
    evaluate: Any, task: TaskSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prompt2model.measures.metrics import MacroF1

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("no labels")

    monkeypatch.setattr(MacroF1, "measure", broken)
    report = evaluate(closed_student(), task, (gold(closed_rows(30)),))
    assert [metric.name for metric in line_of(report, "student").metrics] == ["accuracy", "exact_match"]
    assert any("macro_f1 failed (ZeroDivisionError: no labels)" in note for note in report.notes)


def test_generated_rows_beside_real_ones_show_how_far_they_are_off(evaluate: Any, task: TaskSpec) -> None:
    rows = closed_rows(150)
    easy = tuple(one for one in rows if "weather" not in one.input)[:60]
    report = evaluate(closed_student(), task, (gold(rows[:60]), TestSet("generated rows", "synthetic", easy)))
    gap = report.analysis.synthetic_gap
    assert gap is not None
    assert gap.value == pytest.approx(1 - line_of(report, "student", "gold.csv").correct / 60, abs=1e-5)
    assert gap.low > 0
    assert evaluate(closed_student(), task, (gold(rows[:60]),), "alone").analysis.synthetic_gap is None


def test_the_judge_is_off_unless_asked_and_sees_both_orders(evaluate: Any, writing_task: TaskSpec) -> None:
    rows = tuple(row(number, f"{number} May 2021", f"2021-05-0{number}") for number in range(1, 7))
    student = KeywordPredictor({f"{number} May": f"2021-05-0{number}" for number in range(1, 4)}, "May")

    def answer(request: ChatRequest) -> str:
        text = request.messages[-1].content
        if "<answer_a>" not in text:
            return "2021"
        first = text.split("<answer_a>")[1].split("</answer_a>")[0]
        return '{"better": "a"}' if "2021" in first else '{"better": "b"}'

    teacher = ScriptedClient(answer)
    settings: dict[str, Any] = {"teacher": teacher, "bertscore": False}
    assert evaluate(student, writing_task, (gold(rows),), "off", **settings).judge is None
    judged = evaluate(student, writing_task, (gold(rows),), "on", judge=True, **settings).judge
    # Three pairs in which both answers hold the year: the judge says "a" in both orders, which is a tie.
    assert (judged.won, judged.lost, judged.tied, judged.unread, judged.n) == (0, 3, 3, 0, 6)
    assert judged.agreement.value == 0.5
    assert judged.agreement.n == 6


def test_a_student_that_always_says_the_same_is_found_out(evaluate: Any, task: TaskSpec) -> None:
    report = evaluate(KeywordPredictor({}, "billing", LABELS), task, (gold(closed_rows(30)),))
    assert any("the same answer" in note for note in report.notes)
    other = evaluate(closed_student(), task, (gold(closed_rows(30)),), "other")
    assert not any("the same answer" in note for note in other.notes)
