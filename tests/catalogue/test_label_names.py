"""Label ids of CSV and JSON files become the names that the data set's card gives them, in every split and config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from prompt2model.catalogue.dataset_cards import DatasetCatalogue
from prompt2model.catalogue.local_folders import find_local, read_card, read_splits

NAMES = ["returns", "billing", "shipping"]
HUB_FORM = {str(number): name for number, name in enumerate(NAMES)}


def features(names: Any, column: str = "label") -> list[dict[str, Any]]:
    return [{"name": "text", "dtype": "string"}, {"name": column, "dtype": {"class_label": {"names": names}}}]


def make(folder: Path, files: dict[str, str], front: dict[str, Any] | str) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    text = front if isinstance(front, str) else yaml.safe_dump(front)
    (folder / "README.md").write_text(f"---\n{text}---\n# Mail\n\nMail to a shop.\n")
    return folder


def read(folder: Path, column: str = "label") -> dict[str, list[str]]:
    """The column's cells by config and split."""
    (dataset,) = find_local([folder.parent])
    card, problem = read_card(dataset)
    assert problem == ""
    assert card is not None
    return {
        f"{config.name}/{split}": [row[column] for table in tables for row in table.rows]
        for config in card.configs
        for split, tables in read_splits(Path(card.folder or ""), config).items()
    }


@pytest.mark.parametrize("names", [NAMES, HUB_FORM], ids=["list", "hub"])
def test_ids_become_names_in_every_split(tmp_path: Path, names: Any) -> None:
    files = {
        "train.csv": "text,label\na,0\nb,2\nc,1.0\nd,billing\ne,\nf,-1\ng,7\n",
        "validation.jsonl": "".join(json.dumps({"text": "x", "label": one}) + "\n" for one in (0, "1", 2.0, None, -1)),
        "test.csv": "text,label\na,1\n",
    }
    make(tmp_path / "mail", files, {"dataset_info": {"features": features(names)}})
    assert read(tmp_path / "mail") == {
        # A hidden label is no label; an id without a name is left to be seen.
        "default/train": ["returns", "shipping", "billing", "billing", "", "", "7"],
        "default/validation": ["returns", "billing", "shipping", "", ""],
        "default/test": ["billing"],
    }


def test_each_config_has_its_own_names(tmp_path: Path) -> None:
    front = {
        "configs": [
            {"config_name": "coarse", "data_files": [{"split": "train", "path": "coarse/*.csv"}]},
            {"config_name": "fine", "data_files": [{"split": "train", "path": "fine/*.csv"}]},
        ],
        "dataset_info": [
            {"config_name": "coarse", "features": features(["money", "goods"])},
            {"config_name": "fine", "features": features(HUB_FORM)},
        ],
    }
    rows = "text,label\na,0\nb,1\n"
    make(tmp_path / "mail", {"coarse/a.csv": rows, "fine/a.csv": rows}, front)
    assert read(tmp_path / "mail") == {"coarse/train": ["money", "goods"], "fine/train": ["returns", "billing"]}


def test_names_that_are_numbers_are_not_taken_for_ids(tmp_path: Path) -> None:
    stars = [str(number) for number in range(1, 6)]
    files = {"train.csv": "text,label\n" + "a,1\n" * 2000 + "b,5\n", "test.csv": "text,label\na,2\n"}
    make(tmp_path / "named/mail", files, {"dataset_info": {"features": features(stars)}})
    cells = read(tmp_path / "named/mail")
    assert cells["default/train"][-2:] == ["1", "5"]
    assert cells["default/test"] == ["2"]
    files = {"train.csv": "text,label\na,1\nb,4\n", "test.csv": "text,label\na,0\n"}
    make(tmp_path / "ids/mail", files, {"dataset_info": {"features": features(stars)}})
    assert read(tmp_path / "ids/mail") == {"default/train": ["2", "5"], "default/test": ["1"]}


def test_a_parquet_file_that_names_its_labels_itself_is_named_once(tmp_path: Path) -> None:
    stars = [str(number) for number in range(1, 6)]
    own = {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": stars, "_type": "ClassLabel"}}
    table = pa.table({"text": ["a", "b"], "label": [0, 3]})
    folder = tmp_path / "mail"
    folder.mkdir()
    metadata = {"huggingface": json.dumps({"info": {"features": own}})}
    pq.write_table(table.replace_schema_metadata(metadata), folder / "train.parquet")
    pq.write_table(table, folder / "test.parquet")
    make(folder, {}, {"dataset_info": {"features": features(stars)}})
    assert read(folder) == {"default/train": ["1", "4"], "default/test": ["1", "4"]}


def test_lists_nested_columns_and_words_that_yaml_takes_for_truth_values(tmp_path: Path) -> None:
    front = """
dataset_info:
  features:
  - name: labels
    sequence:
      class_label:
        names: [returns, billing, shipping]
  - name: told
    struct:
    - name: sure
      dtype:
        class_label:
          names:
            0: no
            1: yes
"""
    rows = "".join(json.dumps({"labels": [0, 2], "told": {"sure": sure}}) + "\n" for sure in (0, 1))
    make(tmp_path / "mail", {"train.jsonl": rows}, front)
    assert read(tmp_path / "mail", "labels") == {"default/train": ['["returns", "shipping"]'] * 2}
    assert read(tmp_path / "mail", "told.sure") == {"default/train": ["no", "yes"]}


@pytest.mark.parametrize(
    "info",
    ["nothing", [None, 3], {"features": "text"}, {"features": [{"name": "label", "dtype": {"class_label": {}}}]}],
)
def test_a_card_that_describes_nothing_sensible_changes_nothing(tmp_path: Path, info: Any) -> None:
    make(tmp_path / "mail", {"train.csv": "text,label\na,0\n"}, {"dataset_info": info})
    assert read(tmp_path / "mail") == {"default/train": ["0"]}


def test_cards_are_found_by_their_label_names_and_keep_them(tmp_path: Path) -> None:
    front = {"dataset_info": {"features": features(HUB_FORM)}}
    make(tmp_path / "sets/mail", {"train.csv": "text,label\na,0\nb,2\n"}, front)
    with DatasetCatalogue(tmp_path / "cards.sqlite") as catalogue:
        catalogue.update_folders([tmp_path / "sets"])
    with DatasetCatalogue(tmp_path / "cards.sqlite") as catalogue:
        assert catalogue.update_folders([tmp_path / "sets"]) == ()
        ((card, _),) = catalogue.search("shipping", 3)
    assert card.configs[0].label_names == {"label": tuple(NAMES)}


def test_a_config_that_the_card_does_not_describe_keeps_its_ids(tmp_path: Path) -> None:
    files = dict.fromkeys(("a.csv", "b.csv"), "text,label\nlate,0\ngone,1\n")
    configs = [{"config_name": name, "data_files": f"{name}.csv"} for name in ("a", "b")]
    front = {"configs": configs, "dataset_info": {"config_name": "a", "features": features(["neg", "pos"])}}
    found = read(make(tmp_path / "mail", files, front))
    assert found == {"a/train": ["neg", "pos"], "b/train": ["0", "1"]}
