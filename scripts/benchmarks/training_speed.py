"""Training speed: the product's loop against the plain transformers `Trainer`, side by side in one run.

Three models on real rows: a MiniLM classifier and flan-t5-small, trained whole, and SmolLM2-135M with LoRA. Baselines:
the `Trainer` with its defaults (float32), and with bf16=True. Repetitions are interleaved; a ratio is the median of the
rounds' ratios. Quality: each arm's model after the same epochs on the same held rows.

The T5 part needs --flan FOLDER with flan-t5-small in Hugging Face format.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from record import Figure, Record, options
from training_arms import Arms, Case, labelled_case, smaller, written_case

from prompt2model.statistics.shares import wilson_interval
from prompt2model.weights import EMBEDDED_ENCODER, EMBEDDED_TEACHER

KEYS = ("minilm_x", "minilm_bf16_x", "t5_x", "t5_bf16_x", "smollm_x", "smollm_bf16_x")
_DRUGS = "task1447_drug_extraction_ade"
_TIMED_ROWS = {"minilm": 1280, "minilm_news": 640, "t5": 480, "smollm": 240}
_QUALITY_EPOCHS = 3
_PEAK_WIDTH = 4096
_KINDS = (
    ("attention", ("attention",)),
    ("matrix products", ("mm", "bmm", "linear", "baddbmm", "matmul")),
    ("optimizer", ("adamw", "zero_grad", "optimizer", "vector_norm", "foreach")),
    ("random numbers", ("bernoulli", "random_")),
    ("copies and casts", ("copy_", "_to_copy", "contiguous", "cat", "empty", "fill_", "zero_")),
)  # fmt: skip


class Bench:
    """One run of the benchmark."""

    def __init__(self, record: Record, repeats: int) -> None:
        self.record, self.repeats, self.notes = record, repeats, list[str]()
        self.peaks = {dtype: peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
        for dtype, value in self.peaks.items():
            name = str(dtype).removeprefix("torch.")
            note = f"square matrix products, {_PEAK_WIDTH} wide, best of 5, {torch.get_num_threads()} threads"
            self.record.add(f"peak_{name}", Figure(value, 5, unit="GFLOP/s", note=note))

    def case(self, case: Case) -> None:
        """Speed of all arms, then the quality of each, then where our time goes."""
        quick = self.record.quick
        arms = Arms(smaller(case, 64 if quick else _TIMED_ROWS[case.name], len(case.held_rows)))
        operations = {arm: self._operations(arms, arm) for arm in arms.ARMS}  # the warm-up, too
        seconds: dict[str, list[float]] = {arm: [] for arm in arms.ARMS}
        for _ in range(self.repeats):
            for arm in arms.ARMS:
                seconds[arm].append(arms.train(arm, 1))
        for arm, values in seconds.items():
            self._speed(arms, arm, values, operations[arm])
        for arm, key in (("default", f"{case.name}_x"), ("bf16", f"{case.name}_bf16_x")):
            x = [theirs / ours for ours, theirs in zip(seconds["ours"], seconds[arm], strict=True)]
            note = f"examples/s, ours / the Trainer ({arm})"
            self.record.add(key, Figure(statistics.median(x), arms.rows, values=x, unit="ratio", note=note))
        self.notes += self._profile(arms)
        self._quality(arms if quick else Arms(case))

    def _operations(self, arms: Arms, arm: str) -> float:
        """Floating-point operations of the matrix products that one epoch computes, padding included."""
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            arms.train(arm, 1)
        return float(counter.get_total_flops())

    def _speed(self, arms: Arms, arm: str, seconds: Sequence[float], operations: float) -> None:
        rates = [arms.rows / one for one in seconds]
        name = f"{arms.case.name}_{arm}"
        note = f"{arms.rows} rows of {arms.tokens / arms.rows:.0f} tokens, {arms.rows_per_step} a step"
        self.record.add(
            f"{name}_per_s",
            Figure(statistics.median(rates), arms.rows, values=rates, unit="examples/s", note=note),
        )
        reached = operations / statistics.median(seconds) / 1e9
        peak_of_arm = self.peaks[torch.float32 if arm == "default" else torch.bfloat16]
        note = f"{reached / peak_of_arm:.0%} of the peak; {operations / arms.rows / 1e9:.1f} GFLOP an example"
        self.record.add(f"{name}_gflops", Figure(reached, len(seconds), unit="GFLOP/s", note=note))

    def _quality(self, arms: Arms) -> None:
        for arm in arms.ARMS:
            arms.train(arm, 1 if self.record.quick else _QUALITY_EPOCHS)
            found = arms.validate(arm)
            low, high = wilson_interval(round(found.score * found.n), found.n)
            note = f"share right of held rows, {arms.rows} training rows, Wilson's interval; loss {found.loss:.3f}"
            self.record.add(f"{arms.case.name}_{arm}_quality", Figure(found.score, found.n, low, high, note=note))

    def _profile(self, arms: Arms) -> list[str]:
        """Our loop's time by kind of operation, and the operations that take most."""
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            arms.train("ours", 1)
        events = profiler.key_averages()
        total = sum(event.self_cpu_time_total for event in events)
        kinds: Counter[str] = Counter()
        for event in events:
            kinds[kind_of(event.key)] += event.self_cpu_time_total
        shares = ", ".join(f"{kind} {value / total:.0%}" for kind, value in kinds.most_common())
        top = sorted(events, key=lambda event: -event.self_cpu_time_total)[:10]
        named = ", ".join(f"{one.key} {one.self_cpu_time_total / total:.1%} ({one.count} calls)" for one in top)
        return [f"{arms.case.name}, ours, one epoch: {shares}.", f"{arms.case.name}, most time: {named}."]


def kind_of(operation: str) -> str:
    """The kind of a profiled operation."""
    name = operation.removeprefix("aten::").lower()
    for kind, parts in _KINDS:
        if any(name == part or (len(part) > 4 and part in name) or name == f"add{part}" for part in parts):
            return kind
    return "elementwise and overhead"


def peak(dtype: torch.dtype) -> float:
    """GFLOP/s of a large matrix product."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    one, other = (torch.randn(_PEAK_WIDTH, _PEAK_WIDTH, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(6):  # the first warms up
        started = time.perf_counter()
        one @ other
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return float(2 * _PEAK_WIDTH**3 / best / 1e9)


def main() -> None:
    """Measure and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument("--flan", type=Path, help="folder with flan-t5-small")
    parser.add_argument("--repeats", type=int, default=3, help="rounds of the three arms (one in a quick run)")
    parser.add_argument("--only", nargs="*", default=[], help="cases: minilm minilm_news t5 smollm")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    data = arguments.data
    cases: dict[str, Callable[[], Any]] = {
        "minilm": lambda: labelled_case("minilm", EMBEDDED_ENCODER, data, "trec6", 2000, 500),
        "minilm_news": lambda: labelled_case("minilm_news", EMBEDDED_ENCODER, data, "agnews", 640, 1000),
        "t5": lambda: written_case("t5", str(arguments.flan), "encoder_decoder", data, _DRUGS, 640, 360),
        "smollm": lambda: written_case("smollm", EMBEDDED_TEACHER, "decoder", data, _DRUGS, 320, 360),
    }
    chosen = arguments.only or [name for name in cases if name != "t5" or arguments.flan]
    record = Record("training_speed", arguments, partial=bool(arguments.only))
    load = os.getloadavg()[0]
    bench = Bench(record, 1 if arguments.quick else max(1, arguments.repeats))
    for name in chosen:
        case = cases[name]()
        bench.case(replace(case, held_rows=case.held_rows[:40]) if arguments.quick else case)
    record.extra["notes"] = [
        f"{torch.get_num_threads()} threads; load average before: {load:.1f}.",
        "All arms: the same starting weights (for the classifier with the head that starts from the labels' means), "
        "rows, rows per step, AdamW with the same rates, and a loss on the answer's tokens only.",
        "Operations are those that were computed, padding and unwanted vocabulary scores included.",
        *bench.notes,
    ]
    for line in bench.notes:
        print(line)
    record.finish(KEYS)


if __name__ == "__main__":
    main()
