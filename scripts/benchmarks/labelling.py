"""Every labeller and every aggregator of votes on real rows, with the embedded teacher.

300 rows each of TREC-6, SNLI and AG News (batches on the first 96 of them): accuracy, tokens, seconds for 1,000 (of
processor time, which other work on the machine does not stretch).
Scores are calibrated on unlabelled training rows; nothing is chosen on the rows that are measured. A labeller is one
line of `LABELLERS`, a set of voters one of `ELECTORATES`.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from generating_runs import read_task
from real_task_prompts import AGNEWS_PROMPT, SNLI_PROMPT, TREC_PROMPT
from real_tasks import Bench, Rows, agnews_rows, trec_rows
from record import Figure, Record, options

from prompt2model.labelling import (
    AutoDemoPredictor,
    FewShotPredictor,
    ScoredLabelPredictor,
    chain_voters,
    teacher_predictor,
)
from prompt2model.labelling.aggregation import Aggregator, DependentLabelModel, LabelModel, MajorityVote, Votes
from prompt2model.predictor import Predictor
from prompt2model.records import Demonstration, Item, TaskSpec
from prompt2model.teacher.client import ChatClient, ChatRequest, ChatResponse
from prompt2model.teacher.embedded import EmbeddedClient
from prompt2model.teacher.ledger import Ledger, LedgerClient

ROWS, BATCH_ROWS, CALIBRATION_ROWS = 300, 96, 256
QUICK_ROWS = 16
VOTE_TEMPERATURE = 0.7
SNLI_NAMES = {"E": "entailment", "C": "contradiction", "N": "neutral"}
STYLES = ("plain", "choices", "cloze", "described")
"""The question styles that the embedded teacher is asked in."""
KEYS = ("trec6_best", "tokens_saved_autodemo")


@dataclass(frozen=True)
class Task:
    """A task, the rows that are measured, and inputs of its training rows without their labels."""

    name: str
    spec: TaskSpec
    rows: Rows
    unlabelled: tuple[Demonstration, ...]


class BilledClient(EmbeddedClient):
    """The embedded teacher, which also notes what an API would bill for each written answer: its prompt in full."""

    def __init__(self) -> None:
        super().__init__()
        self.billed: list[int] = []

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """As the embedded teacher."""
        for request, response in super().complete_many(requests):
            engine = self._engine()
            turns = [{"role": message.role, "content": message.content} for message in request.messages]
            self.billed.append(engine.count_tokens(engine.chat_prompt(turns)) + response.completion_tokens)
            yield request, response


Make = Callable[[ChatClient, Task], Predictor]


def written(client: ChatClient, task: Task, draw: int = 0) -> Predictor:
    """Few-shot, the label written; draws above 0 are sampled."""
    return FewShotPredictor(client, task.spec, temperature=VOTE_TEMPERATURE if draw else 0.0, draw=draw)


def scored(client: ChatClient, task: Task, way: Any = "direct", calibration: str = "mean") -> Predictor:
    """Labels by log-probability: uncalibrated, less a content-free input, or less the mean over unlabelled rows."""
    return ScoredLabelPredictor(
        client,
        task.spec,
        ways=(way,),
        calibration=task.unlabelled if calibration == "mean" else (),
        calibrate=calibration != "none",
    )


def both_ways(client: ChatClient, task: Task) -> Predictor:
    """What the product takes."""
    return teacher_predictor(client, task.spec, calibration=task.unlabelled)


def in_batches(client: ChatClient, task: Task, size: int, echo: bool) -> Predictor:
    """Auto-Demo batches, and the same calls without the repetition of the inputs."""
    from prompt2model.inference import load_embedder

    # Loaded here, before the clock starts.
    return AutoDemoPredictor(client, task.spec, batch_size=size, echo=echo, embedder=load_embedder())


def chain(client: ChatClient, task: Task, style: str) -> Predictor:
    """One question style of the prompt chains (AMA)."""
    inputs = [Item(row.input) for row in task.unlabelled]
    return chain_voters(client, task.spec, calibration=inputs)[style]


LABELLERS: Mapping[str, Make] = {
    "written": written,
    "direct_uncalibrated": partial(scored, calibration="none"),
    "direct_content_free": partial(scored, calibration="content-free"),
    "direct_mean": scored,
    "channel_uncalibrated": partial(scored, way="channel", calibration="none"),
    "channel_mean": partial(scored, way="channel"),
    "both": both_ways,
    **{f"chain_{style}": partial(chain, style=style) for style in STYLES},
    "sampled_1": partial(written, draw=1),
    "sampled_2": partial(written, draw=2),
    "sampled_3": partial(written, draw=3),
}
BATCHED: Mapping[str, Make] = {
    f"{name}_{size}": partial(in_batches, size=size, echo=echo)
    for name, echo in (("autodemo", True), ("plain", False))
    for size in (4, 8, 16)
}
"""Measured on `BATCH_ROWS`, with `written` on the same rows beside them."""
ELECTORATES: Mapping[str, Sequence[str]] = {
    "sampled": ("sampled_1", "sampled_2", "sampled_3"),
    "scored": ("direct_content_free", "direct_mean", "channel_mean"),
    "chains": tuple(f"chain_{style}" for style in STYLES),
    "chains_and_channel": (*(f"chain_{style}" for style in STYLES), "channel_mean"),
    "all": ("written", "sampled_1", "sampled_2", "sampled_3", "direct_content_free", "direct_mean", "channel_mean"),
}
AGGREGATORS: Mapping[str, Aggregator] = {
    "majority": MajorityVote(),
    "label_model": LabelModel(),
    "dependent": DependentLabelModel(),
}


@dataclass(frozen=True)
class Said:
    """The answers of a labeller in the order of the rows; tokens and processor seconds of all of them.

    `charged` has the tokens of the calibration too, which belong to no row. `billed` has those of each written answer.
    """

    answers: list[str | None]
    charged: int
    billed: list[int]
    seconds: float


def main() -> None:
    """Measure every part and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument(
        "--only-runs", nargs="+", metavar=("TASK", "LABELLER"), help="ask for a task (by some labellers), and stop"
    )
    arguments = parser.parse_args()
    if arguments.only_runs and arguments.work is None:
        parser.error("--only-runs needs --work, where the answers are kept")
    record = Record("labelling", arguments)
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(arguments, record, work.resolve())
        client = BilledClient()
        if arguments.only_runs:
            name, *labellers = arguments.only_runs
            if name not in TASKS or not set(labellers) <= {*LABELLERS, *BATCHED}:
                parser.error(f"tasks: {', '.join(TASKS)}; labellers: {', '.join([*LABELLERS, *BATCHED])}")
            ask(bench, read(bench, name), client, labellers or [*LABELLERS, *BATCHED])
            return
        measure(bench, record, client)
    record.extra["notes"] = [
        "One demonstration a label. An answer that cannot be read is wrong.",
        "The SNLI rows are one Super-NI file, in which no row is an entailment: compare with snli_majority.",
        f"Tokens and seconds of calibrated scores have the {CALIBRATION_ROWS} calibration rows in them.",
        f"Batches on the first {BATCH_ROWS} of the rows; what was asked again singly is in their tokens and seconds.",
        "Tokens as the local model reads them: what prompts share, once. Of written labels `_billed` counts each "
        "prompt in full, as an API bills it; tokens_saved_autodemo is of these.",
        "trec6_best is the highest of all these figures, so it is a little too high; `both` is what the product takes.",
    ]
    record.finish(KEYS)


def measure(bench: Bench, record: Record, client: BilledClient) -> None:
    """All labellers and aggregators on all tasks."""
    names = [*LABELLERS, "autodemo_4", "plain_4"] if bench.quick else [*LABELLERS, *BATCHED]
    best, saved = {}, []
    for task_name in list(TASKS)[:1] if bench.quick else TASKS:
        task = read(bench, task_name)
        said = ask(bench, task, client, names)
        _majority(record, task)
        accuracies = {name: _labeller_figures(record, task, name, one, said["written"]) for name, one in said.items()}
        accuracies |= _aggregated(record, task, said)
        best[task_name] = {name: value for name, value in accuracies.items() if name not in BATCHED}
        size = 4 if bench.quick else 8
        # Asked singly there is one request for each row, in their order.
        singly = said["written"].billed[: len(said["autodemo_4"].answers)]
        saved.append(1 - sum(said[f"autodemo_{size}"].billed) / sum(singly))
    name = max(best["trec6"], key=best["trec6"].__getitem__)
    n = len(read(bench, "trec6").rows)
    record.add("trec6_best", _share(best["trec6"][name], n, f"{name}, best of {len(best['trec6'])} on the same rows"))
    note = f"share of the tokens of asking singly that Auto-Demo batches of {size} save, mean of {len(saved)} tasks"
    record.add("tokens_saved_autodemo", Figure(sum(saved) / len(saved), len(saved), values=saved, note=note))


def ask(bench: Bench, task: Task, client: BilledClient, names: Sequence[str]) -> dict[str, Said]:
    """What each labeller says; answers in the work folder are not asked for again."""
    found = {}
    # The weights are loaded before the clock starts.
    list(written(client, task).predict([Item("warm-up")]))
    for name in names:
        kept = bench.work / f"labelling-{task.name}-{name}{'-quick' if bench.quick else ''}.json"
        if not kept.exists():
            rows = task.rows[:BATCH_ROWS] if name in BATCHED else task.rows
            said = label({**LABELLERS, **BATCHED}[name], client, task, rows)
            kept.write_text(json.dumps(vars(said)), encoding="utf-8")
            print(f"{task.name} {name}: {said.seconds:.0f} s", flush=True)
        found[name] = Said(**json.loads(kept.read_text()))
    return found


def label(make: Make, client: BilledClient, task: Task, rows: Rows) -> Said:
    """One labeller on the rows, with a ledger of its own: nothing is taken from what another one asked."""
    client.billed = []
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "calls.sqlite") as ledger:
        predictor = make(LedgerClient(client, ledger, step="labelling"), task)
        started = time.process_time()
        predictions = list(predictor.predict(Item(row["input"]) for row in rows))
        seconds = time.process_time() - started
        charged = ledger.spent().tokens
    return Said([one.text for one in predictions], charged, client.billed, seconds)


def _majority(record: Record, task: Task) -> None:
    """What always saying the most frequent label of these rows would reach."""
    label, count = Counter(row["output"] for row in task.rows).most_common(1)[0]
    record.add(f"{task.name}_majority", _share(count / len(task.rows), len(task.rows), f"always `{label}`"))


def _labeller_figures(record: Record, task: Task, name: str, said: Said, singly: Said) -> float:
    n = len(said.answers)
    accuracy = _accuracy(said.answers, task)
    unread = sum(answer is None for answer in said.answers)
    note = f"{unread} without an answer"
    if name in BATCHED:
        note += f"; written singly on the same rows: {_accuracy(singly.answers[:n], task):.3f}"
    record.add(f"{task.name}_{name}", _share(accuracy, n, note))
    record.add(f"{task.name}_{name}_tokens", Figure(said.charged / n, n, unit="tokens a row"))
    if said.billed:
        record.add(f"{task.name}_{name}_billed", Figure(sum(said.billed) / n, n, unit="tokens a row"))
    record.add(f"{task.name}_{name}_seconds", Figure(1000 * said.seconds / n, n, unit="processor seconds for 1,000"))
    return accuracy


def _aggregated(record: Record, task: Task, said: Mapping[str, Said]) -> dict[str, float]:
    found = {}
    for electorate, voters in ELECTORATES.items():
        votes = Votes.from_answers(task.spec.labels, {name: said[name].answers for name in voters})
        for name, aggregator in AGGREGATORS.items():
            beliefs = aggregator.aggregate(votes)
            accuracy = _accuracy([None if one is None else one.answer for one in beliefs], task)
            found[f"{electorate}_{name}"] = accuracy
            note = f"votes of {', '.join(voters)}"
            record.add(f"{task.name}_{electorate}_{name}", _share(accuracy, len(task.rows), note))
    return found


def _accuracy(answers: Sequence[str | None], task: Task) -> float:
    return sum(answer == row["output"] for answer, row in zip(answers, task.rows, strict=False)) / len(answers)


def _share(accuracy: float, n: int, note: str) -> Figure:
    from prompt2model.statistics.shares import wilson_interval

    low, high = wilson_interval(round(accuracy * n), n)
    return Figure(accuracy, n, low, high, unit="accuracy", note=note)


def _trec6(bench: Bench) -> tuple[str, Rows, Rows]:
    return TREC_PROMPT, trec_rows(bench.read("cls/trec6_test")), trec_rows(bench.read("cls/trec6_train"))


def _snli(bench: Bench) -> tuple[str, Rows, Rows]:
    """One file, parted at random; its first line is about the task."""
    stored = bench.read("superni/task190_snli_classification")[1:]
    rows = [{"input": row["input"], "output": SNLI_NAMES[row["output"][0]]} for row in stored]
    random.Random(0).shuffle(rows)
    return SNLI_PROMPT, rows[:ROWS], rows[ROWS:]


def _agnews(bench: Bench) -> tuple[str, Rows, Rows]:
    return AGNEWS_PROMPT, agnews_rows(bench.read("cls/agnews_test")), agnews_rows(bench.read("cls/agnews_train"))


TASKS: Mapping[str, Callable[[Bench], tuple[str, Rows, Rows]]] = {"trec6": _trec6, "snli": _snli, "agnews": _agnews}


def read(bench: Bench, name: str) -> Task:
    """The task as its prompt is read; measured rows, and training inputs that are none of these."""
    prompt, test, train = TASKS[name](bench)
    test = list({row["input"]: row for row in test}.values())
    rows = random.Random(0).sample(test, min(len(test), QUICK_ROWS if bench.quick else ROWS))
    measured = {row["input"] for row in test}
    others = sorted({row["input"] for row in train} - measured)
    sample = random.Random(0).sample(others, QUICK_ROWS if bench.quick else CALIBRATION_ROWS)
    spec = read_task(prompt, bench.work / f"{name}-task")
    return Task(name, spec, rows, tuple(Demonstration(text, "") for text in sample))


if __name__ == "__main__":
    main()
