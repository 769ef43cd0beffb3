"""The labeller that fits a teacher and a task."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from prompt2model.labelling.auto_demo import BATCH_SIZE, AutoDemoPredictor, fits_batches
from prompt2model.labelling.batch_decision import BatchDecision, decide_batching
from prompt2model.labelling.few_shot import FewShotPredictor
from prompt2model.labelling.scored import ScoredLabelPredictor
from prompt2model.labelling.scoring_forms import Way, channel_fits
from prompt2model.records import Demonstration, Item, TaskSpec
from prompt2model.teacher.client import ChatClient, is_scorer
from prompt2model.teacher.prices import Prices

Labeller = Literal["auto", "single", "batch"]
"""How many inputs are asked about: singly, by batches, or as a pilot says."""

_ORDERS = 2
"""Orders of the demonstrations that direct scores are averaged over."""


def teacher_predictor(
    client: ChatClient,
    task: TaskSpec,
    *,
    demonstrations: Sequence[Demonstration] | None = None,
    calibration: Sequence[Demonstration] = (),
    seed: int = 0,
) -> FewShotPredictor | ScoredLabelPredictor:
    """Scored labels where the client can score and the answers are closed, else few-shot.

    Scored both ways where the labels are few enough (measured on training rows, direct alone and both: TREC-6 .37-.46
    and .52-.60 with three sets of single demonstrations, ten Banking77 intents .79 and .86).

    `demonstrations` are the task's own unless given; `seed` other than 0 puts them in another order. `calibration`:
    inputs with their presumed labels, never from a test (`choose_calibration`).
    """
    shown = list(task.demonstrations if demonstrations is None else demonstrations)
    if seed:
        random.Random(seed).shuffle(shown)
    if is_scorer(client) and (task.labels or task.kind == "multiple_choice"):
        ways: tuple[Way, ...] = ("direct", "channel") if channel_fits(task) else ("direct",)
        return ScoredLabelPredictor(client, task, shown, ways=ways, calibration=calibration, orders=_ORDERS, seed=seed)
    return FewShotPredictor(client, task, shown)


def bulk_labeller(
    client: ChatClient,
    task: TaskSpec,
    sample: Sequence[Item],
    *,
    labeller: Labeller = "auto",
    total: int | None = None,
    demonstrations: Sequence[Demonstration] | None = None,
    calibration: Sequence[Demonstration] = (),
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
    selection: Literal["nearest", "given"] = "nearest",
    prices: Prices | None = None,
    price_ratio: float | None = None,
) -> tuple[FewShotPredictor | ScoredLabelPredictor | AutoDemoPredictor, BatchDecision | None]:
    """The labeller for many inputs, and the decision that chose it, to be printed.

    `auto` asks in batches where `decide_batching` finds on the `sample` that they cost less and answer alike. Scored
    labels stay scored, since scoring shares the prompt anyway; then, and where answers have several lines or the
    labeller was named, there is no decision. To measure a teacher, ask singly: `teacher_predictor`.
    """
    single = teacher_predictor(client, task, demonstrations=demonstrations, calibration=calibration, seed=seed)
    shown = task.demonstrations if demonstrations is None else demonstrations
    settled = isinstance(single, ScoredLabelPredictor) or not fits_batches(task, shown)
    if labeller == "single" or (labeller == "auto" and settled):
        return single, None
    batched = AutoDemoPredictor(client, task, shown, batch_size=batch_size, selection=selection)
    if labeller == "batch":
        return batched, None
    decision = decide_batching(batched, sample, total=total, prices=prices, price_ratio=price_ratio)
    return (batched if decision.batch_size > 1 else single), decision


def scored_tokens(task: TaskSpec, input_tokens: float, answer_tokens: float) -> float:
    """Tokens that the scoring labeller computes for one input, prompts shared by all inputs aside.

    `input_tokens` with the marks of its turn, `answer_tokens` of all answers together.
    """
    direct = _ORDERS * (input_tokens + answer_tokens)
    return direct + (len(task.labels) * input_tokens if channel_fits(task) else 0.0)


def fastest_teacher(client: ChatClient, task: TaskSpec) -> FewShotPredictor | ScoredLabelPredictor:
    """The same teacher where speed is measured: one prompt and one pass for each input."""
    if is_scorer(client) and (task.labels or task.kind == "multiple_choice"):
        return ScoredLabelPredictor(client, task)
    return FewShotPredictor(client, task)
