"""A benchmark from end to end: retrieval alone, a teacher, and readers trained by the line itself."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt2model.artifacts import write_atomically
from prompt2model.benchmark.definitions import Benchmark
from prompt2model.benchmark.questions import read_questions, sample
from prompt2model.benchmark.scoring import Score, score
from prompt2model.component import Chooser, Progress
from prompt2model.evidence import EvidenceRetriever, OptionRetrievalPredictor, open_evidence, with_evidence
from prompt2model.labelling import teacher_predictor
from prompt2model.pipeline import Pipeline
from prompt2model.records import EvidenceCorpus, Example, TaskSpec
from prompt2model.run_store import cache_folder_of
from prompt2model.teacher.roster import NONE, TeacherRoster, TeacherSettings
from prompt2model.text_index.near_duplicates import normalise_text

SCHEMA_VERSION = 1
PACKAGED_READER = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """What is measured. `source` and `train` are files in the set's own format; without `train` no reader is trained.

    `teacher_rows`: most questions that the teacher is asked. `passages`: how many count for each option.
    `settings`: sections of a run's config, laid over those of the readers.
    """

    benchmark: Benchmark
    source: Path
    runs: Path
    corpus: Path | None = None
    train: Path | None = None
    limit: int | None = None
    teacher: str = "embedded"
    base_url: tuple[str, ...] = ()
    budget: str | None = None
    teacher_rows: int = 200
    base_model: str = PACKAGED_READER
    passages: int = 1
    seed: int = 0
    settings: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """What came of it. `chance` is the accuracy of guessing; `runs` are the folders of the trained readers."""

    benchmark: str
    source: str
    questions: int
    chance: float
    corpus: EvidenceCorpus | None
    train: str
    scores: tuple[Score, ...]
    runs: tuple[str, ...]
    notes: tuple[str, ...]
    notice: str

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        content = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def run_benchmark(options: BenchmarkOptions, chooser: Chooser, progress: Progress) -> BenchmarkReport:
    """Measure what the options name. Raises Prompt2ModelError; what was answered and trained before is kept."""
    return _Run(options, chooser, progress).report()


class _Run:
    """One pass over a set of questions."""

    def __init__(self, options: BenchmarkOptions, chooser: Chooser, progress: Progress) -> None:
        self.options, self.chooser, self.progress = options, chooser, progress
        self.folder = options.runs / f"benchmark-{options.benchmark.name}"
        self.scores: list[Score] = []
        self.runs: list[str] = []
        self.notes: list[str] = []
        self.rows = sample(read_questions(options.source, options.benchmark), options.limit, options.seed)
        # Read before anything is spent, so that a fault in it costs nothing.
        self.train = read_questions(options.train, options.benchmark) if options.train else ()

    def report(self) -> BenchmarkReport:
        options = self.options
        corpus = None
        with self._retriever() as retriever:
            if retriever is not None:
                corpus = retriever.corpus
                self._score("retrieval", OptionRetrievalPredictor(retriever), self._bare(self.rows))
            if options.teacher != NONE:
                self._ask_teacher(retriever)
        if self.train:
            self._train_reader("reader", evidence=False)
            if options.corpus is not None or options.benchmark.has_evidence:
                self._train_reader("reader with evidence", evidence=True)
        return BenchmarkReport(
            options.benchmark.name,
            str(options.source),
            len(self.rows),
            sum(1 / len(row.choices) for row in self.rows) / len(self.rows),
            corpus,
            str(options.train or ""),
            tuple(self.scores),
            tuple(self.runs),
            tuple(self.notes),
            options.benchmark.notice,
        )

    @contextmanager
    def _retriever(self) -> Iterator[EvidenceRetriever | None]:
        options = self.options
        if options.corpus is None:
            yield None
            return
        retriever = open_evidence(options.corpus, cache_folder_of(options.runs), self.progress, options.passages)
        try:
            yield retriever
        finally:
            retriever.close()

    def _score(self, name: str, predictor: Any, rows: Sequence[Example], note: str = "") -> None:
        keep = self.folder / "predictions" / f"{name.replace(' ', '_')}.jsonl"
        self.scores.append(score(name, predictor, rows, self.progress, keep, note))

    def _ask_teacher(self, retriever: EvidenceRetriever | None) -> None:
        """The teacher on a sample: the bare questions, and the questions with evidence where there is any."""
        options = self.options
        rows = sample(self.rows, options.teacher_rows, options.seed)
        task = TaskSpec(options.benchmark.instruction, (), "multiple_choice", (), "en", options.benchmark.instruction)
        base_url = options.base_url[0] if len(options.base_url) == 1 else options.base_url or None
        settings = TeacherSettings({"teacher": options.teacher}, base_url, budget=options.budget)
        with TeacherRoster(settings, self.folder / "teacher_calls.sqlite", self.chooser) as roster:
            self.folder.mkdir(parents=True, exist_ok=True)
            teacher = teacher_predictor(roster.clients("benchmark")["teacher"], task, seed=options.seed)
            self._score("teacher", teacher, self._bare(rows), teacher.name)
            grounded = rows if options.benchmark.has_evidence else ()
            if retriever is not None and not options.benchmark.has_evidence:
                grounded = tuple(with_evidence(rows, retriever))
            if grounded:
                self._score("teacher with evidence", teacher, grounded, teacher.name)

    def _train_reader(self, name: str, evidence: bool) -> None:
        """A reader of the training file, made and measured as any run of the line."""
        options, benchmark = self.options, self.options.benchmark
        own = evidence and benchmark.has_evidence
        files = {part: self._write(part, rows, own) for part, rows in (("train", self.train), ("test", self.rows))}
        config: dict[str, Any] = {
            "prompt": benchmark.instruction,
            "runs_folder": str(options.runs),
            "seed": options.seed,
            "teacher": NONE,
            "hub": "no",
            "parse_prompt": {
                "kind": "multiple_choice",
                "language": "en",
                "instruction": benchmark.instruction,
                "demonstrations": [],
            },
            "retrieve_data": {
                "data": [str(files["train"])],
                "datasets": "none",
                "input_column": "question",
                "output_column": "answer",
            },
            "reserve_tests": {
                "examples": [str(files["test"])],
                "input_column": "question",
                "output_column": "answer",
            },
            "generate_data": {"examples": 0},
            "retrieve_models": {"model": options.base_model},
            "evaluate": {"compare_teacher": False, "timing": False},
            "create_demo": {"notice": benchmark.notice},
        }
        if evidence and not own and options.corpus is not None:
            config["assemble_data"] = {
                "evidence": str(options.corpus.absolute()),
                "evidence_passages": options.passages,
            }
        for section, values in options.settings.items():
            config[section] = {**config.get(section, {}), **values}
        # Other files and settings are another run, so that none is ever redone unasked.
        mark = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:8]
        config["name"] = f"{benchmark.name}-{name.replace(' ', '-')}-{mark}"
        pipeline = Pipeline.from_config(config)
        result = pipeline.run(chooser=self.chooser, progress=self.progress)
        line = next(one for one in result.report.comparisons if one.role == "student")
        note = f"{result.trained.base}, {len(self.train):,} training questions"
        self.scores.append(Score.of_counts(name, line.correct, line.wrong, line.unparsed, line.failed, note))
        self.runs.append(str(result.folder))

    def _write(self, part: str, rows: Sequence[Example], own_evidence: bool) -> Path:
        """The questions as a file that the line reads, named after its content; of equal ones the first."""
        lines: dict[tuple[str, ...], str] = {}
        for row in rows:
            # As evidence stands in what a student reads.
            text = "\n".join([row.input, *(["Evidence:", *row.evidence] if own_evidence else [])])
            line = json.dumps({"question": text, "choices": row.choices, "answer": row.target}, ensure_ascii=False)
            lines.setdefault((normalise_text(text), *row.choices), line + "\n")
        twice = len(rows) - len(lines)
        note = f"{twice} of {len(rows):,} {part} questions stand there twice and count once for readers"
        if twice and note not in self.notes:
            self.notes.append(note)
        content = "".join(lines.values())
        mark = hashlib.sha256(content.encode()).hexdigest()[:8]
        path = (self.folder / "questions" / f"{part}-{mark}.jsonl").absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
        return path

    @staticmethod
    def _bare(rows: Sequence[Example]) -> tuple[Example, ...]:
        """The questions alone."""
        return tuple(dataclasses.replace(row, evidence=()) for row in rows)
