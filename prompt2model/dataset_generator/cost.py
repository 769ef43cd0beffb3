"""What writing examples will cost, before the first call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from prompt2model.component import Estimate, RunContext, TeacherUse
from prompt2model.dataset_generator.asking import SAME_LIST
from prompt2model.dataset_generator.balance import ANY
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.input_labellers import CHAIN_CALIBRATION, labellers, votes_are_aggregated
from prompt2model.dataset_generator.transforming import shown_row
from prompt2model.labelling import chain_cost, channel_fits, scored_tokens, task_chains
from prompt2model.labelling.prompts import speaks_plain
from prompt2model.records import Example, GeneratedData, Rows, Source, TaskSpec, make_example
from prompt2model.teacher.client import ChatClient, is_scorer
from prompt2model.teacher.tokens import likely_tokens

_KEPT, _KEPT_PLAIN = 0.7, 0.6
"""Share of what is written that is kept; of the embedded model's (measured: .57 to .73)."""
_HEAD, _HEAD_PLAIN = 150, 40
"""Tokens of the prompt around instruction and examples."""
_HEAD_TRANSFORM = 250
"""The same, of the prompts about rows that are rewritten."""
_SCHEMA = 40
"""Tokens of the JSON schema that a request carries, which endpoints show to the model."""
_PLAN = 350
"""Tokens of a plan for rewriting, with what it says about the task."""
_TURN = 8
"""Tokens of one turn's marks."""
_OPENING = 2
"""Tokens of the words that lead an input in, of which half of the requests have two to four."""
_TEXT, _ANSWER = 40, 10
"""Tokens of an input and an answer where no demonstration shows them."""


def generation_cost(
    task: TaskSpec, wanted: Mapping[str, int], given: Rows, config: DatasetGeneratorConfig, context: RunContext
) -> Estimate:
    """Calls and tokens of the writer (`generator`) and the voters (`labeller`), given inputs first.

    `makes` has all of these and as many rows as are wanted.
    """
    labelled = _labelling_cost(task, given, config, context)
    written = _writing_cost(task, wanted, config, context)
    rows = (*labelled.makes.rows, *written.makes.rows)
    return Estimate(
        (*labelled.teacher, *written.teacher),
        assumptions=(*labelled.assumptions, *written.assumptions),
        makes=GeneratedData(rows, {}, 0, {}, 0, 0),
    )


def as_if_labelled(unlabelled: Rows, task: TaskSpec) -> tuple[Example, ...]:
    """Given inputs with all labels in turn, or an answer as long as the demonstrated ones.

    Rows that are to be rewritten have inputs as long as the demonstrated ones.
    """
    answers = task.labels or tuple(shown.output for shown in task.demonstrations) or ("word " * _ANSWER,)
    inputs = [shown.input for shown in task.demonstrations] or ["word " * _TEXT]
    rows = []
    for number, row in enumerate(unlabelled):
        text = inputs[number % len(inputs)] if row.source.kind == "transformed" else row.input
        rows.append(replace(row, input=text, references=(answers[number % len(answers)],)))
    return tuple(rows)


def transforming_cost(unlabelled: Rows, task: TaskSpec, client: ChatClient) -> Estimate:
    """A plan for each data set and one call for each row that `client` is to rewrite."""
    rows = [row for row in unlabelled if row.source.kind == "transformed"]
    datasets = len({row.source.dataset for row in rows})
    each = sum(likely_tokens(shown_row(row)) for row in rows) / len(rows) + _TURN
    text, answer = _lengths(task)
    about_task = likely_tokens(task.instruction) + _HEAD_TRANSFORM + len(task.demonstrations) * (text + answer + 12)
    plans = TeacherUse("generator", datasets, round(datasets * (about_task + 5 * each)), datasets * _PLAN)
    read = round(len(rows) * (about_task + _PLAN + _SCHEMA + each))
    written = TeacherUse("generator", len(rows), read, round(len(rows) * (text + _TURN)))
    many = f"{len(rows):,} rows of {datasets} data set{'s' if datasets > 1 else ''}"
    calls = f"{many} rewritten by {client.model}, one call each, none dropped"
    return Estimate((plans, written), assumptions=(calls, _all_readable(written)))


def _labelling_cost(task: TaskSpec, unlabelled: Rows, config: DatasetGeneratorConfig, context: RunContext) -> Estimate:
    clients = labellers(context.teachers)
    if not len(unlabelled) or not clients:
        return Estimate(makes=GeneratedData((), {}, 0, {}, 0, 0))
    text = sum(likely_tokens(" ".join((row.input, *row.choices))) for row in unlabelled) / len(unlabelled)
    aggregated = votes_are_aggregated(clients.values(), task, config)
    uses = [
        _answering(role, client, task, config, len(unlabelled), text, aggregated) for role, client in clients.items()
    ]
    each = sum(use.calls for use in uses) / len(unlabelled)
    return Estimate(
        tuple(uses),
        assumptions=(f"{len(unlabelled):,} given inputs, {each:.3g} answer{'s' if each > 1 else ''} each",),
        makes=GeneratedData(unlabelled, {}, 0, {}, 0, 0),
    )


def _answering(
    role: str,
    client: ChatClient,
    task: TaskSpec,
    config: DatasetGeneratorConfig,
    inputs: int,
    text: float,
    aggregated: bool,
) -> TeacherUse:
    """What one labeller is asked about given inputs of `text` tokens; `aggregated`: all votes are asked for."""
    scored = is_scorer(client) and task.kind != "generation"
    if config.labeller == "chains":
        one = chain_cost(task_chains(task, client), text, scored=scored)
        asked = inputs + (min(CHAIN_CALIBRATION, inputs) if scored else 0)
        prompt, completion = round(asked * one.prompt_tokens), round(asked * one.completion_tokens)
        return TeacherUse(role, asked * one.calls, prompt, completion)
    if scored:
        # Two orders of the demonstrations and the channel, each for every input.
        labels = sum(likely_tokens(label) + 1 for label in task.labels) or 40
        tokens = inputs * scored_tokens(task, text + _TURN, labels)
        return TeacherUse(role, inputs, round(tokens), 0)
    # Two draws that agree are a majority of three.
    draws = config.votes if aggregated else min(config.votes, 2)
    votes = max(1, draws) if config.labeller == "votes" else 1
    return replace(_voting(task, inputs * votes, client, text), role=role)


def _writing_cost(
    task: TaskSpec, wanted: Mapping[str, int], config: DatasetGeneratorConfig, context: RunContext
) -> Estimate:
    total = sum(wanted.values())
    if not total:
        return Estimate(assumptions=("nothing has to be written",), makes=GeneratedData((), {}, 0, {}, 0, 0))
    writer = _client(context, "generator")
    kept = _KEPT_PLAIN if writer is not None and speaks_plain(writer) else _KEPT
    written = round(total / kept)
    fewest, most = _votes(task, config)
    # What is kept is mostly settled by the first answer that agrees, with a label asked for or another answer.
    votes = total * fewest + (written - total) * most
    plain = writer is not None and speaks_plain(writer)
    many = "" if plain else f", {config.per_request} a request"
    writing = _writing(task, written, config, writer)
    return Estimate(
        teacher=(writing, _voting(task, votes, _client(context, "labeller"))),
        assumptions=(
            f"{total:,} examples; {kept:.0%} of those written are kept{many}",
            f"{fewest} to {most} votes on each" if fewest != most else f"{most} vote{'s' if most != 1 else ''} on each",
            "examples as long as the demonstrations" if task.demonstrations else f"examples of {_TEXT} tokens",
            *(() if plain else (_all_readable(writing),)),
        ),
        makes=GeneratedData(_like_demonstrations(task, wanted), {}, 0, {}, 0, 0),
    )


def _all_readable(use: TeacherUse) -> str:
    each = (use.prompt_tokens + 2 * use.completion_tokens) / max(1, use.calls)
    return f"every reply in JSON can be read; one that cannot is asked for once more, for about {each:,.0f} tokens"


def _client(context: RunContext, role: str) -> ChatClient | None:
    return context.teachers.get(role) or context.teachers.get("teacher")


def _votes(task: TaskSpec, config: DatasetGeneratorConfig) -> tuple[int, int]:
    """Fewest and most votes on an input."""
    if config.writes == "pairs":
        return 0, 0
    most = config.votes if task.kind != "generation" else max(1, config.votes)
    return (most if config.all_votes else min(most, 2 if task.kind == "generation" else 1)), most


def _writing(task: TaskSpec, written: int, config: DatasetGeneratorConfig, client: ChatClient | None) -> TeacherUse:
    text, answer = _lengths(task)
    earlier = config.max_earlier / 2
    pairs = config.writes == "pairs"
    if client is not None and speaks_plain(client) and pairs:
        shown = (len(task.demonstrations) + earlier) * (text + answer + 6)
        return TeacherUse(
            "generator", written, round(written * (_HEAD_PLAIN + shown)), round(written * (text + answer))
        )
    if client is not None and speaks_plain(client):
        # One input a request, after a list of inputs of the same label, which some requests share.
        labels = max(1, len(task.labels))
        own = len(task.demonstrations) / labels
        prompt = _HEAD_PLAIN + (own + earlier) * (text + 2)
        lists = written / max(1, min(SAME_LIST, config.wave / labels, written / labels))
        return TeacherUse("generator", written, round(lists * prompt + written * _OPENING), round(written * text))
    requests = -(-written // config.per_request) + (1 if config.attributes and config.topics and not pairs else 0)
    shown = len(task.demonstrations) * (text + answer + 12)
    prompt = likely_tokens(task.instruction) + _HEAD + _SCHEMA + shown + earlier * (text + answer + 12)
    return TeacherUse("generator", requests, round(requests * prompt), round(written * (text + 4 + pairs * answer)))


def _voting(task: TaskSpec, votes: int, client: ChatClient | None, text_tokens: float | None = None) -> TeacherUse:
    text, answer = _lengths(task)
    text = text if text_tokens is None else text_tokens
    if client is not None and is_scorer(client) and task.kind != "generation":
        # The prompt before the input is computed once. The direct way scores every label after the input.
        labels = sum(likely_tokens(label) + 1 for label in task.labels) or 4 * answer
        direct = text + _TURN + labels
        channel = len(task.labels) * (text + _TURN) if channel_fits(task) else direct
        return TeacherUse("labeller", votes, round(votes * (direct + channel) / 2), 0)
    shown = len(task.demonstrations) * (text + answer + 12)
    prompt = likely_tokens(task.instruction) + _HEAD + shown + text
    return TeacherUse("labeller", votes, round(votes * prompt), round(votes * (answer + 2)))


def _lengths(task: TaskSpec) -> tuple[float, float]:
    """Mean tokens of an input and of an answer."""
    shown = task.demonstrations
    if not shown:
        return _TEXT, _ANSWER
    inputs = sum(likely_tokens(one.input) for one in shown) / len(shown)
    return inputs, sum(likely_tokens(one.output) for one in shown) / len(shown)


def _like_demonstrations(task: TaskSpec, wanted: Mapping[str, int]) -> tuple[Example, ...]:
    """Rows of the wanted labels, as long as the demonstrations."""
    source = Source("generated", teacher="estimate")
    texts = [shown.input for shown in task.demonstrations] or ["word " * _TEXT]
    answers = [shown.output for shown in task.demonstrations] or ["word " * _ANSWER]
    rows = []
    for label, count in wanted.items():
        for number in range(count):
            place = number % len(texts)
            output = answers[place] if label == ANY else label
            rows.append(make_example(texts[place], (output,), source))
    return tuple(rows)
