"""flan-t5-small on the stored rows of a gpt-3.5 teacher: the recipe of Prompt2Model's reference code against ours.

Reference (arXiv 2308.12261, its code): AdamW at 1e-4 with a linear schedule, 10 epochs, the last weights, here by the
plain transformers Trainer with batches of 16. Ours: the product's trainer as it is. Both see the same rows, read the
bare input, and compute in bfloat16 where the processor has it, so that seconds compare, too. Both are scored on the
same real test rows by the product's metrics: ChrF++, exact match, BERTScore.

Each (task, arm, seed) is kept in --work; an interrupted benchmark goes on, the reference from its last epoch.
Needs --flan FOLDER with flan-t5-small in Hugging Face format.
"""

from __future__ import annotations

import gzip
import json
import random
import resource
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from record import SEEDS, Figure, Record, mean_of_seeds, options

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.predictor import StudentSpec, load_predictor, write_spec
from prompt2model.records import ChosenModel, Example, Item, Source, TaskSpec, make_example

KEYS = (
    "reference_chrf", "ours_chrf", "reference_em", "ours_em", "reference_python_chrf", "ours_python_chrf",
)  # fmt: skip
VALIDATION = 0.1
"""Share of the stored rows that ours is validated on; the reference trains on all of them."""
ANSWER_TOKENS = 128


@dataclass(frozen=True)
class Task:
    """One of the paper's tasks: its stored rows, its real test rows, the start of its keys."""

    name: str
    stored: str
    test: str
    language: str
    key: str

    def rows(self, data: Path) -> list[Example]:
        """The teacher's rows."""
        source = Source("generated", teacher="gpt-3.5-turbo, stored")
        stored = [row for row in read(data / f"teacher/{self.stored}.jsonl.gz") if row["output_col"].strip()]
        return [make_example(row["input_col"], (row["output_col"],), source) for row in stored]

    def tests(self, data: Path) -> list[tuple[str, str]]:
        """Real inputs with their answers."""
        rows = read(data / f"paper/{self.test}.jsonl.gz")
        if self.name == "python":
            return [(row["rewritten_intent"] or row["intent"], row["snippet"]) for row in rows]
        return [(row["input"], row["output"]) for row in rows if row["output"].strip()]


TASKS = (
    Task("temporal", "gpt35_generated_normalization", "temporal_dev", "en", ""),
    Task("python", "gpt35_generated_jp2python", "mconala_ja_dev", "ja", "python_"),
)


def main() -> None:
    """See the module's text."""
    parser = options(__doc__ or "", work=None)
    parser.add_argument("--flan", type=Path, required=True, help="folder with flan-t5-small")
    parser.add_argument("--only", nargs="+", choices=[task.name for task in TASKS], help="these tasks only")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many of the fixed seeds")
    arguments = parser.parse_args()
    import torch

    # One thread: its processor time is what a training costs, whatever else the machine does meanwhile, and several
    # parts may run beside each other.
    torch.set_num_threads(1)
    record = Record("paper_recipe", arguments, partial=bool(arguments.only))
    work = arguments.work or Path(tempfile.gettempdir()) / "paper_recipe"
    if arguments.quick:
        work = work / "quick"
        shutil.rmtree(work, ignore_errors=True)
    for task in TASKS:
        if arguments.only is None or task.name in arguments.only:
            measure(task, arguments, record, work)
    record.finish(KEYS)


def measure(task: Task, arguments: Any, record: Record, work: Path) -> None:
    """Both recipes on one task, seed by seed."""
    rows, tests = task.rows(arguments.data), task.tests(arguments.data)
    if arguments.quick:
        rows, tests = rows[:64], tests[:8]
    seeds = SEEDS[: 1 if arguments.quick else arguments.seeds]
    scored: dict[str, list[dict[str, Any]]] = {"reference": [], "ours": []}
    for seed in seeds:
        for arm, train in (("reference", reference), ("ours", ours)):
            folder = work / f"{task.name}-{arm}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            answers = folder / "answers.json"
            if not answers.exists():
                print(f"{task.name} {arm} seed {seed} …", flush=True)
                student = train(task, rows, arguments.flan, seed, folder, arguments.quick)
                texts = [said.text or "" for said in load_predictor(student).predict(Item(text) for text, _ in tests)]
                took = json.loads((folder / "seconds.json").read_text())
                answers.write_text(json.dumps({"texts": texts, **took}))
            scored[arm].append(json.loads(answers.read_text()))
            record.predictions[f"{task.name}-{arm}-{seed}"] = scored[arm][-1]["texts"]
    report(task, [gold for _, gold in tests], scored, record)


def ours(task: Task, rows: Sequence[Example], flan: Path, seed: int, folder: Path, quick: bool) -> Path:
    """The product's trainer with its defaults, but for the instruction, which neither recipe shows."""
    shuffled = random.Random(seed).sample(list(rows), len(rows))
    held = round(len(rows) * VALIDATION)
    spec = TaskSpec("", (), "generation", (), task.language, "")
    inputs = TrainInputs(spec, shuffled[held:], shuffled[:held], (), ChosenModel(str(flan), "encoder_decoder", (), {}))
    settings: dict[str, Any] = {"epochs": 1, "min_steps": 0} if quick else {}
    config = ModelTrainerConfig(instruction="never", seed=seed, **settings)
    context = RunContext(folder, seed, SilentProgress(), AutomaticChooser())
    with Clock(folder / "seconds.json"):
        return ModelTrainer(config).run(inputs, context).folder


def reference(task: Task, rows: Sequence[Example], flan: Path, seed: int, folder: Path, quick: bool) -> Path:
    """AdamW 1e-4, 10 epochs, no validation, the last weights; by the plain Trainer."""
    import torch
    from transformers import (
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        set_seed,
    )

    from prompt2model.inference import best_dtype
    from prompt2model.weights import save_model

    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(flan)
    model = AutoModelForSeq2SeqLM.from_pretrained(flan, dtype=torch.float32)
    encoded = [
        {
            "input_ids": tokenizer(row.input, truncation=True, max_length=512)["input_ids"],
            "labels": tokenizer(text_target=row.target, truncation=True, max_length=256)["input_ids"],
        }
        for row in rows
    ]
    settings = Seq2SeqTrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=16,
        learning_rate=1e-4,
        num_train_epochs=1 if quick else 10,
        seed=seed,
        bf16=best_dtype() == torch.bfloat16,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="epoch",
        save_total_limit=1,
        report_to=[],
        disable_tqdm=True,
        logging_steps=100,
    )
    collator = DataCollatorForSeq2Seq(tokenizer, model=model)
    trainer = Seq2SeqTrainer(model=model, args=settings, train_dataset=encoded, data_collator=collator)
    with Clock(folder / "seconds.json"):
        trainer.train(resume_from_checkpoint=any((folder / "trainer").glob("checkpoint-*")))
    student = save_model(trainer.model, tokenizer, folder / "student")
    spec = StudentSpec(
        format=1, family="encoder_decoder", base="flan-t5-small", method="full", kind="generation", instruction="",
        input_format="{input}", labels=(), max_input_tokens=512, max_new_tokens=ANSWER_TOKENS, language=task.language,
        layouts=(), adapter_of=None,
    )  # fmt: skip
    write_spec(spec, student)
    shutil.rmtree(folder / "trainer")
    return student


def report(task: Task, golds: Sequence[str], scored: dict[str, list[dict[str, Any]]], record: Record) -> None:
    """Each arm's figures, and the difference between the arms row by row, where both have as many seeds."""
    from prompt2model.measures.metrics.bertscore import BertScoreF1, choose_encoder

    bertscore = BertScoreF1(choose_encoder(False))
    references = [[gold] for gold in golds]
    n = len(golds)
    for arm, runs in scored.items():
        texts = [run["texts"] for run in runs]
        chrf = [chrf_of(answers, golds)[0] for answers in texts]
        low, high = chrf_of(texts[0], golds)[1:]
        figure = mean_of_seeds(chrf, n, "ChrF++")
        note = f"bootstrap over the rows of seed 0: {low:.1f} to {high:.1f}"
        figure.note = f"{figure.note}; {note}".removeprefix("; ")
        record.add(f"{arm}_{task.key}chrf", figure)
        exact = [
            sum(said.strip() == gold.strip() for said, gold in zip(answers, golds, strict=True)) / n
            for answers in texts
        ]
        record.add(f"{arm}_{task.key}em", mean_of_seeds(exact, n, "exact match"))
        close = [sum(bertscore.row_scores(answers, references)) / n for answers in texts]
        record.add(f"{arm}_{task.key}bertscore", mean_of_seeds(close, n, "BERTScore F1, all-MiniLM-L6-v2"))
        seconds = [run["processor_seconds"] for run in runs]
        record.add(f"{arm}_{task.key}seconds", mean_of_seeds(seconds, len(runs), "processor seconds, one thread"))
        empty = sum(not answer.strip() for answers in texts for answer in answers)
        record.add(f"{arm}_{task.key}unanswered", Figure(empty, n * len(runs), note="empty or cut answers"))
    gain, low, high = paired_gain(scored["ours"][0]["texts"], scored["reference"][0]["texts"], golds)
    record.add(f"{task.key}chrf_gain", Figure(gain, n, low, high, unit="ChrF++", note="seed 0, paired bootstrap"))


def chrf_of(answers: Sequence[str], golds: Sequence[str]) -> tuple[float, float, float]:
    """Corpus ChrF++ with its bootstrap interval."""
    from prompt2model.measures.metrics.chrf import ChrfPlusPlus

    metric = ChrfPlusPlus().measure(list(answers), [[gold] for gold in golds])
    return metric.value, metric.low, metric.high


def paired_gain(ours: Sequence[str], theirs: Sequence[str], golds: Sequence[str]) -> tuple[float, float, float]:
    """The difference of corpus ChrF++ and its 95 % interval: both on the same resampled rows."""
    import numpy as np

    from prompt2model.measures.metrics.chrf import f_scores, row_statistics

    references = [[gold] for gold in golds]
    one, other = row_statistics(list(ours), references), row_statistics(list(theirs), references)
    draws = np.random.default_rng(0).multinomial(len(golds), np.full(len(golds), 1 / len(golds)), size=2000)
    gains = f_scores(draws @ one) - f_scores(draws @ other)
    value = float(f_scores(one.sum(axis=0, keepdims=True))[0] - f_scores(other.sum(axis=0, keepdims=True))[0])
    low, high = np.percentile(gains, [2.5, 97.5])
    return value, float(low), float(high)


class Clock:
    """Adds the processor time of this process, which other work on the machine does not change, to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        self._started = _processor_seconds()

    def __exit__(self, *_: object) -> None:
        before = json.loads(self.path.read_text())["processor_seconds"] if self.path.exists() else 0.0
        self.path.write_text(json.dumps({"processor_seconds": before + _processor_seconds() - self._started}))


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of one file of the benchmark data."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    main()
