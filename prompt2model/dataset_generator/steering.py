"""What keeps the written examples from collapsing: attributes drawn for each request, and outputs held in balance.

Attributed prompts: Yu et al., "Large Language Model as Attributed Training Data Generator", arXiv 2306.15895. Without
them a teacher returns to a few favourite outputs (of about 5,000 stored SQuAD rows of Prompt2Model only 585 outputs
differ), which no annealing of inputs prevents.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from prompt2model.artifacts import write_atomically
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.reading import read_inputs
from prompt2model.dataset_generator.reply_forms import TOPICS
from prompt2model.errors import RunFolderError
from prompt2model.prompts import render
from prompt2model.records import TaskSpec
from prompt2model.teacher.asking_again import Reply, complete_readable
from prompt2model.teacher.client import ChatClient, ChatRequest, Message
from prompt2model.text_index.near_duplicates import normalise_text

_NAMED_FROM, _FULL_FROM = 3, 10
"""An output that came less often is never named, or refused, as too frequent."""
_MOST_NAMED = 8
"""Frequent outputs that one request names."""
_LONGEST_NAMED = 120
"""Characters of an output or topic that a request names; longer outputs are hardly ever equal."""
_TOPIC_TOKENS, _TOPIC_TEMPERATURE = 1024, 0.7
_TOPICS_FILE = "topics.json"


def draw_attributes(rng: random.Random, topics: Sequence[str], values: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """What one request's inputs shall be like: a topic where there are any, and two attributes of those in `values`."""
    kinds = [(name, choices) for name, choices in values.items() if choices]
    chosen = [f"{name}: {rng.choice(choices)}" for name, choices in rng.sample(kinds, min(2, len(kinds)))]
    return (f"topic: {rng.choice(topics)}", *chosen) if topics else tuple(chosen)


def ask_topics(
    client: ChatClient, task: TaskSpec, demonstrations: Sequence[str], count: int
) -> tuple[tuple[str, ...], Reply]:
    """Topics that the teacher names, none where it fails (requests then draw the other attributes), and its reply."""
    prompt = render("generate_topics", instruction=task.instruction, demonstrations=demonstrations, count=count)
    request = ChatRequest(
        (Message("user", prompt),), _TOPIC_TEMPERATURE, _TOPIC_TOKENS, purpose="topics", schema=TOPICS.schema
    )
    reply = complete_readable(client, [request], TOPICS.fault)[request]
    read = read_inputs(reply.response.text) if reply.response.failure is None else []
    topics = dict.fromkeys(" ".join(candidate.input.split()) for candidate in read)
    return tuple(topic for topic in topics if len(topic) <= _LONGEST_NAMED)[:count], reply


def kept_topics(folder: Path) -> tuple[str, ...]:
    """The topics that the folder holds. Raises RunFolderError."""
    path = folder / _TOPICS_FILE
    try:
        topics = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(topics, list) and all(isinstance(topic, str) for topic in topics)):
            raise ValueError("it is no list of texts")
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{path} is damaged ({error}); delete it and the waves beside it, and resume: answers are in the ledger"
        ) from error
    return tuple(topics)


def keep_topics(folder: Path, topics: Sequence[str]) -> None:
    """Keep the topics, none too: a resumed run draws from the same ones."""
    write_atomically(folder / _TOPICS_FILE, json.dumps(list(topics)).encode())


class OutputBalance:
    """How often each written output occurs, where outputs are free text. Outputs count by their words alone."""

    def __init__(self, config: DatasetGeneratorConfig, wanted: int) -> None:
        self._named_from = config.overused_output
        self._most = max(_FULL_FROM, int(config.max_output_share * wanted))
        self._counts: Counter[str] = Counter()
        self._spelling: dict[str, str] = {}

    def add(self, outputs: Iterable[str]) -> None:
        """Outputs of accepted examples."""
        for output in outputs:
            key = normalise_text(output)
            self._counts[key] += 1
            self._spelling.setdefault(key, output)

    def is_full(self, output: str, pending: Iterable[str] = ()) -> bool:
        """Whether one more of this output is too many; `pending` were accepted since the last `add`."""
        key = normalise_text(output)
        return self._counts[key] + sum(normalise_text(other) == key for other in pending) >= self._most

    def overused(self) -> tuple[str, ...]:
        """The outputs that came too often, the most frequent first."""
        least = max(_NAMED_FROM, self._named_from * self._counts.total())
        frequent = [(key, count) for key, count in self._counts.most_common(_MOST_NAMED) if count >= least]
        return tuple(self._spelling[key] for key, _ in frequent if len(self._spelling[key]) <= _LONGEST_NAMED)
