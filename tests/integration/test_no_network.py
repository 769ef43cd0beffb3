"""Nothing leaves the machine unasked: a whole run and a prediction, with every other connection refused and noted."""

from __future__ import annotations

from pathlib import Path

from integration.command_line import FAST, SECONDS, command, start, wait_a_moment

GUARD = Path(__file__).parents[1] / "demo_creator" / "loopback_only"


def test_a_run_and_a_prediction_stay_on_the_machine(work: Path, tmp_path: Path) -> None:
    noted = tmp_path / "left"
    env = {"PYTHONPATH": str(GUARD), "LEFT_THE_MACHINE": str(noted)}
    ended = command(
        *("run", "--prompt-file", "task.txt", "--yes", "--teacher", "none", "--data", "rows.csv"),
        *("--name", "quiet", "--set", 'retrieve_models.families=["encoder"]', *FAST),
        cwd=work,
        env=env,
    )
    assert ended.code == 0, ended.err
    ended = command("predict", "runs/quiet", "rows.csv", "--column", "text", cwd=work, env=env)
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == 49
    assert not noted.exists(), noted.read_text()


def test_the_guard_sees_what_leaves(work: Path, tmp_path: Path) -> None:
    noted = tmp_path / "left"
    process = start(
        *("run", "--prompt-file", "task.txt", "--yes", "--teacher", "none", "--hub", "--data", "rows.csv", *FAST),
        cwd=work,
        env={"PYTHONPATH": str(GUARD), "LEFT_THE_MACHINE": str(noted), "HF_ENDPOINT": "http://192.0.2.1:9"},
    )
    # The hub's own client tries again for half a minute; the first time is enough here.
    while not (noted.exists() and noted.read_text()):
        assert process.poll() is None, "the run ended without leaving the machine"
        wait_a_moment(process)
    process.kill()
    process.communicate(timeout=SECONDS)
    assert "192.0.2.1" in noted.read_text()
