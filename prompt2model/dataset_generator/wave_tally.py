"""What happens in one wave, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from prompt2model.dataset_generator.consistency import Answers
from prompt2model.dataset_generator.waves import Wave
from prompt2model.records import Example
from prompt2model.teacher.asking_again import Reply


class WaveTally:
    """Counts of one wave."""

    def __init__(self) -> None:
        self.kept: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.relabelled = self._asked_again = self._requests = self._prompt_tokens = self._completion_tokens = 0
        self.repeated: list[tuple[str, str]] = []

    def reply(self, reply: Reply) -> None:
        """A request for new inputs was answered or failed, perhaps after a reply that could not be read."""
        if reply.unreadable is not None:
            self._asked_again += 1
            self.failed["unparsable"] += 1
        for response in reply.responses:
            self._requests += 1
            self._prompt_tokens += response.prompt_tokens
            self._completion_tokens += response.completion_tokens

    def answers(self, said: Answers) -> None:
        """An input was voted on. A failed vote is counted, never used."""
        self._requests += said.calls
        self.failed.update(said.failures)
        self._prompt_tokens += said.prompt_tokens
        self._completion_tokens += said.completion_tokens

    def wave(self, number: int, rows: Sequence[Example], rejected: Sequence[str], asked: Mapping[str, int]) -> Wave:
        """The finished wave."""
        return Wave(
            number,
            tuple(rows),
            tuple(rejected),
            asked=dict(asked),
            kept=dict(self.kept),
            dropped=dict(self.dropped),
            failed=dict(self.failed),
            asked_again=self._asked_again,
            repeated=tuple(self.repeated),
            relabelled=self.relabelled,
            requests=self._requests,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
        )
