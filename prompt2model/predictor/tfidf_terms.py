"""Which words and characters of training texts become the features of a TF-IDF student."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from prompt2model.errors import NotEnoughDataError
from prompt2model.predictor.tfidf_features import TermBlock, TfidfFeatures, features_from, vectorizer

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

_WORDS = (1, 2)
_CHARACTERS = (3, 5)
_UNSPACED_CHARACTERS = (1, 4)
"""Where words are not set apart by spaces, one or two characters are a word."""
_UNSPACED_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
_UNSPACED_SHARE = 0.3
_LETTERS_LOOKED_AT = 20_000
MOST_FEATURES = 200_000
MOST_WEIGHTS = 10_000_000
"""Features times labels: 40 MB."""
_FEW_ROWS = 1000


def tfidf_features(texts: Sequence[str], labels: int) -> TfidfFeatures:
    """Terms of the training texts: words and pairs of words, and 3 to 5 characters within words.

    Terms of a single row count where rows are few. The most frequent terms are kept, at most 200,000, fewer with very
    many labels; half may be words. Raises NotEnoughDataError where no text holds any.
    """
    import numpy as np

    room = min(MOST_FEATURES, MOST_WEIGHTS // labels) // 2
    characters = _UNSPACED_CHARACTERS if _is_unspaced(texts) else _CHARACTERS
    fitted = [
        one
        for one in (_fitted("word", _WORDS, texts, room), _fitted("char_wb", characters, texts, room))
        if one is not None
    ]
    if not fitted:
        raise NotEnoughDataError("no training row has a word in its input, so there is nothing to tell labels by")
    blocks = tuple(
        TermBlock(
            analyzer=one.analyzer,
            shortest=one.ngram_range[0],
            longest=one.ngram_range[1],
            terms=tuple(one.get_feature_names_out().tolist()),
        )
        for one in fitted
    )
    # From the terms as they are saved, so that training and answering read texts alike.
    return features_from(blocks, np.concatenate([one.idf_ for one in fitted]).astype(np.float32))


def _fitted(analyzer: str, lengths: tuple[int, int], texts: Sequence[str], room: int) -> TfidfVectorizer | None:
    """None where the texts hold no such term."""
    fewest = 1 if len(texts) < _FEW_ROWS else 2
    made: TfidfVectorizer = vectorizer(analyzer, *lengths, min_df=fewest, max_features=max(1, room))
    try:
        return made.fit(texts)
    except ValueError:  # an empty vocabulary has no class of its own
        return None


def _is_unspaced(texts: Sequence[str]) -> bool:
    """Whether a good part of the letters is of scripts that set no spaces between words."""
    seen = unspaced = 0
    for text in texts:
        for letter in text:
            if letter.isalpha():
                seen += 1
                unspaced += not letter.isascii() and unicodedata.name(letter, "").startswith(_UNSPACED_SCRIPTS)
        if seen >= _LETTERS_LOOKED_AT:
            break
    return unspaced > _UNSPACED_SHARE * max(seen, 1)
