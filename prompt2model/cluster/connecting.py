"""From the words after --cluster to workers."""

from __future__ import annotations

import importlib.util
import logging
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prompt2model.cluster.environment import changed_environment, local_settings
from prompt2model.errors import ClusterError, ConfigError, MissingExtraError

if TYPE_CHECKING:
    from prompt2model.cluster.ray_workers import RayWorkers

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")

FORMS = (
    "`local` (this machine), `auto` (the Ray cluster that this machine is in), `HOST:PORT` (the address of its head), "
    "`ray://HOST:PORT` (from outside the cluster)"
)
_ADDRESS = re.compile(r"(?P<client>ray://)?(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")
_ANSWER_SECONDS = 20.0
"""How long an address may take to answer."""
_STORE_BYTES = 256 << 20
"""Memory for what `local` workers hand over: jobs and results are small."""


def connect(where: str, *, key_variables: Collection[str] = (), cores: int | None = None) -> Cluster:
    """The workers at `where`, as a context manager; started or attached to when they are first used.

    `local` starts Ray on this machine (with `cores` cores, all when None), on 127.0.0.1; its processes do not see
    `key_variables`, nor others whose names say that they hold keys, and end with the context. Raises ConfigError for
    an unknown form.
    """
    return Cluster(where, key_variables, cores)


class Cluster:
    """`Workers` that are there when they are first used. See `connect`."""

    distributed = True

    def __init__(self, where: str, key_variables: Collection[str] = (), cores: int | None = None) -> None:
        self.where = where.strip()
        self._key_variables, self._cores = tuple(key_variables), cores
        self._opened: RayWorkers | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._stack = ExitStack()
        if self.where not in ("local", "auto") and not _ADDRESS.fullmatch(self.where):
            raise ConfigError(f"the cluster {where!r} is not known; the forms are {FORMS}")

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened, self._closed = None, True
        self._stack.close()

    @property
    def size(self) -> int:
        """Jobs that may usefully run at once."""
        return self._workers().size

    def map(
        self,
        function: Callable[[JobT], ResultT],
        jobs: Iterable[JobT],
        *,
        cores: int | None = None,
        memory: int | None = None,
    ) -> Iterator[tuple[int, ResultT | Exception]]:
        """See `Workers.map`."""
        return self._workers().map(function, jobs, cores=cores, memory=memory)

    def check(self) -> None:
        """Refuse what cannot be used, without starting anything. Raises MissingExtraError, ClusterError."""
        needed = ["ray", "grpc"] if self.where.startswith("ray://") else ["ray"]
        if not all(map(_is_installed, needed)):
            raise MissingExtraError("--cluster needs Ray; install it with: pip install 'prompt2model[cluster]'")
        address = _ADDRESS.fullmatch(self.where)
        if address is not None:
            _knock(address["host"].strip("[]"), int(address["port"]), self.where)

    def _workers(self) -> RayWorkers:
        with self._lock:
            if self._closed:
                raise ClusterError("the cluster was left already")
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> RayWorkers:
        self.check()
        from prompt2model.cluster.ray_workers import RayWorkers

        try:
            if self.where == "local":
                self._start()
            else:
                if not self.where.startswith("ray://") and self.where != "auto":
                    _ask_for_ray(self.where)
                self._attach(self.where)
            workers = RayWorkers()
            workers.check()
        except BaseException:
            self._stack.close()
            raise
        return workers

    def _start(self) -> None:
        """Ray on this machine alone. Raises ClusterError."""
        # Ray's sockets lie in this folder, and their paths must be short.
        parent = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108
        folder = tempfile.mkdtemp(prefix="p2m-", dir=parent)
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with changed_environment(local_settings(), self._key_variables):
            self._attach(
                "local",
                num_cpus=self._cores,
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                _temp_dir=folder,
                _node_ip_address="127.0.0.1",
            )

    def _attach(self, where: str, **settings: Any) -> None:
        import ray
        from ray._private import ray_constants
        from ray.exceptions import RayError

        if ray.is_initialized():
            raise ClusterError("this process is in a Ray cluster already; leave that with ray.shutdown() first")
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        _read_environment()
        together = ray_constants.ENABLE_RAY_CLUSTER
        # Read from the environment when ray was imported, which may be long ago.
        ray_constants.ENABLE_RAY_CLUSTER = together and where != "local"
        try:
            self._stack.callback(ray.shutdown)
            ray.init(where, log_to_driver=False, configure_logging=False, **settings)
        except (OSError, RuntimeError, ValueError, RayError) as error:
            raise ClusterError(_in_one_line(where, error)) from error
        finally:
            ray_constants.ENABLE_RAY_CLUSTER = together


def _ask_for_ray(where: str) -> None:
    """Raises ClusterError where something else than Ray listens: Ray itself would ask it for minutes."""
    ask = [sys.executable, "-c", "import sys, ray; ray._raylet.GcsClient(address=sys.argv[1])", where]
    try:
        done = subprocess.run(ask, timeout=_ANSWER_SECONDS, capture_output=True, text=True, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise ClusterError(
            f"what listens at {where} is no Ray cluster, or is too busy to answer within {_ANSWER_SECONDS:g} seconds; "
            "correct --cluster: it takes the address that `ray start --head` shows"
        ) from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise ClusterError(_in_one_line(where, RuntimeError(said[-1] if said else "no answer")))


def _read_environment() -> None:
    """Ray keeps what it read of the environment first, be it for another cluster."""
    import ray

    core: Any = ray._raylet
    core.Config.initialize("")
    core.AuthenticationTokenLoader.instance().reset_cache()


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _knock(host: str, port: int, where: str) -> None:
    """Raises ClusterError where nobody listens."""
    try:
        socket.create_connection((host, port), timeout=_ANSWER_SECONDS).close()
    except OSError as error:
        raise ClusterError(
            f"no cluster answers at {where} ({error.strerror or error}); start it there with `ray start --head`, or "
            "correct --cluster"
        ) from error


def _in_one_line(where: str, error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if where == "local":
        return f"Ray does not start on this machine ({text[:300]}); leave out --cluster"
    return f"this machine cannot join the cluster at {where} ({text[:300]}); see `ray status` there"
