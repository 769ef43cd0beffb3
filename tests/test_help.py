"""The help teaches: examples, defaults, readable types; no line is cut."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from typer.testing import CliRunner

from prompt2model.cli import app

SETTING = re.compile(r"[a-z_]+ = ")
COMMANDS = (
    "run",
    "resume",
    "show",
    "demo",
    "review",
    "predict",
    "merge",
    "doctor",
    "weights",
    "index",
    "benchmark",
    "settings",
)


def help_of(*command: str) -> str:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    return done.output


def test_no_line_of_the_commands_is_cut() -> None:
    _, text = help_of().split("Commands:")
    assert "..." not in text
    for name in COMMANDS:
        assert f"\n  {name} " in text


@pytest.mark.parametrize("command", COMMANDS)
def test_no_type_of_the_programming_language_is_shown(command: str) -> None:
    text = help_of(command)
    assert "list[" not in text
    assert "_HELP" not in text


def test_the_help_of_run_teaches() -> None:
    text = " ".join(help_of("run").split())
    start, options = text.split("Options:")
    assert "given in quotes or with --prompt-file" in start
    assert "prompt2model run --prompt-file task.txt --yes --data rows.csv" in start
    for words in (
        "embedded (the default)",
        "`runs` when absent",
        "ask (the default;",
        "May be repeated",
        "--data FILE",
    ):
        assert words in options


@pytest.mark.parametrize("command", ["build", "update", "info", "import"])
def test_the_commands_of_the_index_teach_too(command: str) -> None:
    text = " ".join(help_of("index", command).split())
    assert "--file FILE" in text
    assert "list[" not in text
    assert "_HELP" not in text
    # What belongs on lines of its own stays there.
    starts = [line.strip() for line in help_of("index", command).splitlines() if line.startswith("  {")]
    assert len(starts) == (2 if command == "import" else 0)
    assert all(json.loads(line)["id"].startswith("ann/") for line in starts)


@pytest.mark.parametrize("command", ["medqa", "medmcqa", "pubmedqa"])
def test_the_commands_of_the_benchmarks_teach_too(command: str) -> None:
    text = " ".join(help_of("benchmark", command).split())
    assert f"prompt2model benchmark {command} --source {command}.jsonl --corpus" in text
    assert "--source FILE|hub" in text
    assert "list[" not in text


def test_the_settings_are_toml_with_their_defaults() -> None:
    shown = CliRunner().invoke(app, ["settings"]).output
    lines = [line.removeprefix("# ") for line in shown.splitlines() if not line.endswith("(not set)")]
    read = tomllib.loads("\n".join(line for line in lines if line.startswith("[") or SETTING.match(line)))
    assert read["prices"] == read["teachers"] == read["retrieve_data"]["columns"] == {}
    assert read["timeout"] == 120.0
