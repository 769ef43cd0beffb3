"""Folders of data sets on this machine: a card `README.md` beside CSV, JSON or Parquet files.

The card is the hub's: YAML front matter, then text. Without one, a card is made from the columns and first rows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prompt2model.catalogue.card_text import (
    first_sentences,
    languages_of,
    licence_of,
    plain_text,
    split_card,
    text_list,
)
from prompt2model.catalogue.data_files import DATA_SUFFIXES, Table, read_table
from prompt2model.catalogue.dataset_cards import CardConfig, DatasetCard
from prompt2model.catalogue.label_names import names_of_card, with_label_names
from prompt2model.errors import ConfigError, DataFileError

# Files that describe data and hold none.
_NOT_DATA = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "metadata.json"}
_NEVER_READ = {".pkl", ".pickle", ".arrow", ".npy", ".npz", ".pt", ".zip", ".gz", ".xlsx", ".xls"}
_SPLIT_WORDS = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
_SAMPLE_ROWS = 20
_SAMPLE_CHARACTERS = 4000
_CARD_VERSION = 2
"""Raised when a card is made otherwise, so that cards kept by older versions are made anew."""


@dataclass(frozen=True, slots=True)
class LocalDataset:
    """Where a data set lies: its folder, its card if it has one, its data files relative to the folder."""

    id: str
    folder: Path
    readme: Path | None
    files: tuple[str, ...]


def find_local(folders: Sequence[Path]) -> tuple[LocalDataset, ...]:
    """The data sets in `folders`: each direct subfolder with data files, and files that lie in the folder itself.

    Raises ConfigError when a folder is missing.
    """
    found: list[LocalDataset] = []
    for given in folders:
        if not given.is_dir():
            raise ConfigError(f"the data folder {given} does not exist; give a folder that holds data sets")
        folder = given.resolve()
        found += _own_files(folder)
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                files = _data_files(child, deep=True)
                if files:
                    found.append(LocalDataset(child.name, child, _readme(child), files))
    return _with_unique_ids(found)


def unreadable(folders: Sequence[Path]) -> tuple[str, ...]:
    """A line for each subfolder that is meant as a data set and has no file that is read: a pickle, a script."""
    lines = []
    for folder in folders:
        for child in sorted(folder.resolve().iterdir()):
            if not child.is_dir() or child.name.startswith(".") or _data_files(child, deep=True):
                continue
            files = sorted(path.name for path in child.rglob("*") if path.is_file() and path.name != "README.md")
            meant = _readme(child) or any(Path(name).suffix in _NEVER_READ for name in files)
            if meant:
                has = f"has {', '.join(files[:3])}" if files else "is empty"
                lines.append(f"data set {child.name} is left out: {child} {has}; read are {', '.join(DATA_SUFFIXES)}")
    return tuple(lines)


def _own_files(folder: Path) -> list[LocalDataset]:
    """Files directly in a folder: one data set where a card or the names of splits say so, else one each."""
    files = _data_files(folder, deep=False)
    if not files:
        return []
    if _readme(folder) or any(split_of(name) for name in files):
        return [LocalDataset(folder.name, folder, _readme(folder), files)]
    return [LocalDataset(Path(name).stem, folder, None, (name,)) for name in files]


def _readme(folder: Path) -> Path | None:
    path = folder / "README.md"
    return path if path.is_file() else None


def _data_files(folder: Path, deep: bool) -> tuple[str, ...]:
    paths = folder.rglob("*") if deep else folder.iterdir()
    names = (path.relative_to(folder) for path in paths if path.is_file() and path.suffix.lower() in DATA_SUFFIXES)
    kept = (name for name in names if name.name not in _NOT_DATA and not any(part[0] == "." for part in name.parts))
    return tuple(sorted(name.as_posix() for name in kept))


def _with_unique_ids(found: Iterable[LocalDataset]) -> tuple[LocalDataset, ...]:
    """Two data sets of one name are told apart by the folder above, then by the whole path."""
    unique: dict[str, LocalDataset] = {}
    for one in found:
        names = (one.id, f"{one.folder.parent.name}/{one.id}", f"{one.folder}/{one.id}")
        if one.folder in {other.folder for other in unique.values() if other.files == one.files}:
            continue
        free = next(name for name in (*names, f"{one.folder}/{one.files[0]}") if name not in unique)
        unique[free] = replace(one, id=free)
    return tuple(unique.values())


def stamp_of(dataset: LocalDataset) -> str:
    """The state of the data set's files: names, sizes and times of change."""
    digest = hashlib.sha256(f"{_CARD_VERSION}\0{dataset.folder}".encode())
    paths = [dataset.folder / name for name in dataset.files] + ([dataset.readme] if dataset.readme else [])
    for path in paths:
        state = path.stat()
        digest.update(f"\0{path.name}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return f"local {digest.hexdigest()[:32]}"


def split_of(file: str) -> str | None:
    """The split that a file's or its folder's name says: `train-00001.parquet`, `data/dev.csv`; None without one."""
    path = Path(file)
    for part in (path.stem, *reversed(path.parent.parts)):
        for word in re.split(r"[^a-z]+", part.casefold()):
            if word in _SPLIT_WORDS:
                return _SPLIT_WORDS[word]
    return None


def read_card(dataset: LocalDataset) -> tuple[DatasetCard | None, str]:
    """(card, problem). The card is None when no file of the data set can be read; the problem is one line or empty."""
    front: dict[str, Any] = {}
    body = ""
    if dataset.readme is not None:
        try:
            front, body = split_card(dataset.readme.read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            return None, f"data set {dataset.id} is left out: {dataset.readme} cannot be read ({error.strerror})"
    try:
        configs = _configs(dataset, front)
        read = [
            table for config in configs for tables in read_splits(dataset.folder, config).values() for table in tables
        ]
        # Configurations may share files.
        tables = list({table.path: table for table in read}.values())
        rows = sum(_count(table) for table in tables)
    except DataFileError as error:
        return None, f"data set {dataset.id} is left out: {error}"
    sample = " ".join(_sample_text(tables[0]).split())[:_SAMPLE_CHARACTERS]
    columns = tuple(dict.fromkeys(column for table in tables for column in table.columns))
    title = next(iter(text_list(front.get("pretty_name"))), "") or _heading(body) or dataset.id.replace("_", " ")
    return (
        DatasetCard(
            id=dataset.id,
            origin="local",
            title=title,
            description=first_sentences(body) or f"Columns: {', '.join(columns)}. First row: {sample[:200]}",
            text=plain_text(body)[:20_000],
            licence=licence_of(front),
            languages=languages_of(front),
            tags=(*text_list(front.get("task_categories")), *text_list(front.get("tags"))),
            rows=rows,
            bytes=sum(table.path.stat().st_size for table in tables),
            gated=False,
            columns=columns,
            sample=sample,
            folder=str(dataset.folder),
            configs=configs,
        ),
        "",
    )


def read_splits(folder: Path, config: CardConfig) -> dict[str, list[Table]]:
    """The files of one configuration as tables by split, label ids read as the card's names. Raises DataFileError."""
    splits = {split: [read_table(folder / name) for name in files] for split, files in config.splits.items()}
    return with_label_names(splits, config.label_names)


def _heading(body: str) -> str:
    found = re.search(r"^#\s+(.+)$", body, re.M)
    return found.group(1).strip() if found else ""


def _count(table: Table) -> int:
    return sum(1 for _ in table.rows)


def _sample_text(table: Table) -> str:
    return " ".join(value for row in table.sample(_SAMPLE_ROWS) for value in row.values())


def _configs(dataset: LocalDataset, front: dict[str, Any]) -> tuple[CardConfig, ...]:
    """The configurations, each with the label names that the card gives it."""
    named = names_of_card(front)
    return tuple(
        CardConfig(name, splits, named.get(name, named.get(None, {}))) for name, splits in _splits(dataset, front)
    )


def _splits(dataset: LocalDataset, front: Mapping[str, Any]) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
    """(configuration, files by split) as the card lists them; without a list, one, told by the files' names."""
    listed = front.get("configs")
    if isinstance(listed, list) and listed:
        configs = [
            (str(entry.get("config_name", "default")), _listed_splits(dataset, entry.get("data_files")))
            for entry in listed
            if isinstance(entry, dict) and entry.get("data_files")
        ]
        if configs:
            return configs
    splits: dict[str, tuple[str, ...]] = {}
    named = {name: split_of(name) for name in dataset.files}
    for split in ("train", "validation", "test"):
        files = tuple(name for name, said in named.items() if said == split)
        if files:
            splits[split] = files
    unnamed = tuple(name for name, said in named.items() if said is None)
    # Beside a train split, a file without a split's name is something else: an index, a description.
    if unnamed and "train" not in splits:
        splits["train"] = unnamed
    return [("default", splits)]


def _listed_splits(dataset: LocalDataset, data_files: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(data_files, (str, list)) and not (isinstance(data_files, list) and _are_entries(data_files)):
        entries = [("train", data_files)]
    elif isinstance(data_files, dict):
        entries = list(data_files.items())
    else:
        entries = [(entry["split"], entry["path"]) for entry in data_files]
    splits: dict[str, tuple[str, ...]] = {}
    for split, patterns in entries:
        matched: list[str] = []
        for pattern in text_list(patterns):
            # Only files that were found below the folder: a card cannot reach outside.
            files = [name for name in dataset.files if Path(name).match(pattern) or name == pattern.removeprefix("./")]
            if not files:
                raise DataFileError(f"{dataset.readme}: names {pattern!r}, which is not among the data set's files")
            matched += files
        name = _SPLIT_WORDS.get(str(split).casefold(), str(split))
        splits[name] = (*splits.get(name, ()), *dict.fromkeys(matched))
    return splits


def _are_entries(values: list[Any]) -> bool:
    return all(isinstance(entry, dict) and {"split", "path"} <= entry.keys() for entry in values)
