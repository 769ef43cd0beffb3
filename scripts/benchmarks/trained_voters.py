"""Real votes: small text classifiers, each trained on few rows of a training split, answer the test questions.

Their errors depend on one another as real ones do: they share features, training rows and hard questions.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prompt2model.labelling.aggregation import Votes

TASKS = {"trec6": 20, "agnews": 20, "banking77": 5}
"""Training rows per label and voter."""
_MOST = 1500
"""Test questions taken of a task, at random."""


def real_votes(data: Path, task: str, seed: int) -> tuple[Votes, NDArray[np.int64]]:
    """Six voters' votes on test questions of a task, and the true labels: two features times three sets of rows."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

    rng = random.Random(seed)
    train, test = _rows(data / "cls" / f"{task}_train.jsonl.gz"), _rows(data / "cls" / f"{task}_test.jsonl.gz")
    test = rng.sample(test, min(_MOST, len(test)))
    labels = sorted({label for _, label in train})
    learners = {
        "naive Bayes": lambda: MultinomialNB(alpha=0.1),
        "centroids": lambda: NearestCentroid(),
        "neighbours": lambda: KNeighborsClassifier(3, metric="cosine"),
    }
    answers = {}
    for name, learner in learners.items():
        sample = _sample(train, labels, TASKS[task], rng)
        for analyzer, grams in (("word", (1, 1)), ("char_wb", (2, 4))):
            features = TfidfVectorizer(analyzer=analyzer, ngram_range=grams)
            model = learner().fit(features.fit_transform([text for text, _ in sample]), [label for _, label in sample])
            said = model.predict(features.transform([text for text, _ in test]))
            answers[f"{name}, {analyzer}"] = [str(label) for label in said]
    truth = np.array([labels.index(label) for _, label in test])
    return Votes.from_answers(labels, answers), truth


def _sample(
    rows: Sequence[tuple[str, str]], labels: Sequence[str], each: int, rng: random.Random
) -> list[tuple[str, str]]:
    drawn = []
    for label in labels:
        own = [row for row in rows if row[1] == label]
        drawn += rng.sample(own, min(each, len(own)))
    return drawn


def _rows(path: Path) -> list[tuple[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [(row.get("text") or row["sentence"], str(row["label"])) for row in rows]
