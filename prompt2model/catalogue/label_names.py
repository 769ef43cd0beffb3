"""Label ids in files become the label names that the data set's card gives: `dataset_info.features`, `class_label`.

Parquet files may carry the names themselves; those are read in `parquet_files`.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prompt2model.catalogue.data_files import Table
from prompt2model.catalogue.parquet_files import own_label_names

Names = Mapping[str, tuple[str, ...]]
"""Label names by column; a label's id is its place."""

_HIDDEN = -1
"""The id of a label that is kept secret."""
_ID = re.compile(r"\s*(-?\d+)(?:\.0+)?\s*")
_DEEPEST = 8


def names_of_card(front: Mapping[str, Any]) -> dict[str | None, dict[str, tuple[str, ...]]]:
    """Label names by column for each configuration that a card's front matter describes; under None for all others."""
    described = front.get("dataset_info")
    entries = [entry for entry in (described if isinstance(described, list) else [described]) if entry]
    listed = front.get("configs")
    several = len(entries) > 1 or (isinstance(listed, list) and len(listed) > 1)
    found: dict[str | None, dict[str, tuple[str, ...]]] = {}
    for entry in entries:
        if isinstance(entry, Mapping):
            config = entry.get("config_name")
            names = dict(_features(entry.get("features"), "", _DEEPEST))
            found[str(config) if config is not None and several else None] = names
    return found


def _features(features: Any, prefix: str, depth: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(flattened column, names) of every class label, or list of them, in a list of features."""
    for feature in features if isinstance(features, list) and depth else ():
        if not isinstance(feature, Mapping) or not isinstance(feature.get("name"), str):
            continue
        column = prefix + feature["name"]
        yield from _features(feature.get("struct"), f"{column}.", depth - 1)
        for kind in ("dtype", "sequence", "list"):
            names = _class_label(feature.get(kind))
            if names:
                yield column, names


def _class_label(kind: Any) -> tuple[str, ...]:
    """The names in `{class_label: {names: …}}`: a list, or the hub's mapping from ids; empty where there are none."""
    inner = kind.get("class_label") if isinstance(kind, Mapping) else None
    names = inner.get("names") if isinstance(inner, Mapping) else None
    if isinstance(names, Mapping):
        by_id = {str(key): name for key, name in names.items()}
        # Ids that do not count from 0 name nothing that is sure.
        names = [by_id.get(str(number)) for number in range(len(by_id))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names)


def with_label_names(splits: Mapping[str, list[Table]], names: Names) -> dict[str, list[Table]]:
    """The tables of one configuration, their ids read as names. What is a name already, or no id, stays as it is."""
    named: dict[str, list[Table]] = {split: [] for split in splits}
    left = {
        column: labels
        for column, labels in names.items()
        if labels and _holds_ids(itertools.chain.from_iterable(splits.values()), column, labels)
    }
    for split, tables in splits.items():
        for table in tables:
            own = own_label_names(table.path) if table.path.suffix.lower() == ".parquet" else {}
            wanted = {column: left[column] for column in left if column in table.columns and column not in own}
            lists = table.list_columns & wanted.keys()
            named[split].append(replace(table, rows=_Named(table.rows, wanted, lists)) if wanted else table)
    return named


def _holds_ids(tables: Iterable[Table], column: str, labels: tuple[str, ...]) -> bool:
    """False where the column holds names that look like ids: of the names 1 to 5, a 5 is no id.

    Only where names are numbers can they be taken for ids; only then the rows are read. What fits both is an id, as
    the hub has it.
    """
    if not any(_ID.fullmatch(label) for label in labels):
        return True
    for table in tables:
        if column not in table.columns or column in table.list_columns:
            continue
        for row in table.rows:
            number = _number(row[column])
            if number is None:
                continue
            is_id, is_name = 0 <= number < len(labels), str(number) in labels
            if is_id != is_name:
                return is_id
    return True


def _number(cell: str) -> int | None:
    found = _ID.fullmatch(cell)
    return int(found.group(1)) if found else None


@dataclass(frozen=True, slots=True)
class _Named:
    """Rows with names in place of ids."""

    rows: Iterable[dict[str, str]]
    names: Names
    lists: frozenset[str]

    def __iter__(self) -> Iterator[dict[str, str]]:
        for row in self.rows:
            for column, labels in self.names.items():
                row[column] = (_list_of_names if column in self.lists else _name)(row[column], labels)
            yield row


def name_ids(row: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A row of any values with label ids, numbers or texts, replaced by names."""
    named = dict(row)
    for column, labels in names.items():
        value = named.get(column)
        if isinstance(value, (int, float, str)):
            named[column] = _name(str(value), labels)
    return named


def _name(cell: str, labels: Sequence[str]) -> str:
    number = _number(cell)
    if number is None:
        return cell
    if number == _HIDDEN:
        return ""
    # An id without a name is left to be seen, and counted as a label that the task does not have.
    return labels[number] if 0 <= number < len(labels) else cell


def _list_of_names(cell: str, labels: Sequence[str]) -> str:
    try:
        values = json.loads(cell)
    except ValueError:
        return cell
    if not isinstance(values, list):
        return cell
    return json.dumps([_name(str(value), labels) for value in values], ensure_ascii=False)
