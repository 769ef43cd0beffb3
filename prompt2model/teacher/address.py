"""Addresses of endpoints."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from prompt2model.errors import ConfigError


def checked_url(url: str) -> str:
    """The address without a closing slash. Raises ConfigError where it is no http address or carries a password."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise ConfigError(f"the base URL {url!r} is no address; give one like http://127.0.0.1:8000/v1")
    if parts.username or parts.password:
        raise ConfigError(f"the base URL for {host} carries a password; put the key into OPENAI_API_KEY instead")
    return url.rstrip("/")


def checked_urls(urls: str | Sequence[str]) -> tuple[str, ...]:
    """One address or several, each checked. Raises ConfigError, also for one that is given twice."""
    checked = tuple(map(checked_url, [urls] if isinstance(urls, str) else urls))
    for number, url in enumerate(checked):
        if url in checked[:number]:
            raise ConfigError(f"the base URL {url} is given twice; leave one out")
    return checked


def addresses(client: object) -> tuple[str, ...]:
    """Where a client sends what it is asked; empty for one that sends nothing."""
    one = getattr(client, "base_url", None)
    return tuple(getattr(client, "base_urls", () if one is None else (one,)))


def silent_addresses(client: object) -> tuple[str, ...]:
    """Of a client's several addresses, those that do not answer now."""
    return tuple(getattr(client, "silent_addresses", ()))


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
