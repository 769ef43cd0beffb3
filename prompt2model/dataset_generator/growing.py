"""The state of a growing set of examples: what is there, what is missing, what the next wave asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from prompt2model.dataset_generator.balance import ANY, share_out
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.steering import OutputBalance
from prompt2model.dataset_generator.waves import Wave
from prompt2model.dataset_generator.written_pairs import WrittenOutputs
from prompt2model.records import Demonstration, Example, TaskSpec
from prompt2model.text_index.near_duplicates import NearDuplicates

_DEMONSTRATION = "demonstration"


class SeenInputs:
    """All inputs so far: a new one may equal none of them, nor nearly so.

    Where text is written, near-equal inputs with different outputs are different examples ("in 2 days", "in 3
    days"): there only equal inputs are refused at once, and near-equal pairs of input and output afterwards.
    """

    def __init__(self, task: TaskSpec, threshold: float) -> None:
        self._open = task.kind == "generation"
        self._inputs = NearDuplicates(threshold=1.0 if self._open else threshold)
        self._pairs = NearDuplicates(threshold=threshold) if self._open else None
        for shown in task.demonstrations:
            self.add_demonstration(shown)

    def add_demonstration(self, shown: Demonstration) -> None:
        """An input that the user gave."""
        self._inputs.add(_DEMONSTRATION, shown.input)
        if self._pairs is not None:
            self._pairs.add(_DEMONSTRATION, f"{shown.input}\n{shown.output}")

    def refuse_input(self, text: str) -> str | None:
        """Why the input is not new; None when it is, and then it is remembered."""
        reason = _reason(self._inputs.find(text))
        if reason is None:
            self._inputs.add("generated", text)
        return reason

    def refuse_pair(self, text: str, output: str) -> str | None:
        """Why input and output together are not new; None when they are, and then they are remembered."""
        if self._pairs is None:
            return None
        pair = f"{text}\n{output}"
        reason = _reason(self._pairs.find(pair))
        if reason is None:
            self._pairs.add("generated", pair)
        return reason


class GrowingSet:
    """Rows and counts of all finished waves. It changes only wave by wave, so a resumed run finds the same state."""

    def __init__(self, task: TaskSpec, wanted: Mapping[str, int], config: DatasetGeneratorConfig) -> None:
        self.rows: list[Example] = []
        self.seen = SeenInputs(task, config.near_duplicate)
        self.wanted = dict(wanted)
        self.total = sum(wanted.values())
        self.outputs = OutputBalance(config, self.total)
        self.written = WrittenOutputs()
        self.waves = 0
        self.relabelled = self.asked_again = 0
        self.requests = self.prompt_tokens = self.completion_tokens = 0
        self.dropped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.given_up: list[str] = []
        self._by_label = bool(task.labels) and config.writes == "inputs"
        self._open = task.kind == "generation"
        self._config = config
        self._asked: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._idle: Counter[str] = Counter()
        self._have: Counter[str] = Counter()

    def add(self, wave: Wave, *, from_disk: bool) -> None:
        """Take over a finished wave. The inputs of a wave that was just made have been seen already."""
        if from_disk:
            for text in (*wave.rejected, *(row.input for row in wave.rows)):
                self.seen.refuse_input(text)
            for row in wave.rows:
                self.seen.refuse_pair(row.input, row.target)
        self.waves += 1
        self.rows += wave.rows
        self.written.add(wave)
        if self._open:
            self.outputs.add(row.target for row in wave.rows)
        self.relabelled += wave.relabelled
        self.asked_again += wave.asked_again
        self.requests += wave.requests
        self.prompt_tokens += wave.prompt_tokens
        self.completion_tokens += wave.completion_tokens
        self.dropped.update(wave.dropped)
        self.failed.update(wave.failed)
        self._asked.update(wave.asked)
        self._kept.update(wave.kept)
        before = Counter(self._have)
        self._have.update(self.group(row.target) for row in wave.rows)
        for label in wave.asked:
            self._idle[label] = self._idle[label] + 1 if self._have[label] == before[label] else 0
            if self._idle[label] >= self._config.patience and self.missing(label) > 0 and label not in self.given_up:
                self.given_up.append(label)

    def group(self, output: str) -> str:
        """The label under which a row with this output is counted."""
        return output if self._by_label else ANY

    def missing(self, label: str) -> int:
        """Examples of the label that are still wanted."""
        return self.wanted.get(label, 0) - self._have[label]

    def next_labels(self) -> list[str]:
        """The labels that the next wave asks for, one per example; empty when the set is done or nothing helps."""
        room = int(self._config.attempts * self.total) - self._asked.total()
        missing = {label: self.missing(label) for label in self.wanted if label not in self.given_up}
        # Three trials at even odds are put in front, so that one bad wave does not decide.
        yields = {label: max(0.1, (self._kept[label] + 1.5) / (self._asked[label] + 2)) for label in missing}
        return share_out(min(self._config.wave, room), missing, yields)

    def overused_outputs(self) -> tuple[str, ...]:
        """Free outputs that came too often."""
        return self.outputs.overused() if self._open else ()

    def is_output_full(self, output: str, pending: Sequence[Example]) -> bool:
        """Whether one more of a free output is too many; `pending` rows were accepted in this wave."""
        return self._open and self.outputs.is_full(output, (row.target for row in pending))

    @property
    def out_of_attempts(self) -> bool:
        """Whether as many examples were asked for as the config allows."""
        return self._asked.total() >= int(self._config.attempts * self.total)


def _reason(key: str | None) -> str | None:
    if key is None:
        return None
    return "near a demonstration" if key == _DEMONSTRATION else "near an earlier one"
