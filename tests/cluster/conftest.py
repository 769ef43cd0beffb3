"""Clusters on loopback: one of this machine's own, and one of two nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from prompt2model.cluster import Cluster, connect

SECRETS = {"OPENAI_API_KEY": "sk-one", "HF_TOKEN": "hf_two", "MY_TEACHER": "three"}


@pytest.fixture(scope="session")
def local() -> Iterator[Cluster]:
    """Two cores of this machine, started by a process that holds keys."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        # Workers find the tests' own modules as the driver does.
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(Path(__file__).parent), os.getenv("PYTHONPATH")])))
        with connect("local", key_variables=["MY_TEACHER"], cores=2) as cluster:
            assert cluster.size == 2
            yield cluster
