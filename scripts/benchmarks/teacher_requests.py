"""What the product really asks the embedded teacher: requests of the generator, questions to be labelled."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from real_task_prompts import TREC_LABELS, TREC_PROMPT

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.dataset_generator.asking import SAME_LIST, Writer
from prompt2model.dataset_generator.balance import quotas, share_out
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.labelling import choose_calibration
from prompt2model.labelling.prompts import LabellingPrompt
from prompt2model.prompt_parser import ParserInputs, PromptParser
from prompt2model.records import DataRequest, Demonstration, Example, Item, Source, TaskSpec, make_example
from prompt2model.teacher.client import ChatRequest, ScoreRequest
from prompt2model.teacher.embedded import EmbeddedClient

Rows = Sequence[Mapping[str, Any]]


def trec_task(folder: Path) -> TaskSpec:
    """TREC-6 as the prompt parser reads it."""
    context = RunContext(folder, 0, SilentProgress(), AutomaticChooser())
    return PromptParser().run(ParserInputs(TREC_PROMPT), context)


def wave_requests(client: EmbeddedClient, task: TaskSpec, rows: Rows, progress: float) -> list[ChatRequest]:
    """The requests of one wave of the generator when that share of the examples is there.

    Real questions stand in for what was written so far, so that no figure hangs on what the small model wrote. As in
    the generator, eight requests for a label show the same list.
    """
    config = DatasetGeneratorConfig.model_validate({})
    writer = Writer(client, task, DataRequest(), config)
    wanted = quotas(task, (), DataRequest(), config)
    total = sum(wanted.values())
    rng = random.Random(f"wave {progress}")
    shuffled = [_example(row) for row in rng.sample(list(rows), len(rows))]
    earlier: list[Example] = []
    for label, count in wanted.items():
        earlier += [row for row in shuffled if row.target == label][: int(progress * count)]
    have = Counter(row.target for row in earlier)
    missing = {label: count - have[label] for label, count in wanted.items()}
    labels = share_out(config.wave, missing, dict.fromkeys(wanted, 0.3))
    rng.shuffle(labels)
    temperatures = [config.temperature(len(earlier) + 0.3 * index, total) for index in range(len(labels))]
    requests, asked = [], Counter[str]()
    for index, (label, temperature) in enumerate(zip(labels, temperatures, strict=True)):
        list_rng = random.Random(f"list {progress} {label} {asked[label] // SAME_LIST}")
        asked[label] += 1
        requests.append(writer.ask(label, 1, temperature, index, earlier, rng, list_rng).request)
    return requests


def _example(row: Mapping[str, Any]) -> Example:
    return make_example(row["text"], (TREC_LABELS[row["label"]],), Source("generated"))


def label_requests(task: TaskSpec, questions: Sequence[str]) -> list[ScoreRequest]:
    """The questions with the prompt of the labeller for small models, all labels as answers."""
    prompt = LabellingPrompt(task, task.demonstrations, plain=True)
    answers = tuple(prompt.answer(label) for label in task.labels)
    return [ScoreRequest(prompt.messages(Item(text)), answers) for text in questions]


def calibration_rows(task: TaskSpec, rows: Rows, without: Sequence[str]) -> tuple[Demonstration, ...]:
    """What scores are calibrated on: training questions of each label, none of those that are asked about."""
    left_out = set(without)
    shown = [Demonstration(row["text"], TREC_LABELS[row["label"]]) for row in rows if row["text"] not in left_out]
    return choose_calibration(shown, task.labels, random.Random(0), task.demonstrations)
