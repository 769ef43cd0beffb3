"""The part of the report page that says how the model was made: data, base model, cost, speed, how to load it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt2model.artifacts import load_timing
from prompt2model.console import gigabytes, minutes
from prompt2model.model_evaluator.page_results import clipped
from prompt2model.records import (
    ChosenDataset,
    ChosenModel,
    CostLine,
    Dataset,
    Example,
    GeneratedData,
    Method,
    ModelCandidate,
    ReservedTests,
    RetrievedData,
    TrainedModel,
)

_STEP_WORDS = {
    "parse_prompt": "Read the prompt",
    "retrieve_data": "Find data",
    "reserve_tests": "Reserve tests",
    "check_feasibility": "Check the teacher",
    "generate_data": "Write examples",
    "assemble_data": "Assemble the data",
    "retrieve_models": "Choose a base model",
    "train": "Train",
    "evaluate": "Evaluate",
    "create_demo": "Prepare the demo",
}
_WRITTEN = "Written by the teacher"
_OFFERED = 25
_METHODS: Mapping[Method, str] = {
    "full": "all weights",
    "lora": "adapters (LoRA)",
    "qlora": "adapters on a base in 4 bits (QLoRA)",
    "linear": "a logistic regression on fixed features",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """A line of the cost table, as text."""

    step: str
    model: str
    calls: str
    reused: str
    failed: str
    prompt_tokens: str
    completion_tokens: str
    money: str


def data_flow(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, rows, explanation) from what was found to what trained and tested the model."""
    retrieved: RetrievedData = values["retrieved"]
    reserved: ReservedTests = values["reserved"]
    generated: GeneratedData = values["generated"]
    dataset: Dataset = values["dataset"]
    official = sum(len(test.rows) for test in retrieved.official_tests)
    made = Counter(_given_as(row) for row in generated.rows)
    given = Counter(_given_as(row) for row in retrieved.unlabelled)
    return [
        ("Found", _count(len(retrieved.rows)), f"and {official:,} rows of official test splits" if official else ""),
        ("Left after tests were reserved", _count(len(reserved.remaining)), "before anything was generated"),
        *((what, _count(made[what]), f"of {count:,} given") for what, count in given.items()),
        (_WRITTEN, _count(made[_WRITTEN]), _asked(generated, labelled=bool(given))),
        ("Training", _count(len(dataset.train)), ""),
        ("Validation", _count(len(dataset.validation)), "chose the checkpoint"),
        *((f"Test: {test.name}", _count(len(test.rows)), test.origin.replace("_", " ")) for test in dataset.tests),
    ]


def dropped_rows(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(step, reason, rows) for everything that was left out on the way."""
    generated: GeneratedData = values["generated"]
    failed = {f"call failed: {kind}": count for kind, count in generated.failed.items()}
    lines = []
    for step, drops in (
        ("retrieve_data", values["retrieved"].dropped),
        ("reserve_tests", values["reserved"].dropped),
        ("generate_data", {**generated.dropped, **failed}),
        ("assemble_data", values["dataset"].dropped),
    ):
        ordered = sorted(drops.items(), key=lambda drop: (-drop[1], drop[0]))
        lines += [(_step(step), reason.replace("_", " "), _count(count)) for reason, count in ordered if count]
    return lines


def sources(dataset: Dataset, retrieved: RetrievedData) -> list[tuple[str, str, str]]:
    """(source, rows, licence) of the rows that trained and validated the model."""
    known = {chosen.id: _licence(chosen) for chosen in retrieved.chosen if chosen.origin != "user"}
    lines = []
    for name, count in sorted(dataset.sources.items(), key=lambda source: (-source[1], source[0])):
        own = "yours" if name.startswith(("user", "demonstration", "your inputs")) else ""
        origin = name.partition(": ")[2]
        if origin.endswith(" by you"):
            # A row that a person approved or corrected keeps the licence of where it was found.
            origin = origin.rpartition(", ")[0]
        lines.append((name, _count(count), own or known.get(origin, "")))
    return lines


def chosen_datasets(retrieved: RetrievedData) -> list[dict[str, str]]:
    """The data sets that were taken."""
    return [
        {
            "id": chosen.id,
            "origin": chosen.origin,
            "licence": _licence(chosen),
            "columns": " → ".join(filter(None, (chosen.input_column, chosen.output_column))),
            "rows": ", ".join(f"{split} {_count(rows)}" for split, rows in chosen.rows_by_split.items()),
        }
        for chosen in retrieved.chosen
    ]


def offered_datasets(retrieved: RetrievedData) -> list[dict[str, str]]:
    """The data sets that were offered, best first."""
    taken = {chosen.id for chosen in retrieved.chosen}
    return [
        {
            "id": offered.id,
            "title": clipped(offered.title, 80),
            "licence": offered.licence or "not known",
            "rows": _count(offered.rows) if offered.rows is not None else "not known",
            "taken": "taken" if offered.id in taken else "",
        }
        for offered in retrieved.offered[:_OFFERED]
    ]


def base_models(chosen: ChosenModel, trained: str) -> list[dict[str, Any]]:
    """The candidates with their reasons; the one that the student was trained from is marked."""
    return [_candidate(candidate, candidate.id == trained) for candidate in chosen.candidates]


def training_facts(trained: TrainedModel) -> list[tuple[str, str]]:
    """(what, value) about the training."""
    facts = [
        ("Base model", trained.base),
        ("Family", trained.family.replace("_", "-")),
        ("Trained", _METHODS[trained.method]),
        *_used(load_timing(trained.folder.parent)),
    ]
    if trained.method != "linear":
        facts.append(("Kept checkpoint", f"step {trained.best_step:,}"))
    scores = [point.validation_score for point in trained.curve if point.validation_score is not None]
    if scores:
        facts.append(("Best validation score", f"{max(scores):.3f}"))
    if trained.truncated_rows:
        facts.append(("Training rows cut at the longest input", _count(trained.truncated_rows)))
    return facts


def _used(timing: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What training took beside what was estimated, where that is known."""
    used, estimated = timing.get("used"), timing.get("estimated")
    if used is None or estimated is None:
        return []
    lines = [("Training took", f"{minutes(used['seconds'])}; {minutes(estimated['seconds'])} were estimated")]
    if used["memory"] is not None:
        words = f"{gigabytes(used['memory'])}; {gigabytes(estimated['memory'])} were estimated"
        lines.append(("Most memory in training", words))
    return lines


def cost_lines(costs: Iterable[CostLine]) -> list[Cost]:
    """What the teachers were asked for, by step."""
    return [
        Cost(
            _step(line.step),
            line.model,
            _count(line.calls),
            _count(line.reused),
            _count(line.failed + line.lost),
            _count(line.prompt_tokens),
            _count(line.completion_tokens),
            "not known" if line.money is None else f"{line.money:.4f}",
        )
        for line in costs
    ]


def cost_total(costs: Sequence[CostLine]) -> str:
    """All calls in one sentence; empty when nobody was asked."""
    if not costs:
        return ""
    calls = sum(line.calls for line in costs)
    tokens = sum(line.prompt_tokens + line.completion_tokens for line in costs)
    known = [line.money for line in costs if line.money is not None]
    money = f", {sum(known):.4f} US dollars" if known and sum(known) > 0 else ""
    return f"{calls:,} calls of the teacher, {tokens:,} tokens{money}"


def step_seconds(seconds: Mapping[str, float]) -> list[tuple[str, str]]:
    """(step, time) of every finished step, and the sum."""
    lines = [(_step(step), _duration(value)) for step, value in seconds.items()]
    return [*lines, ("All steps", _duration(sum(seconds.values())))] if lines else []


def speed_lines(timing: Mapping[str, Any]) -> list[dict[str, str]]:
    """Latency and throughput of whoever was measured."""
    words = {"student": "Small model", "teacher": "Teacher"}
    return [
        {
            "name": word,
            "p50": f"{timing[role]['p50_ms']:.1f} ms",
            "p95": f"{timing[role]['p95_ms']:.1f} ms",
            "singles": str(timing[role]["single_items"]),
            "rate": f"{timing[role]['items_per_second']:,.1f}",
            "batch": str(timing[role]["batch_items"]),
        }
        for role, word in words.items()
        if role in timing
    ]


def speed_ratio(timing: Mapping[str, Any]) -> str:
    """How many times as fast the student is; empty when only one was measured."""
    if not {"student", "teacher"} <= set(timing):
        return ""
    ratio = timing["student"]["items_per_second"] / timing["teacher"]["items_per_second"]
    return (
        f"The small model answers {ratio:,.1f} times as many inputs per second as the teacher at its fastest on this "
        "machine."
    )


def thousand_requests(costs: Sequence[CostLine], timing: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(who, what a thousand answers cost), as the evaluation asked for them; empty where nothing is known."""
    lines = []
    # The answers that the check asked for first are the evaluation's too.
    asked = [line for line in costs if line.step in ("check_feasibility", "evaluate") and line.calls]
    if asked:
        calls, known = sum(line.calls for line in asked), [line.money for line in asked if line.money is not None]
        money = 1000 * sum(known) / calls
        price = "a price that is not known" if len(known) < len(asked) else f"{money:,.4g} US dollars"
        lines.append(("Teacher", price if not known or money else "no money; it runs here"))
    if "student" in timing:
        seconds = 1000 / timing["student"]["items_per_second"]
        lines.append(("Small model", f"{_duration(seconds)} of this machine"))
    return lines


def machine_words(timing: Mapping[str, Any]) -> str:
    """The machine that the speed was measured on."""
    machine = timing.get("machine", {})
    parts = [
        machine.get("processor"),
        f"{machine['cores']} cores" if "cores" in machine else "",
        machine.get("accelerator"),
    ]
    return ", ".join(str(part) for part in parts if part)


def loading_code(trained: TrainedModel) -> dict[str, str]:
    """How to use the model: the commands, with this package, and with transformers alone."""
    folder = str(trained.folder)
    run = str(_run_folder(trained.folder))
    return {
        "commands": f"prompt2model demo {run}\nprompt2model predict {run} inputs.csv\nprompt2model show {run}",
        "package": (
            "from prompt2model import load_predictor\n\n"
            f"predict = load_predictor({folder!r})\n"
            'print(predict("your input").text)'
        ),
        "transformers": _transformers_code(trained, folder),
    }


def _code_of_readme(trained: TrainedModel) -> str:
    """The first Python of the README.md in the student's folder, which needs no prompt2model."""
    text = (trained.folder / "README.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    choices = "" if trained.labels else "choices = ['one choice', 'another']\n"
    return f"folder = {str(trained.folder)!r}\ntext = 'your input'\n{choices}\n{code.rstrip()}"


def _transformers_code(trained: TrainedModel, folder: str) -> str:
    if trained.method == "linear" or (trained.family == "encoder" and not trained.labels):
        return _code_of_readme(trained)
    form = trained.input_format
    shape = "text = 'your input'\n" if form == "{input}" else f"text = {form!r}.replace('{{input}}', 'your input')\n"
    if trained.family == "encoder":
        return (
            "from transformers import pipeline\n\n"
            f"classify = pipeline('text-classification', model={folder!r}, top_k=None)\n{shape}print(classify(text))"
        )
    head = "AutoModelForSeq2SeqLM" if trained.family == "encoder_decoder" else "AutoModelForCausalLM"
    answer = "written[0]" if trained.family == "encoder_decoder" else "written[0, inputs['input_ids'].shape[1]:]"
    return (
        f"from transformers import AutoTokenizer, {head}\n\n"
        f"tokenizer = AutoTokenizer.from_pretrained({folder!r})\n"
        f"model = {head}.from_pretrained({folder!r})\n{shape}"
        "inputs = tokenizer(text, return_tensors='pt')\n"
        "written = model.generate(**inputs, max_new_tokens=128, do_sample=False)\n"
        f"print(tokenizer.decode({answer}, skip_special_tokens=True))"
    )


def _run_folder(folder: Path) -> Path:
    """The run that the student's folder belongs to: the nearest folder above with a manifest, else itself."""
    return next((parent for parent in folder.parents if (parent / "manifest.json").is_file()), folder)


def _candidate(candidate: ModelCandidate, picked: bool) -> dict[str, Any]:
    size = f"{candidate.parameters / 1e6:,.0f} M" if candidate.parameters is not None else "not known"
    weight = f"{candidate.bytes / 1e6:,.0f} MB" if candidate.bytes is not None else "not known"
    return {
        "id": candidate.id,
        "family": candidate.family.replace("_", "-"),
        "parameters": size,
        "bytes": weight,
        "licence": candidate.licence or "not known",
        "score": f"{candidate.score:.2f}",
        "reasons": candidate.reasons,
        "picked": picked,
    }


def _licence(chosen: ChosenDataset) -> str:
    return "yours" if chosen.origin == "user" else chosen.licence or "not known"


def _given_as(row: Example) -> str:
    """What a row with the teacher's answer was before."""
    if row.source.kind == "transformed":
        return "Rows of data sets, rewritten and labelled by the teacher"
    if row.source.kind == "labelled":
        return f"{'Inputs of data sets' if row.source.split else 'Your inputs'}, labelled by the teacher"
    return _WRITTEN


def _asked(generated: GeneratedData, labelled: bool) -> str:
    requests = f"{generated.requests:,} requests" if generated.requests else ""
    return f"{requests}, those for labels included" if requests and labelled else requests


def _step(name: str) -> str:
    return _STEP_WORDS.get(name, name.replace("_", " "))


def _count(value: int) -> str:
    return f"{value:,}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
