"""What tests of every room share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

# No test reaches the hub; those that need one talk to a server of their own on loopback.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress

CHROMIUM_OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1200,900"
)


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., RunContext]:
    """A RunContext in a temporary folder: silent, automatic, with the teachers that the test gives."""

    def make(teachers: Mapping[str, Any] | None = None, seed: int = 0, **changes: Any) -> RunContext:
        folder = changes.pop("folder", tmp_path / "step")
        folder.mkdir(parents=True, exist_ok=True)
        chooser = changes.pop("chooser", AutomaticChooser())
        return RunContext(
            folder=folder,
            seed=seed,
            progress=SilentProgress(),
            chooser=chooser,
            teachers=dict(teachers or {}),
            cache_folder=tmp_path / "cache",
            **changes,
        )

    return make


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium that notes every request."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("install chromium and chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for option in (*CHROMIUM_OPTIONS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    chromium = webdriver.Chrome(options=options, service=Service(driver))
    yield chromium
    chromium.quit()
