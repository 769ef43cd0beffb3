"""The plainest ways to the same answers, which a student has to beat to be worth anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from prompt2model.errors import Prompt2ModelError
from prompt2model.predictor import MajorityPredictor, Predictor
from prompt2model.records import ChosenModel, Example, Role, TaskSpec

_NEAREST_ROWS, _TFIDF_ROWS = 5_000, 50_000
"""Most training rows that these look at; with more they take some, drawn at random."""
BASELINES: tuple[Role, ...] = ("majority", "nearest", "tfidf", "base")
_WORDS: Mapping[Role, str] = {
    "majority": "majority baseline",
    "nearest": "nearest-neighbour baseline",
    "tfidf": "TF-IDF baseline",
    "base": "untrained base model",
}


class Baselines:
    """Made of training rows and the base model, for one task. `notes` says which of them there is not, and why.

    `slow` are those that are only asked as many rows as the teacher is.
    """

    def __init__(
        self,
        task: TaskSpec,
        train: Sequence[Example],
        labels: tuple[str, ...],
        base_model: ChosenModel,
        rng_of: Callable[[str], Random],
    ) -> None:
        self.task, self.train, self.labels, self.base_model = task, train, labels, base_model
        self._rng_of = rng_of
        self.notes: list[str] = []
        self.slow: set[Role] = {"base"} if base_model.family in ("encoder_decoder", "decoder") else set()

    def make(self, wanted: Sequence[Role]) -> dict[Role, Predictor]:
        """The wanted ones that this task can have."""
        makers: dict[Role, Callable[[], Predictor | None]] = {
            "majority": self._majority,
            "nearest": self._nearest,
            "tfidf": self._tfidf,
            "base": self._base,
        }
        made: dict[Role, Predictor] = {}
        for role in wanted:
            try:
                predictor = makers[role]()
            except Prompt2ModelError as error:
                self.notes.append(f"There is no {_WORDS[role]}: {error}.")
                continue
            if predictor is not None:
                made[role] = predictor
        return made

    def _majority(self) -> Predictor | None:
        if self._has_own_choices():
            self.notes.append("No majority baseline: every row has choices of its own.")
            return None
        return MajorityPredictor.fit(self.train, self.labels)

    def _nearest(self) -> Predictor | None:
        if self._has_own_choices():
            return None
        from prompt2model.inference import load_embedder
        from prompt2model.predictor.nearest import NearestTextPredictor

        return NearestTextPredictor.of_rows(self._some("nearest", _NEAREST_ROWS), load_embedder(), self.labels)

    def _tfidf(self) -> Predictor | None:
        if self.task.kind != "classification":
            return None
        from prompt2model.predictor.tfidf_baseline import TfidfBaseline

        return TfidfBaseline.fit(self._some("tfidf", _TFIDF_ROWS), self.labels)

    def _base(self) -> Predictor | None:
        family = self.base_model.family
        if family == "tfidf" or (family in ("encoder", "embedding") and not self.labels):
            return None
        if family in ("encoder", "embedding"):
            from prompt2model.inference import load_embedder
            from prompt2model.predictor.nearest import NearestTextPredictor

            return NearestTextPredictor.of_labels(self.labels, load_embedder(self._encoder()))
        from prompt2model.predictor.untrained import untrained_predictor

        longest = max((len(row.target) for row in self.train), default=0)
        return untrained_predictor(self.base_model, self.task, self.labels, longest)

    def _encoder(self) -> str:
        return self.base_model.id.removeprefix("embedding:")

    def _has_own_choices(self) -> bool:
        return self.task.kind == "multiple_choice" and not self.labels

    def _some(self, name: str, most: int) -> Sequence[Example]:
        if len(self.train) <= most:
            return self.train
        self.notes.append(f"The {_WORDS[name]} looks at {most:,} of the {len(self.train):,} training rows.")  # type: ignore[index]
        rows: list[Any] = self._rng_of(name).sample(list(self.train), most)
        return rows
