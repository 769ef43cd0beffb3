"""What a person sees and answers: progress, pickers, tables. The automatic chooser stands in for `--yes`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from prompt2model.component import ASKED_AGAIN, Chooser, Option
from prompt2model.errors import ConfigError, NotSettledError

if TYPE_CHECKING:
    from prompt2model.run_store import RunStore

T = TypeVar("T")


class SilentProgress:
    """Shows nothing. For tests and for use as a library."""

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """The items unchanged."""
        yield from items

    def say(self, message: str) -> None:
        """Nothing."""


class ConsoleProgress:
    """Bars and lines on stderr, so that stdout stays for results."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """The items unchanged, with a bar that moves as they are taken."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            yield from bar.track(items, total=total, description=description)

    def say(self, message: str) -> None:
        """One line."""
        self._console.print(message, markup=False)


class AutomaticChooser:
    """Takes every default (`--yes`). A question without a default stops the run, naming the line to add."""

    interactive = False

    def choose_many(self, key: str, question: str, options: Sequence[Option], default: Sequence[str]) -> list[str]:
        """The default."""
        return list(default)

    def choose_one(self, key: str, question: str, options: Sequence[Option], default: str) -> str:
        """The default."""
        return default

    def ask(
        self,
        key: str,
        question: str,
        default: str | None,
        config_line: str,
        check: Callable[[str], object] | None = None,
    ) -> str:
        """The default. Raises NotSettledError when there is none."""
        if default is None:
            raise NotSettledError(f"{question} The prompt does not tell, and nobody is there to answer: {config_line}")
        return default

    def confirm(self, key: str, question: str, default: bool) -> bool:
        """The default."""
        return default


class ConsoleChooser:
    """Asks at a terminal. Return alone takes the default, which every question shows."""

    interactive = True

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def choose_many(self, key: str, question: str, options: Sequence[Option], default: Sequence[str]) -> list[str]:
        """Numbers divided by commas; `none` for nothing."""
        self._show(question, options, default)
        values = [option.value for option in options]
        shown = ",".join(str(values.index(value) + 1) for value in default) or "none"
        while True:
            answer = self._read(f"Numbers divided by commas, or none [{shown}]: ")
            if not answer:
                return list(default)
            if answer.casefold() in {"none", "0"}:
                return []
            picked = [_number(part, len(values)) for part in answer.replace(" ", ",").split(",") if part]
            numbers = [number for number in picked if number is not None]
            if picked and len(numbers) == len(picked):
                return [values[number - 1] for number in dict.fromkeys(numbers)]
            self._console.print(f"Please give numbers from 1 to {len(values)}.")

    def choose_one(self, key: str, question: str, options: Sequence[Option], default: str) -> str:
        """One number."""
        self._show(question, options, [default])
        values = [option.value for option in options]
        while True:
            answer = self._read(f"Number [{values.index(default) + 1 if default in values else default}]: ")
            if not answer:
                return default
            number = _number(answer, len(values))
            if number is not None:
                return values[number - 1]
            self._console.print(f"Please give a number from 1 to {len(values)}.")

    def ask(
        self,
        key: str,
        question: str,
        default: str | None,
        config_line: str,
        check: Callable[[str], object] | None = None,
    ) -> str:
        """A free answer."""
        while True:
            answer = self._read(f"{question} [{default}]: " if default else f"{question}: ")
            if not answer and default is not None:
                return default
            try:
                if answer and check is not None:
                    check(answer)
            except ConfigError as error:
                self._console.print(str(error), markup=False)
                continue
            if answer:
                return answer

    def confirm(self, key: str, question: str, default: bool) -> bool:
        """y or n."""
        while True:
            answer = self._read(f"{question} [{'Y/n' if default else 'y/N'}]: ").casefold()
            if not answer:
                return default
            if answer in {"y", "yes", "n", "no"}:
                return answer.startswith("y")

    def _show(self, question: str, options: Sequence[Option], default: Sequence[str]) -> None:
        from rich.table import Table

        names = list(dict.fromkeys(name for option in options for name in option.details))
        table = Table(title=question, title_justify="left", box=None, pad_edge=False)
        table.add_column("#", justify="right")
        table.add_column("")
        for name in names:
            table.add_column(name, overflow="fold")
        for number, option in enumerate(options, start=1):
            mark = "* " if option.value in default else "  "
            table.add_row(str(number), mark + option.label, *(option.details.get(name, "") for name in names))
        self._console.print(table)

    def _read(self, prompt: str) -> str:
        self._console.print(prompt, end="", markup=False)
        try:
            line = sys.stdin.readline()
        except OSError:
            # The terminal itself is gone.
            line = ""
        if not line:
            self._console.print()
            raise NotSettledError("the input ended before the question was answered; use --yes to take the defaults")
        return line.strip()


class RecordingChooser:
    """Keeps the answers of a person in the run folder, and gives them again instead of asking twice."""

    def __init__(self, store: RunStore, step: str, inner: Chooser) -> None:
        self._store, self._step, self._inner = store, step, inner
        self.interactive = inner.interactive

    def choose_many(self, key: str, *arguments: Any, **named: Any) -> list[str]:
        """See Chooser."""
        return self._remember(key, lambda: self._inner.choose_many(key, *arguments, **named))

    def choose_one(self, key: str, *arguments: Any, **named: Any) -> str:
        """See Chooser."""
        return self._remember(key, lambda: self._inner.choose_one(key, *arguments, **named))

    def ask(self, key: str, *arguments: Any, **named: Any) -> str:
        """See Chooser."""
        return self._remember(key, lambda: self._inner.ask(key, *arguments, **named))

    def confirm(self, key: str, *arguments: Any, **named: Any) -> bool:
        """See Chooser."""
        return self._remember(key, lambda: self._inner.confirm(key, *arguments, **named))

    def _remember(self, key: str, ask: Any) -> Any:
        if key == ASKED_AGAIN:
            return ask()
        known = self._store.answers(self._step)
        if key in known:
            return known[key]
        answer = ask()
        if self.interactive:
            self._store.save_answer(self._step, key, answer)
        return answer


def _number(text: str, highest: int) -> int | None:
    return int(text) if text.isdecimal() and 1 <= int(text) <= highest else None


def minutes(seconds: float) -> str:
    """A time in the unit that a person would say it in."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def gigabytes(count: int | None) -> str:
    """Bytes as a person would say them; None is what nobody knows."""
    return "an unknown amount" if count is None else f"{count / 1e9:,.1f} GB"


def size_words(count: int) -> str:
    """The bytes of a file or folder: `48.2 MB`."""
    unit, size = next(((unit, size) for unit, size in (("GB", 10**9), ("MB", 10**6)) if count >= size), ("kB", 10**3))
    return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"


def latency_words(seconds: float) -> str:
    """The time of an answer: `3.2 ms`."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:,.3g} s"
