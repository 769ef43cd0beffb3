"""Nothing that is trained on is near a test row, wherever it came from; what was left out is counted by source."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.dataset_assembler import DatasetAssembler, DatasetAssemblerConfig, assembler
from prompt2model.dataset_assembler.assembler import AssemblerInputs
from prompt2model.dataset_assembler.decontamination import TestGate, check_clean
from prompt2model.errors import ContaminationError, NotEnoughDataError
from prompt2model.records import (
    Dataset,
    Example,
    GeneratedData,
    ReservedTests,
    Source,
    TaskSpec,
    TestSet,
    make_example,
)
from prompt2model.text_index.near_duplicates import jaccard, shingles
from prompt2model.text_index.protected_texts import bare_text, judged_text

Maker = Callable[..., RunContext]
SORTING = TaskSpec("Sort.", (), "classification", ("x", "y"), "en", "Sort.")
CHOOSING = TaskSpec("Choose.", (), "multiple_choice", (), "en", "Choose.")
WORDS = DatasetAssemblerConfig(near_meaning=0)
QUESTION = "What do I have to do to return the blue kettle?"


def row(text: str, label: str = "x", kind: str = "retrieved", choices: tuple[str, ...] = ()) -> Example:
    return make_example(text, (label,), Source(kind, dataset="d"), choices=choices)  # type: ignore[arg-type]


def fillers(count: int = 12) -> list[Example]:
    """Rows that are near nothing."""
    rng = random.Random(0)
    syllables = [f"{a}{b}" for a in "bdfgklmnprst" for b in "aeiou"]
    texts = [" ".join("".join(rng.choices(syllables, k=3)) for _ in range(6)) for _ in range(count)]
    return [row(text, "xy"[number % 2]) for number, text in enumerate(texts)]


def assemble(
    rows: list[Example],
    tests: list[Example],
    context: RunContext,
    config: DatasetAssemblerConfig = WORDS,
    task: TaskSpec = SORTING,
) -> Dataset:
    given = tuple(one for one in rows if one.source.kind != "generated")
    written = tuple(one for one in rows if one.source.kind == "generated")
    reserved = ReservedTests((TestSet("gold", "gold", tuple(tests)),) if tests else (), given, {})
    inputs = AssemblerInputs(task, reserved, GeneratedData(written, {}, 0, {}, 0, 0))
    return DatasetAssembler(config).run(inputs, context)


def texts_of(data: Dataset) -> set[str]:
    return {one.input for one in (*data.train, *data.validation)}


def test_what_is_near_a_test_is_counted_by_reason_and_by_source(make_context: Maker) -> None:
    long = "The courier who came on Monday rang twice, left at once, and took my parcel back to the depot."
    rows = [
        row("what do i have to do to return the BLUE kettle", kind="user"),
        row(f"{QUESTION}!!", "y", "generated"),
        row(f"Hello, I am new here. {long} I would like to have it back before my holiday begins, please.", "y"),
        row("What do I need to do to return the blue kettle?", kind="generated"),
    ]
    data = assemble([*fillers(), *rows], [row(QUESTION), row(long, "y")], make_context(), DatasetAssemblerConfig())
    assert data.dropped == {
        "near a test row by its words: your rows": 1,
        "near a test row by its words: generated rows": 1,
        "holds a test row, or stands in one: retrieved rows": 1,
        "near a test row by its meaning: generated rows": 1,
    }
    assert texts_of(data) == {one.input for one in fillers()}
    assert data.notes == ()


def test_the_same_question_with_other_choices_is_another_question(make_context: Maker) -> None:
    asked = "Which of these is right?"
    test = row(asked, "red", choices=("red", "blue as the sea", "green as grass"))
    same = row(asked.lower(), "red", choices=("green as grass", "red", "blue as the sea"))
    other = row(asked, "seven of them", choices=("seven of them", "none at all", "more than I can count"))
    rows = [row(one.input, "a", choices=("a", "b")) for one in fillers()]
    data = assemble([*rows, same, other], [test], make_context(), task=CHOOSING)
    assert other in (*data.train, *data.validation)
    assert data.dropped == {"near a test row by its words: retrieved rows": 1}


def test_nothing_is_left_near_a_synthetic_test_either(make_context: Maker) -> None:
    base = [f"{one.input} and so on until the end" for one in fillers(40)]
    # Two of each, not near enough to be duplicates, near enough to give a test row away.
    written = [row(text, "xy"[number % 2], "generated") for number, text in enumerate(base)]
    written += [row(f"{text} of days", "xy"[number % 2], "generated") for number, text in enumerate(base)]
    config = DatasetAssemblerConfig(near_meaning=0, near_duplicate=0.95, near_test=0.75)
    data = assemble(written, [], make_context(), config)
    (test,) = data.tests
    assert test.origin == "synthetic"
    assert data.dropped["near a test row by its words: generated rows"] >= 5
    for one in (*data.train, *data.validation):
        own = shingles(bare_text(one.input))
        assert all(jaccard(own, shingles(bare_text(other.input))) < 0.75 for other in test.rows)


def test_a_leak_stops_the_step(make_context: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    class Open(TestGate):
        def judge(self, row: Example) -> str | None:
            return None

    monkeypatch.setattr(assembler, "TestGate", Open)
    with pytest.raises(ContaminationError, match="near a test row"):
        assemble([*fillers(), row(QUESTION)], [row(QUESTION.upper())], make_context())


def test_clean_data_passes_the_last_check() -> None:
    data = Dataset(tuple(fillers()), (), (TestSet("t", "gold", (row(QUESTION),)),), ("x", "y"), {}, {})
    check_clean(data, SORTING, WORDS, None)


def test_a_rule_that_leaves_out_very_much_is_doubted(make_context: Maker) -> None:
    copies = [row(f"{QUESTION}{'!' * number}", kind="user") for number in range(1, 8)]
    data = assemble([*fillers(), *copies], [row(QUESTION)], make_context())
    (note,) = data.notes
    assert note.startswith("7 of 19 rows were left out for being near a test row.")


@pytest.mark.parametrize(
    ("task", "installed", "reason"),
    [
        (SORTING, False, "is not installed (prompt2model weights --install)"),
        (TaskSpec("Trier.", (), "classification", ("x", "y"), "fr", "Trier."), True, "reads English"),
    ],
)
def test_without_the_encoder_words_alone_decide_and_it_is_said(
    make_context: Maker, monkeypatch: pytest.MonkeyPatch, task: TaskSpec, installed: bool, reason: str
) -> None:
    monkeypatch.setattr("prompt2model.dataset_assembler.meaning.is_obtainable", lambda model_id: installed)
    said: list[str] = []
    context = make_context()
    monkeypatch.setattr(context.progress, "say", said.append)
    near = row("What do I need to do to return the blue kettle?")
    data = assemble([*fillers(), near], [row(QUESTION)], context, DatasetAssemblerConfig(), task)
    assert near.input in texts_of(data)
    (note,) = data.notes
    assert note.startswith("Near-duplicates and rows near a test were judged by their words only: ")
    assert reason in note
    assert f"  {note}" in said


def test_above_the_limit_rows_are_compared_by_meaning_with_the_tests_only(make_context: Maker) -> None:
    twice = [row("How can I send the broken lamp back to you?"), row("How can I send back the broken lamp to you?")]
    leak = row("What do I need to do to return the blue kettle?")
    rows = [*fillers(), *twice, leak]
    few = assemble(rows, [row(QUESTION)], make_context(), DatasetAssemblerConfig(near_duplicate=1.0))
    many = assemble(rows, [row(QUESTION)], make_context(), DatasetAssemblerConfig(near_duplicate=1.0, meaning_rows=14))
    assert few.dropped == {"near a test row by its meaning: retrieved rows": 1, "duplicate by meaning": 1}
    assert many.dropped == {"near a test row by its meaning: retrieved rows": 1}
    assert "with each other by words only (assemble_data.meaning_rows is 14)" in many.notes[0]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("xy")), min_size=10, max_size=40))
@settings(max_examples=40, deadline=None)
def test_nothing_kept_is_near_a_test(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, str]]
) -> None:
    parts = [one.input for one in fillers(10)]
    rows = [row(f"{parts[first]} {parts[second][:20]}", label, "user") for first, second, label in drawn]
    tests, rows = rows[:3], [*rows[3:], *fillers()]
    context = RunContext(tmp_path_factory.mktemp("step"), 0, SilentProgress(), AutomaticChooser())
    try:
        data = assemble(rows, tests, context)
    except NotEnoughDataError:
        return
    kept = [*data.train, *data.validation]
    for one in kept:
        own = shingles(bare_text(judged_text(one)))
        for test in tests:
            assert jaccard(own, shingles(bare_text(judged_text(test)))) < 0.75
            assert bare_text(test.input) not in bare_text(one.input)
    assert len(kept) + sum(data.dropped.values()) == len(rows)
