"""From the words in a config to a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prompt2model.errors import ConfigError

if TYPE_CHECKING:
    from prompt2model.teacher.client import ChatClient

DEFAULT_CONCURRENCY = 8
DEFAULT_TIMEOUT = 120.0
FORMS = (
    "`embedded` (the model that comes with prompt2model), "
    "`openai:NAME` (a model at OpenAI, or at any compatible address with --base-url)"
)


def check_spec(spec: str) -> None:
    """Refuse a spec of no known form. Raises ConfigError."""
    kind, _, name = spec.strip().partition(":")
    if spec.strip() != "embedded" and not (kind == "openai" and name.strip()):
        raise ConfigError(f"the teacher {spec!r} is not known; the forms are {FORMS}")


def connect(
    spec: str,
    *,
    base_url: str | Sequence[str] | None = None,
    key_variable: str | None = None,
    needs_key: bool = True,
    concurrency: int = DEFAULT_CONCURRENCY,
    timeout: float = DEFAULT_TIMEOUT,
) -> ChatClient:
    """The client that a spec names. Nothing is sent and no weights are loaded before the first request.

    `base_url`: an address, or several that serve the same model and share the work. `key_variable` names the
    environment variable that holds the key (OPENAI_API_KEY); `concurrency` is the most requests under way at one
    address, `timeout` the seconds that one may be silent (whole, five times as long); these only matter to an endpoint.
    Raises ConfigError for an unknown spec, TeacherKeyError where the key is missing.
    """
    check_spec(spec)
    kind, _, name = spec.strip().partition(":")
    if kind == "openai":
        from prompt2model.teacher.openai_compatible import KEY_VARIABLE, OpenAICompatibleClient

        return OpenAICompatibleClient(
            name.strip(),
            base_url,
            concurrency=concurrency,
            timeout=timeout,
            key_variable=key_variable or KEY_VARIABLE,
            needs_key=needs_key,
        )
    if base_url is not None:
        raise ConfigError("the embedded teacher has no address; leave out --base-url, or name openai:NAME")
    from prompt2model.teacher.embedded import EmbeddedClient

    return EmbeddedClient()
