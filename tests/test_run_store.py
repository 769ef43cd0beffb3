"""A run folder survives kills at any point between two writes, and says when it was damaged."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from prompt2model.errors import RunFolderError
from prompt2model.records import TaskSpec
from prompt2model.run_store import RunStore

TASK = TaskSpec("do", (), "generation", (), "en", "do")


def started(folder: Path) -> RunStore:
    folder.mkdir()
    (folder / "config.toml").write_text("")
    return RunStore(folder)


def finish(store: RunStore, fingerprint: str = "f") -> None:
    (store.begin("1_task", fingerprint) / "extra.txt").write_text("kept")
    store.finish("parse_prompt", "1_task", fingerprint, TASK, 1.0)


def test_a_finished_step_is_found_by_its_fingerprint(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    finish(store)
    entry = store.finished("parse_prompt", "f")
    assert entry is not None
    assert store.load(entry, TaskSpec) == TASK
    assert store.finished("parse_prompt", "other") is None
    assert (store.folder / "1_task" / "extra.txt").read_text() == "kept"
    assert not (store.folder / "1_task.partial").exists()


def test_a_step_whose_output_was_deleted_is_not_finished(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    finish(store)
    (store.folder / "1_task" / "artifact.json").unlink()
    assert store.finished("parse_prompt", "f") is None


def test_what_is_set_aside_is_no_result_until_it_counts_again(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    finish(store)
    store.report_file.write_text("old")
    entry = store.manifest()["parse_prompt"]
    store.set_aside(["parse_prompt", "retrieve_data"])
    assert store.manifest() == {}
    assert store.is_outdated()
    assert not store.report_file.exists()
    assert store.finished("parse_prompt", "other") is None
    assert store.finished("parse_prompt", "f") == entry
    assert store.manifest() == {"parse_prompt": entry}
    assert not store.is_outdated()


def test_what_is_set_aside_is_forgotten_once_it_is_redone(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    finish(store)
    store.set_aside(["parse_prompt"])
    finish(store, "g")
    assert store.manifest()["parse_prompt"].fingerprint == "g"
    assert store.finished("parse_prompt", "f") is None
    assert not store.is_outdated()


def test_a_folder_that_nothing_was_written_to_goes_away(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with RunStore(tmp_path / "there" / "runs" / "a").locked():
        assert (tmp_path / "there" / "runs" / "a").is_dir()
    assert list((tmp_path / "there").iterdir()) == []
    with RunStore(tmp_path / "there").locked():
        pass
    assert (tmp_path / "there").is_dir()


def test_a_killed_attempt_goes_on_only_with_the_same_fingerprint(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    (store.begin("1_task", "f") / "wave-0001.jsonl").write_text("x")
    assert (store.begin("1_task", "f") / "wave-0001.jsonl").exists()
    assert not (store.begin("1_task", "g") / "wave-0001.jsonl").exists()


def test_a_kill_between_rename_and_manifest_loses_nothing(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    finish(store)
    (store.folder / "manifest.json").unlink()
    assert store.adopt("parse_prompt", "1_task", "other") is None
    entry = store.adopt("parse_prompt", "1_task", "f")
    assert entry is not None
    assert store.finished("parse_prompt", "f") == entry


def test_the_content_hash_does_not_depend_on_when_or_where(tmp_path: Path) -> None:
    first, second = started(tmp_path / "a"), started(tmp_path / "b")
    finish(first)
    finish(second)
    assert first.manifest()["parse_prompt"].content == second.manifest()["parse_prompt"].content


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 1}', '{"version": 1, "steps": {"x": {}}}', "\xff"])
def test_a_damaged_manifest_is_said_with_what_to_do(tmp_path: Path, content: str) -> None:
    store = started(tmp_path / "run")
    (store.folder / "manifest.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(RunFolderError, match="delete it and resume"):
        RunStore.open(store.folder)


def test_a_manifest_of_another_version_is_said(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    (store.folder / "manifest.json").write_text('{"version": 99, "steps": {}}')
    with pytest.raises(RunFolderError, match="another version"):
        RunStore.open(store.folder)


def test_a_folder_that_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no run folder"):
        RunStore.open(tmp_path / "none")
    with pytest.raises(RunFolderError, match=r"no config\.toml"):
        RunStore.open(tmp_path)


def test_answers_are_kept_by_step(tmp_path: Path) -> None:
    store = started(tmp_path / "run")
    store.save_answer("retrieve_data", "datasets", ["a", "b"])
    store.save_answer("train", "datasets", "other")
    assert RunStore(store.folder).answers("retrieve_data") == {"datasets": ["a", "b"]}
    assert RunStore(store.folder).answers("evaluate") == {}


def _hold(folder: str, ready: multiprocessing.synchronize.Event, done: multiprocessing.synchronize.Event) -> None:
    with RunStore(Path(folder)).locked():
        ready.set()
        done.wait(30)


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path / "run"), ready, done))
    process.start()
    assert ready.wait(30)
    with pytest.raises(RunFolderError, match="another process"), RunStore(tmp_path / "run").locked():
        pass
    done.set()
    process.join()
    with RunStore(tmp_path / "run").locked():
        pass
