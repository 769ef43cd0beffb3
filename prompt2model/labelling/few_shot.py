"""A teacher that writes the answer, shown a few demonstrations (Brown et al., arXiv 2005.14165)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from prompt2model.labelling.prompts import LabellingPrompt, demonstrations_for, speaks_plain
from prompt2model.labelling.reading import closed_start, plain_form, read_label
from prompt2model.predictor.no_answer import no_answer
from prompt2model.prompt_program import choice_letter
from prompt2model.records import Demonstration, Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatClient, ChatRequest, ChatResponse

_CHUNK = 256
"""Items asked together: enough for any batch or concurrency, few enough to stream."""


class FewShotPredictor:
    """Answers with what the teacher writes: a label of the task, one of the item's choices, or text.

    An answer that is no label (or no choice) is a failure `unparsable`; what was said is kept in `raw`. A text that
    was cut at `max_tokens` is a failure `truncated`, and so is a cut reply that does not begin with a label or choice
    and an end to it. `draw` and a temperature above 0 give other samples.
    `prompt` makes the messages; `answer_tokens` is the longest answer that is asked for.
    """

    def __init__(
        self,
        client: ChatClient,
        task: TaskSpec,
        demonstrations: Sequence[Demonstration] | None = None,
        temperature: float = 0.0,
        draw: int = 0,
        max_tokens: int = 256,
        purpose: str = "label",
    ) -> None:
        self.name = f"{client.model}, few-shot"
        self.labels = task.labels
        self._client = client
        self._task = task
        self._temperature = temperature
        self._draw = draw
        self._purpose = purpose
        self.prompt = LabellingPrompt(task, demonstrations_for(task, demonstrations), speaks_plain(client))
        self.answer_tokens = _longest_label(task.labels) if task.labels else max_tokens

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            requests = [self.request(item) for item in chunk]
            # Equal inputs are one request; answers arrive in any order.
            answers = dict(self._client.complete_many(list(dict.fromkeys(requests))))
            for item, request in zip(chunk, requests, strict=True):
                yield self.read(item, answers[request])

    def stream(self, item: Item) -> Iterator[str]:
        """The answer piece by piece; a label or choice as a whole. Ends in NoAnswerError when there is no whole one."""
        if self._task.kind == "generation":
            prediction = self.read(item, (yield from self._client.stream(self.request(item))))
        else:
            prediction = next(self.predict([item]))
            if prediction.text is not None:
                yield prediction.text
        if prediction.failure is not None:
            raise no_answer(prediction.failure)

    def request(self, item: Item) -> ChatRequest:
        """What the teacher is asked for `item`."""
        return ChatRequest(
            messages=self.prompt.messages(item),
            temperature=self._temperature,
            max_tokens=self.answer_tokens,
            stop=self._stop(),
            draw=self._draw,
            purpose=self._purpose,
        )

    def read(self, item: Item, response: ChatResponse) -> Prediction:
        """What the teacher's response says about `item`."""
        text, failure = None, response.failure
        if failure is None:
            cut = response.finish == "length"
            text = self.answer(item, response.text, cut=cut)
            if not response.text.strip():
                failure = "empty"
            elif text is None:
                failure = "truncated" if cut else "unparsable"
        return Prediction(
            text=text,
            failure=failure,
            raw=response.text,
            prompt_tokens=response.prompt_tokens,
            completion_tokens=response.completion_tokens,
        )

    def answer(self, item: Item, said: str, *, cut: bool = False) -> str | None:
        """The answer to `item` that `said`, which may have been `cut` off, gives for sure, or None."""
        if self._task.kind == "classification":
            return read_label(said, self.labels, cut=cut)
        if self._task.kind == "multiple_choice" and item.choices:
            return read_choice(said, item.choices, cut=cut)
        return None if cut else said.strip() or None

    def _stop(self) -> tuple[str, ...]:
        if not self.prompt.plain:
            return ()
        one_line = all("\n" not in shown.output.strip() for shown in self.prompt.demonstrations)
        return ("\n",) if self.labels or one_line else ("\n\n", "\nInput:")


def read_choice(said: str, choices: Sequence[str], *, cut: bool = False) -> str | None:
    """The choice that `said` names by its text or its letter ("B", "B. the text"), or None.

    Of an answer that was `cut` off only what something closes at its start counts.
    """
    by_text = read_label(said, choices, cut=cut)
    if by_text is not None:
        return by_text
    words = plain_form(closed_start(said) if cut else said).split()
    letters = [choice_letter(number).casefold() for number in range(len(choices))]
    if not words or words[0] not in letters:
        return None
    choice = choices[letters.index(words[0])]
    # A letter followed by other words ("a dog …") is a letter only when they are the choice's own.
    return choice if len(words) == 1 or " ".join(words[1:]) == plain_form(choice) else None


def _longest_label(labels: Sequence[str]) -> int:
    """Tokens that hold any label with some words around it: a token is at least one UTF-8 byte."""
    return 16 + max(len(label.encode()) for label in labels)
