"""How good the student is: metrics with intervals, beside baselines, and the report page."""

from prompt2model.model_evaluator.config import ModelEvaluatorConfig
from prompt2model.model_evaluator.evaluator import ModelEvaluator

__all__ = ["ModelEvaluator", "ModelEvaluatorConfig"]
