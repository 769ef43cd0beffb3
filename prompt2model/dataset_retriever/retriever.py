"""Prompt2Model's data-set retrieval (arXiv 2308.12261, section 3.2): find data sets, choose, read their rows.

Differences: BM25, an encoder and mentions together in place of a bi-encoder; several data sets at once; official test
splits stay tests; without a person, only a data set whose rows are checked to do the task is taken.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prompt2model.catalogue.card_vectors import check_encoder
from prompt2model.catalogue.columns import ColumnChoice
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.licences import allows_commercial_use
from prompt2model.catalogue.named_columns import columns_of
from prompt2model.component import Component, Estimate, Option, RunContext
from prompt2model.dataset_retriever.collecting import write_examples
from prompt2model.dataset_retriever.config import ColumnNames, DatasetRetrieverConfig
from prompt2model.dataset_retriever.fitting import Fit, judge
from prompt2model.dataset_retriever.opening import OpenedDataset, open_dataset
from prompt2model.dataset_retriever.questions import holds_labels, settle_columns, settle_labels
from prompt2model.dataset_retriever.reranking import PROMPT, likely_use
from prompt2model.dataset_retriever.searching import Found, find_datasets, will_rerank
from prompt2model.dataset_retriever.split_reading import read_all_splits
from prompt2model.dataset_retriever.unfitting import ask_use, take_inputs, take_whole_rows
from prompt2model.dataset_retriever.unlabelled_files import read_unlabelled_file
from prompt2model.dataset_retriever.user_files import UserFile, read_user_file
from prompt2model.dataset_retriever.well_known import hint
from prompt2model.errors import ConfigError, DataFileError, HubError
from prompt2model.records import ChosenDataset, Example, InputLayout, RetrievedData, Rows, TaskSpec, TestSet
from prompt2model.teacher import asking_again

_MOST_AUTOMATIC = 3
_HUB_CHECKS = 3
# Rows of the hub that are looked at to draw `max_rows` from: data sets are often sorted by label.
_HUB_ROWS_PER_ROW = 10
_INSTEAD = "where its labels mean the task's, set columns or label_map"


@dataclass(frozen=True)
class DatasetRetrieverInputs:
    """What the retriever works on."""

    task: TaskSpec


@dataclass
class _Gathered:
    """What came of the chosen data sets so far."""

    rows: list[Example] = field(default_factory=list)
    unlabelled: list[Example] = field(default_factory=list)
    tests: list[TestSet] = field(default_factory=list)
    chosen: list[ChosenDataset] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    layouts: list[InputLayout] = field(default_factory=list)

    def note(self, line: str, context: RunContext) -> None:
        """Say a line now and keep it for the report."""
        context.progress.say(line)
        self.notes.append(line)


class DatasetRetriever(Component[DatasetRetrieverInputs, RetrievedData]):
    """TaskSpec → rows of the user's files and of data sets that do the task."""

    name = "retrieve_data"
    produces = "retrieved"
    Config = DatasetRetrieverConfig
    Inputs = DatasetRetrieverInputs
    Output = RetrievedData
    prompts = (PROMPT, *asking_again.PROMPTS)
    version = 6

    config: DatasetRetrieverConfig

    def estimate(self, inputs: DatasetRetrieverInputs, context: RunContext) -> Estimate:
        """The teacher's look at the first data sets; time goes into reading files and, with the hub, fetching rows."""
        if not self._searches(context) or not will_rerank(self.config, context):
            return Estimate(assumptions=("no teacher call",))
        use = likely_use(self.config.rerank_top, self.config.rerank_orders)
        if self.config.data or self.config.inputs or self.config.transform:
            return Estimate(teacher=(use,), assumptions=(f"{self.config.rerank_top} data sets to look at",))
        assumed = f"{self.config.rerank_top} data sets to look at, of which none is taken"
        return Estimate(teacher=(use,), assumptions=(assumed,), makes=RetrievedData((), (), (), (), {}, ()))

    def check(self, hub_allowed: bool) -> None:
        """Refuse a named encoder that cannot be had."""
        check_encoder(self.config.encoder, hub_allowed)

    def input_files(self) -> Sequence[Path]:
        """The user's files and the folders of data sets."""
        return (*self.config.data, *self.config.inputs, *self.config.data_dirs)

    def run(self, inputs: DatasetRetrieverInputs, context: RunContext) -> RetrievedData:
        """Read the user's files, find data sets, choose, read their rows.

        Raises DataFileError, ConfigError or HubError with one line that says what to do.
        """
        task = inputs.task
        users = [self._user_file(path, task, context) for path in self.config.data]
        gathered = _Gathered()
        for path in self.config.inputs:
            gathered.unlabelled += self._unlabelled_file(path, task, context, gathered)
        found = self._find(task, context)
        for line in (*(note for user in users for note in user.notes), *found.notes):
            gathered.note(line, context)
        for card in self._choose(task, found, context, gathered):
            if card.id not in self.config.transform:
                self._take(card, task, context, gathered)
        for name in self.config.transform:
            self._take_whole_rows(self._named(name, found, context), context, gathered)
        for user in users:
            gathered.dropped.update(user.dropped)
        if not users and not gathered.chosen and (line := hint(task, self.config, context)):
            gathered.note(line, context)
        return RetrievedData(
            rows=write_examples(context.folder / "rows.jsonl", _chain(users, gathered.rows)),
            official_tests=tuple(gathered.tests),
            offered=found.candidates(),
            chosen=(*(user.chosen for user in users), *gathered.chosen),
            dropped=dict(sorted(gathered.dropped.items())),
            notes=tuple(gathered.notes),
            unlabelled=_written(context.folder / "unlabelled.jsonl", gathered.unlabelled),
            layouts=tuple(dict.fromkeys((*(user.reader.columns.layout for user in users), *gathered.layouts))),
        )

    def _user_file(self, path: Path, task: TaskSpec, context: RunContext) -> UserFile:
        named = ColumnNames(input=self.config.input_column, output=self.config.output_column)
        label_map = self.config.label_map.get(path.name, {})
        return read_user_file(path, named, label_map, task, self.config.max_data, context)

    def _unlabelled_file(self, path: Path, task: TaskSpec, context: RunContext, gathered: _Gathered) -> list[Example]:
        dropped = Counter[str]()
        named, most = self.config.input_column, self.config.max_inputs
        rows, columns = read_unlabelled_file(path, named, task, most, context, dropped)
        gathered.layouts.append(columns.layout)
        gathered.dropped.update({f"inputs: {reason}": count for reason, count in dropped.items()})
        gathered.note(f"{path.name}: {len(rows):,} inputs for the teacher to label", context)
        return rows

    def _find(self, task: TaskSpec, context: RunContext) -> Found:
        return find_datasets(task, self.config, context) if self._searches(context) else Found((), (), ())

    def _searches(self, context: RunContext) -> bool:
        return self.config.datasets != "none" and bool(self.config.data_dirs or context.hub_allowed)

    # --- choosing ----------------------------------------------------------------------------------------------

    def _choose(self, task: TaskSpec, found: Found, context: RunContext, gathered: _Gathered) -> list[DatasetCard]:
        """The cards to read: named in the config, or picked by the chooser, whose default is what fits."""
        if self.config.datasets == "none":
            return []
        if isinstance(self.config.datasets, tuple):
            return [self._named(name, found, context) for name in self.config.datasets]
        if not found.cards:
            if self._searches(context):
                folders = ", ".join(str(folder) for folder in self.config.data_dirs)
                gathered.note(f"No data set is found{' in ' if folders else ''}{folders}", context)
            return []
        asked = self.config.datasets == "ask" and context.chooser.interactive
        fits = self._fits(task, found, context, check_hub=not asked)
        default = [name for name, fit in fits.items() if fit.fits][:_MOST_AUTOMATIC]
        picked = default
        if self.config.datasets == "ask":
            options = [_option(card, fits.get(card.id)) for card, _ in found.cards]
            question = "Which data sets shall be used?"
            picked = context.chooser.choose_many("datasets", question, options, default)
        if not asked:
            for line in _what_was_taken(picked, fits, found):
                gathered.note(line, context)
        cards = {card.id: card for card, _ in found.cards}
        return [cards[name] for name in picked]

    def _fits(self, task: TaskSpec, found: Found, context: RunContext, check_hub: bool) -> dict[str, Fit]:
        """The judgement on each card that was looked into. Hub rows are fetched only when nobody is there to pick."""
        fits: dict[str, Fit] = {}
        checked = 0
        for card, _ in found.cards:
            if card.id in found.refused:
                fits[card.id] = Fit(False, "the teacher finds that it does not do the task")
                continue
            if card.origin == "hub":
                if not check_hub or checked >= _HUB_CHECKS:
                    continue
                if card.gated or card.licence is None:
                    fits[card.id] = Fit(False, "it is gated" if card.gated else "its licence is not known")
                    continue
                checked += 1
            try:
                opened = self._open(card, context, automatic=True)
                named = self.config.columns.get(card.id, ColumnNames())
                columns = columns_of(opened.sample_table, task, named.input, named.output)
                fits[card.id] = judge(opened, columns, task, self.config.max_rows)
            except (DataFileError, HubError) as error:
                fits[card.id] = Fit(False, str(error))
        return fits

    def _named(self, id: str, found: Found, context: RunContext) -> DatasetCard:
        """The card with an id that the config names. Raises ConfigError with near ids, or HubError."""
        from prompt2model.catalogue.dataset_cards import DatasetCatalogue

        for card, _ in found.cards:
            if card.id == id:
                return card
        ids: tuple[str, ...] = ()
        if self.config.data_dirs:
            with DatasetCatalogue(None) as catalogue:
                catalogue.update_folders(self.config.data_dirs)
                local, ids = catalogue.card(id), catalogue.ids()
            if local is not None:
                return local
        if context.hub_allowed:
            from prompt2model.catalogue.hub import dataset_card

            return dataset_card(id)
        ids = found.ids or ids
        near = difflib.get_close_matches(id, ids, n=3, cutoff=0.4)
        if id.count("/") == 1 and not near:
            raise HubError(f"data set {id} is not in a local folder; add --hub to have it from the hub")
        known = f"near names: {', '.join(near)}" if near else f"there are: {', '.join(ids[:10]) or 'none'}"
        raise ConfigError(f"there is no data set {id!r} in the data folders; {known}; add --hub to search the hub")

    # --- reading -----------------------------------------------------------------------------------------------

    def _open(self, card: DatasetCard, context: RunContext, automatic: bool = False) -> OpenedDataset:
        config = _first_config(card) if automatic and card.origin == "local" else None
        return open_dataset(card, context, _HUB_ROWS_PER_ROW * self.config.max_rows, config)

    def _take(self, card: DatasetCard, task: TaskSpec, context: RunContext, gathered: _Gathered) -> None:
        """Read one chosen data set: its rows; where none fits and a person wants it, its inputs without answers."""
        self._check_licence(card, context, gathered)
        opened = self._open(card, context)
        table = opened.sample_table
        named = self.config.columns.get(card.id, ColumnNames())
        inputs_alone = len(table.columns) == 1 and named.output is None and not holds_labels(table, task)
        if self._is_wanted(context) and inputs_alone:
            only = columns_of(table, task, named.input, None)
            self._take_unfitting(opened, only, "it has no answers", task, context, gathered)
            return
        try:
            columns = settle_columns(card.id, table, task, named, context.chooser)
        except DataFileError as error:
            if not self._is_wanted(context) or isinstance(self.config.datasets, tuple):
                raise
            # What was picked at a terminal is not asked again on resume, so it must not end the run.
            gathered.note(f"data set {card.id} is left out: {error}", context)
            return
        given = self.config.label_map.get(card.id, {})
        label_map = settle_labels(card.id, table, columns, task, given, context.chooser)
        read = read_all_splits(opened, columns, label_map, task, self.config.max_rows, context)
        if not read.rows and not read.tests and self._is_wanted(context):
            self._take_unfitting(opened, columns, _why_useless(columns.output, task), task, context, gathered)
            return
        for rows in read.tests:
            file = context.folder / f"official_{len(gathered.tests)}.jsonl"
            gathered.tests.append(TestSet(card.id, "official", write_examples(file, rows)))
        gathered.rows += read.rows
        gathered.dropped.update(read.dropped)
        if not read.rows and not read.tests:
            why = _why_useless(columns.output, task)
            gathered.note(f"data set {card.id} gives no usable row: {why}; {_INSTEAD}", context)
        else:
            gathered.layouts.append(columns.layout)
        gathered.chosen.append(
            ChosenDataset(
                card.id, card.origin, card.licence, columns.spoken_input, columns.output, read.counts, opened.config
            )
        )

    def _is_wanted(self, context: RunContext) -> bool:
        """Whether a person named or picked the data sets. What was only judged to fit must fit."""
        return isinstance(self.config.datasets, tuple) or (
            self.config.datasets == "ask" and context.chooser.interactive
        )

    def _take_unfitting(
        self,
        opened: OpenedDataset,
        columns: ColumnChoice,
        why: str,
        task: TaskSpec,
        context: RunContext,
        gathered: _Gathered,
    ) -> None:
        """What a person wants of a data set without a usable row. Raises DataFileError where the config names it."""
        name, use = opened.card.id, ask_use(opened, columns, context)
        try:
            if use == "none":
                gathered.note(f"data set {name} is left out: {why}", context)
            elif use == "transform":
                self._keep_whole_rows(opened, context, gathered)
            else:
                limit = self.config.max_inputs
                rows, chosen = take_inputs(opened, columns, task, limit, context, gathered.dropped)
                gathered.unlabelled += rows
                gathered.chosen.append(chosen)
                gathered.layouts.append(columns.layout)
                taken = f"the teacher labels {len(rows):,} of its inputs ({columns.spoken_input})"
                gathered.note(f"data set {name} gives no usable row: {why}; {taken}; {_INSTEAD}", context)
        except DataFileError as error:
            if isinstance(self.config.datasets, tuple):
                raise
            # What was picked at a terminal is not asked again on resume, so it must not end the run.
            gathered.note(str(error), context)

    def _take_whole_rows(self, card: DatasetCard, context: RunContext, gathered: _Gathered) -> None:
        self._check_licence(card, context, gathered)
        self._keep_whole_rows(self._open(card, context), context, gathered)

    def _keep_whole_rows(self, opened: OpenedDataset, context: RunContext, gathered: _Gathered) -> None:
        named = self.config.columns.get(opened.card.id, ColumnNames())
        rows, chosen = take_whole_rows(opened, named, self.config.max_transform, context, gathered.dropped)
        gathered.unlabelled += rows
        gathered.chosen.append(chosen)
        gathered.note(f"data set {opened.card.id}: {len(rows):,} rows for the teacher to rewrite and label", context)

    def _check_licence(self, card: DatasetCard, context: RunContext, gathered: _Gathered) -> None:
        """Raises ConfigError where the settings forbid the data set's licence."""
        if self.config.use == "commercial" and not allows_commercial_use(card.licence):
            raise ConfigError(
                f"data set {card.id} has the licence {card.licence or '(unknown)'}, which is not known to allow "
                "commercial use; choose another one, or leave out --use commercial"
            )
        if card.licence is None:
            gathered.note(f"{card.id}: its licence is not known; check it before you publish the model", context)


def _why_useless(output: str, task: TaskSpec) -> str:
    if task.labels:
        return f"its column {output!r} holds none of the labels {', '.join(task.labels)}"
    return f"its column {output!r} holds no answer of the task"


def _written(path: Path, rows: Sequence[Example]) -> Rows:
    return write_examples(path, rows) if rows else ()


def _first_config(card: DatasetCard) -> str | None:
    names = [config.name for config in card.configs]
    return ("default" if "default" in names else names[0]) if names else None


def _chain(users: Sequence[UserFile], rows: Sequence[Example]) -> Iterator[Example]:
    for user in users:
        yield from user.rows()
    yield from rows


def _option(card: DatasetCard, fit: Fit | None) -> Option:
    details = {
        "rows": "?" if card.rows is None else f"{card.rows:,}",
        "size": spoken_size(card.bytes),
        "licence": card.licence or "unknown",
        "language": ", ".join(card.languages[:3]) or "?",
        "about": card.description[:100],
        "fits": "" if fit is None else ("yes: " if fit.fits else "no: ") + fit.reason,
    }
    return Option(card.id, f"{card.id}{' (gated)' if card.gated else ''}", details)


def spoken_size(count: int | None) -> str:
    """Bytes for people: `3.2 MB`."""
    if count is None:
        return "?"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _what_was_taken(picked: Sequence[str], fits: dict[str, Fit], found: Found) -> Iterator[str]:
    for name in picked:
        yield f"Taking data set {name}: {fits[name].reason}"
    if not picked:
        best = found.cards[0][0].id
        why = f" ({best}: {fits[best].reason})" if best in fits else ""
        yield f"No data set is taken: none was checked to fit the task{why}"
