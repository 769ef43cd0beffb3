"""BERTScore F1 (arXiv 1904.09675): how well the tokens of answer and reference match in an encoder's space."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from prompt2model.errors import Prompt2ModelError
from prompt2model.measures.metrics.base import Figure, IntervalMetric
from prompt2model.statistics.bootstrap import mean_interval
from prompt2model.weights import EMBEDDED_ENCODER, WeightsLocation, load_encoder, load_tokenizer, locate

MULTILINGUAL_ENCODER = "FacebookAI/xlm-roberta-base"
_LAYERS = {MULTILINGUAL_ENCODER: 9, EMBEDDED_ENCODER: 5}
"""Which layer's output is compared. XLM-R: as tuned by the paper's authors. MiniLM has six: the last but one, which
is what they found best for encoders of six layers."""
_LONGEST = 512
"""Tokens of a text that are read."""
_MILLIONTH = 1_000_000


@dataclass(frozen=True)
class BertScoreEncoder:
    """Which encoder compares the texts, and why."""

    location: WeightsLocation
    layers: int
    note: str


def choose_encoder(hub_allowed: bool) -> BertScoreEncoder:
    """XLM-R base where the hub is allowed or its cache has it, else the packaged MiniLM.

    Raises WeightsError when neither can be had.
    """
    try:
        location = locate(MULTILINGUAL_ENCODER, allow_download=hub_allowed)
        reason = ""
    except Prompt2ModelError as error:
        location = locate(EMBEDDED_ENCODER)
        reason = f", an English encoder, in place of {MULTILINGUAL_ENCODER}: " + (
            f"{error}" if hub_allowed else "the model hub is not in use"
        )
    layers = _LAYERS[location.model_id]
    return BertScoreEncoder(location, layers, f"BERTScore compares layer {layers} of {location.model_id}{reason}")


class BertScoreF1(IntervalMetric):
    """Mean F1 of BERTScore, not rescaled, no idf weights; the best reference of each row counts.

    An empty answer scores 0. Values live in a narrow band near 1: compare predictors, not tasks.
    """

    key = "bertscore_f1"
    description = "Mean F1 of token matches in an encoder's space; not rescaled."
    citation = "Zhang, T. et al. (2020). BERTScore: Evaluating Text Generation with BERT. ICLR 2020."

    def __init__(self, encoder: BertScoreEncoder, resamples: int = 1000, seed: int = 0) -> None:
        super().__init__(resamples, seed)
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer: Any = load_tokenizer(encoder.location)
        self._tokenizer.model_max_length = min(self._tokenizer.model_max_length, _LONGEST)
        self._model: Any = load_encoder(encoder.location, dtype=torch.float32).to(self.device)
        self._model.encoder.layer = self._model.encoder.layer[: encoder.layers]

    def figure(self, predictions: list[str], references: list[list[str]]) -> Figure:
        """See IntervalMetric."""
        # Millionths as whole numbers: their sums are exact, whatever the order.
        scores = np.rint(np.array(self.row_scores(predictions, references)) * _MILLIONTH).astype(np.int64)
        low, high = mean_interval(scores, self.resamples, self.seed)
        return Figure(float(scores.mean()) / _MILLIONTH, low / _MILLIONTH, high / _MILLIONTH)

    def row_scores(self, predictions: list[str], references: list[list[str]]) -> list[float]:
        """F1 of each row."""
        from bert_score.utils import bert_cos_score_idf

        # BERTScorer would read the model's folder by itself and guess the family from letters in its path.
        pairs = [
            (row, text.strip(), accepted.strip())
            for row, (text, all_accepted) in enumerate(zip(predictions, references, strict=True))
            for accepted in all_accepted
            if text.strip() and accepted.strip()
        ]
        scores = [0.0] * len(predictions)
        if not pairs:
            return scores
        weights: dict[int, float] = defaultdict(lambda: 1.0)
        weights[self._tokenizer.sep_token_id] = weights[self._tokenizer.cls_token_id] = 0.0
        figures = bert_cos_score_idf(
            self._model,
            [accepted for _, _, accepted in pairs],
            [text for _, text, _ in pairs],
            self._tokenizer,
            weights,
            device=self.device,
        )
        for (row, _, _), score in zip(pairs, figures[:, 2].tolist(), strict=True):
            scores[row] = max(scores[row], score)
        return scores
