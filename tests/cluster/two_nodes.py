"""A Ray cluster of two nodes on loopback, and the keys that no worker may see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

SECRETS = {"OPENAI_API_KEY": "sk-one", "HF_TOKEN": "hf_two", "MY_TEACHER": "three"}
WITH_TESTS = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.getenv("PYTHONPATH")]))
"""Workers find the modules of tests as the driver does."""
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "node_ip_address": "127.0.0.1", "include_dashboard": False}


class TwoNodes:
    """Ray's own cluster for tests, started where no key is known: a head of one core, and a second node like it."""

    def __init__(self, folder: str) -> None:
        from ray import cluster_utils

        self._settings = {
            "PYTHONPATH": WITH_TESTS,
            "RAY_TMPDIR": folder,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled",
            # A killed node is noticed within seconds.
            "RAY_health_check_initial_delay_ms": "1000",
            "RAY_health_check_period_ms": "500",
        }
        with self._without_keys():
            self._nodes = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE)
        self.address: str = self._nodes.address

    def add_second(self) -> None:
        if not self._nodes.worker_nodes:
            with self._without_keys():
                self._nodes.add_node(**NODE)

    def kill_second(self) -> None:
        """The second node and its workers are gone at once, as when a machine is switched off."""
        (second,) = self._nodes.worker_nodes
        raylet = psutil.Process(second.all_processes["raylet"][0].process.pid)
        workers = raylet.children()
        self._nodes.remove_node(second, allow_graceful=False)
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill()

    def shutdown(self) -> None:
        self._nodes.shutdown()

    @contextmanager
    def _without_keys(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in SECRETS:
                patch.delenv(name, raising=False)
            for name, value in self._settings.items():
                patch.setenv(name, value)
            yield


class Interrupted:
    """Workers of which some are lost when the first result is there."""

    distributed = True

    def __init__(self, workers: Any, lose: Any) -> None:
        self._workers, self._lose = workers, lose

    def map(self, *arguments: Any, **settings: Any) -> Iterator[Any]:
        for pair in self._workers.map(*arguments, **settings):
            yield pair
            if self._lose is not None:
                lose, self._lose = self._lose, None
                lose()
