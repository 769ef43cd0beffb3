"""A student that is an adapter, made into plain weights on request; the adapter stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from prompt2model.artifacts import hash_of_path, sync_folder
from prompt2model.errors import RunFolderError
from prompt2model.model_trainer.model_card import CARD_FILE, merged_card
from prompt2model.predictor import adapter_base, find_student, read_spec, write_spec
from prompt2model.predictor.choice_pairs import SCORE
from prompt2model.weights import adapters, load_tokenizer, save_model

_MARK_FILE = "merged_from.sha256"
"""In a merged student's folder: the hash of the adapter that was merged."""


def merge_student(folder: Path, output: Path | None = None) -> str:
    """Write the merged student beside the run or student folder, or to `output`; returns what was done, in a line.

    It appears whole or not at all, and a run keeps the student that it measured. Raises RunFolderError where there is
    no student or something is in the way, WeightsError where the base is gone or is another one.
    """
    student = find_student(folder.expanduser().resolve())
    spec = read_spec(student)
    if spec.adapter_of is None:
        return f"{student} is merged already: it holds plain weights"
    target = _target(folder.expanduser().resolve(), student, output)
    mark = _mark(student)
    if target.exists():
        if _mark_of(target) == mark:
            return f"merged already: the model is in {target}"
        # Of an adapter that is another one by now: what was merged here is made anew.
        if not _mark_of(target):
            raise RunFolderError(f"{target} is in the way; remove it, or name another folder with --output")
    location = adapter_base(student, spec)
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    # An encoder for multiple choice has one score instead of labels.
    labels = spec.labels or SCORE
    dense = adapters.load_dense_base(location, spec.family, labels, four_bits=spec.method == "qlora")
    model = adapters.merged(adapters.with_saved_adapter(dense, student))
    save_model(model, load_tokenizer(location, student), partial)
    plain = spec.model_copy(update={"adapter_of": None})
    card = (student / CARD_FILE).read_text(encoding="utf-8") if (student / CARD_FILE).is_file() else ""
    (partial / CARD_FILE).write_text(merged_card(card, spec, plain), encoding="utf-8")
    (partial / _MARK_FILE).write_text(mark + "\n", encoding="utf-8")
    write_spec(plain, partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    sync_folder(target.parent)
    size = sum(path.stat().st_size for path in target.iterdir())
    return (
        f"merged the adapter in {student} into {spec.base}: the model is in {target} ({size / 1e6:,.0f} MB) and needs "
        "nothing beside it; the adapter is left as it is"
    )


def _target(given: Path, student: Path, output: Path | None) -> Path:
    if output is not None:
        return output.expanduser().resolve()
    return given.with_name(f"{given.name}_merged") if given == student else given / "merged"


def _mark(student: Path) -> str:
    return hash_of_path(student / adapters.ADAPTER_WEIGHTS)


def _mark_of(merged: Path) -> str:
    """What a folder was merged from; empty where it was not made here."""
    path = merged / _MARK_FILE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
