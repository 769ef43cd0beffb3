"""Where memory does not suffice, less is computed at once and the batch of a step stays what it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from model_trainer.test_checkpoints import Heard
from model_trainer.test_training_loop import OneNumber, plan

from prompt2model.errors import TrainingError
from prompt2model.model_trainer.loop import fit, reproducible

# A real model, and an address space that holds it, but not a large batch of long rows.
STARVED = """
import resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.model_trainer import training
from prompt2model.records import ChosenModel, Source, TaskSpec, make_example

class Told(SilentProgress):
    def say(self, message):
        print(message)

words = "the parcel came late and the box was open so I want my money back now please".split()
rows = [
    make_example(" ".join([words[(row + place) % 16] for place in range(240)]), (label,), Source("user", row=row))
    for row in range(32) for label in [("no", "yes")[row % 2]]
]
task = TaskSpec("Say yes or no.", (), "classification", ("no", "yes"), "en", "")
model = "sentence-transformers/all-MiniLM-L6-v2"
inputs = TrainInputs(task, rows, (), task.labels, ChosenModel(model, "encoder", (), {}))

fit = training.fit
def with_little_memory(*arguments):
    used = int(next(l for l in open("/proc/self/status") if l.startswith("VmSize")).split()[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + 900 * 2**20, resource.RLIM_INFINITY))
    return fit(*arguments)
training.fit = with_little_memory

config = ModelTrainerConfig(epochs=1, min_steps=0, batch_size=32, max_tokens_at_once=100_000, bf16="off")
trained = ModelTrainer(config).run(inputs, RunContext(Path(sys.argv[1]), 0, Told(), AutomaticChooser()))
print("steps", trained.curve[-1].step)
"""


class Starved(OneNumber):
    """Has memory for so many rows at once."""

    def __init__(self, most: int) -> None:
        super().__init__([0.5] * 3, 100)
        self.most = most

    def loss_sum(self, rows: Sequence[int]) -> Any:
        import torch

        if len(rows) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return super().loss_sum(rows)


def train(most: int, kind: type[Starved] | None = None) -> tuple[Starved, Any, list[str]]:
    heard = Heard()
    with reproducible(0):
        fitting = (kind or Starved)(most)
        return fitting, fit(fitting, plan(3), heard), heard.lines


def test_less_is_computed_at_once_and_the_batch_stays() -> None:
    starved, fitted, said = train(1)
    plenty, usual, _ = train(100)
    assert said[:2] == [
        "memory does not suffice for 4 tokens at once; going on with 2 at once, 4 rows per step as before",
        "memory does not suffice for 2 tokens at once; going on with 1 at once, 4 rows per step as before",
    ]
    assert fitted.curve == usual.curve
    assert starved.model.weight.item() == pytest.approx(plenty.model.weight.item(), rel=1e-6)


def test_one_row_that_does_not_fit_is_one_line() -> None:
    with pytest.raises(TrainingError, match=r"does not suffice for one row of 1 tokens .* lower max_input_tokens"):
        train(0)


def test_other_errors_are_not_taken_for_it() -> None:
    class Wrong(Starved):
        def loss_sum(self, rows: Sequence[int]) -> Any:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        train(1, Wrong)


@pytest.mark.skipif(sys.platform != "linux", reason="an address space is limited as Linux does it; run it there")
def test_a_real_training_goes_on_when_main_memory_is_spent(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARVED, str(tmp_path)], capture_output=True, text=True, check=False,
        env={"OMP_NUM_THREADS": "1", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "memory does not suffice for 7744 tokens at once" in done.stdout
    assert "32 rows per step as before" in done.stdout
    assert "steps 1" in done.stdout
