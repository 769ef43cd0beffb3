"""The rows of a run that a person may look at, and what was decided about them so far."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt2model.artifacts import JsonlRows, dump_line, write_atomically
from prompt2model.chain import DEFAULT_CHAIN, lookup, wiring
from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.errors import ConfigError, RunFolderError
from prompt2model.pipeline import Pipeline
from prompt2model.records import DataRequest, Dataset, Example, ReviewedRow, TaskSpec
from prompt2model.run_store import RunStore

_STEP = "assemble_data"
_LEAST_TRUSTED_FIRST = ("generated", "labelled", "retrieved", "user")


@dataclass(frozen=True)
class Review:
    """`rows` in the order in which they are worth a look; `decided` by the id that the row has in `rows`."""

    store: RunStore
    task: TaskSpec
    rows: tuple[Example, ...]
    decided: Mapping[str, ReviewedRow]

    @property
    def table_file(self) -> Path:
        """The table that a person edits."""
        return self.store.folder / "review.csv"

    @property
    def decisions_file(self) -> Path:
        """What was decided, as the run reads it."""
        return self.store.decisions_file

    def probability(self, row: Example) -> float | None:
        """P(the row's own label), where a teacher gave it."""
        if row.soft_label is None or row.target not in self.task.labels:
            return None
        return row.soft_label[self.task.labels.index(row.target)]


def open_review(folder: Path) -> Review:
    """The review of a run that has its rows. Raises RunFolderError, ConfigError, NotEnoughDataError.

    The rows are those that training gets without any review: the data is assembled anew from what the finished steps
    left, in a second or so. So test rows are not among them, nor rows that are left out anyway.
    """
    store = RunStore.open(folder)
    pipeline = Pipeline.from_run(folder)
    task, dataset = _assembled(pipeline, store)
    file = store.decisions_file
    decided = {one.row.id: one for one in JsonlRows(file, ReviewedRow)} if file.is_file() else {}
    rows = [row for row in (*dataset.train, *dataset.validation) if row.source.kind != "demonstration"]
    review = Review(store, task, (), decided)
    return Review(store, task, _worth_a_look_first(rows, review), decided)


def _worth_a_look_first(rows: list[Example], review: Review) -> tuple[Example, ...]:
    """Not decided yet before decided; the least sure first, then those with a rare label, then the least trusted."""
    labels = Counter(row.target for row in rows) if review.task.labels else Counter[str]()

    def key(row: Example) -> tuple[bool, bool, float, int]:
        probability = review.probability(row)
        doubt = labels[row.target] if probability is None else probability
        return row.id in review.decided, probability is None, doubt, _LEAST_TRUSTED_FIRST.index(row.source.kind)

    return tuple(sorted(rows, key=key))


def _assembled(pipeline: Pipeline, store: RunStore) -> tuple[TaskSpec, Dataset]:
    """The task, and the data as it is without a review."""
    component = pipeline.components[_STEP]
    if "reviewed" not in type(component.config).model_fields:
        raise ConfigError(
            f"[{_STEP}] component of {store.folder} has no setting `reviewed`, so that it cannot take corrections; "
            "use the component that comes with prompt2model"
        )
    step = next(step for step in DEFAULT_CHAIN if step.id == _STEP)
    values = _finished_artifacts(pipeline, store)
    inputs = component.Inputs(**{name: lookup(path, values) for name, path in wiring(step, component).items()})
    without = type(component)(component.config.model_copy(update={"reviewed": None}))
    with tempfile.TemporaryDirectory() as folder:
        context = RunContext(Path(folder), pipeline.config.seed, SilentProgress(), AutomaticChooser())
        return values["task"], without.run(inputs, context)


def _finished_artifacts(pipeline: Pipeline, store: RunStore) -> dict[str, Any]:
    """What the steps before the assembler made. Raises RunFolderError when one is not finished."""
    manifest = store.manifest()
    values: dict[str, Any] = {"prompt": pipeline.config.prompt_text(), "request": DataRequest()}
    for step in DEFAULT_CHAIN:
        if step.id == _STEP:
            break
        if step.id not in manifest and step.advises:
            continue
        if step.id not in manifest:
            raise RunFolderError(f"{store.folder} has no rows to review: it {store.unfinished()}")
        component = pipeline.components[step.id]
        values[component.produces] = store.load(manifest[step.id], component.Output)
    return values


def save_decisions(review: Review, decisions: Mapping[str, ReviewedRow]) -> bool:
    """Make the decisions a part of the run; whether anything changed. Raises RunFolderError when the run is at work.

    The steps from `assemble_data` on are set aside until they are redone. They count again, unredone, when a later
    review takes everything back.
    """
    store, file = review.store, review.decisions_file
    content = "".join(dump_line(decisions[identity]) + "\n" for identity in sorted(decisions))
    setting = str(file.resolve()) if decisions else None
    with store.locked():
        known = file.read_text(encoding="utf-8") if file.is_file() else ""
        # The folder of a run may have been moved since.
        named = Pipeline.from_run(store.folder).config.assemble_data.get("reviewed")
        if (content, setting) == (known, named):
            return False
        number = next(number for number, step in enumerate(DEFAULT_CHAIN) if step.id == _STEP)
        store.set_aside([step.id for step in DEFAULT_CHAIN[number:]])
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, content)
        changed = Pipeline.from_run(store.folder, {_STEP: {"reviewed": setting}})
        store.save_config(changed.config.to_toml())
    return True


def remember_table(review: Review) -> None:
    """Note what the table holds, so that a later edit is seen."""
    path = _note_file(review)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps({"sha256": _hash(review.table_file)}) + "\n")


def is_edited(review: Review) -> bool:
    """Whether the table holds something that the run does not know."""
    if not review.table_file.exists():
        return False
    try:
        note = json.loads(_note_file(review).read_text(encoding="utf-8"))
        return bool(note["sha256"] != _hash(review.table_file))
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _note_file(review: Review) -> Path:
    return review.decisions_file.with_name("table_as_written.json")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
