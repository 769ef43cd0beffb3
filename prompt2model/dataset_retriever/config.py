"""Settings of the data-set retriever."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from prompt2model.component import ComponentConfig, ModelReference
from prompt2model.text_index.score_fusion import Ranking

MODES = ("ask", "auto", "none")


class ColumnNames(ComponentConfig):
    """Columns of one data set."""

    input: str | None = Field(default=None, description="Name of the input column; proposed when not given.")
    output: str | None = Field(default=None, description="Name of the output column; proposed when not given.")


class DatasetRetrieverConfig(ComponentConfig):
    """Where data comes from and how much of it is taken."""

    data: tuple[Path, ...] = Field(
        default=(), description="Your own labelled files: CSV, TSV, JSON lines, JSON or Parquet."
    )
    max_data: int = Field(
        default=100_000, ge=1, description="Most rows taken from one of your own labelled files; of more, a sample."
    )
    inputs: tuple[Path, ...] = Field(
        default=(),
        description="Your own inputs without answers, for the teacher to label: any of these files, or .txt with one "
        "input a line.",
    )
    max_inputs: int = Field(
        default=5000,
        ge=1,
        description="Most inputs taken from one file without answers, or from one data set whose labels do not fit.",
    )
    transform: tuple[str, ...] = Field(
        default=(),
        description="Ids of data sets whose rows the teacher rewrites into inputs of the task, and then labels.",
    )
    max_transform: int = Field(default=500, ge=1, description="Most rows of one data set that are rewritten.")
    data_dirs: tuple[Path, ...] = Field(
        default=(), description="Folders of data sets, each a card README.md beside its files."
    )
    datasets: Literal["ask", "auto", "none"] | tuple[str, ...] = Field(
        default="ask",
        description="ask a person (without one: as auto), auto takes what is checked to fit, none takes nothing, "
        "or the ids of data sets.",
    )
    input_column: str | None = Field(default=None, description="Input column of your own files, inputs too.")
    output_column: str | None = Field(default=None, description="Output column of your own files.")
    columns: Mapping[str, ColumnNames] = Field(
        default_factory=dict, description="Columns of data sets by id, where the proposed ones are wrong."
    )
    label_map: Mapping[str, Mapping[str, str]] = Field(
        default_factory=dict,
        description="By data set id or file name: their label to the task's label, or to an empty text to leave out.",
    )
    max_rows: int = Field(default=5000, ge=1, description="Most rows taken from one split of a data set.")
    top: int = Field(default=25, ge=1, le=200, description="Number of data sets that are offered.")
    ranking: Ranking = Field(
        default="fused",
        description="bm25 ranks data sets by words, dense by meaning (`encoder`), fused by both and by "
        "how many other cards name them.",
    )
    encoder: Annotated[str, ModelReference] | None = Field(
        default=None,
        description="What ranks by meaning: the id or folder of a sentence-transformers model; the packaged "
        "all-MiniLM-L6-v2 when absent.",
    )
    shortlist: int = Field(
        default=1000,
        ge=1,
        description="How many of the best by words are ranked by meaning, too; of fewer cards, all.",
    )
    rerank: Literal["auto", "yes", "no"] = Field(
        default="auto",
        description="Whether the teacher looks at the first data sets and sorts them; auto: with the hub, any "
        "but the embedded one.",
    )
    rerank_top: int = Field(default=10, ge=2, le=50, description="How many of the first the teacher is shown.")
    rerank_orders: int = Field(
        default=3, ge=1, le=10, description="In how many orders it is shown them: one call each, ranks averaged."
    )
    use: Literal["any", "commercial"] = Field(
        default="any", description="commercial refuses data sets whose licence forbids it or is not known to allow it."
    )

    @field_validator("datasets", mode="before")
    @classmethod
    def _split_ids(cls, value: Any) -> Any:
        """`--datasets a,b` names ids in one text."""
        if isinstance(value, str) and value not in MODES:
            ids = tuple(part.strip() for part in value.split(",") if part.strip())
            if not ids:
                raise ValueError(f"give {', '.join(MODES)} or the ids of data sets")
            return ids
        return value

    @field_validator("transform", mode="before")
    @classmethod
    def _split_transform(cls, value: Any) -> Any:
        """As for `datasets`: ids in one text, divided by commas; each once."""
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
            return value
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
