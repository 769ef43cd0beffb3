"""What a predictor answered to each test row: counted in four outcomes, and kept on disk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from prompt2model.artifacts import JsonlRows, dump_line, write_atomically
from prompt2model.errors import RunFolderError
from prompt2model.records import Example, FailureKind, Item, Prediction


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """One line of a predictions file.

    `unparsed`: something was said that is none of the closed answers (`raw` has it); `failed`: nothing was, and
    `failure` says why. `confidence` is the probability of the answer; `scores` are the row's own text metrics.
    """

    id: str
    outcome: Literal["correct", "wrong", "unparsed", "failed"]
    text: str = ""
    raw: str = ""
    failure: FailureKind | None = None
    confidence: float | None = None
    probabilities: tuple[float, ...] | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


def is_right(answer: str, accepted: Sequence[str]) -> bool:
    """Whether an answer equals an accepted one, white space at both ends aside. The empty answer is never right."""
    bare = answer.strip()
    return bool(bare) and any(bare == reference.strip() for reference in accepted)


def item_of(row: Example) -> Item:
    """The row as a predictor gets it: without its answer."""
    return Item(row.input, row.choices, row.evidence)


def answered_row(row: Example, prediction: Prediction, labels: Sequence[str]) -> AnsweredRow:
    """One prediction judged against its row. `labels` is the predictor's closed label set, empty for text."""
    text = _valid(prediction.text or "").strip()
    raw = _valid(prediction.raw)
    raw = "" if raw.strip() == text else raw
    probabilities, confidence = _probabilities(prediction, labels or row.choices)
    closed = labels or row.choices
    if prediction.failure == "unparsable":
        return AnsweredRow(row.id, "unparsed", "", raw or text, "unparsable")
    if prediction.failure is not None or not text:
        return AnsweredRow(row.id, "failed", "", raw, prediction.failure or "empty")
    if is_right(text, row.references):
        return AnsweredRow(row.id, "correct", text, raw, None, confidence, probabilities)
    if closed and text not in closed:
        return AnsweredRow(row.id, "unparsed", "", raw or text, "unparsable")
    return AnsweredRow(row.id, "wrong", text, raw, None, confidence, probabilities)


def count_outcomes(rows: Iterable[AnsweredRow]) -> tuple[int, int, int, dict[str, int]]:
    """How many are correct, wrong, unparsed, and failed by kind of failure."""
    outcomes: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for row in rows:
        outcomes[row.outcome] += 1
        if row.outcome == "failed":
            failures[row.failure or "empty"] += 1
    return outcomes["correct"], outcomes["wrong"], outcomes["unparsed"], dict(sorted(failures.items()))


def predictions_name(predictor: str, test: str) -> str:
    """Where the answers of a predictor to a test stand, inside the report's folder."""
    return f"predictions/{_file_name(predictor)}-{_file_name(test)}.jsonl"


def save_answers(path: Path, rows: Iterable[AnsweredRow]) -> None:
    """Write all answers at once: the file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(dump_line(row) + "\n" for row in rows))


def load_answers(path: Path) -> Iterator[AnsweredRow]:
    """The answers in a predictions file. Raises RunFolderError when it is missing or damaged."""
    yield from JsonlRows(path, AnsweredRow)


def stored_answers(path: Path, rows: Sequence[Example]) -> list[AnsweredRow] | None:
    """The answers that an attempt which was killed had finished, when they are answers to just these rows."""
    if not path.is_file():
        return None
    try:
        found = list(load_answers(path))
    except RunFolderError:
        return None
    return found if [line.id for line in found] == [row.id for row in rows] else None


def _probabilities(prediction: Prediction, closed: Sequence[str]) -> tuple[tuple[float, ...] | None, float | None]:
    if prediction.probabilities is None:
        return None, None
    rounded = tuple(round(value, 6) for value in prediction.probabilities)
    if prediction.text is not None and prediction.text in closed and len(rounded) == len(closed):
        return rounded, rounded[list(closed).index(prediction.text)]
    return rounded, None


def _valid(text: str) -> str:
    """Half a surrogate pair, as an endpoint may send it, cannot be stored as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _file_name(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:60]
    return plain if plain == name else f"{plain}_{sha256(name.encode()).hexdigest()[:6]}".lstrip("_")
