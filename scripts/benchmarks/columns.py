"""Are the right columns proposed? Real tables in the columns that their data sets have on the hub, beside distractors.

Each table is written as a folder of a data set (CSV, JSON lines or Parquet; names of label ids in the file or on the
card), found, opened and judged as the product does it. The prompt holds two demonstrations that are no rows of the
table, and is read without a teacher. Right: the input column, or all of them in the order in which the demonstrations
show them, the output column, and for a multiple-choice task the columns of the choices.

The tables are halved by a hash of their names: faults were looked at in half `a` only.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from column_layouts_labels import LABELLED
from column_layouts_superni import SUPERNI
from column_layouts_texts import TEXTS
from column_noise import Noise
from column_tables import Layout, Row, write_table
from record import Figure, Record, options

from prompt2model.catalogue.local_folders import find_local, read_card
from prompt2model.catalogue.named_columns import columns_of
from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.dataset_retriever.opening import open_dataset
from prompt2model.errors import NotSettledError, Prompt2ModelError
from prompt2model.prompt_parser import PromptParser
from prompt2model.records import TaskSpec

ROWS, QUICK_TABLES = 300, 6
LAYOUTS = (*SUPERNI, *LABELLED, *TEXTS)


@dataclass(frozen=True)
class Verdict:
    """What was proposed for one table, beside what is right."""

    layout: Layout
    inputs: tuple[str, ...]
    output: str
    choices: tuple[str, ...]
    fault: str = ""

    @property
    def inputs_right(self) -> bool:
        """Whether all input columns are right, in their order."""
        return self.inputs in (self.layout.inputs, *self.layout.same_inputs)

    @property
    def output_right(self) -> bool:
        """Whether the output column is right."""
        return self.output in self.layout.outputs

    @property
    def right(self) -> bool:
        """Whether everything is."""
        return self.inputs_right and self.output_right and self.choices == self.layout.choices


def half_of(name: str) -> str:
    """`a` or `b`, fixed by the table's name."""
    return "ab"[hashlib.sha256(name.encode()).digest()[0] % 2]


def main() -> None:
    """Propose columns for every table and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument("--half", choices=("a", "b"), help="only the tables of one half; writes nothing")
    arguments = parser.parse_args()
    arguments.quick = arguments.quick or arguments.half is not None
    record = Record("columns", arguments)
    layouts = [one for one in LAYOUTS if arguments.half in (None, half_of(one.name))]
    if arguments.quick and arguments.half is None:
        layouts = layouts[:: max(1, len(layouts) // QUICK_TABLES)]
    paragraphs = [row["context"] for row in read(arguments.data, "paper/squad11_dev_half.paragraphs")[:400]]
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        verdicts = [judge(layout, arguments.data, paragraphs, work / layout.name) for layout in layouts]
    for half, chosen in (("", verdicts), ("_a", halved(verdicts, "a")), ("_b", halved(verdicts, "b"))):
        if chosen:
            add(record, f"columns_right{half}", [one.right for one in chosen])
            add(record, f"inputs_right{half}", [one.inputs_right for one in chosen])
            add(record, f"output_right{half}", [one.output_right for one in chosen])
    several = [one for one in verdicts if len(one.layout.inputs) > 1]
    if several:
        add(record, "several_inputs_right", [one.right for one in several], "tables with more than one input column")
    record.extra["wrong"] = [spoken(one) for one in verdicts if not one.right]
    record.extra["notes"] = [
        f"{len(verdicts)} tables of at most {ROWS} rows; faults were looked at in half a only.",
        *(f"Wrong: {line}" for line in record.extra["wrong"]),
    ]
    record.finish(("columns_right", "columns_right_a", "columns_right_b"))


def judge(layout: Layout, data: Path, paragraphs: Sequence[str], folder: Path) -> Verdict:
    """Write the table, read the prompt, and let the product propose."""
    rows, prompt, names = prepare(layout, read(data, layout.source), paragraphs)
    write_table(folder / "sets" / layout.name, layout.name, rows, layout.form, names)
    try:
        task = read_task(layout, prompt, folder / "task")
        (found,) = find_local([folder / "sets"])
        card, problem = read_card(found)
        if card is None:
            return Verdict(layout, (), "", (), problem)
        context = RunContext(folder, 0, SilentProgress(), AutomaticChooser())
        table = open_dataset(card, context, ROWS).sample_table
        choice = columns_of(table, task, None, None)
    except Prompt2ModelError as error:
        return Verdict(layout, (), "", (), str(error))
    verdict = Verdict(layout, choice.inputs, choice.output, choice.choices)
    print(f"{'right' if verdict.right else 'WRONG'} {spoken(verdict)}", flush=True)
    return verdict


def read_task(layout: Layout, prompt: str, folder: Path) -> TaskSpec:
    """The prompt as the product reads it, without a teacher; a person says the kind where the prompt does not."""
    folder.mkdir(parents=True, exist_ok=True)
    context, inputs = RunContext(folder, 0, SilentProgress(), AutomaticChooser()), PromptParser.Inputs(prompt)
    try:
        return PromptParser().run(inputs, context)
    except NotSettledError:
        return PromptParser(PromptParser.Config.model_validate({"kind": layout.kind})).run(inputs, context)


def prepare(
    layout: Layout, stored: Sequence[Row], paragraphs: Sequence[str]
) -> tuple[list[dict[str, Any]], str, dict[str, tuple[str, ...]]]:
    """(rows of the table, the prompt, names of label ids)."""
    usable = [row for row in stored if "_task" not in row and layout.where(row)]
    random.Random(layout.name).shuffle(usable)
    shown = demonstrations(layout, usable, paragraphs)
    texts = {text for text, _ in map(layout.demonstration, shown)}
    kept = [row for row in usable if layout.demonstration(row)[0] not in texts]
    names = layout.label_names(list(stored))
    others = [layout.demonstration(row)[1] for row in kept]
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(kept):
        columns = layout.columns(row, Noise(layout.name, number, paragraphs, others))
        if columns is not None and len(rows) < ROWS:
            rows.append(columns)
    # Ids where the original has ids and the names stand elsewhere.
    for column, known in names.items():
        for columns in rows:
            if isinstance(columns[column], str):
                columns[column] = known.index(columns[column])
    labels = ", ".join(sorted({str(row["label"]) for row in stored})) if "{labels}" in layout.instruction else ""
    instruction = layout.instruction.replace("{labels}", labels) or definition(stored)
    parts = [instruction, *(f"Input: {text}\nOutput: {answer}" for text, answer in map(layout.demonstration, shown))]
    return rows, "\n\n".join(parts), names


def demonstrations(layout: Layout, usable: Sequence[Row], paragraphs: Sequence[str]) -> list[Row]:
    """Two rows of usual length, the middle half of the data, with different answers where there are any."""
    fitting = [row for row in usable if layout.columns(row, Noise("", 0, paragraphs, ["-"])) is not None]
    by_length = sorted(fitting, key=lambda row: len(layout.demonstration(row)[0]))
    chosen = by_length[len(by_length) // 4 : max(len(by_length) * 3 // 4, 2)]
    first = random.Random(layout.name).choice(chosen)
    answer = layout.demonstration(first)[1]
    second = next((row for row in chosen if layout.demonstration(row)[1] != answer), chosen[-1])
    return [first, second]


def definition(stored: Sequence[Row]) -> str:
    """The definition of a Super-NI task."""
    said = stored[0]["_task"]["Definition"]
    return str(said if isinstance(said, str) else said[0]).strip()


def halved(verdicts: Sequence[Verdict], half: str) -> list[Verdict]:
    """The tables of one half."""
    return [one for one in verdicts if half_of(one.layout.name) == half]


def add(record: Record, key: str, right: Sequence[bool], note: str = "") -> None:
    """A share with its Wilson interval."""
    low, high = wilson(sum(right), len(right))
    record.add(key, Figure(sum(right) / len(right), len(right), low, high, note=note))


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927). The product's own one would load every metric there is."""
    z, share = 1.96, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def spoken(verdict: Verdict) -> str:
    """A verdict in one line."""
    layout = verdict.layout
    wanted = f"{' + '.join(layout.inputs)} → {' or '.join(layout.outputs)}"
    if verdict.right:
        return f"{layout.name}: {wanted}"
    got = verdict.fault or f"{' + '.join(verdict.inputs)} → {verdict.output}"
    if verdict.choices != layout.choices:
        got += f", choices {', '.join(verdict.choices) or 'none'}"
    return f"{layout.name} (half {half_of(layout.name)}): proposed {got}; right is {wanted}"


def read(data: Path, name: str) -> list[Row]:
    """The rows of a stored file; a Super-NI task is named by its number."""
    path = next(data.glob(f"superni/*{name}_*.jsonl.gz")) if name.startswith("task") else data / f"{name}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    main()
