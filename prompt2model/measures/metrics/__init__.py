"""The metrics, each an `evaluate.Metric` with n and a 95 % interval. Importing this package loads `evaluate`."""

from prompt2model.measures.metrics.base import Figure, IntervalMetric
from prompt2model.measures.metrics.bertscore import BertScoreEncoder, BertScoreF1, choose_encoder
from prompt2model.measures.metrics.chrf import ChrfPlusPlus
from prompt2model.measures.metrics.macro_f1 import MacroF1
from prompt2model.measures.metrics.overlap import NormalisedExactMatch, RougeL, TokenF1
from prompt2model.measures.metrics.shares import Accuracy, ExactMatch

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
