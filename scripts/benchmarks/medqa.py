"""Multiple choice with evidence: MedQA (arXiv 2009.13081), MedMCQA and PubMedQA.

Parts (all by default, or --only PART …):
  retrieval   BM25 over MedQuAD alone: MedQA dev (1,272 questions), indexing and answering timed; MedMCQA (3,000)
  medqa       a MiniLM reader, with and without evidence; there are no training questions of MedQA here, so it is
              trained on each half of the dev questions and asked the other half
  transfer    a MiniLM reader trained on the 3,000 MedMCQA questions, asked the MedQA dev questions
  medmcqa     as `medqa`, on the 3,000 MedMCQA questions
  pubmedqa    as `medqa`, on 500 PubMedQA questions; the evidence is each question's own abstract
  teacher     the embedded teacher on 200 MedQA questions, without evidence and with it

Every figure of a reader is the share of right answers over all questions, with Wilson's 95 % interval.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from record import Figure, Record, options

from prompt2model.benchmark import BENCHMARKS, BenchmarkOptions, Score, read_questions, run_benchmark, sample, score
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.evidence import OptionRetrievalPredictor, open_evidence
from prompt2model.run_store import cache_folder_of
from prompt2model.teacher.roster import NONE

KEYS = (
    "ir_accuracy", "seconds", "ir_medmcqa", "medqa_reader", "medqa_reader_with_evidence", "transfer_reader",
    "transfer_reader_with_evidence", "medmcqa_reader", "medmcqa_reader_with_evidence", "pubmedqa_reader",
    "pubmedqa_reader_with_evidence", "medqa_teacher", "medqa_teacher_with_evidence",
)  # fmt: skip
RESULT = ("ir_accuracy", "seconds")
FILES = {"medqa": "medqa_us_dev1272", "medmcqa": "medmcqa_val_3000", "pubmedqa": "pubmedqa_500"}
CORPUS = "corpus_medquad"
QUICK_QUESTIONS, QUICK_HALF = 100, 24


class Lines(SilentProgress):
    """What a run says, without bars."""

    def say(self, message: str) -> None:
        """One line."""
        print(message, flush=True)


class Bench:
    """The parts share the data, the record and the folder of runs."""

    def __init__(self, arguments: argparse.Namespace, record: Record, work: Path) -> None:
        self.data: Path = arguments.data / "med"
        self.quick: bool = arguments.quick
        self.record, self.work = record, work
        self.settings: dict[str, dict[str, Any]] = {"evaluate": {"bootstrap": 100}}
        if self.quick:
            self.settings["train"] = {"epochs": 1, "min_steps": 0}

    def file(self, name: str) -> Path:
        """A file of the benchmark data."""
        return self.data / f"{name}.jsonl.gz"

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """Its rows, as they stand there."""
        with gzip.open(self.file(FILES[name]), "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    # -- parts ---------------------------------------------------------------------------------------------------

    def retrieval(self) -> None:
        """The option whose best passage scores highest."""
        with tempfile.TemporaryDirectory() as fresh:
            # A smoke run indexes once, for all parts.
            cache = cache_folder_of(self.work) if self.quick else Path(fresh)
            started = time.perf_counter()
            retriever = open_evidence(self.file(CORPUS), cache, SilentProgress())
            indexed = time.perf_counter() - started
            line = self._retrieval("medqa", retriever)
            passages = f"n=1, {retriever.corpus.passages:,} passages"
            self._add("ir_accuracy", [line], passages)
            seconds = Figure(indexed + (line.seconds or 0.0), line.n, unit="s", note=f"indexing took {indexed:.1f} s")
            self.record.add("seconds", seconds)
            self._add("ir_medmcqa", [self._retrieval("medmcqa", retriever)], passages)
            retriever.close()

    def medqa(self) -> None:
        """Trained on one half of the dev questions, asked the other."""
        self._cross_fitted("medqa")

    def medmcqa(self) -> None:
        """The same for MedMCQA."""
        self._cross_fitted("medmcqa")

    def pubmedqa(self) -> None:
        """The same for PubMedQA, with the abstracts as evidence."""
        self._cross_fitted("pubmedqa")

    def transfer(self) -> None:
        """Trained on MedMCQA, asked MedQA; both are written in MedQA's format."""
        train = [
            {"question": row.input, "options": list(row.choices), "answer": row.target}
            for row in read_questions(self.file(FILES["medmcqa"]), BENCHMARKS["medmcqa"])
        ]
        test = self.rows("medqa")
        if self.quick:
            train, test = train[:QUICK_HALF], test[:QUICK_HALF]
        scores = self._readers("medqa", "transfer", train, test)
        for name, line in scores.items():
            self._add(f"transfer_{name}", [line], f"trained on {len(train):,} MedMCQA questions")

    def teacher(self) -> None:
        """The embedded teacher."""
        report = run_benchmark(
            BenchmarkOptions(
                benchmark=BENCHMARKS["medqa"],
                source=self.file(FILES["medqa"]),
                runs=self.work,
                corpus=self.file(CORPUS),
                teacher_rows=4 if self.quick else 200,
                limit=QUICK_QUESTIONS if self.quick else None,
            ),
            AutomaticChooser(),
            Lines(),
        )
        for line in report.scores:
            if line.predictor != "retrieval":
                self._add(f"medqa_{line.predictor.replace(' ', '_')}", [line], line.note)

    # -- how ------------------------------------------------------------------------------------------------------

    def _retrieval(self, name: str, retriever: Any) -> Score:
        questions = read_questions(self.file(FILES[name]), BENCHMARKS[name])
        asked = sample(questions, QUICK_QUESTIONS if self.quick else None, 0)
        return score("retrieval", OptionRetrievalPredictor(retriever), asked, SilentProgress())

    def _cross_fitted(self, name: str) -> None:
        rows = self.rows(name)
        random.Random(0).shuffle(rows)
        half = QUICK_HALF if self.quick else len(rows) // 2
        halves = (rows[:half], rows[half : 2 * half] if self.quick else rows[half:])
        lines: dict[str, list[Score]] = {}
        for number, test in enumerate(halves[:1] if self.quick else halves):
            for reader, line in self._readers(name, f"{name}-{number}", halves[1 - number], test).items():
                lines.setdefault(reader, []).append(line)
        for reader, found in lines.items():
            self._add(f"{name}_{reader}", found, "each half of the questions, trained on the other half")

    def _readers(
        self, name: str, part: str, train: Sequence[Mapping[str, Any]], test: Sequence[Mapping[str, Any]]
    ) -> dict[str, Score]:
        """The two readers' scores by `reader` and `reader_with_evidence`; an interrupted part goes on."""
        files = []
        for which, rows in (("train", train), ("test", test)):
            file = self.work / f"{part}-{which}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            files.append(file)
        own = BENCHMARKS[name].has_evidence
        report = run_benchmark(
            BenchmarkOptions(
                benchmark=BENCHMARKS[name],
                source=files[1],
                train=files[0],
                runs=self.work,
                corpus=None if own else self.file(CORPUS),
                teacher=NONE,
                settings=self.settings,
            ),
            AutomaticChooser(),
            Lines(),
        )
        return {line.predictor.replace(" ", "_"): line for line in report.scores if "reader" in line.predictor}

    def _add(self, key: str, lines: Sequence[Score], note: str) -> None:
        """One figure of all lines together: every question counts once."""
        failed = Counter[str]()
        for line in lines:
            failed.update(line.failed)
        correct, wrong, unparsed = (
            sum(counts) for counts in zip(*((line.correct, line.wrong, line.unparsed) for line in lines), strict=True)
        )
        whole = Score.of_counts(key, correct, wrong, unparsed, failed)
        self.record.add(key, Figure(whole.accuracy, whole.n, whole.low, whole.high, unit="accuracy", note=note))


PARTS = ("retrieval", "medqa", "transfer", "medmcqa", "pubmedqa", "teacher")


def main() -> None:
    """Run the parts."""
    parser = options(__doc__ or "")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help="parts to run")
    arguments = parser.parse_args()
    record = Record("medqa", arguments, partial=set(arguments.only) != set(PARTS))
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(arguments, record, work)
        for part in arguments.only:
            getattr(bench, part)()
    record.finish(RESULT if set(arguments.only) == {"retrieval"} else KEYS)


if __name__ == "__main__":
    main()
