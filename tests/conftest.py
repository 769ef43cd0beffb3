"""What tests of every room share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

# No test reaches the hub; those that need one talk to a server of their own on loopback.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., RunContext]:
    """A RunContext in a temporary folder: silent, automatic, with the teachers that the test gives."""

    def make(teachers: Mapping[str, Any] | None = None, seed: int = 0, **changes: Any) -> RunContext:
        folder = changes.pop("folder", tmp_path / "step")
        folder.mkdir(parents=True, exist_ok=True)
        chooser = changes.pop("chooser", AutomaticChooser())
        return RunContext(
            folder=folder,
            seed=seed,
            progress=SilentProgress(),
            chooser=chooser,
            teachers=dict(teachers or {}),
            cache_folder=tmp_path / "cache",
            **changes,
        )

    return make
