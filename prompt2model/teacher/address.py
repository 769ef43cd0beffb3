"""Addresses of endpoints."""

from __future__ import annotations

import ipaddress
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
