"""A layout of a table, and a table as a folder of a data set: CSV, JSON lines or Parquet, and the card."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from column_noise import Noise

Row = Mapping[str, Any]
Columns = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """One table: where its rows come from, the columns of a row, and which are right.

    `columns` makes the columns of a row, or None where the row does not have the usual form. `outputs` are the
    columns that hold the answer; any of them is right. `inputs` are the columns of the input, in the order in which
    the demonstrations show them; `same_inputs` are other choices that are as right. `label_names` are the names of
    label ids, which the file itself or its card carries. `instruction` is empty for a Super-NI task; `demonstration`
    makes (input, output) of a row as a user would write them. `kind` is what a person answers where the prompt does not
    tell it.
    """

    name: str
    source: str
    columns: Callable[[Row, Noise], Columns | None]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    form: Literal["csv", "jsonl", "parquet"]
    instruction: str = ""
    demonstration: Callable[[Row], tuple[str, str]] = lambda row: (row["input"].strip(), row["output"][0].strip())
    label_names: Callable[[list[Row]], dict[str, tuple[str, ...]]] = field(default=lambda rows: {})
    same_inputs: tuple[tuple[str, ...], ...] = ()
    choices: tuple[str, ...] = ()
    where: Callable[[Row], bool] = lambda row: True
    kind: Literal["classification", "generation", "multiple_choice"] = "generation"


def write_table(
    folder: Path, name: str, rows: Sequence[Mapping[str, Any]], form: str, label_names: Mapping[str, tuple[str, ...]]
) -> None:
    """Write `rows` to `folder`; the names of label ids stand in a Parquet file itself, else on the card."""
    folder.mkdir(parents=True, exist_ok=True)
    if form == "csv":
        with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif form == "jsonl":
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    else:
        _write_parquet(folder / "train.parquet", rows, label_names)
    card = [f"pretty_name: {name.replace('_', ' ')}"]
    if label_names and form != "parquet":
        card += _described(rows[0], label_names)
    (folder / "README.md").write_text("\n".join(["---", *card, "---", "", f"# {name}", ""]), encoding="utf-8")


def _described(row: Mapping[str, Any], label_names: Mapping[str, tuple[str, ...]]) -> list[str]:
    """`dataset_info` of a card, as the hub writes it."""
    lines = ["dataset_info:", "  features:"]
    for column in row:
        lines.append(f"  - name: {json.dumps(column)}")
        if column in label_names:
            lines += ["    dtype:", "      class_label:", "        names:"]
            lines += [f"          '{number}': {json.dumps(name)}" for number, name in enumerate(label_names[column])]
        else:
            lines.append("    dtype: string")
    return lines


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]], label_names: Mapping[str, tuple[str, ...]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([dict(row) for row in rows])
    features = {name: {"names": list(names), "_type": "ClassLabel"} for name, names in label_names.items()}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
