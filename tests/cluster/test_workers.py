"""In this process or on a cluster: jobs come out the same."""

from __future__ import annotations

from typing import Any

import pytest
from cluster import sample_jobs
from cluster.two_nodes import SECRETS

from prompt2model.cluster import Cluster, HereWorkers
from prompt2model.errors import BudgetExceededError, ConfigError, NoAnswerError


@pytest.fixture(params=["here", "local"])
def workers(request: pytest.FixtureRequest) -> Any:
    return HereWorkers() if request.param == "here" else request.getfixturevalue("local")


def test_every_job_comes_back_under_its_number(workers: Any) -> None:
    assert dict(workers.map(sample_jobs.double, range(20))) == {number: 2 * number for number in range(20)}


def test_what_a_job_raises_comes_back_as_itself(workers: Any) -> None:
    kinds = ["config", "no answer", "fine", "budget", "value"]
    results = dict(workers.map(sample_jobs.raising, kinds))
    config, no_answer, fine, budget, value = (results[number] for number in range(5))
    assert type(config) is ConfigError and str(config) == "`epochs` is 0; give more"
    assert type(no_answer) is NoAnswerError and (str(no_answer), no_answer.failure) == ("no answer came", "empty")
    assert fine == "fine"
    assert type(budget) is BudgetExceededError and (budget.tokens, budget.money) == (12, 0.5)
    assert type(value) is ValueError and value.args == ("seven", 7)


def test_jobs_are_taken_as_there_is_room(workers: Any) -> None:
    taken: list[int] = []
    jobs = (taken.append(number) or number for number in range(1000))
    results = workers.map(sample_jobs.double, jobs)
    next(results)
    assert len(taken) <= 8
    results.close()


def test_no_key_reaches_a_worker(local: Cluster) -> None:
    ((_, seen),) = local.map(sample_jobs.environment, [0])
    assert isinstance(seen, dict) and "PATH" in seen
    assert not set(SECRETS) & set(seen)
    assert not [name for name, value in seen.items() if value in SECRETS.values()]
