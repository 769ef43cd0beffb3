"""The metrics, each an `evaluate.Metric` with n and a 95 % interval. Importing this package loads `evaluate`."""

from prompt2model.model_evaluator.metrics.base import Figure, IntervalMetric
from prompt2model.model_evaluator.metrics.bertscore import BertScoreEncoder, BertScoreF1, choose_encoder
from prompt2model.model_evaluator.metrics.chrf import ChrfPlusPlus
from prompt2model.model_evaluator.metrics.macro_f1 import MacroF1
from prompt2model.model_evaluator.metrics.overlap import NormalisedExactMatch, RougeL, TokenF1
from prompt2model.model_evaluator.metrics.shares import Accuracy, ExactMatch

__all__ = [
    "Accuracy",
    "BertScoreEncoder",
    "BertScoreF1",
    "ChrfPlusPlus",
    "ExactMatch",
    "Figure",
    "IntervalMetric",
    "MacroF1",
    "NormalisedExactMatch",
    "RougeL",
    "TokenF1",
    "choose_encoder",
]
