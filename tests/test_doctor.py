"""What doctor says of things that it did not look at."""

from __future__ import annotations

import pytest

from prompt2model.doctor import Finding, show_findings


def test_not_asked_is_not_missing(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings((Finding("a", True, "x"), Finding("b", False, "y", "get it"), Finding("c", None, "z")))
    marks = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert marks == ["ok", "--", "→", "?"]


def test_the_hub_is_not_asked_unasked() -> None:
    from prompt2model.doctor import _hub

    assert _hub(ask=False).here is None
