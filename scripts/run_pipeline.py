"""The entry script: `python scripts/run_pipeline.py "your prompt" …` is `prompt2model run "your prompt" …`."""

import sys

from prompt2model.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "run")
    main()
