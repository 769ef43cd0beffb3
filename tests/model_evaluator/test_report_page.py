"""report.html is one file that loads nothing, shows everything, and lets no text become markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from evaluation_cases import (
    CHOSEN,
    COSTS,
    LABELS,
    KeywordPredictor,
    artifacts,
    closed_rows,
    closed_student,
    gold,
    row,
    trained,
    with_choice,
)

from prompt2model.component import RunContext
from prompt2model.errors import RunFolderError
from prompt2model.measures.answers import AnsweredRow, save_answers
from prompt2model.model_evaluator import ModelEvaluator, ModelEvaluatorConfig, evaluation
from prompt2model.model_evaluator.headline import find_metric
from prompt2model.model_evaluator.page_making import chosen_datasets, sources
from prompt2model.model_evaluator.page_results import MainAnswers, confusion, test_results, verdicts
from prompt2model.model_evaluator.report_page import ReportPage, write_report_page
from prompt2model.records import (
    ChosenDataset,
    Comparison,
    EvaluationReport,
    Prediction,
    Source,
    TaskSpec,
    TestSet,
    make_example,
)
from prompt2model.teacher.scripted import ScriptedClient

test_results.__test__ = False  # type: ignore[attr-defined]  # not a test
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \"quoted\" 'single' $x_1$ &amp; {{ 7 * 7 }}"


@pytest.fixture
def make_values(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_context: Callable[..., RunContext]
) -> Callable[..., dict[str, Any]]:
    """The artifacts of a run around a really measured report."""

    def make(student: Any, task: TaskSpec, tests: tuple[TestSet, ...], **settings: Any) -> dict[str, Any]:
        monkeypatch.setattr(evaluation, "load_predictor", lambda _: student)
        teacher = ScriptedClient(lambda request: "billing" if "invoice" in request.messages[-1].content else "delivery")
        inputs = ModelEvaluator.Inputs(task, tests, closed_rows(30), trained(tmp_path, task.labels), CHOSEN)
        config = ModelEvaluatorConfig(bootstrap=200, **settings)
        report = ModelEvaluator(config).run(inputs, make_context({"teacher": teacher}))
        return artifacts(task, tests, report, tmp_path / "7_trained/student")

    return make


def page_of(values: dict[str, Any]) -> str:
    return ReportPage.from_artifacts(
        values, costs=COSTS, seconds={"train": 71.0, "evaluate": 5.2}, name="my-run"
    ).html()


class Tags(HTMLParser):
    """Every tag with its attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_one_file_without_script_or_request(make_values: Any, task: TaskSpec, tmp_path: Path) -> None:
    html = page_of(make_values(closed_student(), task, (gold(closed_rows(60)),), max_teacher_rows=20))
    tags = Tags(html)
    assert not {"script", "link", "iframe", "img", "object", "embed"} & {tag for tag, _ in tags.tags}
    for _, attributes in tags.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\((?!#)|@import", html)
    assert len(html.encode()) < 1_000_000


def test_the_page_shows_what_a_reader_needs(make_values: Any, task: TaskSpec) -> None:
    values = make_values(closed_student(), task, (gold(closed_rows(60)),), max_teacher_rows=20)
    text = " ".join(Tags(page_of(values)).text.split())
    for wanted in (
        task.instruction,
        "60 test rows",
        "gold.csv, 20 of 60",
        "Teacher, prompted",
        "Always the same answer",
        "Accuracy",
        "Macro-F1",
        "Exact match is the same as accuracy here",
        "Where it goes wrong",
        "wrong answers, the surest first",
        "10 right answers",
        "CC-BY-4.0",
        "near a test row by its words: retrieved rows",
        "judged by their words only: the packaged encoder is not installed",
        "no majority",
        "call failed: truncated",
        "shop_messages",
        "2 data sets were offered",
        "tiny/encoder",
        "fits; is small",
        "Not offered: 12 too large",
        "0.0123",
        "1 min 11 s",
        "answers per second",
        "load_predictor",
        "prompt2model predict",
        "text-classification",
    ):
        assert wanted in text, wanted
    assert page_of(values).count("<svg") == 2, "calibration and the loss curve"


def test_the_licence_of_a_file_of_ones_own_is_the_same_in_every_table(make_values: Any, task: TaskSpec) -> None:
    values = make_values(closed_student(), task, (gold(closed_rows(60)),))
    own = ChosenDataset("rows.csv", "user", None, "text", "topic", {"train": 20})
    unknown = ChosenDataset("films", "hub", None, "text", "topic", {"train": 20})
    retrieved = replace(values["retrieved"], chosen=(own, unknown))
    dataset = replace(values["dataset"], sources={"user: rows.csv": 20, "retrieved: films": 19})
    assert [line["licence"] for line in chosen_datasets(retrieved)] == ["yours", "not known"]
    assert [licence for _, _, licence in sources(dataset, retrieved)] == ["yours", "not known"]


def test_no_text_of_the_data_becomes_markup(make_values: Any, task: TaskSpec) -> None:
    hostile = TaskSpec(
        HOSTILE, (), "classification", (HOSTILE, "delivery", "account"), "en", HOSTILE, {"delivery": HOSTILE}
    )
    rows = tuple(row(number, f"{HOSTILE} {number}", HOSTILE if number % 2 else "delivery") for number in range(12))
    student = KeywordPredictor({}, HOSTILE, hostile.labels)
    values = make_values(student, hostile, (gold(rows, HOSTILE),))
    html = ReportPage.from_artifacts(values, costs=COSTS, seconds={HOSTILE: 1.0}, name=HOSTILE).html()
    tags = Tags(html)
    assert not {"script", "img"} & {tag for tag, _ in tags.tags}
    assert tags.text.count("<script>alert(1)</script>") > 20
    assert "{{ 7 * 7 }}" in tags.text


def test_a_choice_among_students_is_a_picture_and_a_table(make_values: Any, task: TaskSpec, tmp_path: Path) -> None:
    values = with_choice(make_values(closed_student(), task, (gold(closed_rows(20)),)), tmp_path / "7_trained")
    html = page_of(values)
    assert html.count("<svg") == 4, "calibration, loss, students, trials"
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    text = " ".join(Tags(html).text.split())
    for wanted in (
        "Students that were compared",
        "accuracy on 300 validation rows (%)",
        "embedding (chosen)",
        "90.5 %",
        "86.5 % to 93.5 %",
        "5.2 ms",
        "91.5 MB",
        "refused: why it is refused",
        "failed: why it is failed",
        "6 trials: 5 to the end, 1 stopped early",
        "3, taken",
        "the config's own settings",
    ):
        assert wanted in text, wanted
    # The one that failed cannot be drawn; its reason stands in the table.
    assert text.count("broken") == 1
    page = ReportPage.from_artifacts(values, costs=COSTS, seconds={}, name="my-run")
    assert [line["verdict"] for line in page.figures["students"]] == ["worse", "chosen", "within", "refused", "failed"]
    assert page.figures["trials"][3]["score"] == 0.93


def test_a_students_name_becomes_no_markup(make_values: Any, task: TaskSpec, tmp_path: Path) -> None:
    name = '$x_1$ <script>alert(1)</script> & "q"'
    values = make_values(closed_student(), task, (gold(closed_rows(20)),))
    tags = Tags(page_of(with_choice(values, tmp_path / "7_trained", name)))
    assert "script" not in {tag for tag, _ in tags.tags}
    assert name in tags.text
    assert "$x_1$ <script>alert(1)" in tags.text


def test_a_text_task_has_a_plot_of_lengths_and_scores(make_values: Any, writing_task: TaskSpec) -> None:
    rows = tuple(row(number, f"input {number}", "word " * (number + 1)) for number in range(12))
    student = KeywordPredictor({"input 3": Prediction(None, failure="truncated")}, "word word word")
    html = page_of(make_values(student, writing_task, (TestSet("generated rows", "synthetic", rows),), bertscore=False))
    text = Tags(html).text
    assert html.count("<svg") == 2
    assert "ChrF++ of the answer" in text
    assert "no answer (truncated)" in text
    assert "written by the teacher" in text


def test_many_labels_give_the_most_confused_pairs(make_values: Any) -> None:
    labels = tuple(f"label {number}" for number in range(40))
    task = TaskSpec("Choose.", (), "classification", labels, "en", "Choose.")
    rows = tuple(row(number, f"text {number}", labels[number % 40]) for number in range(80))
    html = page_of(make_values(KeywordPredictor({}, "label 7", labels), task, (gold(rows),)))
    assert 'class="matrix"' not in html
    assert "most frequent mistakes" in html


def test_a_run_without_a_test_row_still_has_a_page(make_values: Any, task: TaskSpec) -> None:
    text = Tags(page_of(make_values(closed_student(), task, ()))).text
    assert "no test row" in text
    assert "How it compares" not in text


def test_inputs_that_the_teacher_labelled_and_notes_are_told_once(make_values: Any, task: TaskSpec) -> None:
    values = make_values(closed_student(), task, ())
    inputs = tuple(make_example(f"a real message {n}", (), Source("labelled", "mail.txt", row=n)) for n in range(7))
    values["retrieved"] = replace(values["retrieved"], unlabelled=inputs, notes=("mail.txt: 7 inputs to label",))
    values["generated"] = replace(values["generated"], requests=47)
    text = Tags(page_of(values)).text
    assert text.count("mail.txt: 7 inputs to label") == 1
    assert "of 7 given" in text
    assert "47 requests, those for labels included" in text


def test_confusion_counts_every_row(make_values: Any, task: TaskSpec) -> None:
    student = closed_student()
    student.rules = {"message 0 ": Prediction(None, failure="unparsable", raw="hm"), **student.rules}
    values = make_values(student, task, (gold(closed_rows(60)),))
    answers = MainAnswers.load(values["report"], values["dataset"])
    assert answers is not None
    matrix = confusion(answers, LABELS)
    assert matrix is not None
    assert matrix.columns == (*LABELS, "no usable answer")
    assert sum(count for _, cells, _ in matrix.rows for count, _ in cells) == 60
    assert [total for _, _, total in matrix.rows] == [20, 20, 20]
    right = sum(matrix.rows[number][1][number][0] for number in range(3))
    student_line = next(line for line in values["report"].comparisons if line.role == "student")
    assert right == student_line.correct
    assert matrix.rows[0][1][3][0] == 1


@pytest.mark.parametrize(
    ("won", "lost", "tone", "words"),
    [
        (20, 0, "good", "The small model is better than always giving the same answer: +20.0 points"),
        # Of 100 rows 90 and 82: the two intervals meet, and yet no row was lost.
        (8, 0, "good", "The small model is better than always giving the same answer: +8.0 points"),
        (0, 20, "bad", "The small model is worse than always giving the same answer: -20.0 points"),
        (20, 16, "open", "Cannot tell with 100 rows whether the small model is better than always"),
    ],
)
def test_a_verdict_compares_answers_row_by_row(
    task: TaskSpec, tmp_path: Path, won: int, lost: int, tone: str, words: str
) -> None:
    rows = closed_rows(100)

    def line(role: Any, right: Sequence[bool]) -> Comparison:
        answers = [AnsweredRow(row.id, "correct" if one else "wrong") for row, one in zip(rows, right, strict=True)]
        save_answers(tmp_path / f"{role}.jsonl", answers)
        return Comparison(role, role, "gold.csv", "gold", 100, (), sum(right), 100 - sum(right), 0, {}, f"{role}.jsonl")

    both = [True] * (90 - won - lost) + [False] * 10
    student, majority = [True] * won + [False] * lost + both, [False] * won + [True] * lost + both
    report = EvaluationReport(tmp_path, "", (line("student", student), line("majority", majority)), LABELS, ())
    ((found, sentence),) = verdicts(task, report, gold(rows))
    assert found == tone
    assert sentence.startswith(words)
    assert sentence.endswith(".")


def test_written_answers_are_compared_by_corpus_chrf(make_values: Any, writing_task: TaskSpec) -> None:
    rows = tuple(row(number, f"input {number}", f"the {number}th word of many") for number in range(30))
    right = KeywordPredictor({f"input {number}": f"the {number}th word" for number in range(29, -1, -1)}, "")
    values = make_values(right, writing_task, (gold(rows),), bertscore=False)
    report = values["report"]
    said = dict(verdicts(writing_task, report, gold(rows)))
    figures = [
        find_metric(line, "chrf++").value  # type: ignore[union-attr]
        for line in report.comparisons
        if line.role in ("student", "teacher")
    ]
    assert said["good"].startswith("The small model is better than the teacher it learned from")
    assert f"{figures[0] - figures[1]:+.1f} points of ChrF++" in said["good"]


def test_answers_that_are_gone_are_named(task: TaskSpec, make_values: Any) -> None:
    values = make_values(closed_student(), task, (gold(closed_rows(30)),))
    report = values["report"]
    line = next(line for line in report.comparisons if line.role == "majority")
    (report.folder / line.predictions).write_text("")
    with pytest.raises(RunFolderError, match="not answers to the same test rows"):
        verdicts(task, report, gold(closed_rows(30)))


def test_report_json_stands_beside_the_page(make_values: Any, task: TaskSpec, tmp_path: Path) -> None:
    values = make_values(closed_student(), task, (gold(closed_rows(20)),))
    page = ReportPage.from_artifacts(values, costs=COSTS, seconds={"train": 71.0}, name="my-run")
    write_report_page(page, tmp_path / "report.html")
    figures = json.loads((tmp_path / "report.json").read_text())
    assert figures["schema_version"] == 2
    assert figures["verdict"]["decision"] in ("ship", "ship_with_fallback", "not_yet")
    assert figures["analysis"]["calibration"]["error"]["n"] == 20
    card = (tmp_path / "model_card.md").read_text()
    assert figures["headline"] in card
    assert figures["verdict"]["sentence"] in card
    assert "| Small model |" in card
    assert "model-index:" in card
    assert figures["headline"] == values["report"].headline
    assert figures["rows"]["tests"] == {"gold.csv": 20}
    assert figures["costs"][0]["calls"] == 60
    assert figures["timing"]["student"]["items_per_second"] > 0
    assert "folder" not in figures
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_the_transformers_code_fits_the_family(make_values: Any, task: TaskSpec) -> None:
    from dataclasses import replace

    values = make_values(closed_student(), task, (gold(closed_rows(20)),))
    for family, wanted in (("encoder_decoder", "AutoModelForSeq2SeqLM"), ("decoder", "AutoModelForCausalLM")):
        changed = {
            **values,
            "trained": replace(values["trained"], family=family, input_format="Input: {input}\nOutput:"),
        }
        text = Tags(page_of(changed)).text
        assert wanted in text
        assert r"'Input: {input}\nOutput:'.replace('{input}', 'your input')" in text


def test_the_page_begins_with_the_verdict_and_takes_the_student_apart(make_values: Any, task: TaskSpec) -> None:
    rows = closed_rows(120)
    generated = TestSet("generated rows", "synthetic", tuple(row for row in rows if "weather" not in row.input)[:40])
    values = make_values(closed_student(), task, (gold(rows), generated), compare_tfidf=True, self_agreement_rows=20)
    page = page_of(values)
    text = " ".join(Tags(page).text.split()).replace("\u00a0", " ")
    assert " ".join(values["report"].verdict.sentence.split()) in text
    assert page.index("decision") < page.index("What was asked")
    for wanted in (
        "Where it is weak",
        "Label by label",
        "How sure it is",
        "from confidence",
        "What bounds these figures",
        "On generated rows the small model looks",
        "Words, linear (TF-IDF)",
        "A thousand answers take",
    ):
        assert wanted in text, wanted


def test_the_model_card_is_read_as_a_card_of_the_hub(make_values: Any, task: TaskSpec, tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    values = make_values(closed_student(), task, (gold(closed_rows(30)),))
    page = ReportPage.from_artifacts(values, costs=COSTS, seconds={"train": 71.0}, name="my: run")
    write_report_page(page, tmp_path / "report.html")
    card = ModelCard.load(tmp_path / "model_card.md")
    (result,) = [one for one in card.data.eval_results if one.metric_type == "accuracy"]
    assert result.dataset_name == "gold.csv"
    assert 0 < result.metric_value < 1
