"""The hub's client libraries as we want them: what goes wrong is said once, by us."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("huggingface_hub", "datasets", "fsspec")


_lock = threading.Lock()
_levels: list[int] = []
_inside = 0


@contextmanager
def without_chatter() -> Iterator[None]:
    """No lines on every repeated try and every odd card; errors still come as exceptions.

    Several threads may be inside; the last one out puts the levels back.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside
    with _lock:
        if not _inside:
            _levels[:] = [logging.getLogger(name).level for name in _LOGGERS]
            for name in _LOGGERS:
                logging.getLogger(name).setLevel(logging.CRITICAL)
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            for name, level in zip(_LOGGERS, _levels, strict=True):
                logging.getLogger(name).setLevel(level)
