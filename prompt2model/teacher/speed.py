"""How long a teacher takes, by careful figures: for plans and limits that must come out the same on every resume."""

from __future__ import annotations

from prompt2model.teacher.client import ChatClient

READ_SPEED = 500.0
"""Tokens that the embedded teacher reads per second, shared prompt aside; a careful figure (one core: 700)."""
WRITE_SPEED = 60.0
"""Tokens that it writes per second, in batches; a careful figure (one core: 80)."""
ENDPOINT_SPEED = 2.0
"""Answers per second that an endpoint is taken to give, requests at the same time included."""


def is_embedded(client: ChatClient) -> bool:
    """Whether the client is the model that comes with this package, computed on this machine."""
    return client.model.startswith("embedded")


def likely_seconds(client: ChatClient, calls: float, prompt_tokens: float, completion_tokens: float) -> float:
    """Seconds for so many calls and tokens. The clock is never asked."""
    if is_embedded(client):
        return prompt_tokens / READ_SPEED + completion_tokens / WRITE_SPEED
    return calls / ENDPOINT_SPEED
