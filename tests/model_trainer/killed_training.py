"""A training step in a process of its own that kills itself when it has said something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from prompt2model.artifacts import save_artifact
from prompt2model.model_trainer import TrainInputs

_TRAINING = """
import json, os, signal, sys
from pathlib import Path
from prompt2model.artifacts import load_artifact
from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs

folder, settings, stops = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
class Progress(SilentProgress):
    def say(self, message):
        print(message, flush=True)
        if stops and stops[0] in message:
            stops.pop(0)
            if not stops:
                os.kill(os.getpid(), signal.SIGKILL)
inputs = load_artifact(TrainInputs, folder / "given")
context = RunContext(folder / "step", 0, Progress(), AutomaticChooser())
ModelTrainer(ModelTrainerConfig(**settings)).run(inputs, context)
"""


def in_a_process(
    folder: Path, inputs: TrainInputs, settings: dict[str, Any], *stops: str
) -> subprocess.CompletedProcess[str]:
    """Train in `folder/step`; after a line with the first of `stops`, then one with the next, ..., it is killed."""
    for path in (folder / "step", folder / "given"):
        path.mkdir(parents=True, exist_ok=True)
    save_artifact(inputs, folder / "given")
    command = [sys.executable, "-c", _TRAINING, str(folder), json.dumps(settings), *stops]
    return subprocess.run(command, capture_output=True, text=True, check=False)
