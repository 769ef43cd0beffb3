"""A student that reads evidence beats one that does not where only the evidence tells, and finds it again later."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from evidence.corpora import Said, told_only_by_evidence, write_rows
from model_trainer.tiny_models import COLOURS, one_thread, tiny_model, word_tokenizer

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.dataset_assembler import DatasetAssembler, DatasetAssemblerConfig
from prompt2model.dataset_assembler.assembler import AssemblerInputs
from prompt2model.errors import ConfigError, DataFileError
from prompt2model.evidence import PredictorWithEvidence, evidence_of_student
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.predictor import load_predictor, read_spec
from prompt2model.records import (
    ChosenModel,
    Dataset,
    GeneratedData,
    Item,
    ReservedTests,
    TaskSpec,
    TestSet,
    TrainedModel,
)
from prompt2model.weights import save_model

one_thread = pytest.fixture(autouse=True, scope="session")(one_thread)
TASK = TaskSpec("Say the colour.", (), "multiple_choice", (), "en", "Say the colour.")
SETTINGS: dict[str, Any] = {
    "learning_rate": 5e-3,
    "epochs": 12,
    "min_steps": 0,
    "batch_size": 8,
    "method": "full",
    "bf16": "off",
}


def assembled(folder: Path, evidence: bool, task: TaskSpec = TASK) -> Dataset:
    """The finished data, with evidence or without."""
    rows, facts = told_only_by_evidence(180)
    folder.mkdir(parents=True)
    corpus = write_rows(folder / "facts.jsonl", facts)
    test = TestSet("gold", "gold", rows[:36])
    inputs = AssemblerInputs(task, ReservedTests((test,), rows[36:], {}), GeneratedData((), {}, 0, {}, 0, 0))
    # The questions are alike but for a number: that is the point of them.
    settings = {"near_meaning": 0.0, "near_test": 1.0, "near_duplicate": 1.0}
    config = DatasetAssemblerConfig(**settings, evidence=corpus if evidence else None)
    return DatasetAssembler(config).run(inputs, context_in(folder))


def context_in(folder: Path) -> RunContext:
    return RunContext(folder, 0, SilentProgress(), AutomaticChooser(), cache_folder=folder / ".cache")


@dataclass(frozen=True)
class Pair:
    """The same rows with evidence and without, and a tiny encoder trained on each."""

    grounded: Dataset
    bare: Dataset
    reader: TrainedModel
    blind: TrainedModel


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("readers")
    tokenizer = word_tokenizer("encoder")
    base = save_model(tiny_model("encoder", len(tokenizer)), tokenizer, folder / "base")

    def train(data: Dataset, name: str) -> TrainedModel:
        chosen = ChosenModel(str(base), "encoder", (), {})
        inputs = TrainInputs(TASK, data.train, data.validation, (), chosen, evidence=data.evidence)
        (folder / name).mkdir()
        return ModelTrainer(ModelTrainerConfig(**SETTINGS)).run(inputs, context_in(folder / name))

    grounded, bare = assembled(folder / "grounded", True), assembled(folder / "bare", False)
    return Pair(grounded, bare, train(grounded, "reader"), train(bare, "blind"))


def share(trained: TrainedModel, rows: Any) -> float:
    items = [Item(row.input, row.choices, row.evidence) for row in rows]
    answers = load_predictor(trained.folder).predict(items)
    return sum(said.text == row.target for said, row in zip(answers, rows, strict=True)) / len(items)


def test_only_the_reader_with_evidence_can_know(pair: Pair) -> None:
    assert {row.id for row in pair.grounded.train} == {row.id for row in pair.bare.train}
    assert all(len(row.evidence) == 3 for rows in (pair.grounded.train, pair.grounded.tests[0].rows) for row in rows)
    assert not any(row.evidence for row in pair.bare.train)
    assert share(pair.reader, pair.grounded.tests[0].rows) >= 0.9
    assert share(pair.blind, pair.bare.tests[0].rows) <= 0.67


def test_what_is_asked_later_is_answered_with_evidence_too(pair: Pair) -> None:
    """Nothing comes with the question: the corpus is found by what the student's folder says."""
    rows = pair.grounded.tests[0].rows
    spec = read_spec(pair.reader.folder)
    assert spec.evidence == pair.grounded.evidence
    assert read_spec(pair.blind.folder).evidence is None
    retriever = evidence_of_student(spec.evidence, pair.reader.folder, None, Said())
    assert retriever is not None
    student = load_predictor(pair.reader.folder)
    asked = PredictorWithEvidence(student, retriever).predict(Item(row.input, row.choices) for row in rows)
    given = student.predict(Item(row.input, row.choices, row.evidence) for row in rows)
    assert list(asked) == list(given)
    with pytest.raises(ConfigError, match="trained to read evidence, and an item has none"):
        student(Item("colour : the car k001", ("red", "green")))
    assert student(Item("colour : the car k001", ("red", "green"), ("", ""))).text in ("red", "green")


def test_the_readme_of_the_folder_answers_alike(pair: Pair) -> None:
    """Its code for plain transformers, run on the pairs that its words describe."""
    card = (pair.reader.folder / "README.md").read_text()
    assert "passages that BM25 finds" in card
    assert "evidence=tuple(passages)" in card
    row = next(iter(pair.grounded.tests[0].rows))
    texts = [f"{row.input}\nEvidence:\n{passage}" for passage in row.evidence]
    said: list[str] = []
    names = {"folder": str(pair.reader.folder), "choices": list(row.choices), "texts": texts, "print": said.append}
    exec(card.split("```python\n")[1].split("```")[0], names)
    student = load_predictor(pair.reader.folder)
    assert said == [student(Item(row.input, row.choices, row.evidence)).text]


def test_a_corpus_that_moved_or_changed_is_said(tmp_path: Path) -> None:
    corpus = assembled(tmp_path / "data", True).evidence
    assert corpus is not None
    said = Said()
    assert evidence_of_student(corpus, tmp_path / "student", None, said) is not None
    assert said.lines == []
    moved = shutil.move(corpus.path, tmp_path / "moved.jsonl")
    with pytest.raises(DataFileError, match="not there any more; say with --evidence"):
        evidence_of_student(corpus, tmp_path / "student", None, said)
    write_rows(tmp_path / "moved.jsonl", [{"text": "the car is red ."}])
    found = evidence_of_student(corpus, tmp_path / "student", Path(moved), said)
    assert found is not None
    assert found.corpus.passages == 1
    assert "not those of training: 1 passages, then 180" in said.lines[-1]
    with pytest.raises(ConfigError, match="trained without evidence"):
        evidence_of_student(None, tmp_path / "student", Path(moved), said)


def test_evidence_is_for_choices(tmp_path: Path) -> None:
    task = TaskSpec("Say the colour.", (), "classification", COLOURS, "en", "Say the colour.")
    with pytest.raises(ConfigError, match="evidence is found for choices, and this task is classification"):
        assembled(tmp_path / "data", True, task)


def test_every_option_is_read_beside_its_own_passage() -> None:
    from prompt2model.predictor.choice_pairs import encode_choices

    tokenizer = word_tokenizer("encoder")
    item = Item("the car", ("red", "green"), ("the leaf is green", ""))
    (own,) = encode_choices(tokenizer, [item], "{input}", 64, own_evidence=True)
    (all_of_it,) = encode_choices(tokenizer, [item], "{input}", 64)
    words = [tokenizer.decode(pair[:start]) for pair, start in zip(own.pairs, own.starts, strict=True)]
    assert "leaf is green" in words[0]
    assert "leaf" not in words[1]
    assert all("leaf is green" in tokenizer.decode(pair) for pair in all_of_it.pairs)
    for room in (9, 12):
        (cut,) = encode_choices(tokenizer, [item], "{input}", room, own_evidence=True)
        assert cut.truncated == (room < max(map(len, own.pairs)))
        assert all(len(pair) <= room for pair in cut.pairs)
