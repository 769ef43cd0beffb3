"""The embedded teacher against plain transformers, side by side in one run.

Generation: waves of requests as the generator sends them, against `model.generate` in batches of 64. Scoring: TREC-6
training questions with the labelling prompt, against batches that read the prompt again for every question.
Repetitions are interleaved; a ratio is the median of the pairs' ratios. Warm-up is not measured.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from plain_transformers import PlainModel
from record import Figure, Record, options
from same_answers import TIE, count_differences, largest_gap, plain_gap
from teacher_requests import Rows, calibration_rows, label_requests, trec_task, wave_requests

from prompt2model.inference import AnswersRequest, CausalEngine, GenerateRequest
from prompt2model.inference.engine import load_causal_engine
from prompt2model.inference.runner import ModelRunner
from prompt2model.inference.scoring import build_trie, score_rows
from prompt2model.labelling import fastest_teacher, teacher_predictor
from prompt2model.predictor import Predictor
from prompt2model.records import Item, Prediction, TaskSpec
from prompt2model.teacher.client import ChatRequest, ChatResponse, Message, ScoreRequest, ScoreResponse
from prompt2model.teacher.embedded import TOP_P, EmbeddedClient
from prompt2model.weights import EMBEDDED_TEACHER

KEYS = ("generate_x", "score_x", "scored_per_s", "differing_tokens", "largest_gap")
T = TypeVar("T")


@dataclass(frozen=True)
class Sizes:
    """How much is measured at a time."""

    requests: int = 64
    """Of one wave of the generator."""
    probed: int = 32
    """Requests that choose the baseline's number format."""
    questions: int = 256
    """Scored by the engine."""
    reread: int = 64
    """Questions whose prompts are read again whole, once each."""
    each_label: int = 8
    """Questions whose prompts are read again with each label."""
    labelled: int = 64
    """Questions given to the labellers."""


QUICK = Sizes(24, 8, 48, 16, 4, 12)


class Bench:
    """One run of the benchmark."""

    def __init__(self, record: Record, task: TaskSpec, rows: Rows, repeats: int) -> None:
        self.record, self.task, self.rows, self.repeats = record, task, rows, repeats
        self.client = EmbeddedClient()
        self.engine = self.client._engine()
        self.runner = ModelRunner(self.engine.model)
        self.waves = [wave_requests(self.client, task, rows, (2 * n + 1) / (2 * repeats)) for n in range(repeats)]
        self.sizes = QUICK if record.quick else Sizes()
        self.waves = [wave[: self.sizes.requests] for wave in self.waves]
        known = {shown.input for shown in task.demonstrations}
        texts = [str(row["text"]) for row in rows if row["text"] not in known]
        self.questions = random.Random(0).sample(texts, self.sizes.questions)
        self.formats = {dtype: PlainModel(self.engine, dtype) for dtype in (torch.float32, torch.bfloat16)}
        self.plain = self._fastest_plain()
        self._complete([replace(request, max_tokens=2) for request in self.waves[0][:4]])

    def _fastest_plain(self) -> PlainModel:
        """The plain model in the number format in which it generates fastest here, on a few requests."""
        short = [replace(request, max_tokens=8, temperature=0.0) for request in self.waves[0][: self.sizes.probed]]
        few = [self._as_text(request) for request in short]
        rates = {}
        for dtype, plain in self.formats.items():
            plain.generate([replace(few[0], max_new_tokens=2)])
            answers, seconds = timed(plain.generate, few)
            rates[dtype] = sum(map(len, answers)) / seconds
            note = f"plain generate, greedy, {len(few)} requests, at most 8 tokens each; the faster one is the baseline"
            self.record.add(f"plain_{_name(dtype)}", Figure(rates[dtype], len(few), unit="tokens/s", note=note))
        return self.formats[max(rates, key=lambda dtype: rates[dtype])]

    # -- generation ----------------------------------------------------------------------------------------------

    def generation(self) -> None:
        """A wave per repetition, greedy and as the generator samples it; then one prompt for a whole batch."""
        greedy = [[replace(request, temperature=0.0) for request in wave] for wave in self.waves]
        ratios = {
            "greedy": self._against_plain("greedy", greedy),
            "sampled": self._against_plain("sampled", self.waves),
        }
        name = min(ratios, key=lambda key: ratios[key].value)
        note = (
            f"tokens/s, engine / plain generate, the generator's requests; the lower one of greedy and sampled: {name}"
        )
        self.record.add("generate_x", replace(ratios[name], note=note))
        first = self.waves[0][0]
        shared = [[replace(first, draw=draw) for draw in range(len(self.waves[0]))] for _ in self.waves]
        self._against_plain("one_prompt", shared)

    def _against_plain(self, name: str, waves: Sequence[Sequence[ChatRequest]]) -> Figure:
        ours, plain = [], []
        for wave in waves:
            responses, seconds = timed(self._complete, wave)
            ours.append(sum(response.completion_tokens for response in responses) / seconds)
            texts = [self._as_text(request) for request in wave]
            continued, seconds = timed(self.plain.generate, texts)
            plain.append(sum(map(len, continued)) / seconds)
        n = sum(map(len, waves))
        self.record.add(f"{name}_tokens_per_s", median(ours, n, "tokens/s"))
        self.record.add(f"{name}_plain_tokens_per_s", median(plain, n, "tokens/s"))
        ratio = median([one / other for one, other in zip(ours, plain, strict=True)], n, "ratio")
        self.record.add(f"{name}_x", ratio)
        return ratio

    def _complete(self, requests: Sequence[ChatRequest]) -> list[ChatResponse]:
        return [response for _, response in self.client.complete_many(requests)]

    def identity(self) -> None:
        """The engine in float32 against the plain model; then how far the format in use lies from that, in both."""
        exact, ours = self.formats[torch.float32], self.engine
        if self.runner.dtype is not torch.float32:
            ours = load_causal_engine(EMBEDDED_TEACHER, dtype=torch.float32)
        texts = [self._as_text(replace(request, temperature=0.0)) for wave in self.waves for request in wave]
        answers = ours.generate(texts)
        responses = [ChatResponse(one.text, one.finish, one.prompt_tokens, one.tokens) for one in answers]
        compared = list(zip(texts, responses, exact.generate(texts), strict=True))
        different, ties = count_differences(ours, exact, compared)
        self.record.add("differing_tokens", Figure(different, len(compared), note="greedy answers that differ, no tie"))
        note = f"greedy answers that part where the two likeliest tokens lie less than {TIE} nats apart"
        self.record.add("ties", Figure(ties, len(compared), note=note))
        few = [(request, tokens) for request, _, tokens in compared[:: max(1, len(compared) // 16)]]
        self._gaps("largest_gap", ours, few, "greedy answers")
        asked = label_requests(self.task, self.questions[:4])
        labels = [
            (GenerateRequest(self._prompt(one.messages)), list(ours._answer(text)))
            for one in asked
            for text in one.answers
        ]
        self._gaps("largest_label_gap", ours, labels, "labels behind the labelling prompt")

    def _gaps(self, key: str, ours: CausalEngine, rows: Sequence[tuple[GenerateRequest, list[int]]], what: str) -> None:
        exact, used = self.formats[torch.float32], self.runner.dtype
        gap, tokens = largest_gap(ours, ours._runner, exact, rows)
        note = f"largest distance of a token's log-probability from a plain forward pass, {what}, both in float32"
        self.record.add(key, Figure(gap, tokens, unit="nats", note=note))
        if used is torch.float32:
            return
        gap, _ = largest_gap(self.engine, self.runner, exact, rows)
        note = f"the same, the engine in {_name(used)}"
        self.record.add(f"{key}_{_name(used)}", Figure(gap, tokens, unit="nats", note=note))
        gap = plain_gap(ours, self.formats[used], exact, rows)
        note = f"the same, the plain model in {_name(used)}: what the format costs"
        self.record.add(f"{key}_plain_{_name(used)}", Figure(gap, tokens, unit="nats", note=note))

    def _as_text(self, request: ChatRequest) -> GenerateRequest:
        return GenerateRequest(
            self._prompt(request.messages), request.max_tokens, request.temperature, TOP_P, request.stop, request.draw
        )

    def _prompt(self, messages: Sequence[Message]) -> str:
        return self.engine.chat_prompt([{"role": one.role, "content": one.content} for one in messages])

    # -- scoring -------------------------------------------------------------------------------------------------

    def scoring(self) -> None:
        """The engine; the prompt read again for every question; the prompt read again for every question and label."""
        requests = label_requests(self.task, self.questions)
        texts = [AnswersRequest(self._prompt(request.messages), request.answers) for request in requests]
        rereading, each = texts[: self.sizes.reread], texts[: self.sizes.each_label]
        self._score(requests[:8])
        ours, again, labels = [], [], []
        for _ in range(self.repeats):
            _, seconds = timed(self._score, requests)
            ours.append(len(requests) / seconds)
            _, seconds = timed(self._reread, rereading)
            again.append(len(rereading) / seconds)
            _, seconds = timed(self.plain.score, each)
            labels.append(len(each) / seconds)
        self.record.add("scored_per_s", median(ours, len(requests), "inputs/s, one pass, labels directly"))
        self.record.add("reread_per_s", median(again, len(rereading), "inputs/s, prompt read for every question"))
        self.record.add("each_label_per_s", median(labels, len(each), "inputs/s, prompt read for every label, plain"))
        x = {"reread": ratios(ours, again), "each_label": ratios(ours, labels)}
        name = min(x, key=lambda key: statistics.median(x[key]))
        note = f"inputs/s, engine / the faster of two batched baselines that share no prompt: {name}"
        self.record.add("score_x", replace(median(x[name], len(rereading), "ratio"), note=note))
        self.record.add("score_each_label_x", median(x["each_label"], len(each), "ratio"))

    def _score(self, requests: Sequence[ScoreRequest]) -> list[ScoreResponse]:
        return [response for _, response in self.client.score_many(requests)]

    def _reread(self, requests: Sequence[AnswersRequest]) -> Sequence[tuple[float, ...]]:
        """Each prompt whole, once, with all its labels behind it: the engine without the shared prompt."""
        prompts = self.engine.encode([request.prompt for request in requests])
        tries = [build_trie([self.engine._answer(one) for one in request.answers]) for request in requests]
        return score_rows(self.runner, self.runner.prefix([]), prompts, tries)

    def labelling(self) -> None:
        """Two of the product's labellers: the fastest, and the one that it labels with (two orders and the channel)."""
        calibration = calibration_rows(self.task, self.rows, self.questions)
        items = [Item(text) for text in self.questions[: self.sizes.labelled]]
        for name, labeller in (
            ("fastest_labeller", fastest_teacher(self.client, self.task)),
            ("labeller", teacher_predictor(self.client, self.task, calibration=calibration)),
        ):
            self._measure(name, labeller, items)

    def _measure(self, name: str, labeller: Predictor, items: Sequence[Item]) -> None:
        _label(labeller, items[:1])  # calibrates
        rates = []
        for _ in range(self.repeats):
            _, seconds = timed(_label, labeller, items)
            rates.append(len(items) / seconds)
        self.record.add(f"{name}_per_s", median(rates, len(items), "inputs/s, calibration done before"))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _label(labeller: Predictor, items: Sequence[Item]) -> list[Prediction]:
    return list(labeller.predict(items))


def timed(work: Callable[..., T], *arguments: object) -> tuple[T, float]:
    """The result, and the seconds it took."""
    started = time.perf_counter()
    result = work(*arguments)
    return result, time.perf_counter() - started


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Pair by pair."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def median(values: Sequence[float], n: int, unit: str) -> Figure:
    """The median of the repetitions, with all of them."""
    return Figure(statistics.median(values), n, values=list(values), unit=unit)


def main() -> None:
    """Measure and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of each pair (one in a quick run)")
    arguments = parser.parse_args()
    record = Record("embedded_speed", arguments)
    with gzip.open(arguments.data / "cls/trec6_train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    with tempfile.TemporaryDirectory() as folder:
        task = trec_task(Path(folder))
    load = os.getloadavg()[0]
    bench = Bench(record, task, rows, 1 if arguments.quick else max(1, arguments.repeats))
    bench.scoring()
    bench.generation()
    bench.labelling()
    bench.identity()
    name, plain = _name(bench.runner.dtype), _name(bench.plain.dtype)
    record.extra["notes"] = [
        f"The engine computes in {name}, the baseline in {plain}, {torch.get_num_threads()} threads; "
        f"load average before: {load:.1f}.",
        "Answers are compared in float32: bfloat16 rounds a token's log-probability by as much in the plain model.",
        "Tokens are those up to a row's end; what plain generate computes behind it does not count.",
    ]
    record.finish(KEYS)


if __name__ == "__main__":
    main()
