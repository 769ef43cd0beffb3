"""The hub: cards through `huggingface_hub`, rows through `datasets`, streamed. No code from the hub is ever run.

`HF_ENDPOINT` names another hub, `HF_TOKEN` opens gated repositories; both are read by the client libraries.
Call these functions only when the run may use the hub.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.card_text import first_sentences, languages_of, licence_of, plain_text, text_list
from prompt2model.catalogue.data_files import Table, read_table
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.label_names import name_ids
from prompt2model.catalogue.model_cards import ModelCard, bytes_of, family_of
from prompt2model.catalogue.parquet_files import named_labels
from prompt2model.errors import HubError, connection_failed
from prompt2model.weights.hub_client import without_chatter

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, HfApi, ModelInfo

_LOOK_SECONDS = 10.0
_READ_TRIES = 1
# What `datasets` may read with. Its other builders read archives, images or databases.
_BUILDERS = {"csv", "json", "parquet"}
_GATED = "{what} is gated: accept its terms on its hub page, then set HF_TOKEN to a token of that account"
_MISSING = "the hub has no {what}, or it is private; check the id"
_MOST_DESCRIPTION = 100_000
DATASET_FACTS: list[Any] = ["cardData", "description", "downloads", "gated", "tags", "usedStorage"]
MODEL_FACTS: list[Any] = ["cardData", "config", "downloads", "gated", "safetensors", "tags", "usedStorage"]


@contextmanager
def _one_line_errors(what: str) -> Iterator[None]:
    """Whatever goes wrong on the way to the hub becomes a HubError of one line."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    try:
        with without_chatter():
            yield
    except HubError:
        raise
    except GatedRepoError as error:
        raise HubError(_GATED.format(what=what)) from error
    except RepositoryNotFoundError as error:
        raise HubError(_MISSING.format(what=what)) from error
    except HFValidationError as error:
        raise HubError(f"{what}: this is no id of the hub; ids look like owner/name") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "?")
        hint = "wait and resume the run" if status == 429 else "try again later"
        raise HubError(f"the hub answers with status {status} for {what}; {hint}") from error
    except Exception as error:
        if connection_failed(error):
            raise HubError(
                f"the hub cannot be reached for {what} ({type(error).__name__}); check the network and HF_ENDPOINT, "
                "or run without --hub"
            ) from error
        if "gated dataset" in str(error):
            raise HubError(_GATED.format(what=what)) from error
        if "doesn't exist on the Hub" in str(error):
            raise HubError(_MISSING.format(what=what)) from error
        if isinstance(error, json.JSONDecodeError) and not error.pos:
            raise HubError(
                f"{what} cannot be read from the hub: its answer is not JSON; check HF_ENDPOINT, or try again later"
            ) from error
        # The client libraries let many kinds through: bad Parquet, a missing file, a wrong feature.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HubError(f"{what} cannot be read from the hub: {reason}") from error


@cache
def _look_at(endpoint: str) -> None:
    """One quick look before the first question: the client libraries try for half a minute."""
    from huggingface_hub import get_session

    get_session().head(endpoint, timeout=_LOOK_SECONDS)


def _api() -> HfApi:
    """The hub's client, once something answered at its address."""
    from huggingface_hub import HfApi

    api = HfApi()
    _look_at(api.endpoint)
    return api


def search_datasets(
    queries: Sequence[str], filters: Sequence[str] = (), per_query: int = 50
) -> tuple[DatasetCard, ...]:
    """Cards that the hub finds for each query, most downloaded first; without queries, for the filters alone.

    The hub matches a query with ids and titles, so single words find most. Raises HubError.
    """
    found: dict[str, DatasetCard] = {}
    with _one_line_errors("the search for data sets"):
        api = _api()
        for query in queries or (None,):
            infos = api.list_datasets(
                search=query, filter=list(filters) or None, sort="downloads", limit=per_query, expand=DATASET_FACTS
            )
            for info in infos:
                found.setdefault(info.id, dataset_card_of(info))
    return tuple(found.values())


def dataset_card(id: str) -> DatasetCard:
    """The card of one data set. Raises HubError when there is none or it cannot be seen."""
    with _one_line_errors(f"data set {id}"):
        return dataset_card_of(_api().dataset_info(id, expand=DATASET_FACTS))


def dataset_card_of(info: DatasetInfo) -> DatasetCard:
    """The card that the hub's own facts make."""
    front: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
    described = front.get("dataset_info")
    parts = [part for part in (described if isinstance(described, list) else [described]) if isinstance(part, dict)]
    about = (info.description or "")[:_MOST_DESCRIPTION]
    return DatasetCard(
        id=info.id,
        origin="hub",
        title=str(front.get("pretty_name") or info.id),
        description=first_sentences(about),
        text=plain_text(about)[:20_000],
        licence=licence_of(front),
        languages=languages_of(front),
        tags=(*text_list(front.get("task_categories")), *text_list(front.get("tags"))),
        rows=_rows(parts),
        bytes=_number(getattr(info, "used_storage", None)),
        gated=None if info.gated is None else bool(info.gated),
        downloads=info.downloads,
        columns=tuple(dict.fromkeys(str(one["name"]) for part in parts for one in _features(part))),
    )


def _features(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    features = part.get("features")
    return [one for one in features if isinstance(one, dict) and "name" in one] if isinstance(features, list) else []


def _rows(parts: Sequence[Mapping[str, Any]]) -> int | None:
    splits = [split for part in parts for split in part.get("splits") or () if isinstance(split, dict)]
    counts = [_number(split.get("num_examples")) for split in splits]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


# --- rows ------------------------------------------------------------------------------------------------------


def config_names(id: str) -> tuple[str, ...]:
    """The configurations of a data set. Raises HubError."""
    with _one_line_errors(f"data set {id}"):
        from datasets import get_dataset_config_names

        return tuple(get_dataset_config_names(f"hf://datasets/{id}"))


def fetch_rows(id: str, config: str, folder: Path, most_rows: int) -> dict[str, Table]:
    """At most `most_rows` first rows of each split, kept in `folder` as JSON lines, as tables by split.

    What is there already is not fetched again. Only Parquet, CSV and JSON are read; label ids become label names.
    Raises HubError for a gated data set without a token, a loading script, another format, or a lost connection.
    """
    marker = folder / f"{_file_name(id, config)}.splits.json"
    if not marker.is_file():
        with _one_line_errors(f"data set {id}"):
            splits = _fetch(id, config, folder, most_rows)
        write_atomically(marker, json.dumps(splits))
    names: dict[str, str] = json.loads(marker.read_text(encoding="utf-8"))
    return {split: read_table(folder / name) for split, name in names.items() if name}


def _fetch(id: str, config: str, folder: Path, most_rows: int) -> dict[str, str]:
    """The names of the files that were written, by split; empty for a split without a row."""
    import datasets
    from datasets import load_dataset_builder
    from datasets.table import CastError

    # Each of its own twenty tries holds the five of huggingface_hub: together ten minutes without a word.
    datasets.config.STREAMING_READ_MAX_RETRIES = _READ_TRIES

    # The prefix keeps a local folder of the same name from being read instead.
    builder = load_dataset_builder(f"hf://datasets/{id}", config or None)
    if builder.name not in _BUILDERS and getattr(builder, "builder_name", "") not in _BUILDERS:
        raise HubError(f"data set {id} is not Parquet, CSV or JSON (but {builder.name}); choose another data set")

    def fetch(label_names: Mapping[str, Sequence[str]]) -> dict[str, str]:
        return {
            split: _fetch_split(rows, folder / f"{_file_name(id, config)}.{number}.jsonl", most_rows, label_names)
            for number, (split, rows) in enumerate(builder.as_streaming_dataset().items())
        }

    said = builder.info.features or {}
    try:
        return fetch({})
    except (CastError, ValueError):
        if not said:
            raise
    # The files have other columns or types than the card says. All is read as text here, so what they hold is enough.
    builder.info.features = builder.config.features = None
    return fetch(_names(said))


def _fetch_split(rows: Any, path: Path, most_rows: int, label_names: Mapping[str, Sequence[str]]) -> str:
    """The name of the file that was written; empty when the split has no row."""
    features = rows.features or {}
    names = _names(features)
    # Raw bytes would only be decoded into pictures or sound, which need other libraries.
    plain = [column for column, feature in features.items() if getattr(feature, "_type", "") in ("Image", "Audio")]
    if plain:
        rows = rows.remove_columns(plain)
    named = (named_labels(row, names) for row in islice(rows, most_rows))
    lines = (json.dumps(name_ids(row, label_names), ensure_ascii=False, default=_plain) for row in named)
    return path.name if _write_lines(path, lines) else ""


def _names(features: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Label names by column, of columns that hold label ids."""
    return {column: tuple(found) for column, feature in features.items() if (found := _class_names(feature))}


def _plain(value: Any) -> str | None:
    """Dates and the like as text; bytes are no text."""
    return None if isinstance(value, bytes) else str(value)


def _class_names(feature: Any) -> Sequence[str]:
    inner = getattr(feature, "feature", feature)
    return getattr(inner, "names", None) or ()


def _write_lines(path: Path, lines: Iterable[str]) -> bool:
    temporary = path.with_name(f"{path.name}.tmp")
    count = 0
    with temporary.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    temporary.replace(path)
    return count > 0


def _file_name(id: str, config: str) -> str:
    # The leading dot marks copies that are no part of the step's output.
    return "." + "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in f"{id}~{config}")


# --- models ----------------------------------------------------------------------------------------------------


def search_models(queries: Sequence[str], filters: Sequence[str] = (), per_query: int = 50) -> tuple[ModelCard, ...]:
    """Models that the hub finds for each query, most downloaded first, whose config names a text family.

    Raises HubError.
    """
    found: dict[str, ModelCard] = {}
    with _one_line_errors("the search for models"):
        api = _api()
        for query in queries or (None,):
            infos = api.list_models(
                search=query, filter=list(filters) or None, sort="downloads", limit=per_query, expand=MODEL_FACTS
            )
            for info in infos:
                card = model_card_of(info)
                if card is not None:
                    found.setdefault(card.id, card)
    return tuple(found.values())


def model_card(id: str, with_text: bool = True) -> ModelCard | None:
    """One model's card, with the text of its README; None when it is of no text family. Raises HubError."""
    from dataclasses import replace

    with _one_line_errors(f"model {id}"):
        card = model_card_of(_api().model_info(id, expand=MODEL_FACTS))
        if card is None or not with_text:
            return card
    return replace(card, text=plain_text(readme(id, "model"))[:20_000])


def readme(id: str, kind: str) -> str:
    """The card's whole text; empty when the repository has none. `kind` is `model` or `dataset`. Raises HubError."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    from prompt2model.catalogue.card_text import split_card

    with _one_line_errors(f"{kind.replace('dataset', 'data set')} {id}"):
        try:
            path = Path(hf_hub_download(id, "README.md", repo_type=kind))
        except RemoteEntryNotFoundError:
            return ""
        return split_card(path.read_text(encoding="utf-8", errors="replace"))[1]


def model_card_of(info: ModelInfo) -> ModelCard | None:
    """The card that the hub's own facts make; None where the config names no text family."""
    family = family_of(info.config or {})
    if family is None:
        return None
    front: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
    by_type = dict(info.safetensors.parameters) if info.safetensors else {}
    tags = text_list(front.get("tags")) or tuple(info.tags or ())
    return ModelCard(
        id=info.id,
        family=family,
        parameters=info.safetensors.total if info.safetensors else None,
        bytes=bytes_of(by_type),
        licence=licence_of(front),
        languages=languages_of(front),
        gated=None if info.gated is None else bool(info.gated),
        downloads=info.downloads,
        description=" ".join(tags[:40]),
        facts_source="hub",
        origin="hub",
    )
