"""A question for each label, to be answered yes or no."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from prompt2model.labelling.calibrated_form import CalibratedForm
from prompt2model.labelling.calibration import CONTENT_FREE
from prompt2model.labelling.program_predictor import ProgramForm, ProgramPredictor
from prompt2model.labelling.scored import softmax
from prompt2model.labelling.scoring_forms import AnswerScores
from prompt2model.predictor.no_answer import no_answer
from prompt2model.prompt_program import ProgramRunner, PromptProgram
from prompt2model.records import Item, Prediction
from prompt2model.teacher.client import ChatClient, is_scorer

_CHUNK = 256


class EachLabelPredictor:
    """One program for each label, whose first answer is its label and whose second one is no.

    Scored: the label whose calibrated log-odds of yes are highest; P(label) is their softmax. Written: the label that
    alone got a yes, else the input abstains (`unparsable`). Where the call for one label failed, its kind is the
    input's failure: that label may be the right one. `calls` counts requests.
    """

    def __init__(
        self, client: ChatClient, programs: Sequence[PromptProgram], style: str, *, calibration: Sequence[Item] = ()
    ) -> None:
        self.name = f"{client.model}, {style}"
        self.labels = tuple(program.labels[0] for program in programs)
        self._predictors: list[ProgramPredictor] = []
        self._forms: list[ProgramForm] = []
        if is_scorer(client):
            runners = [ProgramRunner(program, client, purpose="label") for program in programs]
            self._forms = [ProgramForm(client, runner) for runner in runners]
        else:
            self._predictors = [ProgramPredictor(client, program) for program in programs]
        inputs = list(calibration) or [Item(text) for text in CONTENT_FREE]
        self._calibrated = [CalibratedForm(form, [inputs]) for form in self._forms]

    @property
    def calls(self) -> int:
        """Requests so far."""
        return sum(form.calls for form in self._forms) + sum(one.calls for one in self._predictors)

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            if self._forms:
                yield from map(self._likeliest, zip(*(form.score(chunk) for form in self._calibrated), strict=True))
            else:
                yield from map(self._only_yes, zip(*(one.predict(chunk) for one in self._predictors), strict=True))

    def stream(self, item: Item) -> Iterator[str]:
        """The label as a whole. Raises NoAnswerError when there is none."""
        prediction = next(self.predict([item]))
        if prediction.failure is not None:
            raise no_answer(prediction.failure)
        yield prediction.text or ""

    def _likeliest(self, scores: Sequence[AnswerScores]) -> Prediction:
        tokens = (sum(one.prompt_tokens for one in scores), sum(one.completion_tokens for one in scores))
        failure = next((one.failure for one in scores if one.failure is not None), None)
        if failure is not None:
            return Prediction(None, None, failure, "", *tokens)
        shares = softmax([one.values[0] - one.values[1] for one in scores])
        label = self.labels[max(range(len(shares)), key=shares.__getitem__)]
        return Prediction(label, shares, None, label, *tokens)

    def _only_yes(self, said: Sequence[Prediction]) -> Prediction:
        tokens = (sum(one.prompt_tokens for one in said), sum(one.completion_tokens for one in said))
        failed = next((one.failure for one in said if one.failure not in (None, "unparsable")), None)
        raw = ", ".join(one.raw.strip() for one in said)
        yes = [one.text for one in said if one.text is not None]
        if failed is not None or len(yes) != 1:
            return Prediction(None, None, failed or "unparsable", raw, *tokens)
        return Prediction(yes[0], None, None, raw, *tokens)
