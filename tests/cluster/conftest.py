"""Clusters on loopback: one as `--cluster local` starts it, and one of two nodes."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from prompt2model.cluster import Cluster, connect

SECRETS = {"OPENAI_API_KEY": "sk-one", "HF_TOKEN": "hf_two", "MY_TEACHER": "three"}
WITH_TESTS = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.getenv("PYTHONPATH")]))
"""Workers find the modules of tests as the driver does."""
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "node_ip_address": "127.0.0.1", "include_dashboard": False}


@pytest.fixture(scope="module")
def local() -> Iterator[Cluster]:
    """Two cores of this machine, started by a process that holds keys."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**SECRETS, "PYTHONPATH": WITH_TESTS}.items():
            patch.setenv(name, value)
        with connect("local", key_variables=["MY_TEACHER"], cores=2) as cluster:
            assert cluster.size == 2
            yield cluster


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """Ray's own cluster for tests, started where no key is known, with a head of one core; see `add_second`."""
    from ray import cluster_utils
    from ray._private import ray_constants

    folder = tempfile.mkdtemp(prefix="p2m-", dir="/tmp")
    settings = {
        "PYTHONPATH": WITH_TESTS,
        "RAY_TMPDIR": folder,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        # A killed node is noticed within seconds.
        "RAY_health_check_initial_delay_ms": "1000",
        "RAY_health_check_period_ms": "500",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.delenv(name, raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        nodes = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE)
        try:
            yield nodes
        finally:
            nodes.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def add_second(nodes: Any) -> None:
    """A second node, of one core."""
    if not nodes.worker_nodes:
        nodes.add_node(**NODE)


def kill_second(nodes: Any) -> None:
    """The second node and its workers are gone at once, as when a machine is switched off."""
    (second,) = nodes.worker_nodes
    raylet = second.all_processes["raylet"][0].process.pid
    workers = [int(line) for line in Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()]
    nodes.remove_node(second, allow_graceful=False)
    for process in workers:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
