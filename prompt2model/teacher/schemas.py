"""JSON schemas of replies, in the part of JSON Schema that strict structured output takes everywhere.

There an object names all its properties, requires them all and allows no others, and the outermost value is an object.
What may be missing is null instead. Lengths and patterns are left out: not every endpoint takes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}


def object_of(**properties: Schema) -> Schema:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(items: Schema) -> Schema:
    """An array of any length."""
    return {"type": "array", "items": items}


def one_of(*values: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def schema_text(**properties: Schema) -> str:
    """The schema of an object with exactly these properties, as one line of JSON: what a request carries."""
    return json.dumps(object_of(**properties), ensure_ascii=False, separators=(",", ":"))
