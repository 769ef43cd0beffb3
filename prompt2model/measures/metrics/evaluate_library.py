"""The library `evaluate`, without what it loads for itself where only our commands run."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_PIPELINES = "transformers.pipelines"


def _load() -> ModuleType:
    """`evaluate` loads all of transformers' pipelines for its `Evaluator`, three seconds of processor time.

    No command of ours uses that class, so there it is not loaded. Whoever uses prompt2model as a library gets all of
    `evaluate`.
    """
    if "prompt2model.cli" not in sys.modules or _PIPELINES in sys.modules:
        return importlib.import_module("evaluate")
    sys.modules[_PIPELINES] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("evaluate")
    finally:
        del sys.modules[_PIPELINES]


evaluate: Any = _load()
