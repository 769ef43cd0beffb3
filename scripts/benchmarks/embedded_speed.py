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
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from plain_transformers import PlainModel
from record import Figure, Record, options
from same_answers import TIES, count_differences, largest_gap
from teacher_requests import Rows, calibration_rows, label_requests, trec_task, wave_requests

from prompt2model.inference import AnswersRequest, GenerateRequest
from prompt2model.inference.runner import ModelRunner
from prompt2model.inference.scoring import build_trie, score_rows
from prompt2model.labelling import fastest_teacher, teacher_predictor
from prompt2model.predictor import Predictor
from prompt2model.records import Item, TaskSpec
from prompt2model.teacher.client import ChatRequest, Message
from prompt2model.teacher.embedded import TOP_P, EmbeddedClient

KEYS = ("generate_x", "score_x", "scored_per_s", "differing_tokens", "largest_gap")
QUESTIONS, REREAD, EACH_LABEL = 256, 96, 16
"""Questions scored by the engine, read again whole with the labels behind them, and read again with each label."""
T = TypeVar("T")


class Bench:
    """One run of the benchmark."""

    def __init__(self, record: Record, task: TaskSpec, rows: Rows, repeats: int) -> None:
        self.record, self.task, self.rows, self.repeats = record, task, rows, repeats
        self.client = EmbeddedClient()
        self.engine = self.client._engine()
        self.runner = ModelRunner(self.engine.model)
        self.waves = [wave_requests(self.client, task, rows, (2 * n + 1) / (2 * repeats)) for n in range(repeats)]
        if record.quick:
            self.waves = [wave[:24] for wave in self.waves]
        known = {shown.input for shown in task.demonstrations}
        texts = [str(row["text"]) for row in rows if row["text"] not in known]
        self.questions = random.Random(0).sample(texts, 48 if record.quick else QUESTIONS)
        self.plain = self._fastest_plain()
        list(self.client.complete_many(replace(request, max_tokens=2) for request in self.waves[0][:4]))

    def _fastest_plain(self) -> PlainModel:
        """The plain model in the number format in which it generates fastest here, on a few requests."""
        few = [self._as_text(replace(request, max_tokens=8, temperature=0.0)) for request in self.waves[0][:16]]
        found: list[tuple[float, PlainModel]] = []
        for dtype in (torch.float32, torch.bfloat16):
            plain = PlainModel(self.engine, dtype)
            plain.generate([replace(few[0], max_new_tokens=2)])
            answers, seconds = timed(lambda plain=plain: plain.generate(few))  # type: ignore[misc]
            name = str(dtype).removeprefix("torch.")
            found.append((sum(map(len, answers)) / seconds, plain))
            note = f"plain generate, greedy, {len(few)} requests, at most 8 tokens each; the faster one is the baseline"
            self.record.add(f"plain_{name}", Figure(found[-1][0], len(few), unit="tokens/s", note=note))
        return max(found, key=lambda pair: pair[0])[1]

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
        ours, plain, compared = [], [], []
        for wave in waves:
            answers, seconds = timed(lambda wave=wave: list(self.client.complete_many(wave)))  # type: ignore[misc]
            ours.append(sum(response.completion_tokens for _, response in answers) / seconds)
            texts = [self._as_text(request) for request in wave]
            continued, seconds = timed(lambda texts=texts: self.plain.generate(texts))  # type: ignore[misc]
            plain.append(sum(map(len, continued)) / seconds)
            compared += zip(texts, (response for _, response in answers), continued, strict=True)
        if name == "greedy":
            self._identity(compared)
        n = sum(map(len, waves))
        self.record.add(f"{name}_tokens_per_s", median(ours, n, "tokens/s"))
        self.record.add(f"{name}_plain_tokens_per_s", median(plain, n, "tokens/s"))
        ratio = median([one / other for one, other in zip(ours, plain, strict=True)], n, "ratio")
        self.record.add(f"{name}_x", ratio)
        return ratio

    def _identity(self, compared: Sequence[tuple[GenerateRequest, object, list[int]]]) -> None:
        """Greedy tokens, and the log-probabilities of a plain forward pass in our own number format."""
        exact = self.plain if self.plain.dtype is self.runner.dtype else PlainModel(self.engine, self.runner.dtype)
        different, ties = count_differences(self.engine, exact, compared)
        bound = TIES[self.runner.dtype]
        self.record.add("differing_tokens", Figure(different, len(compared), note="greedy answers that differ, no tie"))
        note = f"greedy answers that part where the two likeliest tokens lie less than {bound} nats apart"
        self.record.add("ties", Figure(ties, len(compared), note=note))
        few = [(request, tokens) for request, _, tokens in compared[:: max(1, len(compared) // 16)]]
        gap, tokens = largest_gap(self.engine, self.runner, exact, few)
        note = "largest distance of a token's log-probability from a plain forward pass, nats"
        self.record.add("largest_gap", Figure(gap, tokens, note=note))

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
        rereading, each = texts[: len(texts) if self.record.quick else REREAD], texts[:EACH_LABEL]
        list(self.client.score_many(requests[:8]))
        ours, again, labels = [], [], []
        for _ in range(self.repeats):
            scores, seconds = timed(lambda: [said for _, said in self.client.score_many(requests)])
            ours.append(len(requests) / seconds)
            reread, seconds = timed(lambda: self._reread(rereading))
            again.append(len(rereading) / seconds)
            sums, seconds = timed(lambda: self.plain.score(each))
            labels.append(len(each) / seconds)
        self.record.add("scored_per_s", median(ours, len(requests), "inputs/s, one pass, labels directly"))
        self.record.add("reread_per_s", median(again, len(rereading), "inputs/s, prompt read for every question"))
        self.record.add("each_label_per_s", median(labels, len(each), "inputs/s, prompt read for every label, plain"))
        x = {"reread": ratios(ours, again), "each_label": ratios(ours, labels)}
        name = min(x, key=lambda key: statistics.median(x[key]))
        note = f"inputs/s, engine / the faster of two batched baselines that share no prompt: {name}"
        self.record.add("score_x", replace(median(x[name], len(rereading), "ratio"), note=note))
        self.record.add("score_each_label_x", median(x["each_label"], len(each), "ratio"))
        pairs = [
            (one, other)
            for said, plain in zip(scores, sums, strict=False)
            for one, other in zip(said.log_probabilities, plain, strict=True)
        ] + [
            (one, other)
            for said, plain in zip(scores, reread, strict=False)
            for one, other in zip(said.log_probabilities, plain, strict=True)
        ]
        gap = max(abs(one - other) for one, other in pairs)
        self.record.add("largest_label_gap", Figure(gap, len(pairs), note="labels' summed log-probabilities, nats"))

    def _reread(self, requests: Sequence[AnswersRequest]) -> Sequence[tuple[float, ...]]:
        """Each prompt whole, once, with all its labels behind it: the engine without the shared prompt."""
        prompts = self.engine.encode([request.prompt for request in requests])
        tries = [build_trie([self.engine._answer(one) for one in request.answers]) for request in requests]
        return score_rows(self.runner, self.runner.prefix([]), prompts, tries)

    def labelling(self) -> None:
        """Two of the product's labellers: the fastest, and the one that it labels with (two orders and the channel)."""
        calibration = calibration_rows(self.task, self.rows, self.questions)
        items = [Item(text) for text in self.questions[: 24 if self.record.quick else 64]]
        for name, labeller in (
            ("fastest_labeller", fastest_teacher(self.client, self.task)),
            ("labeller", teacher_predictor(self.client, self.task, calibration=calibration)),
        ):
            self._label(name, labeller, items)

    def _label(self, name: str, labeller: Predictor, items: Sequence[Item]) -> None:
        list(labeller.predict(items[:1]))  # calibrates
        rates = []
        for start in range(0, len(items), max(1, len(items) // self.repeats)):
            part = items[start : start + len(items) // self.repeats]
            if len(part) == len(items) // self.repeats:
                _, seconds = timed(lambda part=part: list(labeller.predict(part)))  # type: ignore[misc]
                rates.append(len(part) / seconds)
        self.record.add(f"{name}_per_s", median(rates, len(items), "inputs/s, calibration done before"))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and the seconds it took."""
    started = time.perf_counter()
    result = work()
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
    name, plain = (str(one).removeprefix("torch.") for one in (bench.runner.dtype, bench.plain.dtype))
    record.extra["notes"] = [
        f"The engine computes in {name}, the baseline in {plain}, {torch.get_num_threads()} threads; "
        f"load average before: {load:.1f}.",
        "Tokens are those up to a row's end; what plain generate computes behind it does not count.",
    ]
    record.finish(KEYS)


if __name__ == "__main__":
    main()
