"""What stands after --cluster, and what is said where nobody answers there."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from prompt2model.cluster import connect, connecting
from prompt2model.errors import ClusterError, ConfigError, MissingExtraError
from prompt2model.pipeline import Pipeline


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a listener that says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("where", ["", "localhost", "http://127.0.0.1:1", "ray://", "host:port"])
def test_an_unknown_form_is_refused_at_once(where: str) -> None:
    with pytest.raises(ConfigError, match=r"the forms are `local`"):
        connect(where)


@pytest.mark.parametrize("form", ["{}", "ray://{}"])
def test_where_nobody_listens_a_run_ends_before_its_first_step(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "_is_installed", lambda module: True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = form.format(f"127.0.0.1:{taken.getsockname()[1]}")
        pipeline = Pipeline.from_config({"prompt": "Is it good?", "cluster": where, "runs_folder": str(tmp_path)})
        with pytest.raises(ClusterError, match=r"no cluster answers at .*; start it there with `ray start --head`"):
            pipeline.run()
    assert not (pipeline.folder / "config.toml").exists(), "nothing was begun"


@pytest.mark.parametrize("missing", ["ray", "grpc"])
def test_without_ray_or_its_client_the_extra_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_is_installed", lambda module: module != missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'prompt2model\[cluster\]'"):
        connect("ray://127.0.0.1:10001").check()


def test_what_listens_but_is_no_cluster_is_said_in_time(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_ANSWER_SECONDS", 1.0)
    with connect(silent) as workers, pytest.raises(ClusterError, match="is no Ray cluster, or is too busy"):
        _ = workers.size


def test_a_killed_driver_takes_its_cluster_with_it() -> None:
    code = (
        "import sys\nfrom prompt2model.cluster import connect\n"
        "with connect('local', cores=1) as workers:\n    print(workers.size, flush=True)\n    sys.stdin.read()\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None and driver.stdout.readline().strip() == "1"
    processes = psutil.Process(driver.pid).children(recursive=True)
    commands = {process: " ".join(process.cmdline()) for process in processes}
    folder = next(found[0] for command in commands.values() if (found := re.search(r"/tmp/p2m-\w+", command)))
    assert any("raylet" in command for command in commands.values())
    driver.kill()
    driver.wait()
    # Ray's agents, which compute nothing, take a minute to notice.
    agents = [process for process, command in commands.items() if "Agent" in command]
    _, left = psutil.wait_procs([process for process in processes if process not in agents], timeout=60)
    for agent in agents:
        with suppress(psutil.NoSuchProcess):
            agent.kill()
    shutil.rmtree(folder)
    assert not left
