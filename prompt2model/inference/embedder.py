"""Sentence embeddings with a small local encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from prompt2model.errors import WeightsError
from prompt2model.inference.device import best_device, best_dtype

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from prompt2model.weights import WeightsLocation

_TOKENS = 8192
"""Most tokens, padding included, in one forward pass."""


class TextEncoder(Protocol):
    """Whatever makes vectors of texts."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [len(texts), size], rows of length 1."""


class SentenceEncoder:
    """Texts → unit vectors by any sentence-transformers model: pooling and length are as its own folder says.

    Raises WeightsError where the folder holds none.
    """

    def __init__(self, location: WeightsLocation) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(
                str(location.folder),
                device=str(best_device()),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200]
            raise WeightsError(
                f"{location.model_id} cannot be loaded as an encoder of sentences ({why}); name a model made for "
                "sentence-transformers, or leave `encoder` out"
            ) from error

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [len(texts), size], rows of length 1."""
        vectors = self._model.encode(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return vectors.astype("float32")


class Embedder:
    """Texts → unit vectors: the mean of the encoder's last hidden states, normalised (Sentence-BERT, arXiv 1908.10084).

    Texts are cut at `max_tokens`. Matrix products run in bfloat16 where the processor has it; the vectors differ from
    float32's by less than .001 in cosine.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        max_tokens: int = 256,
    ) -> None:
        self.model = (model.to(device) if device is not None else model).eval()
        self.tokenizer = tokenizer
        self.dtype = dtype or best_dtype(self.model.device)
        self.max_tokens = min(max_tokens, self.model.config.max_position_embeddings)

    @property
    def size(self) -> int:
        """Numbers per vector."""
        return self.model.config.hidden_size

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [len(texts), size], rows of length 1. Equal texts get equal vectors."""
        import numpy as np

        unique = sorted(set(texts))
        if not unique:
            return np.zeros((0, self.size), dtype=np.float32)
        ids = self.tokenizer(unique, truncation=True, max_length=self.max_tokens)["input_ids"]
        vectors = np.empty((len(unique), self.size), dtype=np.float32)
        for part in _parts([len(row) for row in ids]):
            vectors[part] = self.embed_tokens([ids[row] for row in part])
        place = {text: row for row, text in enumerate(unique)}
        return vectors[[place[text] for text in texts]]

    def reads(self, texts: Sequence[str]) -> np.ndarray:
        """bool [len(texts)]: whether the encoder sees the whole text: none of it cut off, no token unknown to it."""
        import numpy as np

        if not texts:
            return np.zeros(0, dtype=bool)
        ids = self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens + 1)["input_ids"]
        unknown = self.tokenizer.unk_token_id
        return np.array([len(row) <= self.max_tokens and unknown not in row for row in ids])

    def embed_tokens(self, rows: Sequence[Sequence[int]]) -> np.ndarray:
        """Float32 [len(rows), size] of token rows, special tokens included, in one forward pass."""
        import torch

        width = max(map(len, rows))
        pad = self.tokenizer.pad_token_id or 0
        device = self.model.device
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device)
        low_precision = self.dtype is not torch.float32
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=low_precision):
            states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weight = mask.unsqueeze(-1).float()
        mean = (states * weight).sum(dim=1) / weight.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()


def load_embedder(model_id: str | None = None, *, allow_download: bool = False) -> Embedder:
    """An embedder on the best device; by default the packaged all-MiniLM-L6-v2. Raises WeightsError."""
    import torch

    from prompt2model.weights import EMBEDDED_ENCODER, load_encoder, load_tokenizer, locate

    location = locate(model_id or EMBEDDED_ENCODER, allow_download=allow_download)
    return Embedder(load_encoder(location, torch.float32), load_tokenizer(location), device=best_device())


def _parts(lengths: Sequence[int]) -> list[list[int]]:
    """Rows of similar length together, each part at most `_TOKENS` wide in all."""
    parts: list[list[int]] = [[]]
    for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
        if parts[-1] and (len(parts[-1]) + 1) * lengths[row] > _TOKENS:
            parts.append([])
        parts[-1].append(row)
    return parts
