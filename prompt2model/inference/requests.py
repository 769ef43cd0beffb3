"""What the local engine is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Failure = Literal["context_too_long"]


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A text to continue.

    `prompt` is the whole text, chat template included (`CausalEngine.chat_prompt` applies it). `temperature` 0 is
    greedy; `top_p` in (0, 1] keeps the smallest set of most likely tokens with that mass (nucleus sampling,
    arXiv 1904.09751). `stop`: the answer ends before the first of these strings. `seed`: the request's own random
    numbers; other requests do not change them.
    """

    prompt: str
    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens is {self.max_new_tokens}; it must be at least 1")
        if self.temperature < 0:
            raise ValueError(f"temperature is {self.temperature}; it must be at least 0")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; it must be above 0 and at most 1")


@dataclass(frozen=True, slots=True)
class Generated:
    """A continuation. `tokens` counts the end token and the tokens of the stop string, which `text` does not show.

    `read_tokens` of the prompt were read for this request: of what a group shares, the first request bears all.
    `finish` is `stop` at an end token or stop string and `length` at `max_new_tokens` or the context's end. With a
    `failure` the text is empty and nothing was computed.
    """

    text: str
    tokens: int
    prompt_tokens: int
    read_tokens: int = 0
    finish: Literal["stop", "length"] = "stop"
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class AnswersRequest:
    """Which of these `answers` does the model expect after `prompt`? An answer usually starts with a space."""

    prompt: str
    answers: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.answers or not all(self.answers):
            raise ValueError("an AnswersRequest needs answers, and none of them may be empty")


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """For each answer, in order: the sum of its tokens' log-probabilities (nats), and how many tokens it has.

    With a `failure` both are empty. `read_tokens` as in `Generated`.
    """

    log_probabilities: tuple[float, ...]
    answer_tokens: tuple[int, ...]
    prompt_tokens: int
    read_tokens: int = 0
    failure: Failure | None = None
