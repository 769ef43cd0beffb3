"""Jobs as Ray tasks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from prompt2model import __version__
from prompt2model.errors import ClusterError

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")

RETRIES = 4
"""How often a job is begun again after its worker was lost."""
_AHEAD = 2
"""Jobs handed to Ray for each that can run, so that no worker waits for the next one."""
_LOOK = 5.0
"""Seconds after which a silent cluster is looked at."""
_PATIENCE = 24
"""Such looks without a single machine that could run the job, until it is given up: two minutes."""


class RayWorkers:
    """The workers of the Ray cluster that this process is attached to.

    Where the cluster has accelerators a job gets one, else it gets cores only. A job whose worker dies runs again on
    another one; what a job raises is not tried again.
    """

    distributed = True

    def __init__(self) -> None:
        self._lacking = 0

    @property
    def size(self) -> int:
        """Accelerators of the cluster, or its cores where it has none, as of now."""
        import ray

        resources = ray.cluster_resources()
        return max(1, int(resources.get("GPU", 0) or resources.get("CPU", 0)))

    def check(self) -> None:
        """Run one empty job. Raises ClusterError where workers have another prompt2model, or none."""
        for _, result in self.map(_nothing, [None]):
            if isinstance(result, Exception):
                raise result

    def map(
        self,
        function: Callable[[JobT], ResultT],
        jobs: Iterable[JobT],
        *,
        cores: int | None = None,
        memory: int | None = None,
    ) -> Iterator[tuple[int, ResultT | Exception]]:
        """See `Workers.map`. Raises ClusterError when the cluster has no machine left."""
        import ray

        task: Any = ray.remote(_run)
        source = enumerate(jobs)
        under_way: dict[Any, int] = {}
        exhausted = False
        try:
            while True:
                room = _AHEAD * self.size
                while not exhausted and len(under_way) < room:
                    pair = next(source, None)
                    if pair is None:
                        exhausted = True
                        break
                    number, job = pair
                    needs = self._needs(cores or 1, memory)
                    used = task.options(**needs, max_retries=RETRIES, retry_exceptions=False)
                    under_way[used.remote(function, job, int(needs["num_cpus"]), __version__)] = number
                if not under_way:
                    return
                done, _ = ray.wait(list(under_way), num_returns=1, timeout=_LOOK)
                if not done:
                    self._look_for_machines()
                for reference in done:
                    self._lacking = 0
                    result = _result(reference)
                    yield under_way.pop(reference), result
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)

    def _needs(self, cores: int, memory: int | None) -> dict[str, float]:
        """What a job asks Ray for: no more than some machine has, or it would wait forever."""
        machines = _machines()
        most = max((machine.get("CPU", 0) for machine in machines), default=0)
        accelerated = any(machine.get("GPU", 0) >= 1 for machine in machines)
        needs: dict[str, float] = {"num_cpus": min(cores, int(most)) or 1}
        if memory is not None:
            needs["memory"] = min(memory, int(max((machine.get("memory", 0) for machine in machines), default=0)))
        return {**needs, "num_gpus": 1} if accelerated else needs

    def _look_for_machines(self) -> None:
        self._lacking = 0 if any(machine.get("CPU", 0) >= 1 for machine in _machines()) else self._lacking + 1
        if self._lacking >= _PATIENCE:
            raise ClusterError(
                "the cluster has lost all its machines; start them again and go on with `prompt2model resume RUN`: "
                "finished work is kept"
            )


def _machines() -> list[dict[str, float]]:
    """The resources of each machine that is up."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _result(reference: Any) -> Any:
    """What a task came to: its value, or what it raised."""
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        return ray.get(reference)
    except RayTaskError as error:
        cause = error.cause
        if not isinstance(cause, Exception):
            return ClusterError(f"a job failed on the cluster: {_last_line(error)}")
        if "failed to import on the worker" in str(cause) or isinstance(cause, ModuleNotFoundError):
            return ClusterError(
                f"a worker of the cluster cannot load prompt2model ({_last_line(cause)}); install prompt2model "
                f"{__version__} on every machine of it"
            )
        return cause
    except RayError as error:
        return ClusterError(
            f"a job lost its worker {RETRIES + 1} times ({type(error).__name__}); its machine may have too little "
            "memory: go on with `prompt2model resume RUN`, or with --cluster none"
        )


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def _run(function: Callable[[JobT], ResultT], job: JobT, cores: int, version: str) -> ResultT:
    """In the worker: the job, on as many threads as it was given cores."""
    if version != __version__:
        raise ClusterError(
            f"a worker of the cluster has prompt2model {__version__}, and this is {version}; install the same there"
        )
    os.environ["OMP_NUM_THREADS"] = str(cores)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cores)
    return function(job)


def _nothing(job: None) -> None:
    return job
