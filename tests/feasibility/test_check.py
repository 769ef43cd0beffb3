"""The teacher is asked a few test rows before anything is generated, and what comes of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_evaluator.evaluation_cases import CHOSEN, LABELS, closed_rows, closed_student, gold, row, trained

from prompt2model.artifacts import load_artifact, load_timing, save_artifact
from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser
from prompt2model.errors import FeasibilityError
from prompt2model.feasibility import FeasibilityCheck, FeasibilityConfig, FeasibilityInputs
from prompt2model.model_evaluator import ModelEvaluator, ModelEvaluatorConfig, evaluation
from prompt2model.records import Demonstration, Example, Feasibility, TaskSpec, TestSet
from prompt2model.teacher.budget import Budget, parse_budget
from prompt2model.teacher.client import ChatRequest, ChatResponse, ScoreRequest
from prompt2model.teacher.ledger import Ledger, LedgerClient
from prompt2model.teacher.scripted import ScriptedClient

MakeContext = Callable[..., RunContext]
TASK = TaskSpec(
    "Say what the message is about.",
    (Demonstration("I was charged twice", "billing"),),
    "classification",
    LABELS,
    "en",
    "Classify the message: billing, delivery or account.",
)
WRITING = TaskSpec("Write the date as YYYY-MM-DD.", (), "generation", (), "en", "Normalise dates.")


def knows(request: ChatRequest) -> str:
    """Right on four of five of `closed_rows`, and on a third of the others."""
    text = request.messages[-1].content
    return "delivery" if "parcel" in text else "account" if "password" in text else "billing"


def knows_nothing(request: ChatRequest) -> str:
    """Right only by chance."""
    number = int(re.findall(r"message (\d+) ", request.messages[-1].content)[-1])
    return LABELS[(number + 1) % 3] if number % 7 else LABELS[number % 3]


class Person(AutomaticChooser):
    """Says the same to every yes-or-no question."""

    interactive = True

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, bool]] = []

    def confirm(self, key: str, question: str, default: bool) -> bool:
        self.asked.append((key, question, default))
        return self.answer


class Said:
    """Progress that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def track(self, items: Iterable[Any], description: str, total: int | None = None) -> Any:
        yield from items

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def check(make_context: MakeContext) -> Callable[..., Feasibility]:
    """Ask a teacher; what is said goes into `said`."""

    def run(
        teacher: Any,
        tests: tuple[TestSet, ...] = (gold(closed_rows(90)),),
        task: TaskSpec = TASK,
        available: tuple[Example, ...] = (),
        chooser: Any = None,
        said: Said | None = None,
        **settings: Any,
    ) -> Feasibility:
        context = make_context({"teacher": teacher} if teacher else {}, chooser=chooser or AutomaticChooser())
        context = replace(context, progress=said or Said())
        return FeasibilityCheck(FeasibilityConfig(**settings)).run(FeasibilityInputs(task, tests, available), context)

    return run


def others(rows: tuple[Example, ...], origin: Any) -> TestSet:
    return TestSet(origin, origin, tuple(replace(one, input=f"{origin}: {one.input}") for one in rows))


def test_a_good_teacher_gets_one_line(check: Any) -> None:
    teacher, said = ScriptedClient(knows), Said()
    found = check(teacher, said=said)
    assert found.decision == "go"
    assert len(teacher.requests) == 100, "50 rows, each twice"
    assert (found.n, found.agreement.n, found.self_agreement.value) == (50, 50, 1.0)
    assert found.agreement.low < found.agreement.value < found.agreement.high
    assert said.lines == [f"  {found.sentence}"]
    assert re.search(r"answers \d+ of 50 test rows as expected, \d+ % \(95 % interval \d+–\d+ %\)", found.sentence)
    assert "half way between always saying" in found.sentence


def test_a_bad_teacher_is_found_out_and_its_rows_are_listed(check: Any) -> None:
    said = Said()
    found = check(ScriptedClient(knows_nothing), said=said)
    assert found.decision == "unlikely"
    assert len(found.disagreements) == 10
    rows = {one.id: one for one in closed_rows(90)}
    for wrong in found.disagreements:
        assert wrong.expected == rows[wrong.id].references
        assert wrong.answered in LABELS
        assert wrong.answered != wrong.expected[0]
    shown = [line for line in said.lines if "expected “" in line]
    assert len(shown) == 3
    assert found.disagreements[0].input in shown[0]
    assert "do not copy them" in said.lines[-1]


def test_answers_that_cannot_be_read_are_shown_as_they_were_said(check: Any) -> None:
    found = check(ScriptedClient(lambda request: "I would rather not say."))
    assert found.decision == "unlikely"
    assert found.disagreements[0].answered == "I would rather not say."
    assert any("50 of its answers are none of the labels" in line for line in found.reasons)


def test_a_wavering_teacher_needs_a_clearer_prompt(check: Any) -> None:
    def answer(request: ChatRequest) -> str:
        number = int(re.findall(r"message (\d+) ", request.messages[-1].content)[-1])
        return "account" if request.draw and number % 2 else knows(request)

    assert check(ScriptedClient(knows)).decision == "go"
    found = check(ScriptedClient(answer))
    assert found.decision == "improve_prompt"
    assert "wavers" in found.sentence


def test_gold_rows_first_and_never_generated_ones(check: Any) -> None:
    teacher = ScriptedClient(knows)
    rows = closed_rows(90)
    tests = (others(rows, "synthetic"), others(rows[:60], "held_out"), others(rows[:20], "official"), gold(rows[:12]))
    found = check(teacher, tests)
    assert found.n == 50
    asked = [request.messages[-1].content for request in teacher.requests if not request.draw]
    assert not any("synthetic" in text for text in asked)
    assert sum("official" in text for text in asked) == 20
    assert sum("held_out" in text for text in asked) == 18
    again = [request.messages[-1].content for request in teacher.requests if request.draw]
    assert len(again) == 12, "as in the evaluation, the rows of the main test are asked twice"


@pytest.mark.parametrize(
    ("tests", "settings", "why"),
    [
        ((), {}, "no test row; give 20 or more with their answers: --examples"),
        ((others(closed_rows(60), "synthetic"),), {}, "no test row"),
        ((gold(closed_rows(4)),), {}, "only 4 test rows; give 20"),
        ((gold(closed_rows(60)[::3]),), {}, "all 20 test rows have the same answer (billing)"),
        ((gold(closed_rows(60)),), {"rows": 0}, "check_feasibility.rows is 0"),
        ((gold(closed_rows(60)),), {"rows": 4}, "let check_feasibility.rows be 5 or more"),
    ],
)
def test_what_tells_nothing_is_not_asked(check: Any, tests: Any, settings: dict[str, Any], why: str) -> None:
    teacher, said = ScriptedClient(knows), Said()
    found = check(teacher, tests, said=said, **settings)
    assert (found.decision, teacher.calls, found.agreement) == ("unknown", 0, None)
    assert why in found.sentence
    assert said.lines == [f"  {found.sentence}"]


def test_a_run_without_a_teacher_says_one_line(check: Any) -> None:
    said = Said()
    assert check(None, said=said).decision == "unknown"
    assert len(said.lines) == 1
    assert "no teacher" in said.lines[0]


def test_no_more_rows_than_the_evaluation_may_ask(check: Any) -> None:
    teacher = ScriptedClient(knows)
    assert check(teacher, max_teacher_rows=12).n == 12
    assert len(teacher.requests) == 24


def test_a_budget_that_does_not_cover_it_leaves_the_question_open(check: Any, tmp_path: Path) -> None:
    with Ledger(tmp_path / "calls.sqlite") as ledger:
        budget = Budget(parse_budget("2000 tokens"))
        teacher = LedgerClient(ScriptedClient(knows), ledger, step="check_feasibility", budget=budget)
        found = check(teacher)
    assert found.decision == "unknown"
    assert "the budget of 2,000 tokens does not cover" in found.sentence


def test_answers_that_were_lost_say_nothing_of_the_teacher(check: Any) -> None:
    def answer(request: ChatRequest) -> str | ChatResponse:
        lost = "message 1" in request.messages[-1].content
        return ChatResponse("", failure="unavailable", detail="503") if lost else knows(request)

    rows = closed_rows(20)
    found = check(ScriptedClient(answer), (gold(rows),))
    assert found.decision == "unknown"
    assert "11 of 20 answers were lost" in found.sentence


def test_unlikely_goes_on_where_nobody_is_asked_unless_it_is_to_stop(check: Any) -> None:
    assert check(ScriptedClient(knows_nothing)).decision == "unlikely"
    with pytest.raises(FeasibilityError, match=r"stop_if_unlikely=false to the same command") as caught:
        check(ScriptedClient(knows_nothing), stop_if_unlikely=True)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert check(ScriptedClient(knows), stop_if_unlikely=True).decision == "go"


def test_a_person_decides_and_a_no_is_asked_again_on_resume(check: Any, tmp_path: Path) -> None:
    yes, no = Person(True), Person(False)
    assert check(ScriptedClient(knows_nothing), chooser=yes, stop_if_unlikely=True).decision == "unlikely"
    with pytest.raises(FeasibilityError, match="prompt2model resume"):
        check(ScriptedClient(knows_nothing), chooser=no)
    assert [(key, default) for key, _, default in (*yes.asked, *no.asked)] == [("", False)] * 2
    assert [path.name for path in (tmp_path / "step").iterdir()] == [], "other settings would have to replace it"


def test_a_weak_teacher_matters_less_beside_many_rows_of_ones_own(check: Any) -> None:
    found = check(ScriptedClient(knows_nothing), available=closed_rows(300), chooser=(person := Person(False)), rows=20)
    assert found.decision == "unlikely"
    assert person.asked == []
    assert any("300 labelled rows" in line for line in found.reasons)
    assert check(ScriptedClient(knows_nothing), available=closed_rows(300), stop_if_unlikely=True).n == 50


def date_rows() -> tuple[Example, ...]:
    return tuple(row(n, f"day {n} of May in {1900 + 3 * n}", f"{1900 + 3 * n}-05-{n:02}") for n in range(1, 31))


def test_written_answers_are_held_against_answers_to_other_rows(check: Any) -> None:
    def dates(request: ChatRequest) -> str:
        day, year = re.findall(r"day (\d+) of May in (\d+)", request.messages[-1].content)[-1]
        return f"{year}-05-{int(day):02}"

    found = check(ScriptedClient(dates), (gold(date_rows()),), WRITING)
    assert (found.decision, found.agreement.value, found.exact_match.value) == ("go", 100.0, 1.0)
    assert 5 < found.without_skill < 70
    other = check(ScriptedClient(lambda request: "The fifth month."), (gold(date_rows()),), WRITING)
    assert other.decision == "unlikely"
    assert other.exact_match.value == 0.0
    assert "ChrF++" in other.sentence


def test_choices_are_held_against_guessing(check: Any) -> None:
    task = TaskSpec("Choose.", (), "multiple_choice", (), "en", "Choose.")
    rows = tuple(
        replace(row(n, f"question {n}", f"right {n}"), choices=(f"wrong {n}", f"right {n}", "x", "y"))
        for n in range(40)
    )
    found = check(ScriptedClient(lambda request: "B"), (gold(rows),), task)
    assert (found.decision, found.without_skill) == ("go", 0.25)
    assert check(ScriptedClient(lambda request: "A"), (gold(rows),), task).decision == "unlikely"


def test_choices_are_asked_with_the_evidence_that_the_evaluation_will_show(check: Any, tmp_path: Path) -> None:
    corpus = tmp_path / "library"
    corpus.mkdir()
    for number in range(8):
        (corpus / f"{number}.txt").write_text(f"The thing number {number}9 is blue, as everybody knows.")
    task = TaskSpec("Choose.", (), "multiple_choice", (), "en", "Choose.")
    rows = tuple(
        replace(row(n, f"Which colour has the thing number {n}9?", ("blue", "red")[n % 2]), choices=("red", "blue"))
        for n in range(8)
    )
    plain, helped = ScriptedClient(lambda request: "blue"), ScriptedClient(lambda request: "blue")
    check(plain, (gold(rows),), task)
    check(helped, (gold(rows),), task, evidence=corpus)
    shown = [
        sum("as everybody knows" in request.messages[-1].content for request in client.requests)
        for client in (plain, helped)
    ]
    assert shown == [0, 16]


def scores(request: ScoreRequest) -> list[float]:
    """The label whose word the input has."""
    said = knows(ChatRequest(request.messages))
    return [0.0 if answer.strip() == said else -9.0 for answer in request.answers]


def test_a_teacher_that_runs_here_answers_as_many_rows_as_there_is_time_for(check: Any) -> None:
    def scorer() -> ScriptedClient:
        return ScriptedClient(knows, scores, model="embedded")

    rows = {seconds: check(scorer(), seconds=seconds).n for seconds in (2.0, 6.0, 1000.0)}
    assert 5 <= rows[2.0] < rows[6.0] < rows[1000.0] == 50
    found = check(scorer(), seconds=0.2)
    assert found.decision == "unknown"
    assert "raise check_feasibility.seconds" in found.sentence


def test_time_for_calibration_is_only_taken_where_there_is_some(check: Any) -> None:
    def calibrating(client: ScriptedClient) -> int:
        return sum("free of any" in request.messages[-1].content for request in client.score_requests)

    available = tuple(row(n, f"free of any word {n}", LABELS[n % 3]) for n in range(90))
    long, short = (ScriptedClient(knows, scores, model="embedded") for _ in range(2))
    check(long, available=available, seconds=100.0)
    assert calibrating(long) > 0
    assert check(short, available=available, seconds=3.0).n >= 5
    assert calibrating(short) == 0


def test_what_it_costs_is_said_before(check: Any, make_context: MakeContext) -> None:
    teacher = ScriptedClient(knows)
    tests = (gold(closed_rows(90)),)
    estimate = FeasibilityCheck().estimate(FeasibilityInputs(TASK, tests, ()), make_context({"teacher": teacher}))
    assert teacher.calls == 0
    check(teacher, tests)
    assert estimate.calls == teacher.calls == 100
    assert any("50 test rows, 50 of them twice" in line for line in estimate.assumptions)
    nobody = FeasibilityCheck().estimate(FeasibilityInputs(TASK, tests, ()), make_context({}))
    assert nobody.calls == 0


@pytest.mark.parametrize("rows", [24, 90, 260])
def test_the_evaluation_finds_the_answers_in_the_ledger(
    rows: int, monkeypatch: pytest.MonkeyPatch, make_context: MakeContext, tmp_path: Path
) -> None:
    monkeypatch.setattr(evaluation, "load_predictor", lambda _: closed_student())
    tests = (gold(closed_rows(rows)),)
    inner = ScriptedClient(knows)
    with Ledger(tmp_path / "calls.sqlite") as ledger:
        first = make_context({"teacher": LedgerClient(inner, ledger, step="check_feasibility")})
        FeasibilityCheck().run(FeasibilityInputs(TASK, tests, ()), first)
        asked = len(inner.requests)
        second = make_context({"teacher": LedgerClient(inner, ledger, step="evaluate")}, folder=tmp_path / "report")
        inputs = ModelEvaluator.Inputs(TASK, tests, closed_rows(30), trained(tmp_path), CHOSEN)
        config = ModelEvaluatorConfig(
            bootstrap=100,
            compare_shots=False,
            timing=False,
            **{f"compare_{name}": False for name in ("majority", "nearest", "tfidf", "base")},
        )
        ModelEvaluator(config).run(inputs, second)
        reused = {line.step: line.reused for line in ledger.summary()}
    assert asked == 2 * min(rows, 50)
    assert reused["evaluate"] == asked, "every answer of the check was found again"
    assert max(Counter((request.messages, request.draw) for request in inner.requests).values()) == 1


def test_an_endpoint_is_timed_while_it_answers_first(check: Any, make_context: MakeContext, tmp_path: Path) -> None:
    with Ledger(tmp_path / "calls.sqlite") as ledger:
        teacher = LedgerClient(ScriptedClient(knows), ledger, step="check_feasibility")
        found = check(teacher)
        assert load_timing(found.folder)["teacher"]["batch_items"] == 40
        (found.folder / "timing.json").unlink()
        check(LedgerClient(ScriptedClient(knows), ledger, step="check_feasibility"))
    assert load_timing(found.folder) == {}, "what the ledger knows takes no time"


def test_it_is_stored_and_read_back(check: Any) -> None:
    found = check(ScriptedClient(knows_nothing))
    save_artifact(found, found.folder)
    assert load_artifact(Feasibility, found.folder) == found
