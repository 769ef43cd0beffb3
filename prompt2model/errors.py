"""Every error that prompt2model raises on purpose.

Prompt2ModelError                  one clear line: what was wrong and what to do; exit code 2
├── UserInputError                 what the person gave cannot be used
│   ├── PromptError                the prompt text is empty or cannot be read
│   ├── ConfigError                a config key or value is unknown or out of range
│   ├── DataFileError              a data file is missing, badly encoded, or lacks a column
│   ├── NotSettledError            a question needs a person and nobody is there to answer
│   └── MissingExtraError          an optional dependency is not installed
├── StoppedError                   a person ended it; exit code 130
│   └── PlanDeclinedError          a person saw the plan and said no
├── PipelineError                  a chain of components that does not fit together
├── RunFolderError                 a run folder is missing, damaged or of another version
├── ContaminationError             a row to train on is near a test row after all
├── NotEnoughDataError             too few rows or labels to go on
├── FeasibilityError               the teacher is unlikely to be good enough, and the run was to stop there
├── TrainingError                  a training that cannot go on (the loss is no number any more)
├── NoAnswerError                  a model gave no answer, or none that is whole, to one input
├── TeacherError                   the teacher cannot be asked
│   ├── TeacherKeyError            the key is missing or was refused
│   ├── TeacherUnreachableError    the address does not answer
│   ├── TeacherRequestError        the endpoint refuses the request as such (unknown model, bad parameter)
│   ├── BudgetExceededError        the budget does not cover the next call
│   └── PriceUnknownError          a money budget needs a price that nobody gave
├── WeightsError                   the weights of a model cannot be used
│   ├── WeightsNotFoundError       the model cannot be had from here
│   └── WeightsDamagedError        the weight file's hash is not the published one
├── HubError                       the hub does not answer or refuses
├── CardFileError                  a file of cards is missing, damaged, of another kind or in use
├── EvidenceError                  an index of evidence cannot be kept or read
├── ServerError                    a server of ours cannot start (port in use)
├── ClusterError                   a cluster does not answer, or its machines are lost
└── DiskFullError                  nothing could be written any more
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt2model.records import FailureKind


class Prompt2ModelError(Exception):
    """Base of all errors raised on purpose; its text is one line for the person who reads it."""

    exit_code = 2


class UserInputError(Prompt2ModelError):
    """What the person gave cannot be used."""


class PromptError(UserInputError):
    """The prompt text is empty or cannot be read."""


class ConfigError(UserInputError):
    """A config key or value is unknown or out of range."""


class DataFileError(UserInputError):
    """A data file is missing, badly encoded, or lacks a column."""


class NotSettledError(UserInputError):
    """A question needs a person and nobody is there to answer; the text names the config line to add."""


class MissingExtraError(UserInputError):
    """An optional dependency is not installed; the text names the extra."""


class StoppedError(Prompt2ModelError):
    """A person ended it. No fault: everything made so far is kept."""

    exit_code = 130


class PlanDeclinedError(StoppedError):
    """A person saw the plan and said no."""


class PipelineError(Prompt2ModelError):
    """A chain of components that does not fit together."""


class RunFolderError(Prompt2ModelError):
    """A run folder is missing, damaged or of another version."""


class ContaminationError(Prompt2ModelError):
    """A row to train on is near a test row after all: a fault of the program, found before anything was trained."""


class NotEnoughDataError(Prompt2ModelError):
    """Too few rows or labels to go on."""


class FeasibilityError(Prompt2ModelError):
    """The teacher is unlikely to be good enough, and the run was to stop there."""


class TrainingError(Prompt2ModelError):
    """A training that cannot go on."""


class NoAnswerError(Prompt2ModelError):
    """A model gave no answer, or none that is whole, to one input. `failure` says why."""

    def __init__(self, message: str, failure: FailureKind) -> None:
        super().__init__(message)
        self.failure = failure

    def __reduce__(self) -> tuple[type[NoAnswerError], tuple[str, FailureKind]]:
        """So that it comes back from another process as what it is."""
        return type(self), (str(self), self.failure)


class TeacherError(Prompt2ModelError):
    """The teacher cannot be asked."""


class TeacherKeyError(TeacherError):
    """The key is missing or was refused."""


class TeacherUnreachableError(TeacherError):
    """The address does not answer."""


class TeacherRequestError(TeacherError):
    """The endpoint refuses the request as such: an unknown model, a bad parameter."""


class BudgetExceededError(TeacherError):
    """The budget does not cover the next call; everything made so far is kept.

    `tokens` and `money` (US dollars, None where the budget is in tokens) are what was spent.
    """

    def __init__(self, message: str, tokens: int = 0, money: float | None = None) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.money = money


class PriceUnknownError(TeacherError):
    """A money budget needs a price that nobody gave."""


class WeightsError(Prompt2ModelError):
    """The weights of a model cannot be used."""


class WeightsNotFoundError(WeightsError):
    """The model cannot be had from here."""


class WeightsDamagedError(WeightsError):
    """The weight file's hash is not the published one."""


class HubError(Prompt2ModelError):
    """The hub does not answer or refuses."""


class CardFileError(Prompt2ModelError):
    """A file of cards is missing, damaged, of another kind, or another process is crawling into it."""


class EvidenceError(Prompt2ModelError):
    """An index of evidence cannot be kept or read."""


class ServerError(Prompt2ModelError):
    """A server of ours cannot start."""


class ClusterError(Prompt2ModelError):
    """A cluster does not answer, cannot be joined, or its machines are lost; finished work is kept."""


class DiskFullError(Prompt2ModelError):
    """Nothing could be written any more."""


def connection_failed(error: BaseException | None) -> bool:
    """Whether an error or what it came from is a lost connection.

    huggingface_hub lets the errors of its HTTP library through and has changed that library, so the class is known
    by its name.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ConnectionError) or any(base.__name__ == "TransportError" for base in type(error).__mro__):
            return True
        error = error.__cause__ or error.__context__
    return False
