"""Every way in which a real endpoint fails to answer is counted under its name, and is no vote and no row."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from servers.openai_like import Fault, OpenAILikeServer, Reply

from prompt2model.component import RunContext
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.records import DataRequest, Demonstration, TaskSpec
from prompt2model.teacher import Ledger, LedgerClient
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.throttle import RetryPolicy

COLOURS = ("red", "green", "blue")
TASK = TaskSpec(
    "Name the colour.",
    tuple(Demonstration(f"a {colour} door", colour) for colour in COLOURS),
    "classification",
    COLOURS,
    "en",
    "",
)
WORDS = "lamp rug chair desk vase sofa stool clock shelf bowl plate mirror tray basket".split()
FAILURES: dict[str, Fault | Reply] = {
    "refused": Fault("refusal"),
    "context_too_long": Fault("context_too_long"),
    "empty": Fault("empty"),
    "unavailable": Fault("server_error"),
    "rate_limited": Fault("rate_limited"),
    "unparsable": Reply("I would rather not say."),
    "truncated": Reply("It may well be green, but", finish="length"),
}


class HalfBroken:
    """Every second question meets a failure, the kinds by turns; asked again, it meets the same."""

    def __init__(self) -> None:
        self._kinds = itertools.cycle(FAILURES.values())
        self._turn = itertools.cycle((False, True))
        self._fates: dict[str, Fault | Reply | None] = {}
        self._lock = threading.Lock()

    def __call__(self, body: dict[str, Any]) -> str | Fault | Reply:
        content = json.dumps(body, sort_keys=True)
        with self._lock:
            if content not in self._fates:
                self._fates[content] = next(self._kinds) if next(self._turn) else None
            fate = self._fates[content]
        return fate if fate is not None else self._answer(body["messages"], content)

    @staticmethod
    def _answer(messages: list[dict[str, str]], content: str) -> str:
        asked = re.search(r"exactly: (\w+)", messages[0]["content"])
        if asked is None:
            return next((colour for colour in COLOURS if colour in messages[-1]["content"]), "red")
        rng = random.Random(hashlib.sha256(content.encode()).hexdigest())
        return json.dumps([f"{' '.join(rng.sample(WORDS, 4))} in {asked[1]}" for _ in range(5)])


def test_every_failure_is_counted_by_its_name_and_is_no_vote_and_no_row(
    make_context: Callable[..., RunContext], tmp_path: Path
) -> None:
    policy = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.005, first_rest=0.001, patience=0.2)
    with OpenAILikeServer(HalfBroken()) as server, Ledger(tmp_path / "ledger.sqlite") as ledger:
        teacher = LedgerClient(OpenAICompatibleClient("m", server.base_url, policy=policy), ledger, step="generate")
        config = DatasetGeneratorConfig(examples=30, votes=2, all_votes=True)
        data = DatasetGenerator(config).run(
            GeneratorInputs(TASK, (), DataRequest()), make_context({"teacher": teacher})
        )
        (line,) = ledger.summary()
    assert set(data.failed) == set(FAILURES)
    # The ledger counts what gave no answer; an answer that cannot be read, or not to its end, is one.
    assert line.failed == sum(data.failed.values()) - data.failed["unparsable"] - data.failed["truncated"]
    assert len(data.rows) > 5
    for row in data.rows:
        assert row.target == next(colour for colour in COLOURS if colour in row.input)
