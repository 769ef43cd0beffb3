"""The run folder: config, manifest, one folder per step, answers of the person, the ledger.

A step writes to `N_name.partial/`, which survives a kill; when it is finished the folder is renamed to `N_name/`
and only then entered in the manifest. A step whose fingerprint stands in the manifest is not run again.
"""

from __future__ import annotations

import errno
import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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

__all__ = ["FinishedStep", "JsonlRows", "RunStore", "content_hash"]

MANIFEST_VERSION = 1
_FINGERPRINT_FILE = ".fingerprint"


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A line of the manifest: which config and inputs (`fingerprint`) made which content (`content`)."""

    folder: str
    fingerprint: str
    content: str
    seconds: float


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
        """Keep a second process out of this run. Raises RunFolderError when one is at work."""
        with self._open_lock() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunFolderError(
                    f"another process is working on {self.folder}; wait for it or choose another --name"
                ) from error
            yield

    def _open_lock(self) -> IO[str]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return (self.folder / ".lock").open("w")
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise RunFolderError(
                f"the run folder {self.folder} cannot be made or written ({error.strerror}); "
                "choose another place with --runs"
            ) from error

    def manifest(self) -> dict[str, FinishedStep]:
        """The finished steps by step id, in the order in which they finished."""
        path = self.folder / "manifest.json"
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["version"] != MANIFEST_VERSION:
                raise RunFolderError(
                    f"{path} was written by another version (format {content['version']}); start a new run"
                )
            return {step: FinishedStep(**entry) for step, entry in content["steps"].items()}
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"{path} is damaged; delete it and resume: finished steps are found again by their folders"
            ) from error

    def finished(self, step: str, fingerprint: str) -> FinishedStep | None:
        """The step's manifest line if it was finished with this fingerprint and its output is still there."""
        entry = self.manifest().get(step)
        if entry is None or entry.fingerprint != fingerprint:
            return None
        return entry if (self.folder / entry.folder / ARTIFACT_FILE).is_file() else None

    def adopt(self, step: str, folder_name: str, fingerprint: str) -> FinishedStep | None:
        """Enter a step whose folder was renamed just before a kill, so that the work is not done twice."""
        folder = self.folder / folder_name
        if not (folder / ARTIFACT_FILE).is_file() or _read(folder / _FINGERPRINT_FILE) != fingerprint:
            return None
        return self._enter(step, FinishedStep(folder_name, fingerprint, content_hash(folder), 0.0))

    def begin(self, folder_name: str, fingerprint: str) -> Path:
        """The step's working folder: what a killed attempt with the same fingerprint left, or a new one."""
        partial = self.folder / f"{folder_name}.partial"
        if _read(partial / _FINGERPRINT_FILE) != fingerprint:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            write_atomically(partial / _FINGERPRINT_FILE, fingerprint)
        return partial

    def finish(self, step: str, folder_name: str, fingerprint: str, output: Any, seconds: float) -> FinishedStep:
        """Store the output, rename the working folder, enter the step in the manifest."""
        partial, final = self.folder / f"{folder_name}.partial", self.folder / folder_name
        save_artifact(output, partial)
        if final.exists():
            shutil.rmtree(final)
        partial.rename(final)
        sync_folder(self.folder)
        return self._enter(step, FinishedStep(folder_name, fingerprint, content_hash(final), round(seconds, 3)))

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
        steps = {**self.manifest(), step: entry}
        content: Mapping[str, Any] = {
            "version": MANIFEST_VERSION,
            "steps": {
                name: {
                    "folder": line.folder,
                    "fingerprint": line.fingerprint,
                    "content": line.content,
                    "seconds": line.seconds,
                }
                for name, line in steps.items()
            },
        }
        write_atomically(self.folder / "manifest.json", json.dumps(content, indent=1) + "\n")
        return entry


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
