"""One process of a training by several: `accelerate launch -m prompt2model.model_trainer.worker RUN`.

Started with the same run folder on every machine; `--use_fsdp` divides weights, gradients and moments, too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from prompt2model.console import ConsoleProgress, SilentProgress
from prompt2model.errors import Prompt2ModelError, TrainingError
from prompt2model.model_trainer.team import AccelerateTeam
from prompt2model.model_trainer.together import train_shared

_USAGE = "usage: accelerate launch -m prompt2model.model_trainer.worker RUN"


def main(arguments: list[str]) -> int:
    """Train; 0 where it went well, 2 where it did not."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(_USAGE, file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    run = Path(arguments[0])
    first = int(os.environ.get("RANK", "0")) == 0
    try:
        team = AccelerateTeam()
        train_shared(run, team, ConsoleProgress() if first else SilentProgress())
    except Prompt2ModelError as error:
        if first or isinstance(error, TrainingError):
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    if first:
        print(f"trained by {team.size} processes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
