"""Where weights come from: local folder first, then packaged, then hub cache; the hub only when allowed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from prompt2model.errors import WeightsError, WeightsNotFoundError
from prompt2model.weights import EMBEDDED_ENCODER, EMBEDDED_TEACHER, is_obtainable, locate


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def _cache_model(hub_cache: Path, model_id: str, files: dict[str, str]) -> Path:
    repository = hub_cache / f"models--{model_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    for name, text in files.items():
        (snapshot / name).write_text(text, encoding="utf-8")
    return snapshot


def test_packaged_ids_are_found_without_a_hub() -> None:
    teacher = locate(EMBEDDED_TEACHER)
    assert (teacher.origin, teacher.gguf_file) == ("packaged", "SmolLM2-135M-Instruct.Q4_1.gguf")
    encoder = locate(EMBEDDED_ENCODER)
    assert (encoder.origin, encoder.gguf_file) == ("packaged", None)
    assert (encoder.folder / "model.safetensors").is_file()


def test_a_local_folder_goes_before_the_packaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / EMBEDDED_ENCODER
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert locate(EMBEDDED_ENCODER).origin == "local"
    assert locate(str(folder)).folder == folder


def test_a_folder_that_only_has_the_name_of_an_id_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / EMBEDDED_ENCODER).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert locate(EMBEDDED_ENCODER).origin == "packaged"


def test_a_whole_model_in_the_hub_cache_is_found(hub_cache: Path) -> None:
    files = {"config.json": "{}", "model.safetensors": ""}
    snapshot = _cache_model(hub_cache, "someone/small-model", files)
    found = locate("someone/small-model")
    assert (found.origin, found.folder) == ("hub_cache", snapshot)
    assert is_obtainable("someone/small-model")


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": "{}"},
        {"config.json": "{}", "pytorch_model.bin": ""},
        {
            "config.json": "{}",
            "model.safetensors.index.json": json.dumps({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}),
            "1.safetensors": "",
        },
    ],
    ids=["no weights", "only a pickle", "a shard is missing"],
)
def test_a_model_that_is_not_whole_in_the_hub_cache_is_not_there(hub_cache: Path, files: dict[str, str]) -> None:
    _cache_model(hub_cache, "someone/small-model", files)
    assert not is_obtainable("someone/small-model")
    with pytest.raises(WeightsNotFoundError, match="not on this machine"):
        locate("someone/small-model")


def test_an_unknown_id_is_refused_without_asking_the_network(hub_cache: Path) -> None:
    assert not is_obtainable("someone/unknown-model")
    assert is_obtainable("someone/unknown-model", allow_download=True)
    with pytest.raises(WeightsNotFoundError, match=r"allow downloads.*local folder.*packaged model") as error:
        locate("someone/unknown-model")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("model_id", ["", "  ", "./nowhere", "/nowhere/at/all", "not an id"])
def test_ids_that_cannot_be_a_model_are_refused(model_id: str, hub_cache: Path) -> None:
    with pytest.raises(WeightsNotFoundError):
        locate(model_id, allow_download=model_id != "not an id")
    assert not is_obtainable(model_id, allow_download=True)


def test_a_folder_with_a_pickle_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(WeightsError, match="pickle and is never loaded"):
        locate(str(tmp_path))
    assert not is_obtainable(str(tmp_path))
