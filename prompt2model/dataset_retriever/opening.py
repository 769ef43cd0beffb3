"""A chosen data set as tables by split, from a local folder or the hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt2model.catalogue.data_files import Table
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.local_folders import read_splits
from prompt2model.component import Option, RunContext
from prompt2model.errors import DataFileError


@dataclass(frozen=True, slots=True)
class OpenedDataset:
    """The splits of one configuration; `validation` rows are train rows for the line, `test` rows are tests."""

    card: DatasetCard
    config: str
    splits: dict[str, Table]

    @property
    def sample_table(self) -> Table:
        """The split by which columns and labels are judged: never the tests where there is another."""
        for split in ("train", "validation"):
            if split in self.splits:
                return self.splits[split]
        return next(iter(self.splits.values()))


@dataclass(frozen=True, slots=True)
class _Chained:
    """Rows of several files as one table."""

    tables: tuple[Table, ...]
    columns: tuple[str, ...]

    def __iter__(self) -> Iterator[dict[str, str]]:
        for table in self.tables:
            for row in table.rows:
                yield {column: row.get(column, "") for column in self.columns}


def open_dataset(card: DatasetCard, context: RunContext, most_rows: int, config: str | None = None) -> OpenedDataset:
    """The data set's splits. Of several configurations the chooser picks one.

    Hub rows are fetched into the step's folder, at most `most_rows` of a split, and not again after a resume.
    Raises DataFileError or HubError when the rows cannot be read.
    """
    if card.origin == "hub":
        opened = _open_hub(card, context, most_rows, config)
    else:
        names = [one.name for one in card.configs]
        chosen = config or _choose_config(card, names, context)
        picked = next(one for one in card.configs if one.name == chosen)
        splits = {split: _join(tables) for split, tables in read_splits(Path(card.folder or ""), picked).items()}
        opened = OpenedDataset(card, chosen, splits)
    if not opened.splits:
        raise DataFileError(f"data set {card.id} has no rows; choose another one")
    return opened


def _open_hub(card: DatasetCard, context: RunContext, most_rows: int, config: str | None) -> OpenedDataset:
    from prompt2model.catalogue.hub import config_names, fetch_rows

    chosen = config or _choose_config(card, list(config_names(card.id)), context)
    context.progress.say(f"Fetching rows of {card.id} from the hub")
    return OpenedDataset(card, chosen, fetch_rows(card.id, chosen, context.folder, most_rows))


def _choose_config(card: DatasetCard, names: list[str], context: RunContext) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise DataFileError(f"data set {card.id} has no configuration with rows; choose another one")
    default = likely_config(card, names)
    options = [Option(name, name) for name in names]
    return context.chooser.choose_one(f"config:{card.id}", f"Which configuration of {card.id}?", options, default)


def likely_config(card: DatasetCard, names: Sequence[str]) -> str:
    """The configuration to take unasked: the default, else that of the card's language, else the first."""
    return next((name for name in ("default", *card.languages) if name in names), names[0])


def _join(tables: list[Table]) -> Table:
    if len(tables) == 1:
        return tables[0]
    columns = tuple(dict.fromkeys(column for table in tables for column in table.columns))
    lists = frozenset().union(*(table.list_columns for table in tables))
    return Table(tables[0].path, columns, _Chained(tuple(tables), columns), lists)
