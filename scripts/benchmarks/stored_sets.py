"""The stored sets of a gpt-3.5 teacher, made by Prompt2Model's own annealed generator, before and after assembly."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from record import Figure, Record

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.dataset_assembler.assembler import AssemblerInputs, DatasetAssembler
from prompt2model.records import Example, GeneratedData, ReservedTests, Source, TaskSpec, TestSet, make_example
from prompt2model.text_index.near_duplicates import NearDuplicates, normalise_text

Read = Callable[[str], list[dict[str, Any]]]

SOURCE = Source("generated", teacher="gpt-3.5-turbo, stored")
TEST_QUESTIONS = 300
"""Real questions of SQuAD that the assembly keeps clear of."""


@dataclass(frozen=True)
class StoredSet:
    """One of the sets: its file, the task, and the real test rows that our assembly keeps away from."""

    name: str
    file: str
    instruction: str
    language: str
    tests: Callable[[Read], list[tuple[str, str]]]


def _squad(read: Read) -> list[tuple[str, str]]:
    questions = [
        (f"Question: {question['question']} Context: {row['context']}", question["answers"]["text"][0])
        for row in read("paper/squad11_dev_half.paragraphs")
        for question in row["qas"]
    ]
    return random.Random(0).sample(questions, TEST_QUESTIONS)


def _python(read: Read) -> list[tuple[str, str]]:
    return [(row["rewritten_intent"] or row["intent"], row["snippet"]) for row in read("paper/mconala_ja_dev")]


def _temporal(read: Read) -> list[tuple[str, str]]:
    return [(row["input"], row["output"]) for row in read("paper/temporal_dev") if row["output"].strip()]


SETS = (
    StoredSet("squad", "gpt35_generated_SQuAD", "Answer the question from its context.", "en", _squad),
    StoredSet("python", "gpt35_generated_jp2python", "Write the Python for a Japanese sentence.", "ja", _python),
    StoredSet("temporal", "gpt35_generated_normalization", "Normalise the time expressions.", "en", _temporal),
)


def measure_stored(read: Read, record: Record, work: Path) -> None:
    """Each set before and after: rows, distinct inputs and outputs, near-duplicates, entropy of the outputs."""
    for one in SETS:
        rows = [make_example(row["input_col"], (row["output_col"],), SOURCE) for row in read(f"teacher/{one.file}")]
        tests = [make_example(text, (output,), Source("gold")) for text, output in one.tests(read)]
        if record.quick:
            rows, tests = random.Random(0).sample(rows, 150), tests[:30]
        _add(record, f"{one.name}_before", rows)
        _add(record, f"{one.name}_after", assembled(one, rows, tests, record, work))


def assembled(
    one: StoredSet, rows: Sequence[Example], tests: Sequence[Example], record: Record, work: Path
) -> list[Example]:
    """What our assembly keeps for training and validation."""
    task = TaskSpec(one.instruction, (), "generation", (), one.language, "")
    folder = work / "stored" / one.name
    folder.mkdir(parents=True, exist_ok=True)
    context = RunContext(folder, 0, SilentProgress(), AutomaticChooser())
    reserved = ReservedTests((TestSet("real", "gold", tuple(tests)),), (), {})
    generated = GeneratedData(tuple(rows), {}, 0, {}, 0, 0)
    dataset = DatasetAssembler().run(AssemblerInputs(task, reserved, generated), context)
    for reason, count in sorted(dataset.dropped.items()):
        note = "rows that the assembly left out"
        record.add(f"{one.name}_dropped_{reason.replace(' ', '_')}", Figure(count, len(rows), note=note))
    return [*dataset.train, *dataset.validation]


def _add(record: Record, name: str, rows: Sequence[Example]) -> None:
    n = len(rows)
    outputs = Counter(normalise_text(row.target) for row in rows)
    inputs = {normalise_text(row.input) for row in rows}
    record.add(f"{name}_rows", Figure(n, n))
    record.add(f"{name}_distinct_inputs", Figure(len(inputs), n))
    record.add(f"{name}_distinct_outputs", Figure(len(outputs), n))
    near = n - len(distinct_texts(row.input for row in rows))
    record.add(f"{name}_near_duplicates", Figure(near, n, note="inputs near an earlier one by words, equal ones too"))
    record.add(f"{name}_output_entropy", Figure(entropy(outputs), n, unit="bits"))
    top = outputs.most_common(1)[0][1]
    record.add(f"{name}_top_output", Figure(top / n, n, unit="share", note="of the most frequent output"))


def distinct_texts(texts: Iterable[str], known: Iterable[str] = ()) -> list[int]:
    """The places of the texts that are near none before them, nor near a known one; the product's rule by words."""
    index = NearDuplicates()
    for text in known:
        index.add("", text)
    kept = []
    for place, text in enumerate(texts):
        if index.find(text) is None:
            index.add("", text)
            kept.append(place)
    return kept


def entropy(counts: Counter[str]) -> float:
    """Shannon entropy in bits."""
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values())
