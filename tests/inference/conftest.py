"""The packaged teacher in float32, loaded once for all tests of the engine."""

from __future__ import annotations

import pytest
import torch

from prompt2model.inference import CausalEngine, load_causal_engine
from prompt2model.weights import EMBEDDED_TEACHER


@pytest.fixture(scope="session")
def engine() -> CausalEngine:
    return load_causal_engine(EMBEDDED_TEACHER, dtype=torch.float32)
