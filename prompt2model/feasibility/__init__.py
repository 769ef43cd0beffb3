"""Is the teacher good enough at the task? Asked on a few test rows, before money is spent on examples and training."""

from prompt2model.feasibility.check import FeasibilityCheck
from prompt2model.feasibility.config import FeasibilityConfig, FeasibilityInputs

__all__ = ["FeasibilityCheck", "FeasibilityConfig", "FeasibilityInputs"]
