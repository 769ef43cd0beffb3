"""Training a logistic regression on the vectors of a frozen encoder: each row is read once, the rest costs seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.component import Progress
from prompt2model.errors import ConfigError
from prompt2model.inference import Embedder
from prompt2model.model_trainer.batching import parts_within
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.predictor import encode_inputs
from prompt2model.predictor.embedding import save_embedding
from prompt2model.records import Item
from prompt2model.weights import WeightsLocation, load_encoder, load_tokenizer

if TYPE_CHECKING:
    from prompt2model.predictor.linear_head import LinearHead

_USUAL_LONGEST_INPUT = 512


class EmbeddingReader:
    """Inputs as unit vectors: the mean of the encoder's last hidden states (Sentence-BERT, arXiv 1908.10084)."""

    def __init__(
        self,
        location: WeightsLocation,
        input_format: str,
        config: ModelTrainerConfig,
        device: str,
        progress: Progress,
    ) -> None:
        import torch

        self.truncated = 0
        self._tokenizer: Any = load_tokenizer(location)
        model: Any = load_encoder(location, torch.float32)
        self.max_input_tokens = _longest_input(config, model, self._tokenizer)
        dtype = torch.float32 if config.bf16 == "off" else None
        self._embedder = Embedder(model, self._tokenizer, device, dtype, self.max_input_tokens)
        self._input_format = input_format
        self._tokens_at_once = config.max_tokens_at_once
        self._progress = progress

    def of(self, items: Sequence[Item]) -> Any:
        """Float32 [len(items), width]."""
        import numpy as np

        encoded = encode_inputs(self._tokenizer, items, self._input_format, self.max_input_tokens)
        self.truncated += sum(row.truncated for row in encoded)
        lengths = np.array([len(row.ids) for row in encoded])
        vectors = np.zeros((len(items), self._embedder.size), dtype=np.float32)
        parts = list(parts_within(range(len(items)), lengths, self._tokens_at_once))
        for part in self._progress.track(parts, "reading rows", len(parts)):
            vectors[part] = self._embedder.embed_tokens([encoded[row].ids for row in part])
        return vectors

    def save(self, head: LinearHead, folder: Path) -> None:
        """The encoder as it was, and the head."""
        save_embedding(self._embedder.model, self._tokenizer, head, folder)


def _longest_input(config: ModelTrainerConfig, model: Any, tokenizer: Any) -> int:
    """What is configured or usual, within what the encoder reads. Raises ConfigError where more is asked for."""
    positions = getattr(model.config, "max_position_embeddings", None)
    limits = [limit for limit in (positions, tokenizer.model_max_length) if isinstance(limit, int) and limit < 10**9]
    room = min(limits, default=_USUAL_LONGEST_INPUT)
    if config.max_input_tokens is None:
        return min(_USUAL_LONGEST_INPUT, room)
    if config.max_input_tokens > room:
        raise ConfigError(
            f"max_input_tokens is {config.max_input_tokens}, but the encoder reads at most {room}; lower it in [train] "
            "or choose another"
        )
    return config.max_input_tokens
