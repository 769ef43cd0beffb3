"""What Ray's processes see of this process's environment."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

_SECRET = re.compile(r"(^|_)(\w*KEY|KEYS|TOKENS?|SECRETS?|PASSWORD|PASSWD|PASS|CREDENTIALS?|AUTH)(_|$)", re.IGNORECASE)
"""Names of variables that hold keys, as they are mostly called: OPENAI_API_KEY, HF_TOKEN, AWS_SECRET_ACCESS_KEY."""


def is_secret(name: str) -> bool:
    """Whether a variable of this name is likely to hold a key."""
    return _SECRET.search(name) is not None


@contextmanager
def changed_environment(changes: Mapping[str, str], without: Collection[str] = ()) -> Iterator[None]:
    """The environment with `changes`, and without the variables in `without` and those that hold keys."""
    before = dict(os.environ)
    for name in before:
        if name in without or is_secret(name):
            del os.environ[name]
    os.environ.update(changes)
    try:
        yield
    finally:
        # Ray adds variables of its own, which would decide about the next cluster.
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def local_settings() -> dict[str, str]:
    """Variables under which Ray starts on this machine alone: on loopback, behind a password, and tells nobody."""
    return {
        # What Ray calls this on other systems: no cluster of several machines, so 127.0.0.1 is kept as it is.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        # Another user of this machine could else send code to the port.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
