"""Folders of data sets become searchable cards, and stay in step with the files."""

import json
import os
from pathlib import Path

import pytest

from prompt2model.catalogue.dataset_cards import DatasetCatalogue
from prompt2model.catalogue.local_folders import find_local, read_card, split_of
from prompt2model.errors import ConfigError

README = """---
license: cc-by-4.0
language:
- en
- no
task_categories: [text-classification]
pretty_name: Lost and found
---
# Lost and found

Messages about [things](http://x) that were `lost`.

| a | b |
"""


def make(folder: Path, files: dict[str, str], readme: str | None = None) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if readme is not None:
        (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


ROWS = "text,label\nmy umbrella is gone,lost\nfound a glove,found\n"


def only_card(folder: Path):
    (dataset,) = find_local([folder])
    return read_card(dataset)


def test_a_card_with_front_matter(tmp_path: Path) -> None:
    make(tmp_path / "lost_things", {"train.csv": ROWS, "test.csv": ROWS}, README)
    card, problem = only_card(tmp_path)
    assert problem == ""
    assert (card.id, card.title, card.licence, card.languages) == (
        "lost_things", "Lost and found", "cc-by-4.0", ("en", "no"),
    )  # fmt: skip
    assert card.description == "Messages about things that were lost."
    assert card.rows == 4
    assert card.bytes == 2 * len(ROWS)
    assert card.configs[0].splits == {"train": ("train.csv",), "test": ("test.csv",)}


def test_a_card_is_made_from_columns_and_rows(tmp_path: Path) -> None:
    make(tmp_path / "no_card", {"anything.jsonl": json.dumps({"question": "Where is Oslo?", "answer": "Norway"})})
    card, _ = only_card(tmp_path)
    assert (card.licence, card.languages, card.rows) == (None, (), 1)
    assert "question, answer" in card.description
    with DatasetCatalogue(None) as catalogue:
        catalogue.update_folders([tmp_path])
        assert [found.id for found, _ in catalogue.search("Oslo", 5)] == ["no_card"]


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("train.csv", "train"),
        ("train-00000-of-00002.parquet", "train"),
        ("my_dev.jsonl", "validation"),
        ("val.csv", "validation"),
        ("en.test.csv", "test"),
        ("test/part1.csv", "test"),
        ("data.csv", None),
        ("contest.csv", None),
        ("latest.csv", None),
    ],
)
def test_splits_are_told_by_file_names(file: str, split: str | None) -> None:
    assert split_of(file) == split


def test_shards_configurations_and_globs(tmp_path: Path) -> None:
    readme = (
        "---\nconfigs:\n- config_name: small\n  data_files: s.csv\n- config_name: big\n  data_files:\n"
        "  - split: train\n    path: big/t-*.csv\n  - split: dev\n    path: [big/d.csv]\n---\n"
    )
    files = {"s.csv": ROWS, "big/t-0.csv": ROWS, "big/t-1.csv": ROWS, "big/d.csv": ROWS}
    make(tmp_path / "many", files, readme)
    card, problem = only_card(tmp_path)
    assert problem == ""
    assert {config.name: config.splits for config in card.configs} == {
        "small": {"train": ("s.csv",)},
        "big": {"train": ("big/t-0.csv", "big/t-1.csv"), "validation": ("big/d.csv",)},
    }


@pytest.mark.parametrize("path", ["../secret.csv", "/etc/passwd", "gone.csv"])
def test_a_card_cannot_reach_outside_its_folder(tmp_path: Path, path: str) -> None:
    make(tmp_path, {"secret.csv": ROWS})
    make(tmp_path / "sets" / "bad", {"train.csv": ROWS}, f"---\nconfigs:\n- data_files: {path}\n---\n")
    card, problem = only_card(tmp_path / "sets")
    assert card is None
    assert path in problem
    assert "\n" not in problem


def test_odd_cards_do_not_stop_the_scan(tmp_path: Path) -> None:
    make(tmp_path / "a_broken_yaml", {"train.csv": ROWS}, "---\n: [\n---\n# Title\ntext")
    make(tmp_path / "b_huge", {"train.csv": ROWS}, "# Big\n" + "word " * 1_000_000)
    make(tmp_path / "c_chinese", {"train.csv": ROWS}, "# 客服消息\n\n把客户消息分类。")
    make(tmp_path / "d_ragged", {"train.csv": "text,label\na\n"})
    make(tmp_path / "e_empty", {"train.csv": ""})
    make(tmp_path / "f_nothing", {})
    with DatasetCatalogue(None) as catalogue:
        problems = catalogue.update_folders([tmp_path])
        assert catalogue.ids() == ("a_broken_yaml", "b_huge", "c_chinese")
        assert [card.id for card, _ in catalogue.search("客户的消息", 5)] == ["c_chinese"]
    assert len(problems) == 2
    assert all("\n" not in line for line in problems)
    assert "d_ragged" in problems[0]


def test_loose_files_and_equal_names(tmp_path: Path) -> None:
    make(tmp_path / "one", {"pets.csv": ROWS, "cars.csv": ROWS})
    make(tmp_path / "two" / "pets", {"train.csv": ROWS})
    make(tmp_path / "three", {"train.csv": ROWS, "test.csv": ROWS})
    found = find_local([tmp_path / "one", tmp_path / "two", tmp_path / "three"])
    assert [dataset.id for dataset in found] == ["cars", "pets", "two/pets", "three"]
    assert len(find_local([tmp_path / "two", tmp_path / "two"])) == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        find_local([tmp_path / "none"])


def test_the_catalogue_follows_the_files(tmp_path: Path) -> None:
    sets, file = tmp_path / "sets", tmp_path / "cards.sqlite"
    make(sets / "one", {"train.csv": ROWS}, README)
    make(sets / "two", {"train.csv": ROWS})
    with DatasetCatalogue(file) as catalogue:
        catalogue.update_folders([sets])
        assert catalogue.card("one").rows == 2
    (sets / "two" / "train.csv").unlink()
    make(sets / "one", {"train.csv": ROWS + "a third,lost\n"})
    os.utime(sets / "one" / "train.csv", ns=(1, 1))
    make(sets / "three", {"train.csv": ROWS})
    with DatasetCatalogue(file) as catalogue:
        catalogue.update_folders([sets])
        assert catalogue.ids() == ("one", "three")
        assert catalogue.card("one").rows == 3


def test_an_unchanged_data_set_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "one", {"train.csv": ROWS})
    with DatasetCatalogue(None) as catalogue:
        catalogue.update_folders([tmp_path])
        read: list[object] = []
        monkeypatch.setattr("prompt2model.catalogue.local_folders.read_card", read.append)
        catalogue.update_folders([tmp_path])
        assert read == []


def test_a_data_set_of_files_that_are_never_read_is_named(tmp_path: Path) -> None:
    make(tmp_path / "pickled", {"train.pkl": "x"})
    make(tmp_path / "scripted", {"scripted.py": "raise SystemExit"}, README)
    make(tmp_path / "notes", {"todo.txt": "not meant as a data set"})
    make(tmp_path / "right", {"train.csv": ROWS})
    with DatasetCatalogue(None) as catalogue:
        pickled, scripted = catalogue.update_folders([tmp_path])
        assert catalogue.ids() == ("right",)
    assert "pickled is left out" in pickled
    assert "train.pkl; read are .csv" in pickled
    assert "scripted.py" in scripted
