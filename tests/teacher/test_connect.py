"""From the words in a config to a client."""

from __future__ import annotations

import pytest

from prompt2model.errors import ConfigError
from prompt2model.teacher import connect
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient


def test_an_endpoint_is_named_with_its_model_and_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    client = connect("openai:gpt-4.1-mini", concurrency=3)
    assert isinstance(client, OpenAICompatibleClient)
    assert (client.model, client.base_url, client.concurrency) == (
        "openai:gpt-4.1-mini",
        "https://api.openai.com/v1",
        3,
    )
    local = connect("openai:org/model:7b", base_url="http://localhost:11434/v1/")
    assert isinstance(local, OpenAICompatibleClient)
    assert (local.name, local.base_url) == ("org/model:7b", "http://localhost:11434/v1")


@pytest.mark.parametrize("spec", ["", "openai", "openai:", "gpt-4", "anthropic:claude", "embedded:x"])
def test_an_unknown_spec_is_refused_with_the_known_forms(spec: str) -> None:
    with pytest.raises(ConfigError, match="openai:NAME") as raised:
        connect(spec)
    assert "\n" not in str(raised.value)


def test_the_embedded_teacher_has_no_address() -> None:
    with pytest.raises(ConfigError, match="no address"):
        connect("embedded", base_url="http://localhost:1/v1")


@pytest.mark.parametrize("concurrency", [0, -1])
def test_concurrency_is_at_least_one(concurrency: int) -> None:
    with pytest.raises(ConfigError, match="concurrency"):
        connect("openai:m", base_url="http://localhost:1/v1", concurrency=concurrency)
