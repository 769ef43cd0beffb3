"""Does generation collapse? The stored sets of a gpt-3.5 teacher, and our generator against Prompt2Model's own.

Stored sets: distinct inputs and outputs, near-duplicates and entropy, before and after our assembly. No teacher.

Embedded teacher: the same token budget for the defaults of our generator and for Prompt2Model's own (input and output
written together, annealed temperature, exact-input self-consistency: `writes = "pairs"`), on TREC-6, ten Banking77
intents and AG News. Counted are distinct accepted examples per 1,000 teacher tokens, near-duplicates removed by the
same rule; then a MiniLM student of each is scored on real test rows.
"""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from generating_runs import ARMS, Outcome, RealTask, Scale, read_task, run_arm
from real_task_prompts import AGNEWS_PROMPT, BANKING_LABELS, BANKING_PROMPT, TREC_PROMPT
from real_tasks import Bench, agnews_rows, trec_rows
from record import SEEDS, Figure, Record, mean_of_seeds, options
from stored_sets import measure_stored

from prompt2model.teacher.embedded import EmbeddedClient

SCALE, QUICK_SCALE = Scale(budget=40_000, wave=32, wanted=300), Scale(budget=3_000, wave=8, wanted=16)
"""A run and its student take about five minutes on one core: all 18 about 90."""
TEST_ROWS, QUICK_TEST_ROWS = 500, 40
TASKS = ("trec6", "banking10", "agnews")
KEYS = ("distinct_ratio", "student_gain", "student_gain_low")

Outcomes = Mapping[tuple[str, str, int], Outcome]


def main() -> None:
    """Measure both parts and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument(
        "--only-runs", nargs=2, metavar=("TASK", "SEED"), help="make both runs of a task and a seed, and stop"
    )
    arguments = parser.parse_args()
    if arguments.only_runs and arguments.work is None:
        parser.error("--only-runs needs --work, where the runs are kept")
    record = Record("diversity", arguments)
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(arguments, record, work.resolve())
        if arguments.only_runs is not None:
            task, seed = arguments.only_runs
            if task not in TASKS:
                parser.error(f"the tasks are {', '.join(TASKS)}")
            make_runs(bench, [task], [int(seed)])
            return
        measure_stored(bench.read, record, bench.work)
        tasks, seeds = (TASKS[:1], SEEDS[:1]) if bench.quick else (TASKS, SEEDS)
        compare(record, make_runs(bench, tasks, seeds))
    record.extra["notes"] = [
        f"{SCALE.wanted} examples wanted, {SCALE.budget:,} teacher tokens a run, prompts and answers as the ledger "
        "counts them: as the local model reads them, what the prompts of a group share once. A wave that was begun is "
        "finished.",
        "The reference shows all demonstrations and 1 to 10 earlier generations, writes input and output together, "
        "and asks for no label; its temperature rises from 0.5 to 1.7.",
        "Distinct: near none before it and near no demonstration (Jaccard of character 5-grams below 0.8).",
    ]
    record.finish(KEYS)


def make_runs(bench: Bench, tasks: Sequence[str], seeds: Sequence[int]) -> Outcomes:
    """Both arms of each task and seed; those that are finished in the work folder are read."""
    client = EmbeddedClient()
    scale = QUICK_SCALE if bench.quick else SCALE
    found = {}
    for name in tasks:
        task = real_task(bench, name)
        for seed in seeds:
            for arm in ARMS:
                print(f"{name} {arm} seed {seed} …", flush=True)
                outcome = run_arm(task, arm, seed, scale, client, bench.work)
                print(
                    f"  {outcome.tokens} tokens, {outcome.made} made, {outcome.distinct} distinct, "
                    f"{outcome.trained_on} trained on, accuracy {outcome.accuracy:.3f}",
                    flush=True,
                )
                found[name, arm, seed] = outcome
    return found


def real_task(bench: Bench, name: str) -> RealTask:
    """The task as its prompt is read, and at most `TEST_ROWS` of its real test rows."""
    if name == "trec6":
        prompt, rows = TREC_PROMPT, trec_rows(bench.read("cls/trec6_test"))
    elif name == "banking10":
        stored = bench.read("cls/banking77_test")
        rows = [{"input": row["text"], "output": row["label"]} for row in stored if row["label"] in BANKING_LABELS]
        prompt = BANKING_PROMPT
    else:
        prompt, rows = AGNEWS_PROMPT, agnews_rows(bench.read("cls/agnews_test"))
    test = list({row["input"]: row["output"] for row in rows}.items())
    most = QUICK_TEST_ROWS if bench.quick else TEST_ROWS
    if len(test) > most:
        test = random.Random(0).sample(test, most)
    return RealTask(name, read_task(prompt, bench.work / f"{name}-task"), tuple(test))


def compare(record: Record, outcomes: Outcomes) -> None:
    """Figures of each task and arm, then the ratio and the gain over all runs."""
    pairs = sorted({(task, seed) for task, _, seed in outcomes})
    for task in dict.fromkeys(task for task, _ in pairs):
        for arm in ARMS:
            runs = [outcomes[task, arm, seed] for name, seed in pairs if name == task]
            n = len(runs[0].right)
            prefix = f"{task}_{arm}"
            record.add(f"{prefix}_accuracy", mean_of_seeds([one.accuracy for one in runs], n, "accuracy"))
            per_1000 = mean_of_seeds([one.per_1000() for one in runs], sum(one.distinct for one in runs))
            record.add(f"{prefix}_distinct_per_1000_tokens", per_1000)
            for name in ("made", "distinct", "trained_on", "output_entropy"):
                values = [float(getattr(one, name)) for one in runs]
                record.add(f"{prefix}_{name}", Figure(statistics.fmean(values), len(values), values=values))
            for role in runs[0].tokens:
                spent = [float(one.tokens[role]) for one in runs]
                record.add(f"{prefix}_{role}_tokens", Figure(statistics.fmean(spent), len(spent), values=spent))
    both = [(outcomes[task, "ours", seed], outcomes[task, "reference", seed]) for task, seed in pairs]
    what = f"mean of {len(pairs)} pairs of task and seed" + (", t interval" if len(pairs) > 1 else "")
    ratio = mean_of_seeds([ours.per_1000() / max(1e-9, other.per_1000()) for ours, other in both], len(both))
    record.add("distinct_ratio", replace(ratio, note=f"ours / reference, {what}"))
    ratio = mean_of_seeds(
        [ours.per_1000("generator") / max(1e-9, other.per_1000("generator")) for ours, other in both], len(both)
    )
    record.add("distinct_ratio_writing", replace(ratio, note=f"the same, tokens of votes left out, {what}"))
    gain = mean_of_seeds([ours.accuracy - other.accuracy for ours, other in both], len(both), "accuracy")
    record.add("student_gain", replace(gain, note=f"ours less reference, {what}"))
    if gain.low is not None:
        record.add("student_gain_low", Figure(gain.low, len(pairs), note="lower end of the interval of student_gain"))


if __name__ == "__main__":
    main()
