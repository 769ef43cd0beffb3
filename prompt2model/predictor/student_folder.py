"""`prompt2model.json`, the file in a student folder that says what the student does and how it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from prompt2model.artifacts import write_atomically
from prompt2model.errors import RunFolderError
from prompt2model.predictor.input_format import INPUT_SLOT
from prompt2model.records import EvidenceCorpus, Family, InputLayout, Kind, Method

SPEC_FILE = "prompt2model.json"
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".bin", ".pt", ".pth", ".ckpt"})


class StudentSpec(BaseModel):
    """What a student does and how it is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = Field(1, description="Version of this file.")
    family: Family = Field(description="How the model answers.")
    base: str = Field(description="Id of the model that was trained further.")
    method: Method = Field(description="Which weights were trained.")
    kind: Kind = Field(description="What an answer is.")
    instruction: str = Field(description="What the student was trained to do.")
    input_format: str = Field(description="The text that the model reads, with {input} where the input goes.")
    labels: tuple[str, ...] = Field(description="The closed label set, in the order of probabilities; else empty.")
    max_input_tokens: int = Field(
        ge=0, description="Longest input in tokens, format and special tokens included. 0: of any length (tfidf only)."
    )
    max_new_tokens: int = Field(ge=1, description="Longest written answer in tokens.")
    language: str = Field(description="ISO 639-1 code of the inputs.")
    layouts: tuple[InputLayout, ...] = Field((), description="How rows of tables became the inputs of training.")
    adapter_of: str | None = Field(
        None, description="Where the folder holds an adapter alone: what tells the weights of `base` from others."
    )

    evidence: EvidenceCorpus | None = Field(
        default=None, description="Where the evidence of training was found, for each choice of an input; else null."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> StudentSpec:
        if INPUT_SLOT not in self.input_format:
            raise ValueError(f"input_format has no {INPUT_SLOT}")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label stands twice")
        if self.kind == "classification" and len(self.labels) < 2:
            raise ValueError("a classifier needs at least two labels")
        if self.family in ("tfidf", "embedding") and self.kind != "classification":
            raise ValueError(f"{self.family} answers closed labels only")
        if self.family == "encoder" and self.kind == "generation":
            raise ValueError("an encoder answers closed labels or choices only")
        if (self.max_input_tokens == 0) != (self.family == "tfidf"):
            raise ValueError("max_input_tokens is 0 for tfidf, and for tfidf only")
        return self


def write_spec(spec: StudentSpec, folder: Path) -> None:
    """Put the file into a student folder; written last, so that a folder that has it is complete."""
    write_atomically(folder / SPEC_FILE, spec.model_dump_json(indent=2) + "\n")


def read_spec(folder: Path) -> StudentSpec:
    """Read the file back. Raises RunFolderError when it is missing, damaged or of another version."""
    path = folder / SPEC_FILE
    try:
        return StudentSpec.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise RunFolderError(f"{folder} is not a student folder: it has no {SPEC_FILE}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RunFolderError(f"{path} is damaged ({where}: {first['msg']}); train the student again") from error


def refuse_pickles(folder: Path) -> None:
    """Such a folder was not written here, and whoever loads it by other means runs what the pickle says.

    Raises RunFolderError.
    """
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _PICKLES:
            raise RunFolderError(
                f"{folder} holds {path.name}, a pickle, which is never loaded and no student has; remove the file, or "
                "train the student again"
            )


def find_student(folder: Path) -> Path:
    """The student folder: `folder` itself, or the last trained student of a run folder.

    Raises RunFolderError where there is none.
    """
    if (folder / SPEC_FILE).is_file():
        return folder
    if not folder.is_dir():
        raise RunFolderError(f"there is no folder {folder}; give a student folder or a run folder")
    if (folder / "manifest.json").is_file():
        from prompt2model.run_store import RunStore

        store = RunStore.open(folder)
        for step in reversed(list(store.manifest().values())):
            found = sorted((folder / step.folder).glob(f"*/{SPEC_FILE}"))
            if found:
                return found[0].parent
        raise RunFolderError(f"the run {folder} has no trained model: it {store.unfinished()}")
    raise RunFolderError(f"{folder} is neither a student folder (no {SPEC_FILE}) nor a run folder (no manifest.json)")
