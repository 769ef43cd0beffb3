"""A trained student, answering."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from prompt2model.errors import ConfigError, RunFolderError
from prompt2model.predictor.adapter_folder import adapter_base
from prompt2model.predictor.input_format import EncodedInput, encode_inputs
from prompt2model.predictor.no_answer import no_answer
from prompt2model.predictor.student_folder import StudentSpec, find_student, read_spec, refuse_pickles
from prompt2model.records import Item, Prediction
from prompt2model.weights import WeightsLocation, locate

_CHUNK = 1024
"""Items that are read ahead and sorted by length together."""


class _Answerer(Protocol):
    """What a family adds: one batch of inputs in, predictions out; all of its answers are closed, or all are written.

    It has a `tokenizer`, or an `encode` of its own. `stream` yields the answer piece by piece and returns the whole.
    `batch_rows` and `batch_tokens` (after padding) are its largest batch.
    """

    batch_rows: int
    batch_tokens: int

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]: ...

    def stream(self, encoded: EncodedInput, item: Item) -> Generator[str, None, Prediction]: ...


@runtime_checkable
class _OwnReader(Protocol):
    """A family that reads its inputs otherwise than as the tokens of one text."""

    def encode(self, items: Sequence[Item]) -> Sequence[EncodedInput]: ...


class StudentPredictor:
    """A student folder that answers.

    `truncated` counts the inputs so far that did not fit into `spec.max_input_tokens` and were cut.
    One that was trained with evidence wants it: a question without any raises ConfigError.
    For multiple choice without a closed label set, probabilities stand in the order of the item's choices.
    """

    name = "student"

    def __init__(self, folder: Path, spec: StudentSpec, answerer: _Answerer) -> None:
        self.folder = folder
        self.spec = spec
        self.labels = spec.labels
        self.truncated = 0
        self._answerer = answerer

    def __call__(self, item: Item | str) -> Prediction:
        """The answer to one input."""
        return next(self.predict([Item(item) if isinstance(item, str) else item]))

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items; memory does not grow with their number."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            yield from self._predict_chunk(chunk)

    def stream(self, item: Item) -> Iterator[str]:
        """The answer to one item piece by piece; a closed label comes in one piece.

        Raises NoAnswerError after the last piece where there is no answer, or none that is whole.
        """
        (encoded,) = self._encode([item])
        prediction = yield from self._answerer.stream(encoded, item)
        if prediction.failure is not None:
            raise no_answer(prediction.failure)

    def _predict_chunk(self, items: Sequence[Item]) -> list[Prediction]:
        encoded = self._encode(items)
        order = sorted(range(len(items)), key=lambda number: len(encoded[number].ids), reverse=True)
        predictions: list[Prediction | None] = [None] * len(items)
        limits = (self._answerer.batch_rows, self._answerer.batch_tokens)
        # What is chosen and what is written never share a batch, so that no answer depends on its company.
        closed = [number for number in order if self.labels or items[number].choices]
        written = [number for number in order if not (self.labels or items[number].choices)]
        for batch in chain(_batches(closed, encoded, *limits), _batches(written, encoded, *limits)):
            answers = self._answerer.answer([encoded[i] for i in batch], [items[i] for i in batch])
            for number, prediction in zip(batch, answers, strict=True):
                predictions[number] = prediction
        return [prediction for prediction in predictions if prediction is not None]

    def _encode(self, items: Sequence[Item]) -> Sequence[EncodedInput]:
        if self.spec.evidence is not None and any(item.choices and not item.evidence for item in items):
            # It would answer, only worse.
            raise ConfigError(
                f"the student in {self.folder} was trained to read evidence, and an item has none; ask it through "
                "prompt2model.evidence.PredictorWithEvidence, or give every choice its passage (an empty text for none)"
            )
        answerer: Any = self._answerer
        encoded = (
            answerer.encode(items)
            if isinstance(answerer, _OwnReader)
            else encode_inputs(answerer.tokenizer, items, self.spec.input_format, self.spec.max_input_tokens)
        )
        self.truncated += sum(row.truncated for row in encoded)
        return encoded


def load_predictor(folder: Path | str, device: str | None = None) -> StudentPredictor:
    """The student in a student folder or in a finished run folder.

    `device` as torch names it (`cpu`, `cuda:0`); the best one of this machine by default.
    Raises RunFolderError when the folder holds no student or a damaged one, WeightsError when its weights are unusable.
    """
    found = find_student(Path(folder).expanduser().resolve())
    spec = read_spec(found)
    refuse_pickles(found)
    if spec.family == "tfidf":
        from prompt2model.predictor.tfidf import TfidfStudent

        return StudentPredictor(found, spec, TfidfStudent(found, spec))
    if spec.adapter_of is not None:
        return StudentPredictor(
            found, spec, _answerer(adapter_base(found, spec), spec, device or _best_device(), found)
        )
    if not (found / "config.json").is_file() or not sorted(found.glob("*.safetensors")):
        raise RunFolderError(f"{found} is damaged: config.json or the weights are missing; train the student again")
    return StudentPredictor(found, spec, _answerer(locate(str(found)), spec, device or _best_device()))


def student_of_weights(location: WeightsLocation, spec: StudentSpec, device: str | None = None) -> StudentPredictor:
    """Weights that are asked as a student's are, without a student folder around them. Raises WeightsError."""
    return StudentPredictor(location.folder, spec, _answerer(location, spec, device or _best_device()))


def _best_device() -> str:
    from prompt2model.inference import best_device

    return str(best_device())


def _answerer(location: WeightsLocation, spec: StudentSpec, device: str, adapter: Path | None = None) -> _Answerer:
    """`adapter` is the folder of an adapter beside the base at `location`."""
    if spec.family == "embedding":
        from prompt2model.predictor.embedding import EmbeddingStudent

        return EmbeddingStudent(location, spec, device)
    if spec.family == "encoder" and spec.kind == "multiple_choice":
        from prompt2model.predictor.encoder_choices import EncoderChoicesStudent

        return EncoderChoicesStudent(location, spec, device, adapter)
    if spec.family == "encoder":
        from prompt2model.predictor.encoder import EncoderStudent

        return EncoderStudent(location, spec, device, adapter)
    if spec.family == "encoder_decoder":
        from prompt2model.predictor.encoder_decoder import EncoderDecoderStudent

        return EncoderDecoderStudent(location, spec, device, adapter)
    from prompt2model.predictor.decoder import DecoderStudent

    return DecoderStudent(location, spec, device, adapter)


def _batches(
    order: Sequence[int], encoded: Sequence[EncodedInput], most_rows: int, most_tokens: int
) -> Iterator[list[int]]:
    """Groups of neighbours in `order` (longest first), each within the limits on rows and padded tokens."""
    batch: list[int] = []
    width = 1
    for number in order:
        if batch and (len(batch) == most_rows or width * (len(batch) + 1) > most_tokens):
            yield batch
            batch = []
        if not batch:
            width = max(1, len(encoded[number].ids))
        batch.append(number)
    if batch:
        yield batch
