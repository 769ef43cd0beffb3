"""The settings of the assembler."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from prompt2model.component import ComponentConfig
from prompt2model.text_index.near_meaning import NEAR_COPY


class DatasetAssemblerConfig(ComponentConfig):
    """How rows are merged, compared and split."""

    validation_share: float = Field(0.1, gt=0, lt=0.5, description="Share of the rows kept for validation.")
    max_validation: int = Field(1000, ge=1, description="Most validation rows.")
    synthetic_test_share: float = Field(
        0.2, gt=0, lt=0.5, description="Share of generated rows kept as a test when there is no real one."
    )
    synthetic_beside_real: int = Field(
        100,
        ge=0,
        le=1000,
        description="Generated rows, but no more than one in ten, that are kept as a test beside a real one, to "
        "measure how far figures on generated rows are from real ones. 0: none.",
    )
    near_duplicate: float = Field(
        0.8, gt=0, le=1, description="Jaccard similarity of character 5-grams from which two inputs count as one."
    )
    near_test: float = Field(
        0.75, gt=0, le=1, description="The same similarity from which a row is near a test row and is left out."
    )
    near_meaning: float = Field(
        NEAR_COPY,
        ge=0,
        le=1,
        description="Cosine of embeddings from which two English inputs are near; 0: judge by words only.",
    )
    meaning_rows: int = Field(
        50_000,
        ge=0,
        description="Up to this many rows are compared with each other by meaning; more only with the test rows.",
    )
    min_rows: int = Field(8, ge=2, description="Fewer training rows than this are refused.")
    evidence: Path | None = Field(
        None,
        description="Multiple choice: a folder of texts (.txt, .md, .jsonl, also .gz), or one such file. The passages "
        "in it that fit each choice best are read beside it, in training, in tests and at answering.",
    )
    evidence_passages: int = Field(1, ge=1, description="Passages that are read beside each choice.")
    reviewed: Path | None = Field(
        None, description="What a person decided about the rows; `prompt2model review` writes the file."
    )
