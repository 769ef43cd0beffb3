"""Student folders that answer: the same before and after saving, here and with transformers alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_trainer.tiny_models import COLOURS, colour_rows, word_tokenizer

from prompt2model.errors import RunFolderError
from prompt2model.predictor import (
    MajorityPredictor,
    encode_inputs,
    find_student,
    load_predictor,
    read_spec,
    render_input,
)
from prompt2model.predictor.closed_labels import closed_prediction
from prompt2model.records import Item

FAMILIES = ("encoder", "encoder_decoder", "decoder")
ITEMS = [Item(row.input) for row in colour_rows()]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_gives_a_label_with_probabilities_in_the_order_of_its_labels(student: Any, family: Any) -> None:
    predictor = load_predictor(student(family))
    assert predictor.labels == COLOURS
    for prediction in predictor.predict(ITEMS[:20]):
        assert prediction.probabilities is not None
        assert sum(prediction.probabilities) == pytest.approx(1)
        best = max(range(6), key=prediction.probabilities.__getitem__)
        assert prediction.text == COLOURS[best]
        assert prediction.failure is None


@pytest.mark.parametrize("family", FAMILIES)
def test_order_and_answers_do_not_depend_on_the_company(student: Any, family: Any) -> None:
    predictor = load_predictor(student(family))
    items = [Item(("the red car " * (number % 5 + 1)).strip()) for number in range(30)] + ITEMS
    together = list(predictor.predict(items))
    alone = [predictor(item) for item in items]
    assert [one.text for one in together] == [one.text for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=2e-2 if family == "decoder" else 1e-4)
    assert list(load_predictor(student(family)).predict(items)) == together


@pytest.mark.parametrize("family", ["encoder_decoder", "decoder"])
def test_streamed_pieces_add_up_to_the_answer(student: Any, family: Any) -> None:
    predictor = load_predictor(student(family, "generation"))
    assert predictor.labels == ()
    for item in ITEMS[:6]:
        assert "".join(predictor.stream(item)).strip() == predictor(item).text
    assert predictor(ITEMS[0]).probabilities is None


@pytest.mark.parametrize("family", FAMILIES)
def test_a_streamed_label_comes_in_one_piece(student: Any, family: Any) -> None:
    predictor = load_predictor(student(family))
    assert list(predictor.stream(Item("the red car"))) == [predictor("the red car").text]


def test_an_endless_source_is_read_as_far_as_it_is_asked_for(student: Any) -> None:
    taken = 0

    def endless() -> Iterator[Item]:
        nonlocal taken
        while True:
            taken += 1
            yield Item("the red car")

    answers = load_predictor(student("encoder")).predict(endless())
    for _ in range(10):
        next(answers)
    assert taken <= 1024
    assert list(load_predictor(student("encoder")).predict(iter(()))) == []


def test_cut_inputs_are_counted(student: Any) -> None:
    predictor = load_predictor(student("encoder"))
    list(predictor.predict([Item("the red car"), Item("the red car " * 100), Item("")]))
    assert predictor.truncated == 1


@pytest.mark.parametrize("family", ["encoder_decoder", "decoder"])
def test_choices_are_scored_in_their_own_order(student: Any, family: Any) -> None:
    predictor = load_predictor(student(family, "generation"))
    item = Item("the red car", choices=("green", "red"))
    prediction = predictor(item)
    assert prediction.text in item.choices
    assert prediction.probabilities is not None
    assert len(prediction.probabilities) == 2
    assert prediction.text == item.choices[prediction.probabilities[1] > prediction.probabilities[0]]


PLAIN = """
import importlib.abc, json, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "prompt2model":
            raise ImportError("prompt2model is not here")

sys.meta_path.insert(0, Refuse())
texts = json.loads(sys.argv[1])
for folder in sys.argv[2:]:
    code = open(folder + "/README.md", encoding="utf-8").read().split("```python\\n")[1].split("```")[0]
    for text in texts:
        exec(code, {"folder": folder, "text": text, "choices": ["red", "green", "blue", "white", "black", "brown"]})
assert "prompt2model" not in sys.modules
"""


def test_the_code_in_the_folders_readme_answers_the_same_without_prompt2model(student: Any, tmp_path: Path) -> None:
    folders = []
    kinds = {"tfidf": "classification", "embedding": "classification", "encoder": "classification"}
    for family, kind in {**kinds, "encoder_decoder": "generation", "decoder": "generation"}.items():
        folders.append(tmp_path / family)
        shutil.copytree(student(family, kind), folders[-1])
    texts = [item.input for item in ITEMS[:8]]
    command = [sys.executable, "-I", "-c", PLAIN, json.dumps(texts), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here = [prediction.text for folder in folders for prediction in load_predictor(folder).predict(ITEMS[:8])]
    assert done.stdout.splitlines() == here


def test_the_code_in_a_choosing_encoders_readme_answers_the_same(student: Any) -> None:
    folder = student("encoder", "multiple_choice")
    texts = [item.input for item in ITEMS[:8]]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PLAIN, json.dumps(texts), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    items = [Item(text, COLOURS) for text in texts]
    assert done.stdout.splitlines() == [answer.text for answer in load_predictor(folder).predict(items)]


def test_a_run_folder_leads_to_its_student(student: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(student("encoder"), run / "7_trained" / "student")
    (run / "config.toml").write_text("")
    step = {"folder": "7_trained", "fingerprint": "f", "content": "c", "seconds": 1.0}
    (run / "manifest.json").write_text(json.dumps({"version": 1, "steps": {"train": step}}))
    assert load_predictor(run)("the red car").text in COLOURS
    assert find_student(run) == run / "7_trained" / "student"
    shutil.rmtree(run / "7_trained")
    with pytest.raises(RunFolderError, match="resume"):
        load_predictor(run)


@pytest.fixture
def damaged(student: Callable[..., Path], tmp_path: Path) -> Path:
    folder = tmp_path / "damaged"
    shutil.copytree(student("encoder"), folder)
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format"),
        ({"family": "oracle"}, "family"),
        ({"labels": ["red", "red"]}, "stands twice"),
        ({"input_format": "no slot"}, "input_format"),
        ({"kind": "generation"}, "closed labels"),
        ({"surprise": 1}, "surprise"),
        ({"labels": ["red", "green"]}, "other labels"),
    ],
)
def test_a_changed_spec_is_refused(damaged: Path, change: dict[str, Any], message: str) -> None:
    path = damaged / "prompt2model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunFolderError, match=message):
        load_predictor(damaged)


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json", "prompt2model.json"])
def test_a_missing_file_is_said(damaged: Path, missing: str) -> None:
    (damaged / missing).unlink()
    with pytest.raises(RunFolderError):
        load_predictor(damaged)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=60, deadline=None)
def test_any_damage_to_the_spec_is_a_run_folder_error(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "prompt2model.json").write_bytes(content)
        with pytest.raises(RunFolderError):
            read_spec(Path(name))


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="there is no folder"):
        load_predictor(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="neither"):
        load_predictor(tmp_path)


def test_rendering() -> None:
    assert render_input(Item("a {input} b"), "Say: {input}!") == "Say: a {input} b!"
    item = Item("Which?", choices=("red", "green"), evidence=("Grass is green.",))
    assert render_input(item, "{input}") == "Which?\nA. red\nB. green\nEvidence:\nGrass is green."


@given(st.integers(0, 60), st.integers(0, 4), st.integers(12, 40))
@settings(max_examples=40, deadline=None)
def test_what_does_not_fit_is_cut_from_the_item_never_from_the_format(words: int, pieces: int, room: int) -> None:
    tokenizer = word_tokenizer("decoder")
    item = Item("red " * words, evidence=("the car is green",) * pieces)
    (encoded,) = encode_inputs(tokenizer, [item], "Say it . Input: {input}\nOutput:", room)
    whole = len(tokenizer(render_input(item, "Say it . Input: {input}\nOutput:"))["input_ids"])
    assert len(encoded.ids) <= room
    assert encoded.truncated == (whole > room)
    text = tokenizer.decode(encoded.ids)
    assert text.startswith(("Say it. Input", "Say it . Input"))
    assert text.rstrip().endswith(("Output:", "Output :"))
    assert tuple(tokenizer(encoded.text)["input_ids"]) == encoded.ids
    if whole > room and not pieces:
        assert room - len(encoded.ids) <= 1, "as much of the input as fits is kept"


def test_closed_predictions() -> None:
    prediction = closed_prediction(("a", "b", "c"), (-1.0, -1.0, -800.0), 5)
    assert prediction.text == "a"
    assert prediction.probabilities == pytest.approx((0.5, 0.5, 0.0))


def test_majority() -> None:
    rows = colour_rows(7)
    majority = MajorityPredictor.fit(rows, COLOURS)
    assert majority.label == "red"
    assert list(majority.predict(ITEMS[:2]))[1].probabilities == (1, 0, 0, 0, 0, 0)
    assert next(iter(MajorityPredictor("x").predict(ITEMS[:1]))).probabilities is None
    assert list(majority.stream(ITEMS[0])) == ["red"]
