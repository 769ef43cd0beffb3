"""The one abstract interface of the line, and what a component may touch of the outside."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from prompt2model.cluster import HereWorkers, Workers

if TYPE_CHECKING:
    from prompt2model.teacher.client import ChatClient

InputsT = TypeVar("InputsT")
OutputT = TypeVar("OutputT")
T = TypeVar("T")


ASKED_AGAIN = ""
"""The key of a question whose answer ends the run: it is not kept, so that a resumed run asks again."""


class ModelReference:
    """Marks a setting that is a folder of weights or a model id; which of the two, is settled where paths are."""


class ComponentConfig(BaseModel):
    """Base of every component's settings: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class TeacherUse:
    """What a step asks of one role: calls, and the tokens of all of them together."""

    role: str
    calls: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a step will cost. Unknown is None. Memory and disk in bytes; seconds without the teacher's answers.

    `makes` stands for what the step will make, so that later steps can be estimated: about as much of it, no content
    that anything may be built on. None where the step cannot tell.
    """

    teacher: tuple[TeacherUse, ...] = ()
    seconds: float | None = None
    memory: int | None = None
    disk: int | None = None
    assumptions: tuple[str, ...] = ()
    makes: Any = None

    @property
    def calls(self) -> int:
        """Calls of all roles."""
        return sum(use.calls for use in self.teacher)

    @property
    def prompt_tokens(self) -> int:
        """Tokens that all roles read."""
        return sum(use.prompt_tokens for use in self.teacher)

    @property
    def completion_tokens(self) -> int:
        """Tokens that all roles write."""
        return sum(use.completion_tokens for use in self.teacher)


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a person can pick: `value` is stored, `label` and `details` (columns of a table) are shown."""

    value: str
    label: str
    details: Mapping[str, str] = field(default_factory=dict)


class Chooser(Protocol):
    """Carries every question to a person: at a console, in the studio, or the automatic one (`--yes`).

    Every question has a key, unique in its step; the answer is stored under it, so a resumed run never asks twice.
    Only a question under `ASKED_AGAIN` is.
    """

    interactive: bool

    def choose_many(self, key: str, question: str, options: Sequence[Option], default: Sequence[str]) -> list[str]:
        """The values of the options that were picked; may be empty."""
        ...

    def choose_one(self, key: str, question: str, options: Sequence[Option], default: str) -> str:
        """The value of the option that was picked."""
        ...

    def ask(
        self,
        key: str,
        question: str,
        default: str | None,
        config_line: str,
        check: Callable[[str], object] | None = None,
    ) -> str:
        """A free answer. With no default and nobody there: NotSettledError, naming `config_line`.

        An answer for which `check` raises ConfigError is asked for again.
        """
        ...

    def confirm(self, key: str, question: str, default: bool) -> bool:
        """Yes or no."""
        ...


class Progress(Protocol):
    """Long work, shown while it goes on."""

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """The items unchanged, with a bar that moves as they are taken."""
        ...

    def say(self, message: str) -> None:
        """One line for the person who waits."""
        ...


@dataclass(frozen=True)
class RunContext:
    """Everything through which a component touches the outside.

    `folder` is the step's own folder: what a component writes there survives a kill and is found again on resume,
    until the step is finished. `files` of an earlier step are reached through the artifacts, never through paths.
    """

    folder: Path
    seed: int
    progress: Progress
    chooser: Chooser
    teachers: Mapping[str, ChatClient] = field(default_factory=dict)
    cache_folder: Path = Path()
    hub_allowed: bool = False
    workers: Workers = field(default_factory=HereWorkers)

    def rng(self, *names: object) -> random.Random:
        """A random generator of this step's own; the same names give the same numbers in every run."""
        return random.Random(f"{self.seed}|" + "|".join(str(name) for name in names))

    def teacher(self, role: str = "teacher") -> ChatClient:
        """The client that plays `role`; every role falls back to `teacher`.

        Raises TeacherError when the run has no teacher at all.
        """
        from prompt2model.errors import TeacherError

        client = self.teachers.get(role) or self.teachers.get("teacher")
        if client is None:
            raise TeacherError(
                "this step needs a teacher and the run has none; name one with --teacher openai:NAME, "
                "or --teacher embedded after `prompt2model weights --install`"
            )
        return client


class Component(ABC, Generic[InputsT, OutputT]):
    """One step of the line.

    `Inputs` is a frozen dataclass whose field names are names of artifacts; `produces` names the artifact that
    `run` returns. Raise `version` when the same config and inputs would give another output than before.
    """

    name: ClassVar[str]
    produces: ClassVar[str]
    Config: ClassVar[type[ComponentConfig]]
    Inputs: ClassVar[type[Any]]
    Output: ClassVar[type[Any]]
    prompts: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1

    def __init__(self, config: Any = None) -> None:
        self.config: Any = config if config is not None else self.Config()

    @abstractmethod
    def run(self, inputs: InputsT, context: RunContext) -> OutputT:
        """Make the one thing that this component makes."""

    @abstractmethod
    def estimate(self, inputs: InputsT, context: RunContext) -> Estimate:
        """What `run` would cost, without any call."""

    def check(self, hub_allowed: bool) -> None:
        """Refuse what the config names and cannot be had, before any step has spent anything.

        Called once, before the first step that is executed. Raises Prompt2ModelError, as `run` would.
        """

    def input_files(self) -> Sequence[Path]:
        """Files and folders outside the run that the config names; their content belongs to the fingerprint."""
        return ()
