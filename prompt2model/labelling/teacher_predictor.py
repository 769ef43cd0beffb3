"""The labeller that fits a teacher and a task."""

from __future__ import annotations

import random
from collections.abc import Sequence

from prompt2model.labelling.few_shot import FewShotPredictor
from prompt2model.labelling.scored import ScoredLabelPredictor
from prompt2model.records import Demonstration, TaskSpec
from prompt2model.teacher.client import ChatClient, is_scorer

_ORDERS = 3
"""Orders of the demonstrations that scores are averaged over."""


def teacher_predictor(
    client: ChatClient, task: TaskSpec, *, demonstrations: Sequence[Demonstration] | None = None, seed: int = 0
) -> FewShotPredictor | ScoredLabelPredictor:
    """Scored labels where the client can score and the answers are closed, else few-shot.

    `demonstrations` are the task's own unless given; `seed` other than 0 puts them in another order.
    """
    shown = list(task.demonstrations if demonstrations is None else demonstrations)
    if seed:
        random.Random(seed).shuffle(shown)
    if is_scorer(client) and (task.labels or task.kind == "multiple_choice"):
        return ScoredLabelPredictor(client, task, shown, orders=_ORDERS, seed=seed)
    return FewShotPredictor(client, task, shown)
