"""Who computes jobs: this process, or workers elsewhere. One small interface for both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


class Workers(Protocol):
    """Runs a function on many jobs.

    `distributed`: jobs run in other processes, maybe on other machines. `size`: jobs that may usefully run at once.
    """

    distributed: bool

    @property
    def size(self) -> int: ...

    def map(
        self,
        function: Callable[[JobT], ResultT],
        jobs: Iterable[JobT],
        *,
        cores: int | None = None,
        memory: int | None = None,
    ) -> Iterator[tuple[int, ResultT | Exception]]:
        """Job number and result, as jobs finish; what a job raised comes in place of its result.

        `function` is a module's, jobs and results are small (paths, texts, records). A job is repeated where its
        worker is lost, so it must come out the same when it runs again; files go to a folder of the job's own that all
        workers see, as the run folder. Jobs are taken from `jobs` as there is room for them. `cores` (one when
        None) and bytes of `memory` are what one job uses. What was begun is called off when the iterator is closed.
        """
        ...


class HereWorkers:
    """This process: one job after the other."""

    distributed = False
    size = 1

    def map(
        self,
        function: Callable[[JobT], ResultT],
        jobs: Iterable[JobT],
        *,
        cores: int | None = None,
        memory: int | None = None,
    ) -> Iterator[tuple[int, ResultT | Exception]]:
        """See `Workers.map`; in the order of the jobs, with all cores that the process has."""
        for number, job in enumerate(jobs):
            try:
                result: ResultT | Exception = function(job)
            except Exception as error:  # whoever handed the job out decides what it means
                result = error
            yield number, result
