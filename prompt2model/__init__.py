"""Describe a task in a prompt, get a small model of your own that does it, with proof of how well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prompt2model.pipeline import Pipeline
    from prompt2model.predictor import load_predictor

__version__ = "0.1.0"
__all__ = ["Pipeline", "__version__", "load_predictor"]


def __getattr__(name: str) -> Any:
    # Loaded when first used, so that importing the package stays instant.
    if name == "Pipeline":
        from prompt2model.pipeline import Pipeline

        return Pipeline
    if name == "load_predictor":
        from prompt2model.predictor import load_predictor

        return load_predictor
    raise AttributeError(f"module 'prompt2model' has no attribute {name!r}")
