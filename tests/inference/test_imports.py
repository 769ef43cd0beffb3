"""Naming the engine costs nothing: torch and transformers are loaded when one is made."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_rooms_loads_no_heavy_library() -> None:
    code = (
        "import sys, prompt2model.inference, prompt2model.weights;"
        "print([name for name in ('torch', 'transformers', 'huggingface_hub', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
