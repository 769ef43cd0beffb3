"""Texts as TF-IDF weights of words and of characters within words (scikit-learn's TfidfVectorizer)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from prompt2model.artifacts import write_atomically
from prompt2model.errors import RunFolderError

if TYPE_CHECKING:
    import numpy as np

VOCABULARY_FILE = "vocabulary.json"
_WORD = r"(?u)\b\w+\b"


class TermBlock(BaseModel):
    """Terms of one kind, in the order of their columns, and how texts are taken apart into them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    analyzer: Literal["word", "char_wb"]
    shortest: int
    longest: int
    terms: tuple[str, ...]


class _Vocabulary(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    blocks: tuple[TermBlock, ...]


@dataclass(frozen=True)
class TfidfFeatures:
    """Vectorisers of each block; a text's features are those of the blocks side by side, each of length 1."""

    blocks: tuple[TermBlock, ...]
    vectorizers: tuple[Any, ...]

    @property
    def idf(self) -> np.ndarray:
        """float32 [features]: how rare each term is."""
        import numpy as np

        return np.concatenate([one.idf_ for one in self.vectorizers]).astype(np.float32)

    def of(self, texts: Sequence[str]) -> Any:
        """CSR float32 [len(texts), features]; a text without a known term is all zero."""
        from scipy.sparse import hstack

        return hstack([one.transform(texts) for one in self.vectorizers], format="csr", dtype="float32")


def vectorizer(analyzer: str, shortest: int, longest: int, **settings: Any) -> Any:
    """A TfidfVectorizer with the settings that training and answering share: sublinear term frequency, lower case."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    pattern = {"token_pattern": _WORD} if analyzer == "word" else {}
    return TfidfVectorizer(
        analyzer=analyzer,
        ngram_range=(shortest, longest),
        sublinear_tf=True,
        dtype=np.float32,
        **pattern,
        **settings,
    )


def features_from(blocks: Sequence[TermBlock], idf: np.ndarray) -> TfidfFeatures:
    """Vectorisers with the terms of the blocks and their weights, `idf` [features]."""
    made, start = [], 0
    for block in blocks:
        places = {term: number for number, term in enumerate(block.terms)}
        one = vectorizer(block.analyzer, block.shortest, block.longest, vocabulary=places)
        one.idf_ = idf[start : start + len(block.terms)]
        start += len(block.terms)
        made.append(one)
    return TfidfFeatures(tuple(blocks), tuple(made))


def write_vocabulary(blocks: Sequence[TermBlock], folder: Path) -> None:
    """The terms as JSON."""
    content = {"blocks": [block.model_dump() for block in blocks]}
    write_atomically(folder / VOCABULARY_FILE, json.dumps(content) + "\n")


def read_vocabulary(folder: Path) -> tuple[TermBlock, ...]:
    """Read them back. Raises RunFolderError where the file is missing or damaged."""
    path = folder / VOCABULARY_FILE
    try:
        blocks = _Vocabulary.model_validate_json(path.read_bytes()).blocks
    except FileNotFoundError as error:
        raise RunFolderError(f"{folder} is damaged: {path.name} is missing; train the student again") from error
    except ValidationError as error:
        raise RunFolderError(f"{path} is damaged ({error.errors()[0]['msg']}); train the student again") from error
    for block in blocks:
        if not 1 <= block.shortest <= block.longest or not block.terms or len(set(block.terms)) < len(block.terms):
            raise RunFolderError(f"{path} is damaged (a term twice, or none); train the student again")
    return blocks
