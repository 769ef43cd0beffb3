"""Published sets of multiple-choice questions, and how retrieval, a teacher and trained readers do on them."""

from prompt2model.benchmark.definitions import BENCHMARKS, Benchmark
from prompt2model.benchmark.questions import read_questions, sample
from prompt2model.benchmark.running import BenchmarkOptions, BenchmarkReport, run_benchmark
from prompt2model.benchmark.scoring import Score, score

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "BenchmarkOptions",
    "BenchmarkReport",
    "Score",
    "read_questions",
    "run_benchmark",
    "sample",
    "score",
]
