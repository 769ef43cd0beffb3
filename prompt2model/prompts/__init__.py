"""Every prompt as a Jinja file in this folder, named after its use.

A template renders the text of one user message, or of several messages divided by lines `--- system`, `--- user`
and `--- assistant`. Variables are strict: a missing one is an error, not an empty string.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The texts are plain prompts, never HTML, so nothing is escaped.
    return Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,  # noqa: S701
    )


def template_names() -> tuple[str, ...]:
    """The names of all prompts, without the ending."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.jinja")))


def render(name: str, **variables: Any) -> str:
    """The text of prompt `name`. Raises jinja2.UndefinedError when a variable is missing."""
    return _environment().get_template(f"{name}.jinja").render(**variables)


def prompt_hash(name: str) -> str:
    """The content of a template as a hash: part of the fingerprint of every step that uses it."""
    return hashlib.sha256((FOLDER / f"{name}.jinja").read_bytes()).hexdigest()[:16]
