"""One model trained on the same rows by the product's loop and by the plain transformers `Trainer`.

All arms have the same starting weights, token rows, rows per step, AdamW with the same rates, warm-up, decay and
clipping, and a loss on the same tokens. The `Trainer` pads each batch to its longest row; the rest are its defaults.
"""

from __future__ import annotations

import copy
import gzip
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from prompt2model.console import SilentProgress
from prompt2model.model_trainer import ModelTrainerConfig
from prompt2model.model_trainer.base_model import batch_size, learning_rate, load_base, with_adapters
from prompt2model.model_trainer.batching import steps_in_epoch
from prompt2model.model_trainer.decoder import DecoderFitting
from prompt2model.model_trainer.encoder import EncoderFitting
from prompt2model.model_trainer.encoder_decoder import EncoderDecoderFitting
from prompt2model.model_trainer.fitting import Fitting, Validation
from prompt2model.model_trainer.loop import Plan, fit, reproducible
from prompt2model.model_trainer.rows import answer_rows
from prompt2model.predictor import input_format_for
from prompt2model.records import Example, Family, Source, make_example
from prompt2model.weights import locate

_INPUT_TOKENS, _ANSWER_TOKENS = 512, 256
_WARMUP, _CLIP = 0.1, 1.0
_IGNORED = -100
"""The label that transformers leaves out of the loss."""


@dataclass(frozen=True)
class Case:
    """One model on one data set. `held_rows` measure quality and are never trained on."""

    name: str
    model: str
    family: Family
    rows: tuple[Example, ...]
    held_rows: tuple[Example, ...]


class Arms:
    """Trains a case's model by each arm, always from the same weights."""

    ARMS = ("ours", "default", "bf16")

    def __init__(self, case: Case) -> None:
        self.case = case
        self.config = ModelTrainerConfig()
        labels = tuple(sorted({row.target for row in case.rows})) if case.family == "encoder" else ()
        with reproducible(0):
            self.base = load_base(locate(case.model), case.family, labels, self.config, _device())
            self.fitting = self._fitting(labels)
            if self.base.method == "lora":
                self.fitting.model = with_adapters(self.base.model, case.family, self.config)
        self._start = {
            name: value.detach().clone() for name, value in self.fitting.model.named_parameters() if value.requires_grad
        }
        self._plain = self.fitting.model
        self.rows_per_step = batch_size(self.config, case.family, len(case.rows))
        self.rate = learning_rate(self.config, self.base, case.family, self.rows_per_step)

    @property
    def rows(self) -> int:
        """Training rows."""
        return len(self.case.rows)

    @property
    def tokens(self) -> int:
        """Tokens of one pass over the training rows, without padding."""
        return int(self.fitting.lengths.sum())

    def train(self, arm: str, epochs: int, rows: Sequence[int] | None = None) -> float:
        """Train from the starting weights; seconds of the loop alone. `rows`: only these (ours keeps all)."""
        return self._ours(epochs) if arm == "ours" else self._trainer(epochs, arm, rows)

    def validate(self, arm: str) -> Validation:
        """The arm's last model on the held rows, in float32."""
        ours = self.fitting.model
        self.fitting.model = ours if arm == "ours" else self._plain
        self.fitting.model.eval()
        try:
            with torch.inference_mode():
                return self.fitting.validate()
        finally:
            self.fitting.model = ours

    # -- ours ----------------------------------------------------------------------------------------------------

    def _ours(self, epochs: int) -> float:
        self._restart(self.fitting.model)
        fitting, steps = self.fitting, steps_in_epoch(self.rows, self.rows_per_step)
        plan = Plan(
            epochs=epochs,
            steps_per_epoch=steps,
            batch_size=self.rows_per_step,
            learning_rate=self.rate,
            warmup_steps=int(_WARMUP * epochs * steps),
            weight_decay=self.config.weight_decay,
            max_grad_norm=_CLIP,
            validate_every=10**9,
            patience=None,
            max_tokens_at_once=self.config.max_tokens_at_once,
            bf16=True,
            seed=0,
            device=_device(),
        )
        held, fitting.validation_rows = fitting.validation_rows, 0  # the loop then does not validate
        try:
            with reproducible(0):
                started = time.perf_counter()
                fit(fitting, plan, SilentProgress())
                _wait()
                return time.perf_counter() - started
        finally:
            fitting.validation_rows = held

    def _fitting(self, labels: Sequence[str]) -> Fitting:
        case, base, most = self.case, self.base, self.config.max_tokens_at_once
        text = input_format_for(case.family, "")
        if case.family == "encoder":
            fitting = EncoderFitting(
                base.model,
                base.tokenizer,
                labels,
                case.rows,
                case.held_rows,
                input_format=text,
                max_input_tokens=_INPUT_TOKENS,
                max_tokens_at_once=most,
            )
            fitting.start_head()
            return fitting
        train, held = (
            answer_rows(rows, base.tokenizer, text, _INPUT_TOKENS, _ANSWER_TOKENS, continued=case.family == "decoder")
            for rows in (case.rows, case.held_rows)
        )
        kind = DecoderFitting if case.family == "decoder" else EncoderDecoderFitting
        return kind(base.model, base.tokenizer, train, held, True, most)

    # -- the plain Trainer ---------------------------------------------------------------------------------------

    def _trainer(self, epochs: int, arm: str, rows: Sequence[int] | None) -> float:
        from transformers import Trainer, TrainingArguments

        # A new copy: accelerate marks a model that it has prepared, and then leaves out autocast the next time.
        self._plain = copy.deepcopy(self.fitting.model)
        self._restart(self._plain)
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                num_train_epochs=epochs,
                per_device_train_batch_size=self.rows_per_step,
                learning_rate=self.rate,
                warmup_steps=_WARMUP,
                weight_decay=self.config.weight_decay,
                max_grad_norm=_CLIP,
                seed=0,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                logging_strategy="no",
                use_cpu=_device() == "cpu",
                bf16=arm == "bf16",
                dataloader_pin_memory=_device() != "cpu",
            )
            trainer = Trainer(
                model=self._plain,
                args=arguments,
                train_dataset=self._features(rows),
                data_collator=self._collator(),
                processing_class=self.base.tokenizer,
            )
            started = time.perf_counter()
            trainer.train()
            _wait()
            return time.perf_counter() - started

    def _features(self, rows: Sequence[int] | None) -> list[dict[str, Any]]:
        fitting: Any = self.fitting
        numbers = range(self.rows) if rows is None else rows
        if self.case.family == "encoder":
            return [{"input_ids": list(fitting._inputs[row]), "labels": int(fitting._targets[row])} for row in numbers]
        pairs = [(list(fitting._train.inputs[row]), list(fitting._train.answers[row])) for row in numbers]
        if self.case.family == "encoder_decoder":
            return [{"input_ids": given, "labels": answer} for given, answer in pairs]
        return [{"input_ids": given + answer, "labels": [_IGNORED] * len(given) + answer} for given, answer in pairs]

    def _collator(self) -> Callable[..., Any]:
        from transformers import DataCollatorForSeq2Seq, DataCollatorWithPadding

        if self.case.family == "encoder":
            return DataCollatorWithPadding(self.base.tokenizer)
        model = self._plain if self.case.family == "encoder_decoder" else None
        return DataCollatorForSeq2Seq(self.base.tokenizer, model=model, label_pad_token_id=_IGNORED)

    def _restart(self, model: Any) -> None:
        with torch.no_grad():
            for name, value in model.named_parameters():
                if value.requires_grad:
                    value.copy_(self._start[name])


def labelled_case(name: str, model: str, data: Path, task: str, rows: int, held: int) -> Case:
    """A closed-label set of the benchmark data."""

    def read(split: str) -> list[Example]:
        source = _lines(data / "cls" / f"{task}_{split}.jsonl.gz")
        return [_example(str(row.get("text") or row["sentence"]), str(row["label"])) for row in source]

    train, test = read("train"), read("test")
    known = {row.target for row in train}
    return Case(name, model, "encoder", _some(train, rows), _some([row for row in test if row.target in known], held))


def written_case(name: str, model: str, family: Family, data: Path, task: str, rows: int, held: int) -> Case:
    """A task of Super-NaturalInstructions, its last rows held out."""
    lines = list(_lines(data / "superni" / f"{task}.jsonl.gz"))[1:]
    examples = _some([_example(row["input"], row["output"][0]) for row in lines], len(lines))
    return Case(name, model, family, examples[: min(rows, len(lines) - held)], examples[len(lines) - held :])


def smaller(case: Case, rows: int, held: int) -> Case:
    """The first rows of a case."""
    return replace(case, rows=case.rows[:rows], held_rows=case.held_rows[:held])


def _example(text: str, answer: str) -> Example:
    return make_example(text, (answer,), Source("user"))


def _some(rows: Sequence[Example], count: int) -> tuple[Example, ...]:
    import random

    return tuple(random.Random(0).sample(rows, min(count, len(rows))))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _device() -> str:
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
