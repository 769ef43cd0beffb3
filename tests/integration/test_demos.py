"""Each demo runs with a scripted teacher and few rows, through the library as a user would call it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_trainer.tiny_models import tiny_model, word_tokenizer

from prompt2model import Pipeline, load_predictor
from prompt2model.artifacts import load_artifact
from prompt2model.config import load_config
from prompt2model.records import Dataset, Family, GeneratedData, TaskSpec
from prompt2model.teacher.client import ChatRequest
from prompt2model.teacher.scripted import ScriptedClient

DEMOS = Path(__file__).parents[2] / "demos"
MESSAGES = {
    "billing": "I was billed twice for order {0}, please refund {1} euros of it",
    "shipping": "parcel {0} has not moved since day {1}, where is it now",
    "returns": "the lamp from order {0} arrived with {1} scratches, I want to send it back",
    "technical problem": "error {0} comes up on page {1} of the checkout",
    "account access": "code {0} is refused when I sign in, tried it {1} times",
    "out of scope": "do you have {0} jobs in street {1}",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], str]:
    """The folder of a tiny random base model."""
    from prompt2model.weights import save_model

    def make(family: Family) -> str:
        tokenizer = word_tokenizer(family)
        folder = tmp_path_factory.mktemp(family)
        return str(save_model(tiny_model(family, len(tokenizer)), tokenizer, folder))

    return make


def answer(request: ChatRequest) -> str:
    """Writes messages for the label that is asked for, and knows its own messages again."""
    text = "\n".join(message.content for message in request.messages)
    wanted = re.search(r"exactly: ([a-z ]+)", text)
    if "JSON array" in text and wanted:
        label = next(name for name in sorted(MESSAGES, key=len, reverse=True) if wanted[1].startswith(name))
        return json.dumps([MESSAGES[label].format(request.draw * 7919 + n, n * 104729) for n in range(5)])
    if request.purpose in ("vote", "label"):
        said = request.messages[-1].content
        words = {label: set(form.split()) for label, form in MESSAGES.items()}
        return max(words, key=lambda label: len(words[label] & set(said.split())))
    return "A small model that sorts messages."


def run(demo: str, folder: Path, teacher: ScriptedClient, **changes: Any) -> Any:
    copy = shutil.copytree(DEMOS / demo, folder / demo)
    settings = {
        "runs_folder": str(folder / "runs"),
        "train": {"epochs": 1, "min_steps": 0, "batch_size": 16},
        "evaluate": {"bootstrap": 100},
        **changes,
    }
    return Pipeline.from_config(load_config(copy / "config.toml", settings), folder=copy).run(
        teachers={"teacher": teacher}
    )


def test_ticket_triage(tmp_path: Path, base: Callable[[Family], str]) -> None:
    teacher = ScriptedClient(answer)
    result = run(
        "ticket_triage",
        tmp_path,
        teacher,
        generate_data={"examples": 12},
        retrieve_models={"model": base("encoder")},
        evaluate={"bootstrap": 100, "max_teacher_rows": 12},
    )
    task = load_artifact(TaskSpec, result.folder / "1_task")
    assert task.labels == tuple(MESSAGES)
    generated = load_artifact(GeneratedData, result.folder / "4_generated")
    assert len(generated.rows) == 12
    data = load_artifact(Dataset, result.folder / "5_dataset")
    assert {name.split(":")[0] for name in data.sources} >= {"retrieved", "demonstrations in the prompt"}
    assert [test.origin for test in data.tests] == ["official"]
    roles = {line.role for line in result.report.comparisons}
    assert roles >= {"student", "teacher", "zero_shot", "base", "tfidf", "nearest", "majority"}
    for line in result.report.comparisons:
        assert line.correct + line.wrong + line.unparsed + sum(line.failed.values()) == line.n
    prediction = load_predictor(result.folder)("Where is my parcel?")
    assert prediction.text in task.labels
    assert prediction.probabilities is not None
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-3)
    page = result.report_page.read_text()
    assert "shop_support_messages" in page
    assert "cc0" in page.casefold()


@pytest.mark.parametrize(
    ("demo", "family", "tests"), [("date_normalisation", "encoder_decoder", 48), ("title_writing", "decoder", 22)]
)
def test_tasks_that_write_text(
    tmp_path: Path, base: Callable[[Family], str], demo: str, family: Family, tests: int
) -> None:
    result = run(demo, tmp_path, ScriptedClient(lambda request: "none"), retrieve_models={"model": base(family)})
    student = next(line for line in result.report.comparisons if line.role == "student")
    assert (student.n, student.test_origin) == (tests, "gold")
    assert {metric.name for metric in student.metrics} >= {"exact_match", "chrf++", "bertscore_f1"}
    assert load_artifact(TaskSpec, result.folder / "1_task").kind == "generation"
    # So small and so briefly trained a model need not end its answer; then it says so.
    answer = load_predictor(result.folder)("hello")
    assert (answer.text is None) == (answer.failure is not None)
