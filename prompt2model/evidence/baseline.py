"""The retrieval baseline of MedQA (arXiv 2009.13081): the option whose passages score highest is the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prompt2model.evidence.retriever import EvidenceRetriever
from prompt2model.predictor import no_answer
from prompt2model.records import Item, Prediction

_NOTHING_FOUND = "no passage holds a word of the question or its choices"


class OptionRetrievalPredictor:
    """Answers with the option whose best passages have the highest sum of BM25 scores; of equal ones the first.

    An item without choices is refused, and so is one for which nothing is found.
    """

    name = "retrieval"
    labels: tuple[str, ...] = ()

    def __init__(self, retriever: EvidenceRetriever) -> None:
        self._retriever = retriever

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        for item in items:
            yield self._answer(item)

    def stream(self, item: Item) -> Iterator[str]:
        """The option as a whole. Raises NoAnswerError when there is none."""
        prediction = self._answer(item)
        if prediction.failure is not None:
            raise no_answer(prediction.failure)
        yield prediction.text or ""

    def _answer(self, item: Item) -> Prediction:
        if not item.choices:
            return Prediction(None, failure="refused", raw="the item has no choices to choose among")
        scores = [sum(passage.score for passage in found) for found in self._retriever.passages_for(item)]
        if not any(scores):
            return Prediction(None, failure="refused", raw=_NOTHING_FOUND)
        text = item.choices[max(range(len(scores)), key=scores.__getitem__)]
        return Prediction(text, raw=text)
