"""Inputs that were written together with their outputs, and what becomes of equal ones.

Self-consistency as Prompt2Model does it (arXiv 2308.12261): of equal inputs the most frequent output, ties to the
shortest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from prompt2model.dataset_generator.reading import Candidate
from prompt2model.dataset_generator.waves import Wave
from prompt2model.labelling import read_label
from prompt2model.labelling.prompts import readable
from prompt2model.prompt_program import guarded
from prompt2model.records import Example, make_example
from prompt2model.text_index.near_duplicates import normalise_text


class WrittenOutputs:
    """The outputs with which each input was written. Inputs are equal when their normalised texts are."""

    def __init__(self) -> None:
        self._outputs: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, wave: Wave) -> None:
        """The pairs of a finished wave, those that came again too."""
        for text, output in (*((row.input, row.target) for row in wave.rows), *wave.repeated):
            self._outputs[normalise_text(text)][output] += 1

    def settle(self, rows: Iterable[Example]) -> list[Example]:
        """Each row with its input's most frequent output; ties to the shortest, then by alphabet."""
        return [self._settled(row) for row in rows]

    def _settled(self, row: Example) -> Example:
        counts = self._outputs[normalise_text(row.input)]
        output = min(counts, key=lambda one: (-counts[one], len(one), one), default=row.target)
        return row if output == row.target else make_example(row.input, (output,), row.source, choices=row.choices)


def with_labels(candidates: Iterable[Candidate], labels: Sequence[str]) -> list[Candidate]:
    """The candidates whose outputs are labels, as the task spells them; all where the task has no labels."""
    if not labels:
        return list(candidates)
    read = [(one, read_label(one.answer or "", labels)) for one in candidates]
    return [replace(one, answer=label) for one, label in read if label is not None]


def plain_pair(text: str, output: str, labels: Sequence[str] = ()) -> str:
    """A pair as two lines, labels as words: what a small model is shown, and goes on with."""
    name = readable(output, labels) if output in labels else output
    return f"Input: {guarded(' '.join(text.split()))}\nOutput: {guarded(' '.join(name.split()))}"
