"""A prompt program as a Predictor: written and read, or its last block's answers scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from prompt2model.labelling.calibrated_form import CalibratedForm, OwnChoicesForm
from prompt2model.labelling.calibration import CONTENT_FREE
from prompt2model.labelling.few_shot import read_choice
from prompt2model.labelling.reading import read_label
from prompt2model.labelling.scored import softmax
from prompt2model.labelling.scoring_forms import AnswerScores, ScoringForm
from prompt2model.predictor.no_answer import no_answer
from prompt2model.prompt_program import BlockState, ProgramRunner, PromptProgram, guarded
from prompt2model.records import Item, Prediction
from prompt2model.teacher.client import ChatClient, Scorer, ScoreRequest, is_scorer

_CHUNK = 256


class ProgramPredictor:
    """Answers with what a program's last block says: a label, one of the item's choices, or text.

    Where the client scores and the answers are closed, they are scored: P(label) is the calibrated share of the
    label's words, by the mean over the `calibration` inputs (never of a test), or over inputs without content.
    A draw (`temperature` above 0) is written and read strictly. An answer that abstains or cannot be read is a failure
    `unparsable`; `raw` keeps what was said. `calls` counts requests.
    """

    def __init__(
        self,
        client: ChatClient,
        program: PromptProgram,
        *,
        calibration: Sequence[Item] = (),
        temperature: float = 0.0,
        draw: int = 0,
        purpose: str = "label",
    ) -> None:
        self.name = f"{client.model}, {program.name}"
        self.labels = program.labels
        self._program = program
        self._runner = ProgramRunner(program, client, temperature, draw, purpose)
        self._form: ProgramForm | None = None
        self._scores: ScoringForm | None = None
        closed = bool(program.answers) or program.shows_choices
        if closed and not temperature and is_scorer(client):
            self._form = ProgramForm(client, self._runner)
            free = [Item(text) for text in CONTENT_FREE]
            own = OwnChoicesForm(self._form)
            self._scores = CalibratedForm(self._form, [calibration or free]) if program.answers else own

    @property
    def calls(self) -> int:
        """Requests so far."""
        return self._runner.calls + (self._form.calls if self._form else 0)

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            if self._scores is not None:
                yield from map(self._read_scores, chunk, self._scores.score(chunk))
            else:
                yield from map(self._read, chunk, self._runner.run(chunk))

    def stream(self, item: Item) -> Iterator[str]:
        """The answer as a whole. Raises NoAnswerError when there is none."""
        prediction = next(self.predict([item]))
        if prediction.failure is not None:
            raise no_answer(prediction.failure)
        yield prediction.text or ""

    def _read(self, item: Item, state: BlockState) -> Prediction:
        said = state.response
        raw, text, failure = said.text if said else "", None, state.failure
        if failure is None:
            cut = said is not None and said.finish == "length"
            text = self._answer(item, raw, cut)
            if text is None:
                failure = "truncated" if cut else "unparsable"
        return Prediction(text, None, failure, raw, state.prompt_tokens, state.completion_tokens)

    def _answer(self, item: Item, said: str, cut: bool) -> str | None:
        """The answer that `said`, which may have been `cut` off, gives for sure; None where it abstains."""
        program = self._program
        if not program.answers and not self._chooses(item):
            return None if cut else said.strip()
        read = read_choice if program.shows_choices else read_label
        word = read(said, program.words or item.choices, cut=cut)
        if not program.answers:
            return word
        return next((answer.label for answer in program.answers if answer.word == word), None)

    def _chooses(self, item: Item) -> bool:
        return self._program.shows_choices and bool(item.choices)

    def _read_scores(self, item: Item, scores: AnswerScores) -> Prediction:
        tokens = (scores.prompt_tokens, scores.completion_tokens)
        if scores.failure is not None:
            return Prediction(None, None, scores.failure, "", *tokens)
        shares = softmax(scores.values)
        words, labels = self._program.words or item.choices, self.labels or item.choices
        stands_for = [answer.label for answer in self._program.answers] or list(item.choices)
        by_label = [sum(p for p, label in zip(shares, stands_for, strict=True) if label == one) for one in labels]
        abstaining = sum(p for p, label in zip(shares, stands_for, strict=True) if label is None)
        best = max(range(len(labels)), key=by_label.__getitem__)
        raw = words[max(range(len(shares)), key=shares.__getitem__)]
        if abstaining > by_label[best]:
            return Prediction(None, None, "unparsable", raw, *tokens)
        total = sum(by_label)
        return Prediction(labels[best], tuple(p / total for p in by_label), None, raw, *tokens)


class ProgramForm:
    """log P(answer | what the last block is asked), after the blocks before it have written. `calls` counts scorings.

    Equal requests are scored once; the first item bears their tokens.
    """

    def __init__(self, scorer: Scorer, runner: ProgramRunner) -> None:
        self._scorer, self._runner = scorer, runner
        self.calls = 0

    def score(self, items: Sequence[Item]) -> list[AnswerScores]:
        """The scores of each item, in order. An item without answers (no choices) is a failure `unparsable`."""
        states = self._runner.before_last(items)
        asked = [self._request(item, state) for item, state in zip(items, states, strict=True)]
        wanted = list(dict.fromkeys(request for request in asked if request is not None))
        self.calls += len(wanted)
        answers = dict(self._scorer.score_many(wanted))
        charged: set[ScoreRequest] = set()
        found = []
        for state, request in zip(states, asked, strict=True):
            if request is None:
                failure = state.failure or "unparsable"
                found.append(AnswerScores((), failure, state.prompt_tokens, state.completion_tokens))
                continue
            said = answers[request]
            tokens = state.prompt_tokens + (said.prompt_tokens if request not in charged else 0)
            charged.add(request)
            found.append(AnswerScores(said.log_probabilities, said.failure, tokens, state.completion_tokens))
        return found

    def _request(self, item: Item, state: BlockState) -> ScoreRequest | None:
        words = self._runner.program.words or item.choices
        if state.failure is not None or not words or not all(words):
            return None
        messages = self._runner.messages(self._runner.program.blocks[-1], state)
        return ScoreRequest(messages, tuple(map(guarded, words)), self._runner.purpose)
