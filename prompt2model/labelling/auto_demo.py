"""A teacher that answers many inputs in one call (Auto-Demo prompting: Feng et al., arXiv 2410.01724)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from prompt2model.errors import ConfigError
from prompt2model.labelling.batch_marks import has_marks
from prompt2model.labelling.batch_prompt import BatchPrompt, shown_text
from prompt2model.labelling.batch_reading import LIKENESS, read_batch
from prompt2model.labelling.batch_selection import Embeds, given_batches, nearest_batches
from prompt2model.labelling.few_shot import FewShotPredictor
from prompt2model.labelling.prompts import demonstrations_for
from prompt2model.records import Demonstration, FailureKind, Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatClient, ChatRequest, ChatResponse

BATCH_SIZE = 8
_ROOM = 64
"""Tokens of a reply for words around the answers."""
TEACHERS_FAULT: tuple[FailureKind, ...] = ("rate_limited", "unavailable", "over_budget")
"""Failures that asking singly would only repeat: they say something of the teacher, nothing of the inputs."""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The prediction for one item; `batched`: it was read out of a batch's reply, not asked for singly."""

    prediction: Prediction
    batched: bool


class AutoDemoPredictor:
    """Answers `batch_size` inputs with one call at temperature 0; the teacher repeats each input before its answer.

    With `echo=False` it repeats nothing: ordinary batch prompting (Cheng et al., arXiv 2301.08721), the baseline.
    `selection`: `nearest` puts inputs together that are alike, within `chunk` inputs of the stream, by `embedder` (the
    packaged one unless given); `given` takes them as they come and needs no embedder.

    An answer counts only where it surely belongs to its input (`read_batch`) and is a label, a choice or one line of
    text. All other inputs are asked again singly, as `FewShotPredictor` asks, the rest of a reply that was cut among
    them. An input with the marks of a batch in it (`has_marks`) is never put into one. A batch that is too long for the
    context is halved. A batch that the teacher could not be asked at all gives its failure to its inputs. Each call's
    tokens are shared out among its inputs; of equal items the first bears them.

    Raises ConfigError for a batch size below 1 and for demonstrations whose texts have several lines; WeightsError
    where the packaged embedder is needed and missing.
    """

    def __init__(
        self,
        client: ChatClient,
        task: TaskSpec,
        demonstrations: Sequence[Demonstration] | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        echo: bool = True,
        selection: Literal["nearest", "given"] = "nearest",
        embedder: Embeds | None = None,
        likeness: float = LIKENESS,
        max_tokens: int = 256,
        max_reply_tokens: int = 4096,
        chunk: int = 2048,
        purpose: str = "label",
    ) -> None:
        shown = demonstrations_for(task, demonstrations)
        if batch_size < 1:
            raise ConfigError(f"a batch of {batch_size} inputs cannot be asked; give a batch size of at least 1")
        if not fits_batches(task, shown):
            raise ConfigError("answers of several lines cannot be read out of a batch; ask for them singly")
        self.name = f"{client.model}, {'Auto-Demo ' if echo else ''}batches of {batch_size}"
        self.labels = task.labels
        self.batch_size = batch_size
        self.single = FewShotPredictor(client, task, shown, max_tokens=max_tokens, purpose=purpose)
        self.prompt = BatchPrompt(task, shown, batch_size, echo)
        self.client, self.echo = client, echo
        self.calls = 0
        """Requests so far: batches, and inputs that were asked singly."""
        self.failed_batches: list[FailureKind] = []
        """Why batches so far gave nothing; their inputs were asked again, in halves or singly."""
        self._task = task
        self._selection, self._embedder, self._likeness = selection, embedder, likeness
        self._max_reply_tokens, self._chunk, self._purpose = max_reply_tokens, max(chunk, batch_size), purpose

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        source = iter(items)
        while chunk := list(islice(source, self._chunk)):
            answers = self.answer(self.batches(chunk))
            borne: set[Item] = set()
            for item in chunk:
                prediction = answers[item].prediction
                yield replace(prediction, prompt_tokens=0, completion_tokens=0) if item in borne else prediction
                borne.add(item)

    def stream(self, item: Item) -> Iterator[str]:
        """The answer to one item, asked singly. Ends in NoAnswerError when there is no whole one."""
        return self.single.stream(item)

    def batches(self, items: Sequence[Item]) -> list[list[Item]]:
        """The different items, parted into batches whose replies fit; the same items give the same batches."""
        unique = list(dict.fromkeys(items))
        marked = {item for item in unique if has_marks(shown_text(item))}
        together = [item for item in unique if item not in marked]
        if self._selection == "nearest" and 1 < self.batch_size < len(together):
            places = nearest_batches([item.input for item in together], self.batch_size, self._embeds())
        else:
            places = given_batches(len(together), self.batch_size)
        batches = [part for batch in places for part in self._that_fit([together[place] for place in batch])]
        return [*batches, *([item] for item in unique if item in marked)]

    def answer(self, batches: Sequence[Sequence[Item]]) -> dict[Item, BatchAnswer]:
        """The answers to batches of different items: those of many in one call each, and the rest singly."""
        books = _Books(batches)
        while waiting := books.waiting():
            requests = [self.request(batch) for batch in waiting]
            self.calls += len(requests)
            responses = dict(self.client.complete_many(requests))
            for batch, request in zip(waiting, requests, strict=True):
                self._settle(batch, responses[request], books)
        self.calls += len(books.alone)
        for item, prediction in zip(books.alone, self.single.predict(books.alone), strict=True):
            books.settle(item, prediction, batched=False)
        return books.answers

    def request(self, batch: Sequence[Item]) -> ChatRequest:
        """What the teacher is asked for a batch."""
        return ChatRequest(
            messages=self.prompt.messages(batch),
            temperature=0.0,
            max_tokens=_ROOM + sum(map(self._reply_tokens, batch)),
            # A small model goes on with inputs of its own.
            stop=(f"\n[{len(batch) + 1}]",),
            purpose=self._purpose,
        )

    def read(self, batch: Sequence[Item], response: ChatResponse) -> dict[Item, Prediction]:
        """The predictions for the items whose answers are sure, without tokens."""
        if response.failure is not None:
            return {}
        shown, cut = [shown_text(item) for item in batch], response.finish == "length"
        read = read_batch(response.text, shown, echo=self.echo, cut=cut, likeness=self._likeness)
        answers = {place: self._answer(batch[place], said) for place, said in read.items()}
        return {batch[place]: Prediction(text, raw=read[place]) for place, text in answers.items() if text is not None}

    def _settle(self, batch: Sequence[Item], response: ChatResponse, books: _Books) -> None:
        books.charge(batch, response)
        if response.failure is not None and response.failure not in TEACHERS_FAULT:
            self.failed_batches.append(response.failure)
        if response.failure == "context_too_long":
            books.wait(batch[: len(batch) // 2])
            books.wait(batch[len(batch) // 2 :])
            return
        read = self.read(batch, response)
        if response.failure is None and not read:
            self.failed_batches.append("truncated" if response.finish == "length" else "unparsable")
        for item in batch:
            if response.failure in TEACHERS_FAULT:
                books.settle(item, Prediction(None, failure=response.failure), batched=True)
            elif item in read:
                books.settle(item, read[item], batched=True)
            else:
                books.alone.append(item)

    def _answer(self, item: Item, said: str) -> str | None:
        line, _, rest = said.partition("\n")
        # What follows may be words around the answers; where text is written, it may as well be half of this one.
        if not line or (self._task.kind == "generation" and rest.strip()):
            return None
        return self.single.answer(item, line)

    def _reply_tokens(self, item: Item) -> int:
        longest = max((len(choice.encode("utf-8", "surrogatepass")) for choice in item.choices), default=0)
        closed = longest if self._task.kind == "multiple_choice" and longest else self.single.answer_tokens
        return self.prompt.most_reply_tokens(item, min(closed, self.single.answer_tokens))

    def _that_fit(self, batch: Sequence[Item]) -> Iterator[list[Item]]:
        """The batch in parts whose replies are at most `max_reply_tokens` long."""
        part: list[Item] = []
        room = self._max_reply_tokens - _ROOM
        for item in batch:
            needed = self._reply_tokens(item)
            if part and needed > room:
                yield part
                part, room = [], self._max_reply_tokens - _ROOM
            part.append(item)
            room -= needed
        if part:
            yield part

    def _embeds(self) -> Embeds:
        if self._embedder is None:
            from prompt2model.inference import load_embedder

            self._embedder = load_embedder()
        return self._embedder


class _Books:
    """What became of the items so far: batches that wait, items to be asked singly, answers, and tokens spent."""

    def __init__(self, batches: Sequence[Sequence[Item]]) -> None:
        self.answers: dict[Item, BatchAnswer] = {}
        self.alone: list[Item] = []
        self._waiting: list[Sequence[Item]] = []
        self._tokens: dict[Item, tuple[int, int]] = {}
        for batch in batches:
            self.wait(batch)

    def wait(self, batch: Sequence[Item]) -> None:
        """A batch to be asked; one item alone is asked singly."""
        if len(batch) > 1:
            self._waiting.append(batch)
        else:
            self.alone += batch

    def waiting(self) -> list[Sequence[Item]]:
        """The batches to be asked now."""
        taken, self._waiting = self._waiting, []
        return taken

    def charge(self, batch: Sequence[Item], response: ChatResponse) -> None:
        """Share out what a call took: equal parts, what does not divide to the first ones."""
        for place, item in enumerate(batch):
            prompt, completion = self._tokens.get(item, (0, 0))
            prompt += _part(response.prompt_tokens, place, len(batch))
            completion += _part(response.completion_tokens, place, len(batch))
            self._tokens[item] = prompt, completion

    def settle(self, item: Item, prediction: Prediction, *, batched: bool) -> None:
        """The item has its answer; the batches that it was in are charged to it as well."""
        prompt, completion = self._tokens.get(item, (0, 0))
        prompt, completion = prompt + prediction.prompt_tokens, completion + prediction.completion_tokens
        self.answers[item] = BatchAnswer(
            replace(prediction, prompt_tokens=prompt, completion_tokens=completion), batched
        )


def fits_batches(task: TaskSpec, demonstrations: Sequence[Demonstration]) -> bool:
    """Whether answers can be read out of a batch: closed ones, and texts of one line."""
    return task.kind != "generation" or not any("\n" in shown.output.strip() for shown in demonstrations)


def _part(total: int, place: int, parts: int) -> int:
    return total // parts + (place < total % parts)
