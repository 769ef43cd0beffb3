"""Clusters on loopback: one as `--cluster local` starts it, and one of two nodes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import pytest
from cluster.two_nodes import SECRETS, WITH_TESTS, TwoNodes

from prompt2model.cluster import Cluster, connect


@pytest.fixture(scope="module")
def local() -> Iterator[Cluster]:
    """Two cores of this machine, started by a process that holds keys."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**SECRETS, "PYTHONPATH": WITH_TESTS}.items():
            patch.setenv(name, value)
        with connect("local", key_variables=["MY_TEACHER"], cores=2) as cluster:
            assert cluster.size == 2
            yield cluster


@pytest.fixture(scope="session")
def nodes() -> Iterator[TwoNodes]:
    """One head for all tests."""
    from ray._private import ray_constants

    folder = tempfile.mkdtemp(prefix="p2m-", dir="/tmp")
    with pytest.MonkeyPatch.context() as patch:
        # Else Ray takes 127.0.0.1 for the machine's address in its network.
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        nodes = TwoNodes(folder)
        yield nodes
        nodes.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def two_nodes(nodes: TwoNodes) -> TwoNodes:
    """Both of them up."""
    nodes.add_second()
    return nodes
