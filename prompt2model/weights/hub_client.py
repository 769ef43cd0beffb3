"""The hub's client libraries as we want them: what goes wrong is said once, by us."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = ("huggingface_hub", "datasets", "fsspec")


@contextmanager
def without_chatter() -> Iterator[None]:
    """No lines on every repeated try and every odd card; errors still come as exceptions."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
