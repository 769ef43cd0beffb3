"""A folder to work in, and one small finished run for all tests."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from integration.command_line import FAST, TASK, command
from model_trainer.tiny_models import COLOURS, THINGS, tiny_model, word_tokenizer


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a prompt, labelled rows and a tiny random base model."""
    from prompt2model.weights import save_model

    folder = tmp_path_factory.mktemp("material")
    (folder / "task.txt").write_text(TASK)
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "colour"])
        writer.writerows([f"the {colour} {thing}", colour] for thing in THINGS for colour in COLOURS)
        writer.writerows([f"{thing} is {colour}", colour] for thing in THINGS[:2] for colour in COLOURS)
    tokenizer = word_tokenizer("encoder")
    save_model(tiny_model("encoder", len(tokenizer)), tokenizer, folder / "base")
    return folder


@pytest.fixture(scope="session")
def finished_folder(material: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the material and a finished run in `runs/kept`. Nobody may change it."""
    folder = tmp_path_factory.mktemp("finished") / "work"
    shutil.copytree(material, folder)
    ended = command(
        *("run", "--prompt-file", "task.txt", "--yes", "--teacher", "none", "--datasets", "none"),
        *("--data", "rows.csv", "--base-model", "base", "--name", "kept", *FAST),
        cwd=folder,
    )
    assert ended.code == 0, ended.err
    return folder


@pytest.fixture
def work(material: Path, tmp_path: Path) -> Path:
    """A working folder with the material."""
    return shutil.copytree(material, tmp_path / "work")


@pytest.fixture
def finished(finished_folder: Path, tmp_path: Path) -> Path:
    """A working folder of the test's own with a finished run in `runs/kept`."""
    return shutil.copytree(finished_folder, tmp_path / "finished")
