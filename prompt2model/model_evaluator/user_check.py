"""A person's own pass or fail: a Python function that judges each answer."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from prompt2model.errors import ConfigError
from prompt2model.records import Example, Metric
from prompt2model.statistics.shares import wilson_interval

Check = Callable[[str, str, tuple[str, ...]], bool]
"""(input, answer, accepted answers) → whether the answer passes. The empty answer is never asked about: it fails."""
NAME = "passes"


class UserCheck:
    """The function `passes` of a Python file. Raises ConfigError when it cannot be loaded."""

    name = NAME

    def __init__(self, file: Path) -> None:
        self._function = load_check(file)

    def share(self, rows: Sequence[Example], answers: Sequence[str]) -> tuple[Metric | None, list[Exception]]:
        """The share of answers that pass, with Wilson's interval, and what the function threw.

        None in its place where it threw on every answer.
        """
        passed, asked, failures = 0, 0, list[Exception]()
        for row, answer in zip(rows, answers, strict=True):
            if not answer.strip():
                continue
            asked += 1
            try:
                passed += bool(self._function(row.input, answer, row.references))
            except Exception as error:
                failures.append(error)
        if asked and len(failures) == asked:
            return None, failures
        low, high = wilson_interval(passed, len(rows))
        metric = Metric(NAME, round(passed / len(rows), 6), round(low, 6), round(high, 6), len(rows), "wilson")
        return metric, failures


def load_check(file: Path) -> Check:
    """The function. Raises ConfigError with what to write instead."""
    try:
        spec = importlib.util.spec_from_file_location("prompt2model_user_check", file)
        if spec is None or spec.loader is None:
            raise ImportError("it is no Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        check: Check = getattr(module, NAME)
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ConfigError(
            f"check = {str(file)!r} in [evaluate] cannot be used ({why}); name a Python file with a function "
            f"{NAME}(input, answer, accepted) that returns True or False"
        ) from error
    if not callable(check):
        raise ConfigError(f"{NAME} in {file} is no function of (input, answer, accepted); make it one")
    return check
