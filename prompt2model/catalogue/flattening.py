"""Nested rows become flat rows of text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def flatten(row: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """One row as texts; nested objects become columns with dots in their names."""
    flat: dict[str, str] = {}
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{name}."))
        elif not isinstance(value, bytes):
            flat[name] = as_text(value)
    return flat


def as_text(value: Any) -> str:
    """One value as text: None is empty, lists are JSON, truth values are lower case."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return json.dumps(list(value), ensure_ascii=False, default=str)
    return str(value)


def list_keys(row: Mapping[str, Any], prefix: str = "") -> set[str]:
    """Names of the flattened columns that hold lists."""
    found: set[str] = set()
    for key, value in row.items():
        if isinstance(value, Mapping):
            found |= list_keys(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            found.add(f"{prefix}{key}")
    return found
