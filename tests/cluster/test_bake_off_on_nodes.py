"""A bake-off on two nodes, one of which is killed: the same students, the same choice as in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.two_nodes import Interrupted, TwoNodes
from model_trainer.tiny_models import colour_rows, colour_task, tiny_model, word_tokenizer

from prompt2model.artifacts import content_hash
from prompt2model.cluster import connect
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.records import ChosenModel
from prompt2model.weights import save_model


def test_a_bake_off_loses_a_node_and_no_student(two_nodes: TwoNodes, make_context: Any, tmp_path: Path) -> None:
    bases = []
    for width in (32, 64):
        tokenizer = word_tokenizer("encoder")
        bases.append(str(save_model(tiny_model("encoder", len(tokenizer), width), tokenizer, tmp_path / str(width))))
    rows, task = colour_rows(), colour_task()
    inputs = TrainInputs(task, rows, rows[:36], task.labels, ChosenModel(bases[0], "encoder", (), {}))
    students = (bases[0], "tfidf", bases[1])
    config = ModelTrainerConfig(students=students, learning_rate=5e-3, epochs=3, min_steps=0, bf16="off")  # type: ignore[call-arg]
    here = make_context(folder=tmp_path / "here")
    alone = ModelTrainer(config).run(inputs, here)
    there = make_context(folder=tmp_path / "there")
    with connect(two_nodes.address) as cluster:
        workers = Interrupted(cluster, two_nodes.kill_second)
        together = ModelTrainer(config).run(inputs, replace(there, workers=workers))
    assert [(one.id, one.verdict, one.score) for one in together.candidates] == [
        (one.id, one.verdict, one.score) for one in alone.candidates
    ]
    assert content_hash(together.folder) == content_hash(alone.folder)
