"""The hub in a run of the command: away, or not allowed."""

from __future__ import annotations

from pathlib import Path

from integration.command_line import FAST, command
from servers.hub_like import nobody_there

FILMS = (
    "Is this film review positive or negative? Answer with one of: positive, negative.\n\n"
    "Review: Two hours of my life.\nLabel: negative\n\nReview: I went again.\nLabel: positive\n"
)


def test_a_hub_that_does_not_answer_stops_no_run_that_has_data(work: Path) -> None:
    ended = command(
        *("run", "--prompt-file", "task.txt", "--yes", "--teacher", "none", "--hub", "--data", "rows.csv"),
        *("--name", "away", "--set", 'retrieve_models.families=["encoder"]', *FAST),
        cwd=work,
        env={"HF_ENDPOINT": nobody_there()},
    )
    assert ended.code == 0, ended.err
    said = " ".join(ended.err.split())
    assert "the hub did not answer, so the run goes on without its data sets" in said
    assert "none clearly fits" in said
    assert "The hub did not answer, so only base models that are here were offered" in said
    assert "goes on without its data sets" in (work / "runs/away/2_retrieved/artifact.json").read_text()


def test_a_plan_names_what_the_hub_could_be_asked_for(work: Path) -> None:
    (work / "films.txt").write_text(FILMS)
    ended = command("plan", "--prompt-file", "films.txt", "--yes", "--teacher", "none", "--name", "films", cwd=work)
    assert ended.code == 0, ended.err
    said = " ".join(ended.err.split())
    assert "well-known data sets that may fit, by the facts that ship" in said
    assert "stanfordnlp/imdb" in said
    assert "run with --hub and another --name" in said
