"""The embedded teacher on a cluster of two nodes, one of which is killed: the same answers as in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster.two_nodes import Interrupted, TwoNodes

from prompt2model.cluster import HereWorkers, connect
from prompt2model.config import changed_settings
from prompt2model.console import AutomaticChooser
from prompt2model.labelling import ScoredLabelPredictor
from prompt2model.records import Demonstration, Item, Prediction, TaskSpec
from prompt2model.teacher import ChatRequest, Ledger, LedgerClient, Message
from prompt2model.teacher.embedded import EmbeddedClient
from prompt2model.teacher.roster import TeacherRoster, TeacherSettings
from prompt2model.teacher.spread import SpreadClient

LABELS = ("money", "parcel")
SHOWN = (Demonstration("I was charged twice", "money"), Demonstration("My order never came", "parcel"))
TASK = TaskSpec("What is the message about?", SHOWN, "classification", LABELS, "en", "What is the message about?")
ITEMS = [Item(f"{what} {number}") for what in ("The invoice", "The box") for number in range(4)]
WRITING = [
    ChatRequest((Message("user", f"Write a word with {letter}."),), temperature=1.0, max_tokens=4)
    for letter in "abcdef"
]


class SmallGroups(EmbeddedClient):
    """Groups small enough that there are several of them."""

    batch_size, score_batch_size = 2, 3


def label_and_write(client: Any, ledger_file: Path) -> tuple[list[Prediction], dict[Any, Any], int]:
    with Ledger(ledger_file) as ledger:
        outer = LedgerClient(client, ledger, step="s", role="r")
        predictor = ScoredLabelPredictor(outer, TASK)
        labels, written = list(predictor.predict(ITEMS)), dict(outer.complete_many(WRITING))
        return labels, written, outer.answered


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield label_and_write(SmallGroups(), tmp_path_factory.mktemp("here") / "ledger.sqlite")
    torch.set_num_threads(threads)


def test_a_labelling_job_loses_a_node_and_no_answer(two_nodes: TwoNodes, expected: Any, tmp_path: Path) -> None:
    with connect(two_nodes.address) as cluster:
        workers = Interrupted(cluster, two_nodes.kill_second)
        found = label_and_write(SpreadClient(SmallGroups(), "embedded", workers), tmp_path / "ledger.sqlite")
    assert found == expected


def test_a_ledger_filled_here_serves_the_cluster(expected: Any, tmp_path: Path) -> None:
    """And the other way round: what a run has paid for is known wherever it goes on."""
    spread = SpreadClient(SmallGroups(), "embedded", HereWorkers())
    labels, written, _ = label_and_write(spread, tmp_path / "ledger.sqlite")
    assert (labels, written) == expected[:2]
    again = label_and_write(SmallGroups(), tmp_path / "ledger.sqlite")
    assert again == (labels, written, 0)


def test_only_local_weights_are_spread_and_nothing_else_depends_on_it(tmp_path: Path) -> None:
    class Elsewhere(HereWorkers):
        distributed = True

    specs = {"teacher": "embedded", "generator": "openai:m"}
    settings = TeacherSettings(specs, base_url="http://127.0.0.1:9/v1", needs_key=False)
    for workers, kinds in ((HereWorkers(), ["EmbeddedClient"]), (Elsewhere(), ["SpreadClient"])):
        with TeacherRoster(settings, tmp_path / "ledger.sqlite", AutomaticChooser(), workers=workers) as roster:
            clients = roster.clients("generate_data")
            assert [type(clients["teacher"].inner).__name__] == kinds  # type: ignore[attr-defined]
            assert type(clients["generator"].inner).__name__ == "OpenAICompatibleClient"  # type: ignore[attr-defined]
            assert roster.names() == specs
    (tmp_path / "config.toml").write_text('prompt = "x"\n')
    assert changed_settings(tmp_path / "config.toml", 'prompt = "x"\ncluster = "local"\n') == ()
