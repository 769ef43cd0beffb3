"""The run folder: config, manifest, one folder per step, answers of the person, the ledger.

A step writes to `N_name.partial/`, which survives a kill; when it is finished the folder is renamed to `N_name/`
and only then entered in the manifest. A step whose fingerprint stands in the manifest is not run again. When a step is
redone, its line and those of the later steps are set aside: nobody takes them for results, and they count again when
the settings come back to what they were.
"""

from __future__ import annotations

import errno
import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from prompt2model.artifacts import (
    ARTIFACT_FILE,
    JsonlRows,
    content_hash,
    load_artifact,
    save_artifact,
    sync_folder,
    write_atomically,
)
from prompt2model.errors import RunFolderError

__all__ = ["FinishedStep", "JsonlRows", "RunStore", "cache_folder_of", "content_hash"]

MANIFEST_VERSION = 1
_FINGERPRINT_FILE = ".fingerprint"
_LOCK_FILE = ".lock"


def cache_folder_of(runs: Path) -> Path:
    """Where the runs of one folder keep what they share."""
    return runs / ".cache"


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A line of the manifest: which config and inputs (`fingerprint`) made which content (`content`).

    `files`: the hashes of the files outside the run that the step read, by path.
    """

    folder: str
    fingerprint: str
    content: str
    seconds: float
    files: Mapping[str, str] = field(default_factory=dict)


class RunStore:
    """One run folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def config_file(self) -> Path:
        """The config that the run was started with."""
        return self.folder / "config.toml"

    @property
    def ledger_file(self) -> Path:
        """Every answer of the teacher."""
        return self.folder / "teacher_calls.sqlite"

    @property
    def report_file(self) -> Path:
        """The page that says how good the model is."""
        return self.folder / "report.html"

    @property
    def decisions_file(self) -> Path:
        """What a person decided about the rows."""
        return self.folder / "review" / "decisions.jsonl"

    @classmethod
    def open(cls, folder: Path) -> RunStore:
        """An existing run. Raises RunFolderError when the folder is none."""
        if not folder.is_dir():
            raise RunFolderError(f"there is no run folder {folder}; `prompt2model run` makes one")
        store = cls(folder)
        if not store.config_file.is_file():
            raise RunFolderError(f"{folder} is not a run folder: it has no config.toml")
        store.manifest()
        return store

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second process out of this run. Raises RunFolderError when one is at work.

        A folder that was made for this, and that nothing was written to, is removed again.
        """
        made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        with self._open_lock() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunFolderError(
                    f"another process is working on {self.folder}; wait for it or choose another --name"
                ) from error
            try:
                yield
            finally:
                if made and [path.name for path in self.folder.iterdir()] == [_LOCK_FILE]:
                    (self.folder / _LOCK_FILE).unlink()
                    _remove_empty(made)

    def _open_lock(self) -> IO[str]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return (self.folder / _LOCK_FILE).open("w")
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise RunFolderError(
                f"the run folder {self.folder} cannot be made or written ({error.strerror}); "
                "choose another place with --runs"
            ) from error

    def manifest(self) -> dict[str, FinishedStep]:
        """The finished steps by step id, in the order in which they finished."""
        return self._lines()[0]

    def _lines(self) -> tuple[dict[str, FinishedStep], dict[str, FinishedStep]]:
        """The finished steps, and those that were set aside."""
        path = self.folder / "manifest.json"
        if not path.exists():
            return {}, {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["version"] != MANIFEST_VERSION:
                raise RunFolderError(
                    f"{path} was written by another version (format {content['version']}); start a new run"
                )
            finished, aside = (
                {step: FinishedStep(**entry) for step, entry in lines.items()}
                for lines in (content["steps"], content.get("set_aside", {}))
            )
            return finished, aside
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"{path} is damaged; delete it and resume: finished steps are found again by their folders"
            ) from error

    def finished(self, step: str, fingerprint: str) -> FinishedStep | None:
        """The step's manifest line if it was finished with this fingerprint and its output is still there."""
        finished, aside = self._lines()
        entry = finished.get(step) or aside.get(step)
        if entry is None or entry.fingerprint != fingerprint:
            return None
        folder = self.folder / entry.folder
        if not (folder / ARTIFACT_FILE).is_file() or _read(folder / _FINGERPRINT_FILE) != fingerprint:
            return None
        return entry if step in finished else self._enter(step, entry)

    def set_aside(self, steps: Sequence[str]) -> None:
        """Take the lines of steps that are about to be redone out of the finished ones, and the report page with them.

        Their folders stay until the step has finished anew.
        """
        finished, aside = self._lines()
        gone = {step: finished.pop(step) for step in steps if step in finished}
        if gone:
            self._write(finished, {**aside, **gone})
            for page in (self.report_file, self.report_file.with_suffix(".json")):
                page.unlink(missing_ok=True)

    def is_outdated(self) -> bool:
        """Whether finished steps were set aside and not redone yet: settings or files changed since."""
        return bool(self._lines()[1])

    def unfinished(self) -> str:
        """Why there is no result yet and how to go on, for an error's text."""
        why = "since its settings or files changed" if self.is_outdated() else "yet"
        return f"is not finished {why}; go on with `prompt2model resume {self.folder}`"

    def files_read(self, step: str) -> Mapping[str, str]:
        """The hashes of the files outside the run that the step read when it last finished, by path."""
        finished, aside = self._lines()
        entry = finished.get(step) or aside.get(step)
        return {} if entry is None else entry.files

    def holds_work(self, step: str, folder_name: str) -> bool:
        """Whether the step is finished, or has begun and left something to go on with."""
        if step in self.manifest() and (self.folder / folder_name / ARTIFACT_FILE).is_file():
            return True
        partial = self.folder / f"{folder_name}.partial"
        return partial.is_dir() and any(path.name != _FINGERPRINT_FILE for path in partial.iterdir())

    def adopt(
        self, step: str, folder_name: str, fingerprint: str, files: Mapping[str, str] | None = None
    ) -> FinishedStep | None:
        """Enter a step whose folder was renamed just before a kill, so that the work is not done twice."""
        folder = self.folder / folder_name
        if not (folder / ARTIFACT_FILE).is_file() or _read(folder / _FINGERPRINT_FILE) != fingerprint:
            return None
        return self._enter(step, FinishedStep(folder_name, fingerprint, content_hash(folder), 0.0, files or {}))

    def begin(self, folder_name: str, fingerprint: str) -> Path:
        """The step's working folder: what a killed attempt with the same fingerprint left, or a new one."""
        partial = self.folder / f"{folder_name}.partial"
        if _read(partial / _FINGERPRINT_FILE) != fingerprint:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            write_atomically(partial / _FINGERPRINT_FILE, fingerprint)
        return partial

    def finish(
        self,
        step: str,
        folder_name: str,
        fingerprint: str,
        output: Any,
        seconds: float,
        files: Mapping[str, str] | None = None,
    ) -> FinishedStep:
        """Store the output, rename the working folder, enter the step in the manifest."""
        partial, final = self.folder / f"{folder_name}.partial", self.folder / folder_name
        save_artifact(output, partial)
        if final.exists():
            shutil.rmtree(final)
        partial.rename(final)
        sync_folder(self.folder)
        entry = FinishedStep(folder_name, fingerprint, content_hash(final), round(seconds, 3), files or {})
        return self._enter(step, entry)

    def check(self, entry: FinishedStep) -> None:
        """Raise RunFolderError when a finished step's files are not the ones that it finished with."""
        folder = self.folder / entry.folder
        if content_hash(folder) != entry.content:
            raise RunFolderError(
                f"{folder} is damaged: its files are not those that the step made; delete it and resume, "
                "and the step is done again"
            )

    def load(self, entry: FinishedStep, record_type: type[Any]) -> Any:
        """A finished step's output."""
        return load_artifact(record_type, self.folder / entry.folder)

    def save_config(self, text: str) -> None:
        """Keep the config that the run is made with."""
        if not self.config_file.exists() or self.config_file.read_text(encoding="utf-8") != text:
            write_atomically(self.config_file, text)

    def seconds(self) -> dict[str, float]:
        """How long each finished step took."""
        return {step: entry.seconds for step, entry in self.manifest().items()}

    def answers(self, step: str) -> dict[str, Any]:
        """What a person answered to this step's questions."""
        return self._all_answers().get(step, {})

    def save_answer(self, step: str, key: str, answer: Any) -> None:
        """Keep an answer, so that a resumed run never asks again."""
        everything = self._all_answers()
        everything.setdefault(step, {})[key] = answer
        write_atomically(self.folder / "answers.json", json.dumps(everything, ensure_ascii=False, indent=1) + "\n")

    def _all_answers(self) -> dict[str, dict[str, Any]]:
        path = self.folder / "answers.json"
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise RunFolderError(f"{path} is damaged; delete it to be asked again") from error
        if not isinstance(content, dict) or not all(isinstance(answers, dict) for answers in content.values()):
            raise RunFolderError(f"{path} is damaged; delete it to be asked again")
        return content

    def _enter(self, step: str, entry: FinishedStep) -> FinishedStep:
        finished, aside = self._lines()
        aside.pop(step, None)
        self._write({**finished, step: entry}, aside)
        return entry

    def _write(self, finished: Mapping[str, FinishedStep], aside: Mapping[str, FinishedStep]) -> None:
        content: dict[str, Any] = {
            "version": MANIFEST_VERSION,
            "steps": {name: asdict(line) for name, line in finished.items()},
        }
        if aside:
            content["set_aside"] = {name: asdict(line) for name, line in aside.items()}
        write_atomically(self.folder / "manifest.json", json.dumps(content, indent=1) + "\n")


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the innermost first, up to one that is in use."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
