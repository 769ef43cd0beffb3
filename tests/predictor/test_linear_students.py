"""Folders of the two linear students: how they answer, what loading them needs, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_trainer.tiny_models import COLOURS, colour_rows

from prompt2model.errors import Prompt2ModelError, RunFolderError
from prompt2model.predictor import load_predictor
from prompt2model.records import Item

FAMILIES = ("tfidf", "embedding")
ITEMS = [Item(row.input) for row in colour_rows()]


@pytest.fixture
def copied(student: Callable[..., Path], tmp_path: Path) -> Callable[[str], Path]:
    """A student's folder that may be changed."""

    def make(family: str) -> Path:
        return Path(shutil.copytree(student(family), tmp_path / family))

    return make


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_have_probabilities_and_do_not_depend_on_the_company(student: Any, family: Any) -> None:
    predictor = load_predictor(student(family))
    items = [Item(("the red car " * (number % 5 + 1)).strip()) for number in range(30)] + ITEMS
    together = list(predictor.predict(items))
    for one, item in zip(together, items, strict=True):
        alone = predictor(item)
        assert one.text == alone.text == COLOURS[int(np.argmax(one.probabilities))]  # type: ignore[arg-type]
        assert one.probabilities == pytest.approx(alone.probabilities, abs=1e-4)
        assert sum(one.probabilities or ()) == pytest.approx(1)
    assert list(predictor.stream(items[0])) == [together[0].text]


def test_an_embedding_student_counts_the_inputs_that_it_cut(student: Any) -> None:
    predictor = load_predictor(student("embedding"))
    list(predictor.predict([Item("the red car"), Item("the red car " * 100)]))
    assert predictor.truncated == 1


def test_a_tfidf_student_answers_without_torch_and_transformers(student: Any) -> None:
    code = (
        "import sys\nfrom prompt2model import load_predictor\n"
        "print(load_predictor(sys.argv[1])('the red car').text)\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(student("tfidf"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "red"), done.stderr


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_answers_wherever_it_lies(copied: Any, student: Any, family: Any) -> None:
    folder = copied(family)
    there = folder.rename(folder.with_name("elsewhere"))
    assert list(load_predictor(there).predict(ITEMS)) == list(load_predictor(student(family)).predict(ITEMS))


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def pickled(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.")


def no_numbers(path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path)
    tensors["bias"] = np.full_like(tensors["bias"], np.nan)
    save_file(tensors, path)


def fewer_labels(path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path)
    save_file({**tensors, "weights": np.ascontiguousarray(tensors["weights"][:, :4])}, path)


def other_terms(path: Path) -> None:
    content = json.loads(path.read_text())
    content["blocks"][0]["terms"].pop()
    path.write_text(json.dumps(content))


def a_term_twice(path: Path) -> None:
    content = json.loads(path.read_text())
    content["blocks"][0]["terms"][0] = content["blocks"][0]["terms"][1]
    path.write_text(json.dumps(content))


DAMAGES = [
    *(("tfidf", name, change) for name in ("model.safetensors", "vocabulary.json") for change in (Path.unlink, cut)),
    *(
        ("embedding", name, change)
        for name in ("model.safetensors", "head.safetensors")
        for change in (Path.unlink, cut)
    ),
    *(("tfidf", "model.safetensors", change) for change in (pickled, no_numbers, fewer_labels)),
    *(("embedding", "head.safetensors", change) for change in (pickled, no_numbers, fewer_labels)),
    *(("tfidf", "vocabulary.json", change) for change in (other_terms, a_term_twice, pickled)),
]


@pytest.mark.parametrize(("family", "name", "change"), DAMAGES)
def test_damage_is_said_in_one_line(copied: Any, family: str, name: str, change: Callable[[Path], None]) -> None:
    folder = copied(family)
    change(folder / name)
    with pytest.raises(Prompt2ModelError) as raised:
        load_predictor(folder)
    assert "\n" not in str(raised.value)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["model.pkl", "vectorizer.joblib", "pytorch_model.bin"])
def test_a_folder_with_a_pickle_is_refused(copied: Any, family: str, name: str) -> None:
    folder = copied(family)
    pickled(folder / name)
    with pytest.raises(RunFolderError, match=f"{name}, a pickle"):
        load_predictor(folder)


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("tfidf", {"max_input_tokens": 64}, "max_input_tokens is 0 for tfidf"),
        ("embedding", {"max_input_tokens": 0}, "max_input_tokens is 0 for tfidf"),
        ("tfidf", {"kind": "generation", "labels": []}, "closed labels"),
        ("embedding", {"labels": ["red", "green"]}, "does not fit"),
    ],
)
def test_a_changed_spec_is_refused(copied: Any, family: str, change: dict[str, Any], message: str) -> None:
    path = copied(family) / "prompt2model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunFolderError, match=message):
        load_predictor(path.parent)
